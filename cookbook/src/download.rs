//! A download that continues where it broke off: `Range` and `If-Range`.
//!
//! An attempt changes the file, so the file is an argument in `carry`: the next attempt gets it
//! as the last one left it, and asks for the rest. With `If-Range` a server whose file has changed
//! sends all of the new one, as does a server that does not know ranges.
//!
//! Pages: <https://www.rfc-editor.org/rfc/rfc9110#section-14> (`Range`, 206, 416),
//! <https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5> (`If-Range`).

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use retry_http::retry_http;
use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

/// A file of which a part has arrived.
#[derive(Debug)]
pub struct Partial {
    file: File,
    length: u64,
    /// The version of the file at the server, if the server names it strongly.
    version: Option<HeaderValue>,
}

impl Partial {
    /// Begins with an empty file.
    pub fn new(file: File) -> Self {
        Self { file, length: 0, version: None }
    }

    /// Returns the number of bytes that have arrived.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Begins anew, with the version that this response has.
    async fn restart(&mut self, response: &Response) -> std::io::Result<()> {
        self.file.rewind().await?;
        self.file.set_len(0).await?;
        self.length = 0;
        let version = response.headers().get(ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
        self.version = version.cloned();
        Ok(())
    }
}

/// Downloads a file. If the call fails, another one may go on with what has arrived.
///
/// # Errors
///
/// Fails if the server does not answer or refuses the request, if the connection broke off too
/// often, or if the file cannot be written.
#[retry_http(carry = [partial], max = 10)]
pub async fn download(http: &Client, url: &str, partial: &mut Partial) -> Result<(), DownloadError> {
    let mut request = http.get(url);
    if let (1.., Some(version)) = (partial.length, &partial.version) {
        request = request.header(RANGE, format!("bytes={}-", partial.length)).header(IF_RANGE, version);
    }
    let response = request.send().await?;
    let range =
        response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE
        && range == format!("bytes */{}", partial.length)
    {
        return Ok(()); // nothing was missing but the end of the answer
    }
    if response.status() == StatusCode::PARTIAL_CONTENT
        && !range.starts_with(&format!("bytes {}-", partial.length))
    {
        return Err(DownloadError::Range(range.to_owned()));
    }
    let mut response = response.error_for_status()?;
    if response.status() != StatusCode::PARTIAL_CONTENT {
        partial.restart(&response).await?;
    }
    while let Some(chunk) = response.chunk().await? {
        partial.file.write_all(&chunk).await?;
        // tokio has written it only now, and an attempt may end at any time.
        partial.file.flush().await?;
        partial.length += chunk.len() as u64;
    }
    Ok(())
}

/// A download that has failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// There was no answer, or it broke off.
    #[error("the download has failed")]
    Http(#[from] reqwest::Error),
    /// The file could not be written.
    #[error("the file cannot be written")]
    File(#[from] std::io::Error),
    /// The server has sent another range than it was asked for.
    #[error("the server has sent the range {0:?}")]
    Range(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, kit};
    use retry_http::testing::server::{Reply, Request, Server};

    /// Returns this version of a file of 300 bytes.
    fn content(version: &str) -> Vec<u8> {
        version.bytes().cycle().take(300).collect()
    }

    /// Answers as RFC 9110 says, with `version`, up to the byte `until`. The kit adds 100 to the
    /// length of what it truncates.
    fn answer(request: &Request, version: &'static str, until: usize) -> Reply {
        let whole = content(version);
        let from = header(request, "range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        let reply = match from.map(|from| from.parse::<usize>().unwrap()) {
            Some(from) if ["", version].contains(&header(request, "if-range")) => {
                let range = format!("bytes {from}-299/300");
                Reply::status(206).header("content-range", range).body(&whole[from..until])
            }
            _ => Reply::status(200).body(&whole[..until]),
        };
        let reply = reply.header("etag", version).header("accept-ranges", "bytes");
        if until < 300 { reply.truncated() } else { reply }
    }

    async fn fetch(server: &Server) -> (Result<(), DownloadError>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut partial = Partial::new(File::create(&path).await.unwrap());
        let outcome = download(&Client::new(), &server.url("/file"), &mut partial).await;
        assert_eq!(partial.length(), std::fs::metadata(&path).unwrap().len());
        (outcome, std::fs::read(path).unwrap())
    }

    fn ranges(server: &Server) -> Vec<String> {
        server.requests().iter().map(|request| header(request, "range").to_owned()).collect()
    }

    #[tokio::test]
    async fn the_rest_is_fetched_after_a_truncation() {
        let server = Server::new(|n, request| match n {
            0 => answer(request, "\"v1\"", 200),
            1 => Reply::status(503),
            _ => answer(request, "\"v1\"", 300),
        });
        let kit = kit();
        let (outcome, file) = fetch(&server).await;
        outcome.unwrap();
        assert_eq!(file, content("\"v1\""));
        assert_eq!(ranges(&server), ["", "bytes=200-", "bytes=200-"]);
        assert_eq!(kit.attempts(), 3);
    }

    #[tokio::test]
    async fn a_file_that_has_changed_is_fetched_from_its_start() {
        let server = Server::new(|n, request| match n {
            0 => answer(request, "\"v1\"", 200),
            _ => answer(request, "\"v2\"", 300),
        });
        let _kit = kit();
        let (outcome, file) = fetch(&server).await;
        outcome.unwrap();
        assert_eq!(file, content("\"v2\""));
        assert_eq!(ranges(&server), ["", "bytes=200-"]);
    }

    #[tokio::test]
    async fn without_a_strong_version_all_is_fetched_again() {
        let server = Server::new(|n, request| answer(request, "W/\"v1\"", if n == 0 { 200 } else { 300 }));
        let _kit = kit();
        let (outcome, file) = fetch(&server).await;
        outcome.unwrap();
        assert_eq!(file, content("W/\"v1\""));
        assert_eq!(ranges(&server), ["", ""]);
    }

    #[tokio::test]
    async fn a_file_of_which_only_the_end_is_missing_is_whole() {
        let server = Server::new(|n, _| match n {
            0 => Reply::status(200).header("etag", "\"v1\"").body(content("\"v1\"")).truncated(),
            _ => Reply::status(416).header("content-range", "bytes */300"),
        });
        let _kit = kit();
        let (outcome, file) = fetch(&server).await;
        outcome.unwrap();
        assert_eq!(file, content("\"v1\""));
    }

    #[tokio::test]
    async fn a_file_that_is_missing_is_not_asked_for_again() {
        let server = Server::script([Reply::status(404)]);
        let kit = kit();
        let (outcome, file) = fetch(&server).await;
        assert!(matches!(outcome, Err(DownloadError::Http(error)) if error.is_status()));
        assert_eq!((file.len(), kit.attempts()), (0, 1));
    }
}
