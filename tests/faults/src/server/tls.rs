//! TLS, and the certificates of the servers.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, LazyLock};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::tcp::Wire;
use crate::fault::Certificate;

/// A self-signed certificate.
struct Identity {
    der: Vec<u8>,
    config: Arc<ServerConfig>,
}

static RIGHT: LazyLock<Identity> = LazyLock::new(|| identity(params("localhost")));
static UNTRUSTED: LazyLock<Identity> = LazyLock::new(|| identity(params("localhost")));
static WRONG_NAME: LazyLock<Identity> = LazyLock::new(|| identity(params("example.org")));
static EXPIRED: LazyLock<Identity> = LazyLock::new(|| {
    let mut params = params("localhost");
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    identity(params)
});

fn params(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

fn identity(params: CertificateParams) -> Identity {
    install_provider();
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![der.clone().into()], key).unwrap());
    Identity { der, config }
}

fn of(certificate: Certificate) -> &'static Identity {
    match certificate {
        Certificate::Right => &RIGHT,
        Certificate::Untrusted => &UNTRUSTED,
        Certificate::WrongName => &WRONG_NAME,
        Certificate::Expired => &EXPIRED,
    }
}

/// Returns a certificate, as DER.
pub fn certificate(certificate: Certificate) -> &'static [u8] {
    &of(certificate).der
}

/// Makes ring the cryptography of rustls, if there is none yet.
pub fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(super) fn accept(certificate: Certificate, stream: TcpStream) -> impl Wire {
    let config = Arc::clone(&of(certificate).config);
    StreamOwned::new(ServerConnection::new(config).unwrap(), stream)
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref()
    }

    fn finish(&mut self) {
        self.conn.send_close_notify();
        // Errors are expected: clients go away.
        let _gone = self.flush();
    }
}
