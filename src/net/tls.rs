//! TLS to clients, with a certificate that can be replaced while the node runs.

use super::Stream;
use crate::patience::timeout;
use parking_lot::RwLock;
use std::cell::RefCell;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

/// As long as a handshake may take.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// As much as may wait, sealed, for a peer that does not read.
const RECORDS_BYTES_MAX: usize = 64 * 1024;

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain, as PEM, the node's own certificate first.
    pub certificate: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used: one line that names the setting.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

/// What the node shows its clients; a new one is shown from the next handshake on.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read()))
    }
}

/// TLS 1.2 and 1.3 to clients.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    files: Files,
}

impl Tls {
    /// With the certificate that is in the files now.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn load(files: Files) -> Result<Self, TlsError> {
        let shown = Arc::new(Shown(RwLock::new(Arc::new(read(&files)?))));
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::clone(&shown) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown, files })
    }

    /// Reads the files again. Open connections keep what they have.
    ///
    /// # Errors
    /// As [`load`](Self::load); the certificate stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let key = Arc::new(read(&self.files)?);
        *self.shown.0.write() = key;
        Ok(())
    }

    /// Does the handshake.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<Stream> {
        let accepting =
            self.acceptor.accept_with(tcp, |connection| connection.set_buffer_limit(Some(RECORDS_BYTES_MAX)));
        let stream = timeout(HANDSHAKE_MAX, accepting).await.ok_or(io::ErrorKind::TimedOut)??;
        Ok(Stream::Tls(Box::new(RefCell::new(stream))))
    }
}

fn read(Files { certificate, key }: &Files) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable("TLS_CERT", certificate, error))?;
    if chain.is_empty() && is_der(certificate) {
        let how = "it is DER; make PEM of it with `openssl x509 -inform DER -in … -out …`";
        return Err(unusable("TLS_CERT", certificate, how));
    }
    if chain.is_empty() {
        return Err(unusable("TLS_CERT", certificate, "there is no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| match () {
        () if is_encrypted(key) => unusable(
            "TLS_KEY",
            key,
            "it is encrypted, and nobody is asked for its password; decrypt it with `openssl pkey -in … -out …`",
        ),
        () if is_der(key) => {
            unusable("TLS_KEY", key, "it is DER; make PEM of it with `openssl pkey -inform DER -in … -out …`")
        }
        () => unusable("TLS_KEY", key, error),
    })?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|error| {
        unusable(
            "TLS_KEY",
            key,
            format_args!("{error}; it must be the key of the certificate in {}", certificate.display()),
        )
    })
}

/// DER begins with a sequence, PEM with a letter or a dash.
fn is_der(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.first() == Some(&0x30))
}

fn is_encrypted(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.contains("ENCRYPTED"))
}

fn unusable(name: &str, path: &Path, problem: impl Display) -> TlsError {
    TlsError(format!("{name}: {} cannot be used: {problem}", path.display()))
}
