//! TLS to the node: whom the tool trusts, and what it says of a certificate that it does not take.

use super::LoadError;
use rustls_native_certs::load_native_certs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as RustlsError, RootCertStore};

/// Makes connections to one host secret, and knows it by its certificate.
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    /// Who may sign the certificate, in words.
    trusted: String,
}

impl Tls {
    /// For a host whose certificate is signed by one of those in the file, or by one that this system trusts.
    ///
    /// # Errors
    /// When there is nobody to trust, or the host has no name that a certificate could have.
    pub fn new(host: &str, ca: Option<&Path>) -> Result<Self, LoadError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| LoadError::Input(format!("--url: `{host}` is no name for which there are certificates")))?;
        let (roots, trusted) = match ca {
            Some(path) => (roots_of(path)?, path.display().to_string()),
            None => (roots_of_system()?, "this system".into()),
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| LoadError::Input(format!("no TLS: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Each socket stands for a client of its own, which has never been there: none may begin where another has ended.
        config.resumption = Resumption::disabled();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name, trusted })
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// `InvalidData` for what another attempt will not change, in words for a person.
    pub async fn connect(&self, tcp: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), tcp).await.map_err(|error| {
            let problem = error.get_ref().and_then(|inner| inner.downcast_ref());
            match problem.map(|problem| self.explain(problem)) {
                Some(words) => io::Error::new(io::ErrorKind::InvalidData, words),
                None => error,
            }
        })
    }

    fn explain(&self, problem: &RustlsError) -> String {
        let host = self.name.to_str();
        match problem {
            // A CA that was made anew has its old name, and another key.
            RustlsError::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                format!(
                    "{host} has a certificate by somebody whom {} does not name; name who signed it with --ca FILE",
                    self.trusted
                )
            }
            RustlsError::InvalidCertificate(CertificateError::Other(error))
                if error.to_string().contains("CaUsedAsEndEntity") =>
            {
                format!(
                    "{host} shows a CA's own certificate (CA:TRUE), which is not one of a server: \
                     give the node one that the CA has signed"
                )
            }
            RustlsError::InvalidCertificate(error) => format!("the certificate of {host} cannot be trusted: {error}"),
            RustlsError::InvalidMessage(_) => format!("{host} does not speak TLS there; is it http://?"),
            other => format!("TLS with {host} failed: {other}"),
        }
    }
}

fn roots_of(path: &Path) -> Result<RootCertStore, LoadError> {
    let unusable = |why: &dyn std::fmt::Display| LoadError::Input(format!("--ca {}: {why}", path.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
        roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() { Err(unusable(&"there is no certificate in it, as PEM")) } else { Ok(roots) }
}

fn roots_of_system() -> Result<RootCertStore, LoadError> {
    let found = load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map_or(String::new(), |error| format!(" ({error})"));
        return Err(LoadError::Input(format!(
            "this system names nobody who may sign a certificate{why}: name who signed the node's with --ca FILE"
        )));
    }
    Ok(roots)
}
