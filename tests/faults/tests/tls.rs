//! Failures of TLS, and of proxies that tunnel it: by client, and by method.

#[path = "../../support/calls.rs"]
mod calls;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use calls::{enter, verdict};
use http::Method;
use retry_http::testing::server::{Reply, Server, nobody};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The verdict on a failure that is never retried and has no word.
const PERMANENT: &str = "1 in 0s:  not_retryable";
/// The verdict on a failure that is retried whatever the method.
const CONNECT: &str = "4 in 7s: connect exhausted";

/// A server on loopback that handles each connection as it is told, and counts them.
struct Listener {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Listener {
    fn new(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, handle) = (Arc::clone(&connections), Arc::new(handle));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let handle = Arc::clone(&handle);
                std::thread::spawn(move || handle(stream));
            }
        });
        Self { port, connections }
    }

    /// Answers every request over TLS with a status.
    fn tls(identity: &Identity, status: u16) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.clone()));
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![identity.der.clone().into()], key).unwrap());
        Self::new(move |stream| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            if read_head(&mut stream).is_some() {
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        })
    }

    /// A proxy that answers every CONNECT so, and nothing else.
    fn proxy(answer: &'static str) -> Self {
        Self::new(move |mut stream| {
            if read_head(&mut stream).is_some() {
                let _ = stream.write_all(answer.as_bytes());
            }
        })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads the head of a request.
fn read_head(stream: &mut impl Read) -> Option<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        head.push((stream.read(&mut byte).ok()? == 1).then_some(byte[0])?);
    }
    Some(head)
}

/// A self-signed certificate.
struct Identity {
    der: Vec<u8>,
    key: Vec<u8>,
}

impl Identity {
    fn of(name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self { der: made.cert.der().to_vec(), key: made.signing_key.serialize_der() }
    }
}

/// The certificate that a client trusts, and its proxy.
#[derive(Clone, Copy)]
struct Settings<'s> {
    trusts: &'s Identity,
    proxy: Option<&'s str>,
}

macro_rules! client {
    ($reqwest:ident $(:: $blocking:ident)?, $settings:expr, |$builder:ident, $certificate:ident| $trust:expr) => {{
        let Settings { trusts, proxy } = $settings;
        let $certificate = $reqwest::Certificate::from_der(&trusts.der).unwrap();
        let mut $builder = $reqwest $(:: $blocking)? ::Client::builder()
            .connect_timeout(Duration::from_millis(200))
            .no_proxy();
        if let Some(proxy) = proxy {
            $builder = $builder.proxy($reqwest::Proxy::all(proxy).unwrap());
        }
        $trust.build().unwrap()
    }};
}

/// Returns the verdict on a call by each client.
async fn verdicts(settings: Settings<'_>, method: &Method, url: &str) -> Vec<(&'static str, String)> {
    // Fails where there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut verdicts = Vec::new();

    let http = client!(reqwest, settings, |builder, it| builder.tls_backend_rustls().tls_certs_only([it]));
    let kit = enter();
    calls::send(&http, method, url).await.unwrap_err();
    verdicts.push(("0.13 rustls", verdict(&kit)));
    drop(kit);

    let http = client!(reqwest, settings, |builder, it| builder.tls_backend_native().tls_certs_only([it]));
    let kit = enter();
    calls::send(&http, method, url).await.unwrap_err();
    verdicts.push(("0.13 native-tls", verdict(&kit)));
    drop(kit);

    let http = client!(reqwest12, settings, |builder, it| builder.add_root_certificate(it));
    let kit = enter();
    calls::send12(&http, method, url).await.unwrap_err();
    verdicts.push(("0.12 rustls", verdict(&kit)));
    drop(kit);

    // A blocking client may not be used where async code runs.
    std::thread::scope(|scope| {
        let sync = || {
            let http = client!(reqwest::blocking, settings, |builder, it| {
                builder.tls_backend_rustls().tls_certs_only([it])
            });
            let kit = enter();
            calls::send_blocking(&http, method, url).unwrap_err();
            let first = ("0.13 rustls, sync", verdict(&kit));
            drop(kit);
            let http = client!(reqwest12::blocking, settings, |builder, it| builder.add_root_certificate(it));
            let kit = enter();
            calls::send_blocking12(&http, method, url).unwrap_err();
            [first, ("0.12 rustls, sync", verdict(&kit))]
        };
        verdicts.extend(scope.spawn(sync).join().unwrap());
    });
    verdicts
}

/// Asserts the verdict on a GET and on a POST, by every client.
async fn assert_both(fault: &str, settings: Settings<'_>, url: &str, expected: &str) {
    for method in [Method::GET, Method::POST] {
        for (client, verdict) in verdicts(settings, &method, url).await {
            assert_eq!(verdict, expected, "{fault}: {method} by {client}");
        }
    }
}

fn trusting(trusts: &Identity) -> Settings<'_> {
    Settings { trusts, proxy: None }
}

#[tokio::test]
async fn refused_certificates_and_tunnels_are_permanent() {
    let (right, other, wrong) =
        (Identity::of("localhost"), Identity::of("localhost"), Identity::of("example.org"));

    let server = Listener::tls(&right, 503);
    let url = format!("https://localhost:{}/", server.port);
    assert_both("untrusted certificate", trusting(&other), &url, PERMANENT).await;
    assert_eq!(server.connections(), 2 * 5, "each call connects once");

    let server = Listener::tls(&wrong, 503);
    let url = format!("https://localhost:{}/", server.port);
    assert_both("wrong name", trusting(&wrong), &url, PERMANENT).await;

    let plain = Server::script([Reply::status(503)]);
    let url = plain.url("/").replace("http://127.0.0.1", "https://localhost");
    assert_both("plain HTTP on a TLS port", trusting(&right), &url, PERMANENT).await;
    assert_eq!(plain.requests().len(), 0);

    for answer in [
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n",
        // The proxy hangs up, which no type tells from a refusal.
        "",
    ] {
        let proxy = Listener::proxy(answer);
        let address = format!("http://127.0.0.1:{}", proxy.port);
        let settings = Settings { trusts: &right, proxy: Some(&address) };
        assert_both(answer, settings, "https://localhost:1/", PERMANENT).await;
        assert_eq!(proxy.connections(), 2 * 5);
    }
}

#[tokio::test]
async fn failures_of_the_network_are_retried() {
    let right = Identity::of("localhost");

    let url = nobody().replace("http://127.0.0.1", "https://localhost");
    assert_both("nobody listens", trusting(&right), &url, CONNECT).await;

    let server = Listener::new(|mut stream| {
        // The beginning of the handshake is read, or the connection would be reset.
        let _ = stream.read(&mut [0; 4096]);
    });
    let url = format!("https://localhost:{}/", server.port);
    for method in [Method::GET, Method::POST] {
        for (client, verdict) in verdicts(trusting(&right), &method, &url).await {
            // OpenSSL reports it as an error of its own, which no type tells from the others.
            let expected = if client.contains("native-tls") { PERMANENT } else { CONNECT };
            assert_eq!(verdict, expected, "handshake broken off: {method} by {client}");
        }
    }
    assert_eq!(server.connections(), 2 * (4 * 4 + 1));

    let address = nobody();
    let settings = Settings { trusts: &right, proxy: Some(&address) };
    assert_both("no proxy listens", settings, "https://localhost:1/", CONNECT).await;

    let server = Listener::new(|stream| {
        std::thread::sleep(Duration::from_secs(2));
        drop(stream);
    });
    let url = format!("https://localhost:{}/", server.port);
    let expected = "4 in 7s: connect+timeout exhausted";
    for (client, verdict) in verdicts(trusting(&right), &Method::POST, &url).await {
        assert_eq!(verdict, expected, "handshake takes too long: POST by {client}");
    }
}

/// A request over TLS is retried as ever.
#[tokio::test]
async fn a_status_over_tls_is_retried_where_that_is_safe() {
    let right = Identity::of("localhost");
    let server = Listener::tls(&right, 503);
    let url = format!("https://localhost:{}/", server.port);
    for (method, expected) in
        [(Method::GET, "4 in 7s: 503 exhausted"), (Method::POST, "1 in 0s: 503 ambiguous")]
    {
        for (client, verdict) in verdicts(trusting(&right), &method, &url).await {
            assert_eq!(verdict, expected, "{method} by {client}");
        }
    }
}
