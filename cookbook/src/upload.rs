//! A multipart upload: the form is built in each attempt, with Stripe's files as an example.
//!
//! A form can be sent once, since its parts may be streams. The function gets the parts of the
//! form, here the path of a file, and each attempt opens the file and builds the form. All POSTs of
//! Stripe know idempotency keys, so the upload is safe to repeat.
//!
//! Pages: <https://docs.stripe.com/file-upload>, <https://docs.stripe.com/api/files/create>.

use std::path::Path;

use reqwest::Client;
use reqwest::multipart::Form;
use retry_http::retry_http;
use serde::Deserialize;

/// A file at Stripe.
#[derive(Debug, Deserialize)]
pub struct StoredFile {
    /// The id, such as `file_1Mr4LDLkdIwHu7ixFCz0dZiH`.
    pub id: String,
    /// The number of bytes.
    pub size: u64,
}

/// Uploads a file as evidence in a dispute. `api` is `https://files.stripe.com/v1` but in tests.
///
/// # Errors
///
/// Fails if the file cannot be read, or if Stripe does not answer or refuses the request.
#[retry_http(idempotency_key, timeout = 2m)]
pub async fn upload(http: &Client, api: &str, key: &str, path: &Path) -> Result<StoredFile, UploadError> {
    let form = Form::new().text("purpose", "dispute_evidence").file("file", path).await?;
    let request = http.post(format!("{api}/files")).basic_auth(key, None::<&str>).multipart(form);
    Ok(request.send().await?.error_for_status()?.json().await?)
}

/// An upload that has failed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The file could not be opened.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// There was no answer, or Stripe has refused the request.
    #[error("the upload has failed")]
    Http(#[from] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, json, kit, seconds, stop};
    use retry_http::Stop;
    use retry_http::testing::server::{Reply, Server};

    #[tokio::test]
    async fn each_attempt_sends_the_whole_form_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipt.txt");
        std::fs::write(&path, "paid\n".repeat(1000)).unwrap();
        let server = Server::script([
            Reply::reset(),
            Reply::status(503).header("retry-after", "3"),
            json(200, r#"{"id":"file_1","object":"file","purpose":"dispute_evidence","size":5000}"#),
        ]);
        let kit = kit();
        let file = upload(&Client::new(), &server.url("/v1"), "sk_test_x", &path).await.unwrap();
        assert_eq!((&*file.id, file.size), ("file_1", 5000));
        assert_eq!(seconds(&kit), [1, 3]);

        for request in server.requests() {
            assert!(header(&request, "content-type").starts_with("multipart/form-data; boundary="));
            let body = String::from_utf8(request.body.clone()).unwrap();
            assert_eq!(body.matches("paid\n").count(), 1000);
            assert!(body.contains("name=\"purpose\"\r\n\r\ndispute_evidence\r\n"), "{body:.300}");
            assert!(body.contains("name=\"file\"; filename=\"receipt.txt\""), "{body:.300}");
            let key = header(&request, "idempotency-key");
            assert_eq!((key, key.len()), (header(&server.requests()[0], "idempotency-key"), 36));
        }
    }

    #[tokio::test]
    async fn a_file_that_is_missing_is_not_tried_again() {
        let kit = kit();
        let error =
            upload(&Client::new(), "http://localhost", "sk_test_x", Path::new("none")).await.unwrap_err();
        assert!(matches!(error, UploadError::File(_)));
        assert_eq!((kit.attempts(), stop(&kit)), (1, Stop::NotRetryable));
    }
}
