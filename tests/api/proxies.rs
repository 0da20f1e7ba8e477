//! What proxies and old clients send, and what they need of an answer.

use crate::support::raw::HANDSHAKE;
use crate::support::{Answer, TestApp, json, spawn_app};

/// One request on a connection of its own: the answer, and whether the connection was closed behind it.
async fn only(app: &TestApp, request: &str) -> (Answer, Vec<u8>) {
    let mut raw = app.raw().await;
    raw.send(request.as_bytes()).await;
    let answer = raw.answer(request).await;
    (answer, raw.read_to_end().await)
}

/// Many a proxy sends it with every call. HTTP closes the connection then, and an answer that is closed upon has to say so.
#[tokio::test]
async fn a_call_that_asks_for_an_upgrade_and_gets_none_is_told_that_the_connection_closes() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let body = r#"{"name": "Courtyard"}"#;
    for upgrade in ["", "Upgrade: h2c\r\n"] {
        let request = format!(
            "POST /servers/ HTTP/1.1\r\nHost: m\r\nConnection: upgrade\r\n{upgrade}Authorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            mina.token,
            body.len()
        );
        let (answer, rest) = only(&app, &request).await;
        assert_eq!((answer.status, answer.header("connection"), rest), (201, "close", Vec::new()), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_of_unknown_length_has_no_chunks_in_http_1_0() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let path = "/users/me/export";
    for (version, connection) in [("1.0", "close"), ("1.0", "keep-alive"), ("1.1", "close")] {
        let request = format!(
            "GET {path} HTTP/{version}\r\nHost: m\r\nConnection: {connection}\r\nAuthorization: Bearer {}\r\n\r\n",
            mina.token
        );
        let (answer, body) = only(&app, &request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers.contains_key("transfer-encoding"), version == "1.1", "{answer:?}");
        if version == "1.0" {
            let export: serde_json::Value = serde_json::from_slice(&body).expect("nothing but JSON");
            assert_eq!(export["profile"]["username"], "mina");
        }
    }
}

/// Behind an answer to HTTP/1.0, too.
#[tokio::test]
async fn what_is_no_request_behind_one_of_an_older_version_is_refused_as_everything_is() {
    let app = spawn_app().await;
    for version in ["1.0", "1.1"] {
        let mut raw = app.raw().await;
        let request = format!("GET /healthz HTTP/{version}\r\nHost: m\r\nConnection: keep-alive\r\n\r\n");
        raw.send(request.as_bytes()).await;
        raw.answer("/healthz").await;
        raw.send(b"no header\r\n\r\n").await;
        let (refused, body) = raw.answer_with_body("garbage").await;
        assert_eq!(
            (refused.status, refused.headers.contains_key("x-request-id")),
            (400, true),
            "{version}: {refused:?}"
        );
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["code"], "malformed_request", "{version}");
    }
}

/// What HTTP itself refuses has the body and the id that everything has.
#[tokio::test]
async fn what_is_no_request_is_refused_as_everything_is() {
    let app = spawn_app().await;
    let many: String = (0..97).map(|number| format!("x-{number}: y\r\n")).collect();
    for (request, status, code) in [
        ("GET /healthz HTTP/1.1\r\nno header\r\n\r\n".to_owned(), 400, "malformed_request"),
        ("GET /healthz HTTP/2.7\r\nHost: m\r\n\r\n".to_owned(), 400, "malformed_request"),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n".to_owned(), 400, "malformed_request"),
        (
            "POST /servers/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef".to_owned(),
            400,
            "malformed_request",
        ),
        (format!("GET /healthz HTTP/1.1\r\n{many}\r\n"), 431, "head_too_large"),
    ] {
        let (answer, rest) = only(&app, &request).await;
        answer.refuses(status, code);
        assert!(!answer.header("x-request-id").is_empty() && rest.is_empty(), "{answer:?}");
        assert_eq!(answer.header("connection"), "close");
        // Behind a good call on the same connection, too.
        let mut raw = app.raw().await;
        raw.send(format!("GET /healthz HTTP/1.1\r\nHost: m\r\n\r\n{request}").as_bytes()).await;
        assert_eq!(raw.answer("GET /healthz").await.is(200), json!({ "status": "ok" }));
        raw.answer(&request).await.refuses(status, code);
    }
}

/// A list may come in several lines (RFC 9110, section 5.3).
#[tokio::test]
async fn headers_that_are_lists_may_come_in_several_lines() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let lines = "Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n";
    let rest = HANDSHAKE.split_once("Sec-WebSocket-Version").expect("it is in it").1;
    let protocol = format!("Sec-WebSocket-Protocol: bearer\r\nSec-WebSocket-Protocol: {}\r\n", mina.token);
    let mut raw = app.raw().await;
    let head = format!("GET /ws/{channel} HTTP/1.1\r\nHost: m\r\n{lines}Sec-WebSocket-Version{rest}{protocol}\r\n");
    raw.send(head.as_bytes()).await;
    let answer = raw.answer("handshake").await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, "bearer"), "{answer:?}");
}
