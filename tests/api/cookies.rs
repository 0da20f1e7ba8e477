//! Logins whose refresh token is in a cookie: what is set, what counts, who may, and that nothing else goes by it.

use crate::support::endpoints::{ENDPOINTS, Who};
use crate::support::raw::HANDSHAKE;
use crate::support::{Answer, By, Method, PASSWORD, TestApp, User, Value, json, keys, spawn_app, spawn_app_with};
use crate::tokens::claims;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const EMPTY: &str = "madang_refresh=; HttpOnly; SameSite=Strict; Max-Age=0";

/// What an answer tells the browser to keep, if it does.
fn cookie(answer: &Answer) -> Option<&str> {
    let lines: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert!(lines.len() <= 1, "{answer:?}");
    lines.first().map(|line| line.to_str().expect("text"))
}

/// As the browser sends it.
fn kept(answer: &Answer) -> String {
    cookie(answer).and_then(|line| line.split(';').next()).unwrap_or_else(|| panic!("no cookie: {answer:?}")).to_owned()
}

async fn send(app: &TestApp, path: &str, by: By<'_>, headers: &[(&str, &str)], body: Value) -> Answer {
    let call = app.call(Method::POST, path, by, |call| {
        headers.iter().fold(call, |call, (name, value)| call.header(*name, *value)).json(&body)
    });
    call.await
}

async fn log_in_with(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    let body = json!({ "username": "mina", "password": PASSWORD, "cookie": true });
    send(app, "/auth/login", By::Nobody, headers, body).await
}

async fn refresh_with(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    send(app, "/auth/refresh", By::Nobody, headers, json!({ "cookie": true })).await
}

async fn refresh(app: &TestApp, cookie: &str) -> Answer {
    refresh_with(app, &[SAME, ("cookie", cookie)]).await
}

/// Who has got an answer with a token.
fn user(mina: &User, answer: &Answer) -> User {
    User { id: mina.id, token: answer.is(200)["access_token"].as_str().expect("a token").to_owned() }
}

/// More than a used refresh token's grace.
async fn a_while_later(app: &TestApp) {
    app.sql("update auth_sessions set last_used_at = last_used_at - interval '31 seconds'").await;
}

/// Whoever reads all bodies, as a script does that has got into the page, finds no refresh token.
fn shows_none(answer: &Answer) {
    assert_eq!(keys(&answer.is(200)), ["access_token", "expires_in", "token_type"], "{answer:?}");
    assert!(!answer.text.contains("madang_refresh"), "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let line = cookie(answer).expect("a cookie");
    let (value, attributes) = line.split_once("; ").expect("attributes");
    let token = value.strip_prefix("madang_refresh=madang_refresh_").expect("a token");
    assert!(token.len() == 96 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
    // No path and no domain: it goes back to this host, and there to the folder of the call alone.
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Max-Age=86400", "{line}");
}

#[tokio::test]
async fn a_login_puts_the_refresh_token_where_no_script_reads_it() {
    const PARTS: &str = "multipart/form-data; boundary=x";
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let part =
        |name: &str, value: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let parts = part("username", "mina") + &part("password", PASSWORD) + &part("cookie", "true") + "--x--\r\n";
    let form = "username=mina&password=correct+horse+battery&cookie=";
    for (kind, body) in [
        ("application/json", json!({ "username": "mina", "password": PASSWORD, "cookie": true }).to_string()),
        ("application/json", json!({ "username": "mina", "password": PASSWORD, "cookie": "true" }).to_string()),
        ("application/x-www-form-urlencoded", format!("{form}true")),
        ("application/x-www-form-urlencoded", format!("{form}on")),
        (PARTS, parts),
    ] {
        let call = app.call(Method::POST, "/auth/login", By::Nobody, |call| {
            call.header(SAME.0, SAME.1).header("content-type", kind).body(body.clone())
        });
        let answer = call.await;
        shows_none(&answer);
        app.get("/users/me", &user(&mina, &answer)).await.is(200);
    }
    let wrong = [
        (json!("maybe"), "bool_parsing"),
        (json!(""), "bool_parsing"),
        (json!(1), "bool_type"),
        (json!([true]), "bool_type"),
    ];
    for (said, kind) in wrong {
        let body = json!({ "username": "mina", "password": PASSWORD, "cookie": said });
        let refused = send(&app, "/auth/login", By::Nobody, &[SAME], body).await;
        refused.rejects(&[(json!(["body", "cookie"]), kind)]);
    }
    // Who does not ask for it has what there always was, whatever the browser sends along.
    for choice in [json!(false), json!(null), json!("false")] {
        let body = json!({ "username": "mina", "password": PASSWORD, "cookie": choice });
        let answer = send(&app, "/auth/login", By::Nobody, &[("cookie", "madang_refresh=x")], body).await;
        assert_eq!(keys(&answer.is(200)), ["access_token", "expires_in", "refresh_token", "token_type"]);
        assert_eq!(cookie(&answer), None);
    }
}

#[tokio::test]
async fn a_refresh_by_cookie_puts_the_next_one_there() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let login = log_in_with(&app, &[SAME]).await;
    let second = refresh(&app, &format!("theme=dark; {}; other=1", kept(&login))).await;
    let third = refresh(&app, &kept(&second)).await;
    let cookies: Vec<String> =
        [&login, &second, &third].into_iter().inspect(|answer| shows_none(answer)).map(kept).collect();
    assert!(cookies[0] != cookies[1] && cookies[1] != cookies[2], "each is good for one use");
    let sessions = [&login, &second, &third].map(|answer| claims(&user(&mina, answer).token)["sid"].clone());
    assert!(sessions[0].is_string() && sessions.iter().all(|session| *session == sessions[0]), "{sessions:?}");
    app.get("/users/me", &user(&mina, &third)).await.is(200);
    // With a slash behind the call it is read all the same.
    send(&app, "/auth/refresh/", By::Nobody, &[SAME, ("cookie", &cookies[2])], json!({ "cookie": true })).await.is(200);
}

/// Two tabs, or one whose answer was lost.
#[tokio::test]
async fn many_who_use_one_cookie_at_once_get_the_same_next_one() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let first = kept(&log_in_with(&app, &[SAME]).await);
    let all = futures_util::future::join_all((0..8).map(|_| refresh(&app, &first))).await;
    let next: Vec<String> = all.iter().map(kept).collect();
    assert!(next.iter().all(|cookie| *cookie == next[0] && *cookie != first), "{next:?}");
    for answer in &all {
        app.get("/users/me", &user(&mina, answer)).await.is(200);
    }
    refresh(&app, &next[0]).await.is(200);
}

#[tokio::test]
async fn a_cookie_that_is_used_again_later_ends_its_login_and_is_taken_away() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let stolen = log_in_with(&app, &[SAME]).await;
    let thief = refresh(&app, &kept(&stolen)).await;
    a_while_later(&app).await;
    let refused = refresh(&app, &kept(&stolen)).await;
    refused.refuses(401, "refresh_token_reused");
    assert_eq!(cookie(&refused), Some(EMPTY));
    app.get("/users/me", &user(&mina, &thief)).await.refuses(401, "token_revoked");
    let refused = refresh(&app, &kept(&thief)).await;
    refused.refuses(401, "invalid_refresh_token");
    assert_eq!(cookie(&refused), Some(EMPTY));
    app.get("/users/me", &mina).await.is(200);
}

#[tokio::test]
async fn what_is_no_good_cookie_is_told_apart_and_taken_away() {
    let app = spawn_app().await;
    app.register("mina").await;
    for headers in [&[SAME][..], &[SAME, ("cookie", "other=1; madang_refresh_=x")]] {
        let refused = refresh_with(&app, headers).await;
        refused.refuses(401, "refresh_token_missing");
        assert_eq!(cookie(&refused), None, "there is none to take away");
    }
    for bad in ["madang_refresh=", "madang_refresh=x", &format!("madang_refresh=madang_refresh_{}", "0".repeat(96))] {
        let refused = refresh(&app, bad).await;
        refused.refuses(401, "invalid_refresh_token");
        assert_eq!(cookie(&refused), Some(EMPTY), "{bad}");
    }
    // A body says which of the two counts.
    let kept = kept(&log_in_with(&app, &[SAME]).await);
    let headers = [SAME, ("cookie", &*kept)];
    let token = kept.split_once('=').expect("a cookie").1;
    for (body, kind) in [
        (json!({}), "missing"),
        (json!({ "cookie": false }), "missing"),
        (json!({ "cookie": true, "refresh_token": token }), "value_error"),
    ] {
        let refused = send(&app, "/auth/refresh", By::Nobody, &headers, body).await;
        refused.rejects(&[(json!(["body", "refresh_token"]), kind)]);
        assert_eq!(cookie(&refused), None);
    }
    let body = app.login("mina", PASSWORD).await.is(200);
    let sent = json!({ "refresh_token": body["refresh_token"] });
    let answer = send(&app, "/auth/refresh", By::Nobody, &headers, sent).await;
    assert!(answer.is(200)["refresh_token"].is_string() && cookie(&answer).is_none(), "{answer:?}");
    refresh(&app, &kept).await.is(200);
}

/// It may be good, and is not given up for a fault of the node.
#[tokio::test]
async fn a_refresh_that_cannot_be_answered_takes_no_cookie_away() {
    let app = spawn_app().await;
    app.register("mina").await;
    let kept = kept(&log_in_with(&app, &[SAME]).await);
    app.sql("alter table auth_sessions rename to away").await;
    let failed = refresh(&app, &kept).await;
    assert!(failed.status >= 500 && cookie(&failed).is_none(), "{failed:?}");
    app.sql("alter table away rename to auth_sessions").await;
    refresh(&app, &kept).await.is(200);
}

#[tokio::test]
async fn the_cookie_is_for_pages_of_the_same_origin_and_for_what_is_no_browser() {
    let page = "https://app.example.com";
    let app = spawn_app_with(|config| config.cors_origins = page.parse().expect("an origin")).await;
    app.register("mina").await;
    let own = format!("http://{}", app.address);
    let mut kept = kept(&log_in_with(&app, &[]).await);
    let sessions = app.count("select count(*) from auth_sessions").await;
    for from in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", page)],
        &[("origin", "https://evil.example")],
        &[("origin", page)],
        &[("origin", "null")],
    ] {
        let refused = log_in_with(&app, from).await;
        refused.refuses(403, "origin_not_allowed");
        assert_eq!(cookie(&refused), None, "nobody is logged in as somebody else: {from:?}");
        let refused = refresh_with(&app, &[from, &[("cookie", &*kept)]].concat()).await;
        refused.refuses(403, "origin_not_allowed");
        assert_eq!(cookie(&refused), None, "{from:?}");
    }
    assert_eq!(app.count("select count(*) from auth_sessions").await, sessions);
    a_while_later(&app).await;
    for from in [&[SAME][..], &[SAME, ("origin", &own)], &[("origin", &own)], &[]] {
        let answer = refresh_with(&app, &[from, &[("cookie", &*kept)]].concat()).await;
        shows_none(&answer);
        kept = self::kept(&answer);
    }
    // Who brings the token itself may come from anywhere, as before.
    let body = json!({ "username": "mina", "password": PASSWORD });
    send(&app, "/auth/login", By::Nobody, &[("sec-fetch-site", "cross-site")], body).await.is(200);
}

#[tokio::test]
async fn a_logout_takes_the_cookie_of_its_own_login_away() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let (here, other) = (log_in_with(&app, &[SAME]).await, log_in_with(&app, &[SAME]).await);
    let log_out = async |user: &User, headers: &[(&str, &str)]| {
        let answer = send(&app, "/auth/logout", By::User(user), headers, json!({})).await;
        answer.is(204);
        cookie(&answer).map(str::to_owned)
    };
    // A call beside the chat, with a login of its own.
    assert_eq!(log_out(&mina, &[SAME, ("cookie", &kept(&here))]).await, None);
    let there = refresh(&app, &kept(&here)).await;
    assert_eq!(log_out(&user(&mina, &other), &[]).await, None, "there was none");
    assert_eq!(log_out(&user(&mina, &there), &[SAME, ("cookie", &kept(&there))]).await.as_deref(), Some(EMPTY));
    for gone in [&there, &other] {
        let refused = refresh(&app, &kept(gone)).await;
        refused.refuses(401, "invalid_refresh_token");
        assert_eq!(cookie(&refused), Some(EMPTY));
    }
    assert_eq!(app.count("select count(*) from auth_sessions").await, 0);
}

#[tokio::test]
async fn it_is_for_tls_alone_where_clients_come_by_tls() {
    let trusting = spawn_app_with(|config| config.trusted_proxies = "127.0.0.1".parse().expect("good")).await;
    let other = spawn_app().await;
    for (app, scheme, is_secure) in
        [(&trusting, "https", true), (&trusting, "HTTPS", true), (&trusting, "http", false), (&other, "https", false)]
    {
        if app.count("select count(*) from users").await == 0 {
            app.register("mina").await;
        }
        let forwarded = ("x-forwarded-proto", scheme);
        let set = log_in_with(app, &[SAME, forwarded]).await;
        let next = refresh_with(app, &[SAME, forwarded, ("cookie", &kept(&set))]).await;
        let removed = refresh_with(app, &[SAME, forwarded, ("cookie", "madang_refresh=x")]).await;
        for answer in [&set, &next, &removed] {
            let line = cookie(answer).expect("a cookie");
            assert_eq!(line.ends_with("; Secure"), is_secure, "{scheme}: {line}");
        }
    }
}

/// Nothing is done in somebody's name because a browser sends a cookie: there is nothing to forge.
#[tokio::test]
async fn no_other_call_and_no_socket_takes_a_cookie_for_a_login() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let kept = kept(&log_in_with(&app, &[SAME]).await);
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == Who::Token) {
        let path = endpoint.path_of(mina.id, 1, 1);
        let call = app.call(endpoint.method.clone(), &path, By::Nobody, |call| {
            call.header("cookie", &kept).header(SAME.0, SAME.1).body(endpoint.body)
        });
        let refused = call.await;
        refused.refuses(401, "not_authenticated");
        assert_eq!(cookie(&refused), None);
    }
    let refused = app.refusal("GET /ws/1 HTTP/1.1", &format!("{HANDSHAKE}Cookie: {kept}\r\n")).await;
    refused.refuses(401, "not_authenticated");
    refresh(&app, &kept).await.is(200);
}
