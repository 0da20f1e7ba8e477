//! TLS to clients: calls, sockets, a peer that reads late, a certificate that is renewed, and files that cannot be used.

use super::node::{Node, Signal, furnished_folder};
use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

const SOON: Duration = super::node::PATIENCE;

/// A node with a certificate of its own, for `localhost`.
struct Site {
    folder: PathBuf,
    node: Node,
}

/// Puts a new certificate and its key into the files.
fn certify(folder: &Path) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("it can be made");
    std::fs::write(folder.join("cert.pem"), cert.pem()).expect("it can be written");
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("it can be written");
}

impl Site {
    async fn start() -> Self {
        let folder = furnished_folder();
        certify(&folder);
        let files = ["cert.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
        let node =
            Node::start_logging(&folder, &[("TLS_CERT", &files[0]), ("TLS_KEY", &files[1]), ("RUST_LOG", "info")])
                .await;
        assert!(node.url.starts_with("https://"), "{}", node.url);
        Self { folder, node }
    }

    fn port(&self) -> &str {
        self.node.address.rsplit(':').next().expect("a port")
    }

    /// A call as an operator makes it.
    async fn curl(&self, words: &[&str], path: &str) -> Output {
        let url = format!("https://localhost:{}{path}", self.port());
        let certificate = self.folder.join("cert.pem");
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--resolve",
            &format!("localhost:{}:127.0.0.1", self.port()),
            "--cacert",
        ]);
        curl.arg(certificate).args(words).arg(url).output().await.expect("curl runs")
    }

    async fn call(&self, words: &[&str], path: &str) -> Value {
        let output = self.curl(words, path).await;
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// A connection that trusts the certificate which is in the file now, and its fingerprint of sorts.
    async fn connect(&self, receive_bytes: Option<u32>) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.join("cert.pem")).expect("PEM")).expect("a certificate");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes).expect("a small buffer");
        }
        let tcp = socket.connect(self.node.address.parse().expect("an address")).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("a handshake")
    }

    async fn socket(&self, path: &str, receive_bytes: Option<u32>) -> WebSocketStream<TlsStream<TcpStream>> {
        let stream = self.connect(receive_bytes).await;
        let url = format!("wss://localhost:{}{path}", self.port());
        timeout(SOON, client_async(url, stream)).await.expect("in time").expect("a socket").0
    }

    /// An account's token, and its channel.
    async fn settle(&self) -> (String, i64) {
        let json = "content-type: application/json";
        let new =
            json!({ "username": "mina", "email": "m@example.com", "password": "correct horse battery" }).to_string();
        self.call(&["-H", json, "-d", &new], "/auth/register").await;
        let form = ["-d", "username=mina", "--data-urlencode", "password=correct horse battery"];
        let token = self.call(&form, "/auth/login").await["access_token"].as_str().expect("a token").to_owned();
        let bearer = format!("authorization: Bearer {token}");
        let server = self.call(&["-H", &bearer, "-d", r#"{"name":"s"}"#], "/servers").await["id"].clone();
        let body = json!({ "name": "c", "server_id": server }).to_string();
        let channel = self.call(&["-H", &bearer, "-d", &body], "/channels").await["id"].as_i64().expect("an id");
        (token, channel)
    }

    async fn until_logged(&self, words: &str) {
        let logged = async {
            while !std::fs::read_to_string(self.folder.join("log")).is_ok_and(|log| log.contains(words)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, logged).await.expect(words);
    }

    async fn stop(self) {
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

async fn hear(socket: &mut WebSocketStream<TlsStream<TcpStream>>) -> Value {
    loop {
        match timeout(SOON, socket.next()).await.expect("in time") {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn calls_and_sockets_go_through_tls_and_a_late_reader_gets_everything_in_order() {
    let site = Site::start().await;
    let (token, channel) = site.settle().await;
    let head = String::from_utf8(site.curl(&["--head"], "/healthz").await.stdout).expect("text");
    assert!(head.contains("strict-transport-security: max-age=31536000"), "{head}");
    let path = format!("/ws/{channel}?token={token}");
    let mut socket = site.socket(&path, None).await;
    let content = "\u{1f3e1}".repeat(4_000);
    let count = 150;
    for number in 0..count {
        let text = json!({ "content": format!("{number}"), "nonce": format!("n{number}") });
        socket.send(Message::text(text.to_string())).await.expect("it takes it");
        assert_eq!(hear(&mut socket).await["content"], format!("{number}"));
        socket.send(Message::text(json!({ "content": content }).to_string())).await.expect("it takes it");
        assert_eq!(hear(&mut socket).await["content"], content);
    }
    // 2.4 MB of the log, for a peer that takes a little at a time.
    let mut late = site.socket(&format!("{path}&after=0"), Some(4 * 1024)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for seq in 1..=2 * count {
        let event = hear(&mut late).await;
        assert_eq!(event["seq"], seq, "{}", event["type"]);
    }
    assert_eq!(hear(&mut late).await["type"], "replay.done");
    late.close(None).await.expect("it closes");
    while let Some(Ok(_)) = timeout(SOON, late.next()).await.expect("in time") {}
    site.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_page_s_sockets_and_its_cookie_are_for_tls_alone() {
    let site = Site::start().await;
    site.settle().await;
    let page = String::from_utf8(site.curl(&["--include"], "/").await.stdout).expect("text");
    assert!(page.contains(&format!("connect-src 'self' wss://localhost:{}\r\n", site.port())), "{page}");
    let login = json!({ "username": "mina", "password": "correct horse battery", "cookie": true }).to_string();
    let words =
        ["--include", "-H", "sec-fetch-site: same-origin", "-H", "content-type: application/json", "-d", &login];
    let login = String::from_utf8(site.curl(&words, "/auth/login").await.stdout).expect("text");
    let cookie = login.lines().find(|line| line.starts_with("set-cookie: madang_refresh=")).expect("a cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Max-Age=2592000; Secure"), "{cookie}");
    site.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_does_not_speak_tls_gets_nothing_and_holds_nothing_up() {
    let site = Site::start().await;
    let mut plain = TcpStream::connect(&site.node.address).await.expect("a connection");
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: m\r\n\r\n").await.expect("it takes it");
    let mut answer = Vec::new();
    let _ = timeout(SOON, plain.read_to_end(&mut answer)).await.expect("it ends");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    // Nor does who says nothing.
    let mut silent = TcpStream::connect(&site.node.address).await.expect("a connection");
    assert_eq!(site.call(&[], "/healthz").await["status"], "ok");
    let _ = timeout(SOON, silent.read_to_end(&mut answer)).await.expect("it ends");
    site.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_renewed_certificate_is_shown_after_sighup_and_a_bad_one_is_not() {
    let site = Site::start().await;
    let (token, channel) = site.settle().await;
    let mut socket = site.socket(&format!("/ws/{channel}?token={token}"), None).await;
    certify(&site.folder);
    assert!(!site.curl(&[], "/healthz").await.status.success(), "the old certificate is shown still");
    site.node.signal(Signal::HUP);
    site.until_logged("the certificate has been read again").await;
    assert_eq!(site.call(&[], "/healthz").await["status"], "ok");
    // A certificate without its key.
    let renewed = std::fs::read(site.folder.join("cert.pem")).expect("it is there");
    certify(&site.folder);
    std::fs::write(site.folder.join("cert.pem"), &renewed).expect("it can be written");
    site.node.signal(Signal::HUP);
    site.until_logged("the certificate stays as it was").await;
    assert_eq!(site.call(&[], "/healthz").await["status"], "ok");
    // A socket that was open all the while has noticed nothing.
    socket.send(Message::text(r#"{"content":"still here"}"#)).await.expect("it takes it");
    assert_eq!(hear(&mut socket).await["content"], "still here");
    site.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn files_that_cannot_be_used_stop_the_start_with_a_line_that_names_the_setting() {
    let folder = furnished_folder();
    certify(&folder);
    let [cert, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
    certify(&folder);
    std::fs::write(folder.join("other.pem"), std::fs::read(&key).expect("a key")).expect("it can be written");
    certify(&folder);
    std::fs::write(folder.join("empty.pem"), "").expect("it can be written");
    let [other, empty] = ["other.pem", "empty.pem"].map(|name| folder.join(name).display().to_string());
    for (cert, key, name) in [
        ("/nowhere.pem", key.as_str(), "TLS_CERT"),
        (&empty, &key, "TLS_CERT"),
        (&key, &key, "TLS_CERT"),
        (&cert, "/nowhere.pem", "TLS_KEY"),
        (&cert, &empty, "TLS_KEY"),
        (&cert, &cert, "TLS_KEY"),
        (&cert, &other, "TLS_KEY"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env_remove("DATABASE_URL").env("DATA_DIR", &folder).env("PORT", "0").current_dir(&folder);
        let output = command.env("TLS_CERT", cert).env("TLS_KEY", key).output().await.expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{cert}, {key}: {said}");
        let said = said.lines().filter(|line| !line.contains("INFO")).collect::<Vec<_>>().join("\n");
        assert!(said.starts_with(&format!("madang: {name}: ")) && said.lines().count() == 1, "{said}");
        assert!(!said.contains("PRIVATE"), "{said}");
    }
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
