//! A server of HTTP/1.1 that breaks its answers.

use std::io::{Error, ErrorKind, Result};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::faults::Answer;
use crate::server::{Request, Server};

/// The largest head and body of a request.
const LARGEST: usize = 16 * 1024;
/// The number of bytes that are announced and not sent.
const MISSING: usize = 100;

/// Answers the requests of a connection. Errors are expected: clients go away.
pub async fn serve(mut stream: TcpStream, server: &Server) {
    let mut buffer = Vec::new();
    loop {
        match next(&mut stream, &mut buffer, server).await {
            Ok(Some(request)) => match answer(&mut stream, request).await {
                Ok(End::Open) => {}
                Ok(End::Closed) | Err(_) => return,
            },
            Ok(None) | Err(_) => return,
        }
    }
}

/// The state of the connection after an answer.
enum End {
    Open,
    Closed,
}

/// Reads a request with its body. Returns `None` at the end of the connection.
async fn next<'s>(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    server: &'s Server,
) -> Result<Option<Request<'s>>> {
    loop {
        if let Some((path, headers, length)) = parse(buffer)? {
            while buffer.len() < length {
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            buffer.drain(..length);
            return Ok(Some(server.request(&path, &headers)));
        }
        if buffer.len() > LARGEST || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Returns the path, the headers and the length of the request, with its body.
fn parse(buffer: &[u8]) -> Result<Option<(String, HeaderMap, usize)>> {
    let invalid = |_| Error::from(ErrorKind::InvalidData);
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(buffer).map_err(invalid)? else { return Ok(None) };
    let mut map = HeaderMap::new();
    for header in request.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).expect("it is parsed");
        map.append(name, HeaderValue::from_bytes(header.value).expect("it is parsed"));
    }
    let body = map.get("content-length").and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let path = request.path.unwrap_or_default().to_owned();
    Ok(Some((path, map, head + body.unwrap_or(0).min(LARGEST))))
}

async fn answer(stream: &mut TcpStream, request: Request<'_>) -> Result<End> {
    let body = &request.body;
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    match request.answer {
        Answer::Status(200, _) => stream.write_all(whole.as_bytes()).await?,
        Answer::Status(status, wait) => {
            let hint = match wait {
                Some(wait) if wait % 1000 == 0 => format!("retry-after: {}\r\n", wait / 1000),
                Some(wait) => format!("retry-after: {}\r\nretry-after-ms: {wait}\r\n", wait.div_ceil(1000)),
                None => String::new(),
            };
            let text = format!("HTTP/1.1 {status} Fault\r\n{hint}content-length: 4\r\n\r\nbusy");
            stream.write_all(text.as_bytes()).await?;
        }
        Answer::Slow(by) => {
            sleep(by).await;
            stream.write_all(whole.as_bytes()).await?;
        }
        Answer::ResetInHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await?;
            return reset(stream);
        }
        Answer::ResetInBody | Answer::CloseInBody => {
            let length = body.len() + MISSING;
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(text.as_bytes()).await?;
            return if request.answer == Answer::ResetInBody { reset(stream) } else { Ok(End::Closed) };
        }
        Answer::Reset => return reset(stream),
        Answer::Close | Answer::Refused | Answer::GoAway | Answer::GoAwayAtOnce => return Ok(End::Closed),
    }
    Ok(End::Open)
}

/// Lets the end of the connection be an RST.
fn reset(stream: &TcpStream) -> Result<End> {
    stream.set_zero_linger()?;
    Ok(End::Closed)
}
