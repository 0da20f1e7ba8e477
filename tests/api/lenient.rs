//! Input that FastAPI takes, and that clients of the Python service therefore send.

use crate::support::{Answer, By, Method, PASSWORD, TestApp, json, spawn_app};

async fn log_in(app: &TestApp, kind: &'static str, body: String) -> Answer {
    let call = app.call(Method::POST, "/auth/login", By::Nobody, |call| call.header("content-type", kind).body(body));
    call.await
}

#[tokio::test]
async fn numbers_may_be_texts_and_have_zeros_behind_the_point() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    for server_id in [json!(format!("{server}")), json!(format!(" {server}.0 ")), json!(server as f64)] {
        app.post("/channels/", &mina, json!({ "name": "general", "server_id": server_id })).await.is(201);
    }
    for (server_id, kind) in [(json!("one"), "int_parsing"), (json!(1.5), "int_from_float"), (json!(true), "int_type")]
    {
        let refused = app.post("/channels/", &mina, json!({ "name": "general", "server_id": server_id })).await;
        refused.refuses(422, "validation_error");
        assert_eq!(refused.json()["detail"][0]["type"], kind, "{refused:?}");
    }
    let channel = app.count("select min(id) from channels").await;
    let said = app.say(channel, &mina, json!({ "content": "hi" })).await.is(201)["id"].clone();
    app.say(channel, &mina, json!({ "content": "yes", "reply_to": said.to_string() })).await.is(201);
    for query in ["limit=10.0", "limit=%2010", "limit=%2B10&offset=0.0"] {
        let page = app.get(&format!("/channels/{channel}/messages?{query}"), &mina).await.is(200);
        assert_eq!(page.as_array().expect("a list").len(), 2);
    }
    app.get(&format!("/channels/{channel}/messages?limit=1.5"), &mina).await.refuses(422, "validation_error");
    app.get(&format!("/channels/{channel}.0"), &mina).await.is(200);
    let mut gateway = app.gateway(&mina).await.0;
    let channel_id = channel.to_string();
    gateway.tell(json!({ "type": "subscribe", "channel_id": channel_id, "after": "1" })).await;
    gateway.next_of("subscribed").await;
    assert_eq!(gateway.next_message().await["seq"], 2);
}

#[tokio::test]
async fn a_body_may_begin_with_a_byte_order_mark() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let marked = "\u{feff}{\"name\": \"Courtyard\"}";
    let call = app.call(Method::POST, "/servers/", &mina, |call| call.body(marked));
    assert_eq!(call.await.is(201)["name"], "Courtyard");
    let twice = app.call(Method::POST, "/servers/", &mina, |call| call.body(format!("\u{feff}{marked}")));
    twice.await.refuses(422, "validation_error");
}

#[tokio::test]
async fn a_login_may_come_in_parts_or_as_json() {
    const FORM: &str = "multipart/form-data; boundary=\"=x=\"";
    let part = |name: &str, value: &str| {
        format!("--=x=\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let app = spawn_app().await;
    app.register("mina").await;
    let json = json!({ "username": "mina", "password": PASSWORD }).to_string();
    let parts = format!("{}{}--=x=--\r\n", part("username", "mina"), part("password", PASSWORD));
    log_in(&app, "application/json", json.clone()).await.is(200);
    log_in(&app, "application/json; charset=utf-8", json.clone()).await.is(200);
    // As curl sends what it is given with -d.
    log_in(&app, "application/x-www-form-urlencoded", json).await.is(200);
    log_in(&app, FORM, parts.clone()).await.is(200);
    let wrong = parts.replace(PASSWORD, "a wrong horse");
    log_in(&app, FORM, wrong).await.refuses(401, "invalid_credentials");
    let file = "--=x=\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n\u{0}\r\n";
    log_in(&app, FORM, format!("{file}{parts}")).await.is(200);
    for (kind, body, what) in [
        ("application/json", "{}", "missing"),
        ("application/json", "{", "json_invalid"),
        ("application/json", "[]", "model_attributes_type"),
        ("application/json", r#"{"username": 1, "password": 2}"#, "missing"),
        ("application/x-www-form-urlencoded", "", "missing"),
        (FORM, "--=x=--\r\n", "missing"),
        (FORM, "--=x=\r\nnothing", "value_error"),
        ("multipart/form-data", "no boundary", "value_error"),
    ] {
        let refused = log_in(&app, kind, body.to_owned()).await;
        refused.refuses(422, "validation_error");
        assert_eq!(refused.json()["detail"][0]["type"], what, "{kind} {body}: {refused:?}");
        assert_ne!(refused.json()["detail"][0]["loc"], json!(["body", ""]), "{kind} {body}");
    }
    log_in(&app, FORM, parts + &"x".repeat(9_000)).await.refuses(413, "body_too_large");
}

/// A profile may be sent back as often as one likes, also long after the login, and spends no change of the address.
#[tokio::test]
async fn a_profile_that_is_sent_back_changes_no_address() {
    let app = crate::limits::limited().await;
    let mina = app.register("mina").await;
    let whole = app.get("/users/me", &mina).await.is(200);
    for _ in 0..8 {
        app.put("/users/me", &mina, whole.clone()).await.is(200);
    }
    for number in 0..5 {
        app.put("/users/me", &mina, json!({ "email": format!("other{number}@example.com") })).await.is(200);
    }
    app.put("/users/me", &mina, json!({ "email": "more@example.com" })).await.refuses(429, "rate_limited");
}

/// Who sends back what was read changes nothing, and who wants to change what cannot be changed is told so.
#[tokio::test]
async fn what_cannot_be_changed_is_refused_and_may_be_sent_back_as_it_is() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    for (path, field, other, says) in [
        ("/users/me".to_owned(), "username", json!("june"), "cannot be changed"),
        ("/users/me".to_owned(), "username", json!(null), "cannot be changed"),
        (format!("/servers/{server}"), "owner_id", json!(jun.id), "/owner"),
        (format!("/channels/{channel}"), "server_id", json!(server + 1), "stays"),
        (format!("/channels/{channel}"), "id", json!("x"), "cannot be changed"),
    ] {
        let mut whole = app.get(&path, &mina).await.is(200);
        app.put(&path, &mina, whole.clone()).await.is(200);
        whole[field] = other;
        whole["name"] = json!("Changed");
        let refused = app.put(&path, &mina, whole).await;
        refused.refuses(422, "validation_error");
        let issue = &refused.json()["detail"][0];
        assert_eq!((&issue["loc"], &issue["type"]), (&json!(["body", field]), &json!("frozen_field")), "{issue}");
        assert!(issue["msg"].as_str().is_some_and(|msg| msg.contains(says)), "{issue}");
        assert_ne!(app.get(&path, &mina).await.is(200)["name"], "Changed", "nothing of it is done");
    }
}
