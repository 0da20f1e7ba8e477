//! What web pages may do, and what the answers tell browsers.

use crate::support::raw::HANDSHAKE;
use crate::support::{Answer, By, Method, TestApp, json, spawn_app, spawn_app_with};

const PAGE: &str = "https://chat.example.com";

async fn with_origins() -> TestApp {
    spawn_app_with(|config| config.cors_origins = format!("{PAGE}, http://localhost:5173").parse().expect("origins"))
        .await
}

async fn from(app: &TestApp, method: Method, path: &str, origin: &str, by: By<'_>) -> Answer {
    app.call(method, path, by, |call| call.header("origin", origin)).await
}

async fn preflight(app: &TestApp, origin: &str, method: &str, headers: &str) -> Answer {
    app.call(Method::OPTIONS, "/servers/1", By::Nobody, |call| {
        call.header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers)
    })
    .await
}

#[tokio::test]
async fn pages_of_the_named_origins_may_call_and_no_others() {
    let app = with_origins().await;
    let mina = app.register("mina").await;
    for origin in [PAGE, "http://localhost:5173"] {
        let answer = from(&app, Method::GET, "/users/me", origin, By::User(&mina)).await;
        answer.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert!(answer.header("access-control-expose-headers").contains("x-request-id"), "{answer:?}");
        assert!(answer.headers.get("access-control-allow-credentials").is_none());
        let refused = from(&app, Method::GET, "/users/me", origin, By::Nobody).await;
        assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, origin));
        let asked = preflight(&app, origin, "DELETE", "authorization,content-type,idempotency-key").await;
        assert_eq!((asked.status, asked.header("access-control-allow-origin")), (200, origin));
        for method in ["DELETE", "PATCH"] {
            assert!(asked.header("access-control-allow-methods").contains(method));
        }
    }
    for origin in ["https://evil.example", "https://chat.example.com.evil.example", "http://chat.example.com", "null"] {
        let answer = from(&app, Method::GET, "/users/me", origin, By::User(&mina)).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{origin}: {answer:?}");
        let asked = preflight(&app, origin, "GET", "authorization").await;
        assert!(asked.headers.get("access-control-allow-origin").is_none(), "{origin}: {asked:?}");
    }
    preflight(&app, PAGE, "GET", "x-anything").await.refuses(403, "header_not_allowed");
    preflight(&app, PAGE, "TRACE", "authorization").await.refuses(403, "method_not_allowed");
    preflight(&app, "https://evil.example", "GET", "authorization").await.refuses(403, "origin_not_allowed");
    // Nobody is named: no page may read anything.
    let app = spawn_app().await;
    let answer = from(&app, Method::GET, "/healthz", PAGE, By::Nobody).await;
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{answer:?}");
}

#[tokio::test]
async fn apps_and_further_headers_can_be_allowed() {
    let app = spawn_app_with(|config| {
        config.cors_origins =
            "tauri://localhost, capacitor://localhost, chrome-extension://abcdef".parse().expect("good");
        config.cors_headers = ["traceparent", "x-requested-with"].map(|name| name.parse().expect("a name")).into();
    })
    .await;
    let mina = app.register("mina").await;
    for origin in ["tauri://localhost", "capacitor://localhost", "chrome-extension://abcdef"] {
        let answer = from(&app, Method::GET, "/users/me", origin, By::User(&mina)).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        let asked = preflight(&app, origin, "GET", "authorization,traceparent,x-requested-with").await;
        assert_eq!(asked.status, 200, "{asked:?}");
        let path = format!("/gateway?token={}", mina.token);
        app.socket_at(&path, &[("origin", origin.to_owned())]).await.0.close().await;
    }
    let other = from(&app, Method::GET, "/users/me", "tauri://elsewhere", By::User(&mina)).await;
    assert!(other.headers.get("access-control-allow-origin").is_none());
    // As load tools send it.
    let line = format!("GET /gateway?token={} HTTP/1.1", mina.token);
    let refused = app.refusal(&line, &format!("{HANDSHAKE}Origin: 127.0.0.1\r\n")).await;
    refused.refuses(403, "origin_not_allowed");
    assert!(refused.text.contains("leave it out"), "{refused:?}");
}

#[tokio::test]
async fn sockets_are_opened_by_pages_of_the_same_place_or_of_the_named_origins_and_by_what_is_no_browser() {
    let app = with_origins().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let own = format!("http://{}", app.address);
    for path in [format!("/ws/{channel}"), "/gateway".to_owned()] {
        let line = format!("GET {path}?token={} HTTP/1.1", mina.token);
        for origin in
            ["https://evil.example", "null", "", "http://chat.example.com", "https://chat.example.com.evil.example"]
        {
            let refused = app.refusal(&line, &format!("{HANDSHAKE}Origin: {origin}\r\n")).await;
            refused.refuses(403, "origin_not_allowed");
            assert_eq!(refused.header("x-content-type-options"), "nosniff");
        }
        for origin in [PAGE, "http://localhost:5173", &own] {
            let headers = [("origin", origin.to_owned()), ("authorization", format!("Bearer {}", mina.token))];
            app.socket_at(&path, &headers).await.0.close().await;
        }
    }
    app.socket(channel, &mina).await.say_and_hear("no origin").await;
}

#[tokio::test]
async fn every_answer_tells_browsers_to_take_it_for_what_it_is_and_the_pages_what_they_may_load() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for (path, by) in [
        ("/users/me", By::User(&mina)),
        ("/users/me", By::Nobody),
        ("/nowhere", By::Nobody),
        ("/openapi.json", By::Nobody),
        ("/healthz", By::Nobody),
    ] {
        let answer = app.get(path, by).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
    for (path, script) in [("/docs", "script-src 'self'"), ("/redoc", "script-src 'self'")] {
        let page = app.get(path, By::Nobody).await;
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains(script)
                && policy.contains("frame-ancestors 'none'")
                && policy.starts_with("default-src 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("'unsafe-eval'") && !policy.contains("script-src 'unsafe-inline'"), "{policy}");
        assert!(!page.text.contains("<script>"), "no script stands in the page itself");
    }
}

#[tokio::test]
async fn a_ticket_opens_one_socket_and_nothing_else() {
    let mut app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let answer = app.post("/auth/ws-ticket", &mina, json!({})).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.is(200);
    assert_eq!(body["expires_in"], 30);
    let ticket = body["ticket"].as_str().expect("a ticket");
    app.get("/users/me", By::Header(&format!("Bearer {ticket}"))).await.refuses(401, "invalid_token");
    let path = format!("/ws/{channel}?ticket={ticket}");
    let mut socket = app.socket_at(&path, &[]).await.0;
    socket.say_and_hear("by ticket").await;
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        app.refusal(&format!("GET {path} HTTP/1.1"), HANDSHAKE).await.refuses(401, "invalid_ticket");
        let gateway = format!("GET /gateway?ticket={ticket} HTTP/1.1");
        app.refusal(&gateway, HANDSHAKE).await.refuses(401, "invalid_ticket");
    }
    for bad in ["x", "", &mina.token] {
        let line = format!("GET /ws/{channel}?ticket={bad} HTTP/1.1");
        app.refusal(&line, HANDSHAKE).await.refuses(401, "invalid_ticket");
    }
    let ticket = async |app: &TestApp| {
        app.post("/auth/ws-ticket", &mina, json!({})).await.is(200)["ticket"].as_str().expect("one").to_owned()
    };
    app.socket_at(&format!("/gateway?ticket={}", ticket(&app).await), &[]).await.0.next_of("ready").await;
    // It ends with its login, as the token does.
    let late = ticket(&app).await;
    app.post("/auth/logout", &mina, json!({})).await.is(204);
    app.refusal(&format!("GET /ws/{channel}?ticket={late} HTTP/1.1"), HANDSHAKE).await.refuses(401, "token_revoked");
}

#[tokio::test]
async fn easily_guessed_passwords_are_refused_where_the_operator_says_so() {
    let app = spawn_app_with(|config| config.strict_passwords = true).await;
    let new = |password: &str| json!({ "username": "mina", "email": "mina@example.com", "password": password });
    for weak in ["password", "12345678", "mina@example.com"] {
        let refused = app.post("/auth/register", By::Nobody, new(weak)).await;
        refused.rejects(&[(json!(["body", "password"]), "password_too_weak")]);
    }
    let mina = app.register("mina").await;
    let refused = app.put("/users/me", &mina, json!({ "password": "password1" })).await;
    refused.rejects(&[(json!(["body", "password"]), "password_too_weak")]);
    app.put("/users/me", &mina, json!({ "password": "a better horse battery" })).await.is(200);
}
