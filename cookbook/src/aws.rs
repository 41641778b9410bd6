//! AWS: a signature in each attempt, with S3 as an example.
//!
//! The signature contains the time of the request, and AWS refuses a request whose time is more
//! than 15 minutes off (`RequestTimeTooSkewed`). A request that is signed once and then repeated
//! after a long wait is refused. The body of an annotated function runs again in each attempt, so a
//! body that signs makes a new signature each time.
//!
//! S3 answers 503 (`SlowDown`) if it is asked too often, without a `Retry-After`. AWS's clients
//! wait at random from zero on, which is `jitter = full`.
//!
//! Pages: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Request, Response};
use retry_http::retry_http;

/// The error of a call: of reqwest or of signing.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A bucket of S3.
pub struct Bucket {
    http: Client,
    url: String,
    region: String,
    credentials: Credentials,
    clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Bucket {
    /// Makes a client of the bucket at `url`, such as `https://b.s3.eu-central-1.amazonaws.com`.
    pub fn new(url: String, region: String, credentials: Credentials) -> Self {
        Self { http: Client::new(), url, region, credentials, clock: Box::new(SystemTime::now) }
    }

    /// Signs a request, with the present time.
    ///
    /// # Errors
    ///
    /// Fails if the request cannot be signed, such as one whose body is a stream.
    pub fn sign(&self, mut request: Request) -> Result<Request, Error> {
        let mut settings = SigningSettings::default();
        // As S3 differs from all other services.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time((self.clock)())
            .settings(settings)
            .build()?
            .into();
        let body = request.body().map_or(Some(&b""[..]), Body::as_bytes).ok_or("the body is a stream")?;
        let none = std::iter::empty();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            none,
            SignableBody::Bytes(body),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
        Ok(request)
    }
}

#[retry_http(jitter = full, base = 2s, cap = 20s)]
impl Bucket {
    #[retry_http(transparent)]
    async fn send(&self, method: Method, key: &str, body: Vec<u8>) -> Result<Response, Error> {
        let request = self.http.request(method, format!("{}/{key}", self.url)).body(body).build()?;
        let request = self.sign(request)?;
        Ok(self.http.execute(request).await?.error_for_status()?)
    }

    /// Returns an object.
    ///
    /// # Errors
    ///
    /// Fails if S3 does not answer, or refuses the request.
    pub async fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        Ok(self.send(Method::GET, key, Vec::new()).await?.bytes().await?.to_vec())
    }

    /// Stores an object. A PUT is safe to repeat.
    ///
    /// # Errors
    ///
    /// Fails if S3 does not answer, or refuses the request.
    pub async fn put(&self, key: &str, object: &[u8]) -> Result<(), Error> {
        self.send(Method::PUT, key, object.to_vec()).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{header, kit};
    use retry_http::testing::server::{self, Reply, Server};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// Noon of a day, and then 20 minutes later each time that somebody asks.
    fn clock() -> impl Fn() -> SystemTime + Send + Sync {
        let asked = AtomicU32::new(0);
        move || at(asked.fetch_add(1, Ordering::SeqCst))
    }

    fn at(n: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160) + n * Duration::from_secs(20 * 60)
    }

    fn bucket(url: String, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Bucket {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "cookbook");
        Bucket { clock: Box::new(clock), ..Bucket::new(url, String::from("eu-central-1"), credentials) }
    }

    fn error(status: u16, code: &str) -> Reply {
        let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
        Reply::status(status).header("content-type", "application/xml").body(body)
    }

    /// Returns the refusal of a request, as S3 would check it at this time.
    fn refusal(request: &server::Request, now: SystemTime) -> Option<Reply> {
        let url = format!("http://{}", header(request, "host"));
        let signer = bucket(url.clone(), move || now);
        let again = signer.http.request(request.method.clone(), format!("{url}{}", request.path));
        let again = signer.sign(again.body(request.body.clone()).build().unwrap()).unwrap();
        let is_equal = |name: &str| request.headers.get(name) == again.headers().get(name);
        if !is_equal("x-amz-date") {
            Some(error(403, "RequestTimeTooSkewed")) // by 20 minutes at least
        } else if !is_equal("x-amz-content-sha256") || !is_equal("authorization") {
            Some(error(403, "SignatureDoesNotMatch"))
        } else {
            None
        }
    }

    /// A server that is overloaded twice. Its clock is that of the client.
    fn server() -> Server {
        Server::new(|n, request| {
            refusal(request, at(u32::try_from(n).unwrap())).unwrap_or_else(|| match n {
                0 | 1 => error(503, "SlowDown"),
                _ => Reply::status(200).body("stored"),
            })
        })
    }

    #[tokio::test]
    async fn each_attempt_has_a_signature_of_its_own() {
        let (kit, server) = (kit(), server());
        bucket(server.url(""), clock()).put("notes/1.txt", b"hello").await.unwrap();
        let requests = server.requests();
        let dates: Vec<_> = requests.iter().map(|request| header(request, "x-amz-date")).collect();
        assert_eq!(dates, ["20150830T123600Z", "20150830T125600Z", "20150830T131600Z"]);
        assert_ne!(header(&requests[0], "authorization"), header(&requests[1], "authorization"));
        assert_eq!(requests[2].body, b"hello");
        // Full jitter: anything up to the delay.
        let delays = [2, 4].map(Duration::from_secs);
        assert!(kit.waits().iter().zip(delays).all(|(wait, delay)| *wait <= delay), "{:?}", kit.waits());
    }

    #[tokio::test]
    async fn an_object_is_read() {
        let (_kit, server) = (kit(), server());
        assert_eq!(bucket(server.url(""), clock()).get("notes/1.txt").await.unwrap(), b"stored");
        assert_eq!(server.requests().len(), 3);
    }

    /// The mistake that this recipe avoids.
    #[tokio::test]
    async fn a_request_that_is_signed_before_the_call_is_refused() {
        #[retry_http]
        async fn send(http: &Client, request: Request) -> reqwest::Result<Response> {
            http.execute(request).await?.error_for_status()
        }

        let (_kit, server) = (kit(), server());
        let bucket = Arc::new(bucket(server.url(""), clock()));
        let request = bucket.http.put(server.url("/notes/1.txt")).body("hello").build().unwrap();
        let error = send(&bucket.http, bucket.sign(request).unwrap()).await.unwrap_err();
        assert_eq!(error.status().unwrap(), 403);
        assert_eq!(server.requests().len(), 2);
    }
}
