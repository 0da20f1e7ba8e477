//! The opening handshake of a channel's socket, and its refusals as HTTP answers.

use crate::support::raw::{HANDSHAKE, masked};
use crate::support::{By, TestApp, User, json, spawn_app};

async fn member(app: &TestApp) -> (User, i64) {
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    (mina, channel)
}

#[tokio::test]
async fn a_token_opens_a_socket_in_the_query_the_header_or_the_subprotocol() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let path = format!("/ws/{channel}");
    let bearer = ("authorization", format!("Bearer {}", mina.token));
    let pair = ("sec-websocket-protocol", format!("bearer, {}", mina.token));
    for (path, headers) in [
        (format!("{path}?token={}", mina.token), vec![]),
        (format!("{path}/?x=1&token={}", mina.token), vec![]),
        (path.clone(), vec![bearer]),
        (path.clone(), vec![pair]),
    ] {
        let (mut socket, response) = app.socket_at(&path, &headers).await;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let asked = headers.iter().any(|(name, _)| *name == "sec-websocket-protocol");
        assert_eq!(header("sec-websocket-protocol"), asked.then_some("bearer"), "{path}");
        assert!(header("x-request-id").is_some_and(|id| id.len() >= 16));
        assert!(!response.headers().values().any(|value| value.as_bytes().ends_with(mina.token.as_bytes())));
        socket.say_and_hear("hello").await;
        socket.close().await;
    }
}

#[tokio::test]
async fn only_members_of_a_channel_that_exists_get_a_socket() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let jun = app.register("jun").await;
    let ask = |id: String, token: String| {
        let line = format!("GET /ws/{id}?token={token} HTTP/1.1");
        let app = &app;
        async move { app.refusal(&line, HANDSHAKE).await }
    };
    ask(channel.to_string(), jun.token.clone()).await.refuses(403, "not_a_member");
    for id in ["0", "-1", "999999", "9223372036854775807", "9223372036854775808"] {
        ask(id.into(), mina.token.clone()).await.refuses(404, "channel_not_found");
    }
    for id in ["general", "1.5", "%31"] {
        ask(id.into(), mina.token.clone()).await.rejects(&[(json!(["path", "channel_id"]), "int_parsing")]);
    }
    app.socket(channel, &mina).await.say_and_hear("hello").await;
}

#[tokio::test]
async fn what_was_answered_before_a_refused_handshake_is_not_lost() {
    let app = spawn_app().await;
    let mut raw = app.raw().await;
    let requests = format!("GET /healthz HTTP/1.1\r\nHost: m\r\n\r\nGET /ws/1 HTTP/1.1\r\nHost: m\r\n{HANDSHAKE}\r\n");
    raw.send(requests.as_bytes()).await;
    assert_eq!(raw.answer("the first").await.status, 200);
    raw.answer("the second").await.refuses(401, "not_authenticated");
}

#[tokio::test]
async fn other_paths_and_methods_have_no_socket() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let token = &mina.token;
    for path in ["/", "/ws", "/ws/", "/ws/1/2", "/users/me", "/docs", "/nothing", "/ws/echo"] {
        let answer = app.refusal(&format!("GET {path}?token={token} HTTP/1.1"), HANDSHAKE).await;
        assert!([404, 422].contains(&answer.status), "{path}: {answer:?}");
        if path != "/ws/echo" {
            answer.refuses(404, "not_found");
        }
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"] {
        let answer = app.refusal(&format!("{method} /ws/{channel}?token={token} HTTP/1.1"), HANDSHAKE).await;
        assert_eq!((answer.status, answer.header("allow").contains("GET")), (405, true), "{answer:?}");
    }
    for target in ["madang:80", "example.com:443"] {
        let answer = app.refusal(&format!("CONNECT {target} HTTP/1.1"), "").await;
        assert!([404, 405].contains(&answer.status), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_no_handshake_is_told_what_to_send() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let plain = app.get(&format!("/ws/{channel}?token={}", mina.token), By::Nobody).await;
    plain.refuses(426, "upgrade_required");
    assert_eq!(plain.header("upgrade").to_lowercase(), "websocket");
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for headers in [
        format!("{upgrade}{key}"),
        format!("{upgrade}{key}Sec-WebSocket-Version: 8\r\n"),
        format!("{upgrade}{version}"),
    ] {
        let line = format!("GET /ws/{channel}?token={} HTTP/1.1", mina.token);
        let answer = app.refusal(&line, &headers).await;
        assert!([400, 426].contains(&answer.status), "{headers} {answer:?}");
        if answer.status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), "13");
        }
    }
}

/// RFC 6455, section 4.2.1: the key is 16 bytes in base64.
#[tokio::test]
async fn a_key_that_is_not_sixteen_bytes_is_refused() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    for key in ["x", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSBsb25n", "!!!!!!!!!!!!!!!!!!!!!!=="] {
        let headers = HANDSHAKE.replace("dGhlIHNhbXBsZSBub25jZQ==", key);
        let line = format!("GET /ws/{channel}?token={} HTTP/1.1", mina.token);
        let mut raw = app.raw().await;
        raw.send(format!("{line}\r\nHost: madang\r\n{headers}\r\n").as_bytes()).await;
        let status = raw.answer(&line).await.status;
        assert!([400, 426].contains(&status), "{key}: {status}");
    }
}

/// RFC 6455, section 1.3, has this key and its answer.
#[tokio::test]
async fn the_handshake_is_answered_as_the_rfc_shows_it() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut raw = app.raw().await;
    let request = format!("GET /ws/{channel}?token={} HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n", mina.token);
    raw.send(request.as_bytes()).await;
    let answer = raw.answer("handshake").await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_heard() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut raw = app.raw().await;
    let request = format!("GET /ws/{channel}?token={} HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n", mina.token);
    raw.send(&[request.into_bytes(), masked(0x81, br#"{"content": "hi"}"#)].concat()).await;
    assert_eq!(raw.answer("handshake").await.status, 101);
    assert_eq!(raw.event().await["content"], "hi");
}

#[tokio::test]
async fn calls_that_were_sent_before_a_handshake_are_answered_before_it() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut raw = app.raw().await;
    let call = "GET /healthz HTTP/1.1\r\nHost: madang\r\n\r\n";
    let handshake = format!("GET /ws/{channel}?token={} HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n", mina.token);
    raw.send(format!("{call}{call}{handshake}").as_bytes()).await;
    for status in [200, 200, 101] {
        assert_eq!(raw.answer("in a row").await.status, status);
    }
    raw.send_frame(0x81, br#"{"content": "hi"}"#).await;
    assert_eq!(raw.event().await["content"], "hi");
}
