//! Settings as they come from the environment and from `.env`: what is taken, and what stops the start.

use super::client::Api;
use super::node::{Node, PATIENCE, data_folder, signal};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

pub fn madang(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.current_dir(folder).env_remove("DATABASE_URL").env("DATA_DIR", folder).env("PORT", "0");
    command.env("RUST_LOG", "warn").kill_on_drop(true);
    command
}

/// The last line of what a start says that comes to nothing, and the exit code.
pub async fn refusal(mut command: Command) -> (Option<i32>, String) {
    let output =
        timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("it is not refused").expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!said.contains("panicked") && !said.contains("canary"), "{said}");
    (output.status.code(), said.lines().last().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "current_thread")]
async fn what_cannot_be_used_stops_the_start_with_code_2_and_is_named() {
    let folder = data_folder();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.join(name), bytes).expect("it can be written");
        folder.join(name).into_os_string().into_encoded_bytes()
    };
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (write("cert.pem", pair.cert.pem().as_bytes()), pair.signing_key.serialize_der());
    let der = write("key.der", &key);
    let locked =
        write("locked.pem", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let cert_der = write("cert.der", pair.cert.der());
    type Settings<'a> = &'a [(&'a str, &'a [u8])];
    let cases: [(Settings<'_>, &str, &str); 10] = [
        (&[("DATABASE_URL", b"postgresql://canary\xff@h/d")], "DATABASE_URL", "UTF-8"),
        (&[("TLS_CERT", b"\xff"), ("TLS_KEY", b"x")], "TLS_CERT", "UTF-8"),
        (&[("RUST_LOG", b"verbose")], "RUST_LOG", "trace"),
        (&[("RUST_LOG", b"warn,madang=lodu")], "RUST_LOG", "madang=lodu"),
        (&[("HOST", b"no.such.host.invalid")], "HOST", "no.such.host.invalid"),
        (&[("HOST", b"192.0.2.1")], "HOST", "192.0.2.1"),
        (&[("PG_BIN_DIR", b"/nowhere")], "PG_BIN_DIR", "pg_config"),
        (&[("TLS_CERT", &cert), ("TLS_KEY", &der)], "TLS_KEY", "openssl pkey -inform DER"),
        (&[("TLS_CERT", &cert), ("TLS_KEY", &locked)], "TLS_KEY", "encrypted"),
        (&[("TLS_CERT", &cert_der), ("TLS_KEY", &locked)], "TLS_CERT", "openssl x509 -inform DER"),
    ];
    for (settings, name, says) in cases {
        let mut command = madang(&folder);
        command.envs(settings.iter().map(|(name, value)| (name, OsStr::from_bytes(value))));
        let (code, said) = refusal(command).await;
        assert!(said.starts_with(&format!("madang: {name}: ")) && said.contains(says), "{settings:?}: {said}");
        assert_eq!(code, Some(2), "{said}");
    }
    let mut command = madang(&folder);
    command.arg(OsStr::from_bytes(b"\xff"));
    assert_eq!(refusal(command).await.0, Some(2));
    std::fs::write(folder.join(".env"), "RATE_LIMIT=on\nSECRET_KEY canary\n").expect("it can be written");
    let (code, said) = refusal(madang(&folder)).await;
    assert_eq!((code, &*said), (Some(2), "madang: .env: line 2: write it as NAME=value"));
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Whoever starts it for the first time opens what stands there.
#[tokio::test(flavor = "current_thread")]
async fn the_first_line_of_a_start_says_where_the_chat_is() {
    let folder = data_folder();
    for (settings, first) in [
        (&[][..], "Chat  http://127.0.0.1:"),
        (&[("HOST", "0.0.0.0")], "Chat  http://127.0.0.1:"),
        (&[("WEB", "off")], "API   http://127.0.0.1:"),
    ] {
        let mut command = madang(&folder);
        let mut node = command.envs(settings.iter().copied()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(node.stdout.take().expect("its output")).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("text").expect("a line");
        assert!(line.starts_with(first), "{settings:?}: {line}");
        assert_eq!(line.ends_with('/'), line.starts_with("Chat"), "{line}");
        signal(&node.id().expect("it runs").to_string(), Signal::TERM);
        assert!(timeout(PATIENCE, node.wait()).await.expect("in time").expect("it ends").success());
    }
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// The README's own example, a key with a dollar sign, and a name that is none.
#[tokio::test(flavor = "current_thread")]
async fn the_file_is_taken_as_it_stands_and_the_start_says_what_it_took() {
    let folder = data_folder();
    let file = format!("TRUSTED_PROXIES=10.0.0.0/8, ::1\nSECRET_KEY={KEY}$canary\nRATE_LIMITS=off\nBCRYPT_COST=5\n");
    std::fs::write(folder.join(".env"), file).expect("it can be written");
    let node = Node::start_logging(&folder, &[("HOST", "[::1]"), ("RUST_LOG", "info")]).await;
    assert!(node.address.starts_with("[::1]:"), "{}", node.address);
    Api::new(&node.url).account("mina").await;
    // A service manager's reload: there is nothing to read again, and nothing happens.
    node.signal(Signal::HUP);
    Api::new(&node.url).account("june").await;
    node.stop().await;
    let log = std::fs::read_to_string(folder.join("log")).expect("a log");
    for says in ["TRUSTED_PROXIES=10.0.0.0/8, ::1", "SECRET_KEY (set)", "BCRYPT_COST=", "HOST=[::1]", "\"version\""] {
        let line = log.lines().find(|line| line.contains("\"starting\"")).expect("it says that it starts");
        assert!(line.contains(says), "{says}: {line}");
    }
    assert!(log.contains("did you mean RATE_LIMIT?") && log.contains("SIGHUP"), "{log}");
    assert!(!log.contains("canary"), "{log}");
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
