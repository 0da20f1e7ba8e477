//! `madang load` over TLS: whom it trusts, and what it says of a certificate that it does not take.

use super::load::{refusal, report, text, tool, violated};
use super::node::{Node, furnished_folder};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::path::Path;

/// A CA, and what it needs to sign.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("it can be made");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("it signs itself");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Puts a certificate for `localhost` and its key into the folder.
    fn certify(&self, folder: &Path) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("it can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        write(folder, "cert.pem", &certificate.pem());
        write(folder, "key.pem", &key.serialize_pem());
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("it can be written");
}

async fn node(folder: &Path) -> Node {
    let files = ["cert.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
    Node::start_with(folder, &[("TLS_CERT", &files[0]), ("TLS_KEY", &files[1])]).await
}

fn port(node: &Node) -> &str {
    node.address.rsplit(':').next().expect("a port")
}

#[tokio::test(flavor = "current_thread")]
async fn calls_and_sockets_go_over_tls_to_who_is_trusted() {
    let folder = furnished_folder();
    let authority = Authority::new("ours");
    authority.certify(&folder);
    write(&folder, "ca.pem", &authority.certificate.pem());
    let node = node(&folder).await;
    for scenario in [
        "fanout --sockets 20 --senders 2 --bytes 4000 --duration 1s",
        "resume --sockets 10 --cuts 2 --duration 3s",
        "rest --connections 4 --duration 1s",
        "connect --sockets 50 --duration 1s",
    ] {
        let words = format!("{scenario} --ca ca.pem --url https://localhost:{}", port(&node));
        let output = tool(&folder, &words).output().await.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{scenario}: {}", text(&output));
        let report = report(&folder);
        assert!(violated(&report).is_empty() && report["end"]["how"] == "completed", "{report}");
    }
    // Whom the system trusts, where nobody is named.
    let words = format!("fanout --sockets 3 --duration 1s --url https://localhost:{}", port(&node));
    let output = tool(&folder, &words).env("SSL_CERT_FILE", folder.join("ca.pem")).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_certificate_that_is_not_taken_is_explained() {
    let folder = furnished_folder();
    let (authority, renewed, other) = (Authority::new("ours"), Authority::new("ours"), Authority::new("other"));
    authority.certify(&folder);
    write(&folder, "ca.pem", &authority.certificate.pem());
    write(&folder, "other.pem", &other.certificate.pem());
    write(&folder, "renewed.pem", &renewed.certificate.pem());
    write(&folder, "empty.pem", "");
    let node = node(&folder).await;
    let port = port(&node);
    for (words, says) in [
        (format!("--url https://localhost:{port} --ca other.pem"), "somebody whom other.pem does not name"),
        (format!("--url https://localhost:{port} --ca renewed.pem"), "somebody whom renewed.pem does not name"),
        (format!("--url https://localhost:{port}"), "somebody whom this system does not name"),
        (format!("--url https://localhost:{port}"), "with --ca FILE"),
        (format!("--url https://127.0.0.1:{port} --ca ca.pem"), "is only valid for"),
        (format!("--url http://127.0.0.1:{port}"), "then it is https://"),
        (format!("--url http://127.0.0.1:{port} --ca ca.pem"), "--ca is for TLS; write it as https://"),
        (format!("--url https://localhost:{port} --ca none.pem"), "--ca none.pem: "),
        (format!("--url https://localhost:{port} --ca empty.pem"), "there is no certificate in it"),
        (format!("--url wss://localhost:{port}"), "write it as https://"),
        ("--self --ca ca.pem".to_owned(), "cannot be used with"),
    ] {
        let said = refusal(&folder, &format!("fanout --sockets 3 {words}")).await;
        assert!(said.contains(says), "{words}: {said}");
    }
    let mut nobody = tool(&folder, &format!("fanout --sockets 3 --url https://localhost:{port}"));
    let nobody = nobody.env("SSL_CERT_FILE", folder.join("none.pem")).env("SSL_CERT_DIR", folder.join("none"));
    let output = nobody.output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("this system names nobody who may sign a certificate"), "{}", text(&output));
    node.stop().await;

    // What `openssl req -x509` makes, if nobody tells it otherwise.
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("it can be made");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    write(&folder, "cert.pem", &params.self_signed(&key).expect("it signs itself").pem());
    write(&folder, "key.pem", &key.serialize_pem());
    let node = self::node(&folder).await;
    let words = format!("fanout --sockets 3 --ca cert.pem --url https://localhost:{}", self::port(&node));
    let said = refusal(&folder, &words).await;
    assert!(said.contains("shows a CA's own certificate"), "{said}");
    node.stop().await;

    let plain = Node::start(&folder).await;
    let words = format!("fanout --sockets 3 --ca ca.pem --url https://localhost:{}", self::port(&plain));
    let said = refusal(&folder, &words).await;
    assert!(said.contains("does not speak TLS there; is it http://?"), "{said}");
    plain.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
