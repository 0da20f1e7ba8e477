//! Accounts that are erased, and what is stored about somebody.

use crate::support::raw::HANDSHAKE;
use crate::support::{By, Method, PASSWORD, Value, json, spawn_app};
use tokio_tungstenite::tungstenite::Message;

async fn delete(app: &crate::support::TestApp, user: &crate::support::User, password: &str) -> crate::support::Answer {
    app.call(Method::DELETE, "/users/me", user, |call| call.json(&json!({ "password": password }))).await
}

#[tokio::test]
async fn an_erased_account_leaves_its_messages_and_nothing_else() {
    let mut app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    app.put("/users/me", &jun, json!({ "bio": "tea", "avatar_url": "https://example.com/jun.png" })).await.is(200);
    let refresh_token = app.login("jun", PASSWORD).await.is(200)["refresh_token"].clone();
    app.say(channel, &jun, json!({ "content": "I was here" })).await.is(201);
    let (mut socket, mut gateway) = (app.socket(channel, &jun).await, app.gateway(&jun).await.0);
    let mut other = app.socket(channel, &mina).await;
    delete(&app, &jun, "a wrong horse").await.refuses(400, "wrong_password");
    app.get("/users/me", &jun).await.is(200);
    delete(&app, &jun, PASSWORD).await.is(204);
    for socket in [&mut socket, &mut gateway] {
        match socket.next_frame().await {
            Some(Message::Close(Some(close))) => assert_eq!(u16::from(close.code), 4401),
            other => panic!("heard {other:?}"),
        }
    }
    other.say_and_hear("still here").await;
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        app.get("/users/me", &jun).await.refuses(401, "invalid_token");
        app.say(channel, &jun, json!({ "content": "no" })).await.refuses(401, "invalid_token");
        let line = format!("GET /ws/{channel}?token={} HTTP/1.1", jun.token);
        app.refusal(&line, HANDSHAKE).await.refuses(401, "invalid_token");
        app.post("/auth/refresh", By::Nobody, json!({ "refresh_token": refresh_token }))
            .await
            .refuses(401, "invalid_refresh_token");
        app.login("jun", PASSWORD).await.refuses(401, "invalid_credentials");
        app.get(&format!("/users/{}", jun.id), &mina).await.refuses(404, "user_not_found");
        let history = app.get(&format!("/channels/{channel}/messages"), &mina).await.is(200);
        let of_jun = history.as_array().expect("a list").iter().find(|message| message["content"] == "I was here");
        let of_jun = of_jun.expect("it stays");
        assert_eq!((&of_jun["author_username"], &of_jun["author_id"]), (&json!("deleted user"), &json!(jun.id)));
    }
    // Nothing that named the account is left, anywhere.
    let left = format!(
        "select count(*) from users where id = {} and (username || email || hashed_password || coalesce(display_name, '')
         || coalesce(bio, '') || coalesce(avatar_url, '')) <> 'deleted user'", jun.id
    );
    assert_eq!(app.count(&left).await, 0);
    assert_eq!(app.count(&format!("select count(*) from auth_sessions where user_id = {}", jun.id)).await, 0);
    assert_eq!(app.count(&format!("select count(*) from user_servers where user_id = {}", jun.id)).await, 0);
    // The name is free, and who takes it is somebody else.
    let again = app.register("jun").await;
    assert_ne!(again.id, jun.id);
    app.get(&format!("/servers/{server}"), &again).await.refuses(403, "not_a_member");
}

#[tokio::test]
async fn several_accounts_can_be_erased_and_nobody_can_be_called_like_them() {
    let app = spawn_app().await;
    for name in ["mina", "jun"] {
        let user = app.register(name).await;
        delete(&app, &user, PASSWORD).await.is(204);
    }
    app.login("deleted user", "").await.refuses(401, "invalid_credentials");
    let body = json!({ "username": "deleted user", "email": "a@example.com", "password": PASSWORD });
    app.post("/auth/register", By::Nobody, body).await.refuses(422, "validation_error");
}

#[tokio::test]
async fn who_owns_a_server_hands_it_over_or_deletes_it_first() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let second = app.server(&mina, "Second").await;
    delete(&app, &mina, PASSWORD).await.refuses(400, "owns_servers");
    app.get("/users/me", &mina).await.is(200);
    app.put(&format!("/servers/{server}/owner"), &mina, json!({ "owner_id": jun.id })).await.is(200);
    delete(&app, &mina, PASSWORD).await.refuses(400, "owns_servers");
    app.delete(&format!("/servers/{second}"), &mina).await.is(204);
    delete(&app, &mina, PASSWORD).await.is(204);
    app.get(&format!("/servers/{server}"), &jun).await.is(200);
}

#[tokio::test]
async fn an_export_has_all_that_is_stored_and_nothing_of_others() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    app.put("/users/me", &mina, json!({ "bio": "tea" })).await.is(200);
    let empty = app.get("/users/me/export", &mina).await;
    assert_eq!(empty.header("cache-control"), "no-store");
    assert!(empty.header("content-disposition").starts_with("attachment"), "{empty:?}");
    assert_eq!(empty.is(200)["messages"], json!([]));
    for number in 0..3 {
        app.say(
            channel,
            &mina,
            json!({ "content": format!("mine {number} \"\u{1F600}"), "nonce": format!("n{number}") }),
        )
        .await
        .is(201);
        app.say(channel, &jun, json!({ "content": "not mine" })).await.is(201);
        // Far apart, so that more than one statement is needed.
        app.sql("select setval(pg_get_serial_sequence('messages', 'id'), max(id) + 60000) from messages").await;
    }
    let export = app.get("/users/me/export", &mina).await.is(200);
    assert_eq!(export["profile"], app.get("/users/me", &mina).await.is(200));
    assert_eq!(export["servers"].as_array().map(|servers| servers[0]["id"] == server), Some(true));
    assert_eq!(export["sessions"][0]["is_current"], true);
    let said = |export: &Value| {
        export["messages"].as_array().expect("a list").iter().map(|one| one["content"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        said(&export),
        ["mine 0 \"\u{1F600}", "mine 1 \"\u{1F600}", "mine 2 \"\u{1F600}"].map(|text| json!(text))
    );
    assert!(!export.to_string().contains("hashed_password") && !export.to_string().contains("not mine"));
    app.get("/users/me/export", By::Nobody).await.refuses(401, "not_authenticated");
}
