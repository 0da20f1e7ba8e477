//! TLS to PostgreSQL, by `sslmode`: a server that does TLS stands before the tests' own.

use crate::support::database::fresh_database;
use crate::support::{json, spawn_app_with};
use madang::config::Database;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What stands before PostgreSQL.
struct Front {
    port: u16,
    database: tokio_postgres::Config,
    /// The signer's certificate, and that of another one.
    folder: TempDir,
}

impl Front {
    /// With a certificate for `localhost`; `has_tls` false answers as a PostgreSQL without one.
    async fn start(has_tls: bool) -> Self {
        let folder = TempDir::new().expect("a folder");
        let signer = signer("signer");
        std::fs::write(folder.path().join("signer.pem"), signer.pem()).expect("it can be written");
        std::fs::write(folder.path().join("other.pem"), self::signer("other").pem()).expect("it can be written");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(["localhost".to_owned()]).expect("a name").signed_by(&key, &signer);
        let certificate = certificate.expect("it can be signed").der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("they belong together")));
        let database = fresh_database().await;
        let [Host::Unix(socket)] = database.get_hosts() else { panic!("the tests' PostgreSQL has a unix socket") };
        let port = database.get_ports().first().copied().unwrap_or(5432);
        let socket = socket.join(format!(".s.PGSQL.{port}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, socket.clone(), has_tls.then(|| acceptor.clone())));
            }
        });
        Self { port, database, folder }
    }

    /// The database behind it by this host, as an operator writes it.
    fn url(&self, host: &str, query: &str) -> String {
        let name = self.database.get_dbname().expect("a name");
        let query = query.replace('@', &format!("{}/", self.folder.path().display()));
        format!("postgresql://madang@{host}:{}/{name}?{query}", self.port)
    }
}

fn signer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("it can sign itself")
}

async fn serve(mut client: TcpStream, socket: PathBuf, acceptor: Option<TlsAcceptor>) {
    let mut first = [0; 8];
    if client.read_exact(&mut first).await.is_err() {
        return;
    }
    match acceptor {
        _ if first != SSL_REQUEST => join(client, socket, &first).await,
        None => {
            let _ = client.write_all(b"N").await;
            join(client, socket, &[]).await;
        }
        Some(acceptor) => {
            let _ = client.write_all(b"S").await;
            if let Ok(client) = acceptor.accept(client).await {
                join(client, socket, b"").await;
            }
        }
    }
}

async fn join(mut client: impl AsyncRead + AsyncWrite + Unpin, socket: PathBuf, first: &[u8]) {
    let mut server = UnixStream::connect(socket).await.expect("PostgreSQL runs");
    if server.write_all(first).await.is_ok() {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

#[tokio::test]
async fn a_node_works_on_a_database_by_tls() {
    let front = Front::start(true).await;
    let url = front.url("localhost", "sslmode=verify-full&sslrootcert=@signer.pem");
    let mut app =
        spawn_app_with(|config| config.database = Database::Url(Box::new(url.parse().expect("a good URL")))).await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("hello").await;
    app.say(channel, &mina, json!({ "content": "over HTTP" })).await.is(201);
    assert_eq!(socket.next_message().await["content"], "over HTTP");
    app.stop().await;
}

#[tokio::test]
async fn each_sslmode_asks_for_what_libpq_says() {
    let (with, without) = (Front::start(true).await, Front::start(false).await);
    for (front, host, query, is_good) in [
        (&with, "localhost", "sslmode=disable", true),
        (&with, "localhost", "sslmode=prefer", true),
        (&with, "localhost", "", true),
        (&with, "127.0.0.1", "sslmode=require", true),
        (&with, "127.0.0.1", "sslmode=verify-ca&sslrootcert=@signer.pem", true),
        (&with, "localhost", "sslmode=verify-ca&sslrootcert=@other.pem", false),
        (&with, "localhost", "sslmode=require&sslrootcert=@other.pem", false),
        (&with, "127.0.0.1", "sslmode=require&sslrootcert=@signer.pem", true),
        (&with, "localhost", "sslmode=verify-full&sslrootcert=@signer.pem&connect_timeout=5", true),
        (&with, "127.0.0.1", "sslmode=verify-full&sslrootcert=@signer.pem", false),
        (&with, "localhost", "sslmode=verify-full&sslrootcert=@other.pem", false),
        (&without, "localhost", "sslmode=disable", true),
        (&without, "localhost", "sslmode=prefer", true),
        (&without, "localhost", "sslmode=require", false),
        (&without, "localhost", "sslmode=verify-full&sslrootcert=@signer.pem", false),
    ] {
        let target: madang::store::Target = front.url(host, query).parse().expect("a good URL");
        let connected = target.config().connect(target.tls()).await;
        let result = match connected {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                client.simple_query("select 1").await.map(drop)
            }
            Err(error) => Err(error),
        };
        assert_eq!(result.is_ok(), is_good, "{host} {query}: {result:?}");
    }
}
