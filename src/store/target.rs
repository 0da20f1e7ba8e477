//! Which PostgreSQL, and what is asked of its TLS.

use super::db::MARK;
use super::lock::Lock;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError, RootCertStore, SignatureScheme,
};

/// A database, and how connections to it are made.
#[derive(Clone)]
pub struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    /// Which of its hosts served last.
    last_good: Arc<AtomicUsize>,
    /// The node's lock, once it has one.
    lock: Option<Arc<Lock>>,
    /// Whether other nodes use it as well.
    is_shared: bool,
}

/// What is asked of PostgreSQL's certificate, as libpq's `sslmode` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// `disable`, `prefer`, `require`: nothing.
    Nothing,
    /// `verify-ca`: somebody whom `sslrootcert` names has signed it.
    Signer,
    /// `verify-full`: that, and it is for the host of the URL.
    SignerAndHost,
}

/// Why a `DATABASE_URL` cannot be used; says nothing of what is in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

impl From<Config> for Target {
    /// Whose certificate is not looked at, if it has one.
    fn from(config: Config) -> Self {
        Self::new(config, trusting())
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// Reads a `postgresql://` URL, with libpq's `sslmode` and `sslrootcert`.
    fn from_str(url: &str) -> Result<Self, TargetError> {
        const SHAPE: &str = "postgresql://user:password@host:5432/database";
        if !url.starts_with("postgresql://") && !url.starts_with("postgres://") {
            return refuse(format!("must look like {SHAPE}"));
        }
        let (rest, mode, root) = without_tls(url);
        if let Some(name) = unknown_parameter(&rest) {
            return refuse(format!(
                "has a parameter that is not known here: {name}; known are {}",
                PARAMETERS.join(", ")
            ));
        }
        // The URL may hold a password: it is not repeated.
        let Ok(mut config) = rest.parse::<Config>() else {
            return refuse(format!("cannot be read; it must look like {SHAPE}"));
        };
        // The rest of a password, which would be shown as a host is.
        if config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return refuse("has an @ too many: write %40 for one that is part of the password");
        }
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return refuse(format!("must name a host and a database: {SHAPE}"));
        }
        let (ssl_mode, check) = match mode.as_deref() {
            Some("disable") => (SslMode::Disable, Check::Nothing),
            None | Some("prefer") => (SslMode::Prefer, Check::Nothing),
            // As libpq does: who names a signer wants it looked at.
            Some("require") if root.is_some() => (SslMode::Require, Check::Signer),
            Some("require") => (SslMode::Require, Check::Nothing),
            Some("verify-ca") => (SslMode::Require, Check::Signer),
            Some("verify-full") => (SslMode::Require, Check::SignerAndHost),
            Some(_) => return refuse("must have an sslmode of disable, prefer, require, verify-ca or verify-full"),
        };
        config.ssl_mode(ssl_mode);
        let tls = match (check, root) {
            (Check::Nothing, _) => trusting(),
            (_, None) => {
                return refuse("has an sslmode that checks the certificate: name who signs it, with sslrootcert=FILE");
            }
            (check, Some(root)) => checking(check, roots(Path::new(&root))?)?,
        };
        Ok(Self::new(config, tls))
    }
}

impl Target {
    fn new(config: Config, tls: ClientConfig) -> Self {
        Self { config, tls: MakeRustlsConnect::new(tls), last_good: Arc::default(), lock: None, is_shared: false }
    }

    /// The database.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same database, whose connections are opened under the node's lock.
    pub(super) fn under(self, lock: Lock) -> Self {
        Self { lock: Some(Arc::new(lock)), ..self }
    }

    /// As one of several nodes uses it: its connections say whose they are, in their names and in `madang.origin`.
    pub(super) fn shared_as(mut self, origin: i64) -> Self {
        let options = self.config.get_options().unwrap_or_default();
        let options = format!("{options} -c madang.origin={origin}");
        self.config.application_name(mark(origin)).options(options);
        Self { is_shared: true, ..self }
    }

    /// Whether other nodes use it as well.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    pub(super) fn lock(&self) -> Option<&Lock> {
        self.lock.as_deref()
    }

    /// Whether a connection that was opened under this generation of the lock may still be used.
    pub fn is_current(&self, generation: u64) -> bool {
        self.lock().is_none_or(|lock| lock.is_current(generation))
    }

    /// Returns when something may be changed: the node's lock is held, and nothing that the node remembers is of an older history of
    /// the database.
    pub async fn ready(&self) {
        if let Some(lock) = self.lock() {
            lock.ready().await;
        }
    }

    /// Whether something may be changed now.
    pub fn is_ready(&self) -> bool {
        self.lock().is_none_or(Lock::is_ready)
    }

    /// Whether a commit of nothing is answered now: then everything that could be seen before is as safe as what is acknowledged. It
    /// goes over the lock's own connection, so that one that is not answered leaves no process behind.
    pub async fn can_commit(&self) -> bool {
        match self.lock() {
            Some(lock) => lock.can_commit().await,
            None => true,
        }
    }

    /// Whether another host may take the database over.
    pub(super) fn has_several_hosts(&self) -> bool {
        self.config.get_hosts().len() > 1
    }

    /// The order in which hosts are tried: the one that served last, then the others as the URL has them.
    pub(super) fn in_turn(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.last_good.load(Ordering::Relaxed).min(count.saturating_sub(1));
        std::iter::once(first).chain((0..count).filter(move |at| *at != first))
    }

    /// This host serves.
    pub(super) fn serves(&self, at: usize) {
        self.last_good.store(at, Ordering::Relaxed);
    }

    /// What does TLS on connections to it.
    pub fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }
}

/// Does not show the TLS part, nor, as [`Config`] does not, the password.
impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.config.fmt(formatter)
    }
}

/// What stands behind the names of a node's connections.
pub(super) fn mark(origin: i64) -> String {
    format!("{MARK}{origin:016x}")
}

fn refuse<T>(problem: impl Into<String>) -> Result<T, TargetError> {
    Err(TargetError(problem.into()))
}

/// A URL without `sslmode` and `sslrootcert`, of which `tokio_postgres` knows less than libpq; and these.
fn without_tls(url: &str) -> (String, Option<String>, Option<String>) {
    // A password may hold a question mark.
    let login = url.find('@').unwrap_or(0);
    let Some(start) = url[login..].find('?').map(|at| login + at) else { return (url.to_owned(), None, None) };
    let (rest, query) = (&url[..start], &url[start + 1..]);
    let (mut mode, mut root, mut kept) = (None, None, Vec::new());
    for part in query.split('&') {
        let value = || url::form_urlencoded::parse(part.as_bytes()).next().map(|(_, value)| value.into_owned());
        match part.split('=').next() {
            Some("sslmode") => mode = value(),
            Some("sslrootcert") => root = value(),
            _ => kept.push(part),
        }
    }
    let url = if kept.is_empty() { rest.to_owned() } else { format!("{rest}?{}", kept.join("&")) };
    (url, mode, root)
}

/// What may stand behind the question mark; the rest of libpq's means nothing here.
const PARAMETERS: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// The first that is none of [`PARAMETERS`], as far as it looks like a name: a password may hold a question mark, and is not shown.
fn unknown_parameter(url: &str) -> Option<String> {
    let login = url.find('@').unwrap_or(0);
    let query = url.get(login..)?.split_once('?')?.1;
    let parts = query.split('&').filter(|part| !part.is_empty());
    let names = parts.map(|part| part.split('=').next().unwrap_or_default());
    let mut unknown = names.filter(|name| !PARAMETERS.contains(name) && !["host", "port", "dbname"].contains(name));
    let name = unknown.next()?;
    let is_name = !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    Some(if is_name { format!("`{name}`") } else { "one whose name is not shown, since it looks like none".into() })
}

fn roots(path: &Path) -> Result<RootCertStore, TargetError> {
    let unusable = |problem: &dyn std::fmt::Display| {
        TargetError(format!("names an sslrootcert, {}, that cannot be used: {problem}", path.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))? {
        roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    if roots.is_empty() { Err(unusable(&"there is no certificate in it")) } else { Ok(roots) }
}

/// Checks the certificate.
fn checking(check: Check, roots: RootCertStore) -> Result<ClientConfig, TargetError> {
    let signer = WebPkiServerVerifier::builder(Arc::new(roots)).build();
    let signer = signer.map_err(|error| TargetError(format!("names an sslrootcert that cannot be used: {error}")))?;
    Ok(config_with(Verifier { signer: Some(signer), check, known: known() }))
}

/// Takes any certificate: what is sent is hidden from who listens, not from who stands in between.
fn trusting() -> ClientConfig {
    config_with(Verifier { signer: None, check: Check::Nothing, known: known() })
}

fn known() -> WebPkiSupportedAlgorithms {
    ring::default_provider().signature_verification_algorithms
}

fn config_with(verifier: Verifier) -> ClientConfig {
    ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
}

#[derive(Debug)]
struct Verifier {
    signer: Option<Arc<WebPkiServerVerifier>>,
    check: Check,
    known: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        let Some(signer) = &self.signer else { return Ok(ServerCertVerified::assertion()) };
        match signer.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: everything else is in order.
            Err(RustlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Signer => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls12_signature(message, certificate, signature, &self.known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        verify_tls13_signature(message, certificate, signature, &self.known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_schemes()
    }
}
