//! What every path has in common: methods, slashes, limits, bad bodies, bad ids.

use crate::support::endpoints::{ENDPOINTS, Endpoint, Who, paths};
use crate::support::{Answer, By, Method, TestApp, User, Value, json, spawn_app};
use std::collections::HashSet;

const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];

async fn send(app: &TestApp, user: &User, method: Method, path: &str, body: Vec<u8>) -> Answer {
    app.call(method, path, user, |call| call.header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn a_path_that_names_nothing_is_not_found() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for path in ["/nothing", "/users", "/servers/1/nothing", "/servers/1/join/x", "//servers", "/ws"] {
        for by in [By::Nobody, By::User(&mina)] {
            app.get(path, by).await.refuses(404, "not_found");
        }
        app.delete(path, &mina).await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_gets_the_list_of_those_it_takes() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for (path, allowed) in paths() {
        for path in [path.clone(), Endpoint::twin(&path)] {
            for method in METHODS.iter().filter(|method| !allowed.contains(method)) {
                for by in [By::Nobody, By::User(&mina)] {
                    let answer = app.call(method.clone(), &path, by, |call| call).await;
                    answer.refuses(405, "method_not_allowed");
                    let listed: HashSet<_> = answer.header("allow").split(", ").collect();
                    let mut expected: HashSet<_> = allowed.iter().map(Method::as_str).collect();
                    if expected.contains("GET") {
                        expected.insert("HEAD");
                    }
                    assert_eq!(listed, expected, "{method} {path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn every_path_works_with_and_without_its_trailing_slash() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.said(channel, &mina, "hello").await;
    let banned = app.banned(server, &mina).await;
    app.role(&mina, server, json!({ "name": "Moderators" })).await;
    let mut slashed = Vec::new();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.is_final()) {
        let path = endpoint.path_of(if endpoint.is_about_bans() { banned } else { mina.id }, server, channel);
        let plain = send(&app, &mina, endpoint.method.clone(), &path, endpoint.body.into()).await;
        let twin = send(&app, &mina, endpoint.method.clone(), &Endpoint::twin(&path), endpoint.body.into()).await;
        assert_eq!(plain.status, twin.status, "{} {path}", endpoint.method);
        if plain.status < 300 && endpoint.method == Method::GET {
            assert_eq!(plain.text, twin.text, "{path}");
        }
        assert!(![404, 405].contains(&plain.status), "{plain:?}");
        slashed.push(path);
    }
    // A deletion works once: each spelling deletes one of its own.
    for ending in ["", "/"] {
        let channel = app.channel(&mina, server, "short-lived").await;
        app.delete(&format!("/channels/{channel}{ending}"), &mina).await.is(204);
        let server = app.server(&mina, "short-lived").await;
        app.delete(&format!("/servers/{server}{ending}"), &mina).await.is(204);
    }
    for path in ["/openapi.json", "/docs", "/redoc"] {
        let (plain, twin) = (app.get(path, By::Nobody).await, app.get(&format!("{path}/"), By::Nobody).await);
        assert_eq!((plain.status, &plain.text), (200, &twin.text), "{path}");
    }
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.said(channel, &mina, "hello").await;
    let banned = app.banned(server, &mina).await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.method == Method::GET) {
        let path = endpoint.path_of(if endpoint.is_about_bans() { banned } else { mina.id }, server, channel);
        let get = app.get(&path, &mina).await;
        let head = app.call(Method::HEAD, &path, &mina, |call| call).await;
        assert_eq!((get.status, head.status, head.text.as_str()), (200, 200, ""), "{path}");
        assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
        if endpoint.who == Who::Token {
            let unknown = app.call(Method::HEAD, &path, By::Nobody, |call| call).await;
            assert_eq!((unknown.status, unknown.text.as_str()), (401, ""), "{path}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_says_where_it_went_wrong() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.body.is_empty()) {
        let path = endpoint.path_of(mina.id, server, channel);
        // A ban needs no reason.
        let is_optional = endpoint.is_about_bans();
        for (body, loc, kind) in [
            ("", json!(["body"]), if is_optional { "" } else { "missing" }),
            ("{\"name\": ", json!(["body", 9]), "json_invalid"),
            ("{\n\"name\" 1}", json!(["body", 9]), "json_invalid"),
            ("{} {}", json!(["body", 3]), "json_invalid"),
            ("hello", json!(["body", 0]), "json_invalid"),
            ("[]", json!(["body"]), "model_attributes_type"),
            ("null", json!(["body"]), if is_optional { "" } else { "model_attributes_type" }),
            ("\"{}\"", json!(["body"]), "model_attributes_type"),
        ] {
            let answer = send(&app, &mina, endpoint.method.clone(), &path, body.into()).await;
            match kind {
                "" => answer.refuses(403, "outranked"),
                kind => answer.rejects(&[(loc, kind)]),
            }
        }
        let not_utf8 = send(&app, &mina, endpoint.method.clone(), &path, b"{\"name\": \"\xff\"}".to_vec()).await;
        not_utf8.refuses(422, "validation_error");
        let deep = format!("{{\"name\": {}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        send(&app, &mina, endpoint.method.clone(), &path, deep.into()).await.refuses(422, "validation_error");
    }
}

#[tokio::test]
async fn a_json_body_is_read_whatever_its_content_type_says() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for kind in ["text/plain", "application/vnd.api+json"] {
        let body = r#"{"name": "Courtyard"}"#;
        app.call(Method::POST, "/servers/", &mina, |call| call.header("content-type", kind).body(body)).await.is(201);
    }
    app.call(Method::POST, "/servers/", &mina, |call| call.body(r#"{"name": "Courtyard"}"#)).await.is(201);
}

#[tokio::test]
async fn a_body_over_its_limit_is_too_large_announced_or_not() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.body.is_empty()) {
        let body = format!("{{\"name\": \"{}\"}}", "x".repeat(64 * 1024));
        let answer = send(&app, &mina, endpoint.method.clone(), &endpoint.path_of(1, 1, 1), body.into()).await;
        answer.refuses(413, "body_too_large");
    }
    let form = format!("username=mina&password={}", "x".repeat(8 * 1024));
    let answer = app.call(Method::POST, "/auth/login", By::Nobody, |call| call.body(form)).await;
    answer.refuses(413, "body_too_large");

    let mut raw = app.raw().await;
    raw.send(b"POST /auth/register HTTP/1.1\r\nHost: madang\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let chunk = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
    for _ in 0..5 {
        raw.send(&chunk).await;
    }
    raw.answer("chunked").await.refuses(413, "body_too_large");
    // The largest that is allowed is read to its end.
    let body = format!("{{\"name\": \"Courtyard\", \"x\": \"{}\"}}", "x".repeat(64 * 1024 - 32));
    send(&app, &mina, Method::POST, "/servers/", body.into()).await.is(201);
}

#[tokio::test]
async fn a_form_where_json_is_wanted_is_told_so() {
    let app = spawn_app().await;
    let says = |kind: &'static str, body: &'static str| {
        let call = app
            .call(Method::POST, "/auth/register", By::Nobody, move |call| call.header("content-type", kind).body(body));
        async move {
            let answer = call.await;
            answer.refuses(422, "validation_error");
            assert_eq!(answer.json()["detail"][0]["type"], "json_invalid");
            answer.json()["detail"][0]["msg"].as_str().expect("a text").to_owned()
        }
    };
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let said = says(kind, "username=mina&password=x").await;
        assert!(said.starts_with("Send JSON; this call takes no form. "), "{said}");
        // As curl sends JSON with -d.
        let said = says(kind, r#"{"username": "#).await;
        assert!(said.starts_with("JSON decode error: "), "{said}");
    }
    let said = says("application/json", "username=mina").await;
    assert!(said.starts_with("JSON decode error: "), "{said}");
}

#[tokio::test]
async fn a_body_in_broken_chunks_is_told_of_them() {
    let app = spawn_app().await;
    for path in ["/auth/login", "/auth/register"] {
        let mut raw = app.raw().await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: madang\r\nTransfer-Encoding: chunked\r\n\r\n");
        raw.send(format!("{head}3\r\nabc\r\nzz\r\n").as_bytes()).await;
        let answer = raw.answer("broken chunks").await;
        answer.rejects(&[(json!(["body"]), "body_incomplete")]);
        assert_eq!(answer.json()["detail"][0]["msg"], "The body's chunks are malformed, or it ended too early");
    }
}

#[tokio::test]
async fn an_id_that_is_no_integer_is_named_and_one_out_of_range_is_not_found() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.path.contains('{')) {
        let (name, code) = match endpoint.path.split('/').nth(1) {
            Some("users") => ("user_id", "user_not_found"),
            Some("auth") => ("session_id", "session_not_found"),
            Some("servers") => ("server_id", "server_not_found"),
            _ => ("channel_id", "channel_not_found"),
        };
        let path = |id: &str| {
            let path = endpoint.path.replace(&format!("{{{name}}}"), id).replace("{emoji}", "%F0%9F%91%8D");
            path.replace("{message_id}", "1").replace("{user_id}", "1").replace("{role_id}", "1")
        };
        for id in ["abc", "1.5", "1e3", "%20", "0x1", "mina", "--1", "１"] {
            let answer = send(&app, &mina, endpoint.method.clone(), &path(id), endpoint.body.into()).await;
            answer.rejects(&[(json!(["path", name]), "int_parsing")]);
        }
        for id in ["0", "-1", "9007199254740993", "9223372036854775807", "9223372036854775808", "99999999999999999999"]
        {
            let answer = send(&app, &mina, endpoint.method.clone(), &path(id), endpoint.body.into()).await;
            answer.refuses(404, code);
        }
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let app = spawn_app().await;
    let mut ids = HashSet::new();
    for path in ["/healthz", "/healthz", "/users/me", "/nothing", "/docs", "/openapi.json", "/ws/1"] {
        assert!(ids.insert(app.get(path, By::Nobody).await.header("x-request-id").to_owned()), "{path}");
    }
}

#[tokio::test]
async fn who_is_unknown_learns_nothing_but_that() {
    let app = spawn_app().await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == Who::Token) {
        let bad =
            app.call(endpoint.method.clone(), &endpoint.path_of(7, 7, 7), By::Nobody, |call| call.body("}")).await;
        bad.refuses(401, "not_authenticated");
    }
    assert_eq!(app.get("/servers/x", By::Nobody).await.json()["code"], Value::from("not_authenticated"));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let app = spawn_app().await;
    for path in ["/auth/login", "/auth/register"] {
        let mut raw = app.raw().await;
        raw.send(format!("POST {path} HTTP/1.1\r\nHost: madang\r\nContent-Length: 20\r\n\r\nuser").as_bytes()).await;
        raw.answer(path).await.refuses(408, "request_too_slow");
    }
}
