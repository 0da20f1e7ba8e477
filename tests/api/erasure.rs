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
        // The log says the same at every door, also what was in memory.
        let mut resumed = app.socket_at(&format!("/ws/{channel}?token={}&after=0", mina.token), &[]).await.0;
        let event = resumed.next_message().await;
        assert_eq!((&event["content"], &event["author_username"]), (&json!("I was here"), &json!("deleted user")));
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

/// Something is under way, in either order, while an account is erased: what is left of it is nothing.
#[tokio::test]
async fn what_is_under_way_while_an_account_is_erased_leaves_nothing_behind() {
    for is_first in [false, true] {
        let app = spawn_app().await;
        let (mina, jun, _, _) = app.two_members().await;
        let other = app.server(&mina, "Other").await;
        let lock = crate::support::database::connect(&app.database).await;
        // Whoever comes to the account's row waits, in the order in which they come.
        lock.batch_execute(&format!("begin; select from users where id = {} for update", jun.id)).await.expect("free");
        let waiting = "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like ";
        let erase = async {
            if is_first {
                app.until(&format!("{waiting} '%insert into%user_servers%'")).await;
            }
            delete(&app, &jun, PASSWORD).await.is(204);
        };
        let join = async {
            if !is_first {
                app.until(&format!("{waiting} '%deleted user%'")).await;
            }
            app.post(&format!("/servers/{other}/join"), &jun, Value::Null).await.status
        };
        let login = async {
            if !is_first {
                app.until(&format!("{waiting} '%deleted user%'")).await;
            }
            app.login("jun", PASSWORD).await.status
        };
        let release = async {
            app.until(&format!("{waiting} '%deleted user%'")).await;
            app.until(&format!("{waiting} '%insert into%user_servers%'")).await;
            app.until(&format!("{waiting} '%auth_sessions%token_family%'")).await;
            lock.batch_execute("commit").await.expect("it was open");
        };
        let ((), joined, logged_in, ()) = tokio::join!(erase, join, login, release);
        assert!([200, 401].contains(&joined) && [200, 401].contains(&logged_in), "{joined}, {logged_in}");
        assert_eq!(app.count(&format!("select count(*) from user_servers where user_id = {}", jun.id)).await, 0);
        assert_eq!(app.count(&format!("select count(*) from auth_sessions where user_id = {}", jun.id)).await, 0);
    }
}

#[tokio::test]
async fn a_message_that_waits_while_its_author_is_erased_is_not_written() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    let lock = app.lock_channel(channel).await;
    let post = async { app.say(channel, &jun, json!({ "content": "too late" })).await.status };
    let erase = async {
        delete(&app, &jun, PASSWORD).await.is(204);
        lock.batch_execute("commit").await.expect("it was open");
    };
    let (posted, ()) = tokio::join!(post, erase);
    assert!(posted >= 400, "{posted}");
    socket.say_and_hear("first").await;
    assert_eq!(app.count("select count(*) from messages").await, 1);
}

/// What is being written just then is in the log before the erasure has its answer, and not after it.
#[tokio::test]
async fn a_message_that_is_being_written_is_there_before_its_author_is_erased() {
    let app = spawn_app().await;
    let (_, jun, _, channel) = app.two_members().await;
    let held = app.hold_messages("true").await;
    let post = app.say(channel, &jun, json!({ "content": "just in time" }));
    let erase = async {
        held.until_reached(1).await;
        let erased = delete(&app, &jun, PASSWORD);
        let go_on = async {
            // The erasure comes to the author's row, and waits.
            app.until(
                "select count(*) from pg_stat_activity where datname = current_database()
                and wait_event_type = 'Lock' and query like '%deleted user%'",
            )
            .await;
            held.pass(1).await;
        };
        tokio::join!(erased, go_on).0.is(204);
        app.count("select count(*) from messages").await
    };
    let (posted, count) = tokio::join!(post, erase);
    posted.is(201);
    assert_eq!(count, 1, "it came after the erasure was answered");
}

/// Not only what the channels have just said: pages of their logs that were read for somebody else have the name no more.
#[tokio::test]
async fn a_page_that_was_read_before_an_erasure_does_not_have_the_name() {
    const MESSAGES: i64 = 600;
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &jun, MESSAGES).await;
    app.restart().await;
    let path = format!("/ws/{channel}?token={}&after=0", mina.token);
    for name in ["jun", "deleted user"] {
        let mut socket = app.socket_at(&path, &[]).await.0;
        let told = socket.replay(0, MESSAGES).await;
        assert!(told.iter().all(|event| event["author_username"] == name), "{name}");
        if name == "jun" {
            delete(&app, &jun, PASSWORD).await.is(204);
        }
    }
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
    let mut joined = app.get("/servers/", &mina).await.is(200);
    assert_eq!(joined[0]["id"], server);
    joined[0]["joined_at"] =
        app.get(&format!("/servers/{server}/members/{}", mina.id), &mina).await.is(200)["joined_at"].take();
    assert_eq!(export["servers"], joined);
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

#[tokio::test]
async fn an_export_comes_in_parts_one_at_a_time_and_breaks_off_with_its_login() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 200).await;
    let export = app.get("/users/me/export", &mina).await.is(200);
    let said = export["messages"].as_array().expect("a list");
    let seqs: Vec<_> = said.iter().map(|message| message["seq"].as_i64()).collect();
    assert_eq!(seqs, (1..=200).map(Some).collect::<Vec<_>>());
    // More than any buffer takes for somebody who does not read.
    app.write_behind(channel, &mina, 60_000).await;
    let mut raw = app.raw().await;
    let head = format!("GET /users/me/export HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {}\r\n\r\n", mina.token);
    raw.send(head.as_bytes()).await;
    assert_eq!(raw.answer("export").await.status, 200);
    app.get("/users/me/export", &mina).await.refuses(503, "busy");
    app.get("/users/me/export", &jun).await.is(200);
    let other = app.login("mina", PASSWORD).await.is(200);
    let other = crate::support::User { id: mina.id, token: other["access_token"].as_str().expect("a token").into() };
    app.delete("/auth/sessions", &other).await.is(204);
    let rest = raw.read_to_end().await;
    assert!(!rest.ends_with(b"]}\n\r\n0\r\n\r\n"), "it broke off");
    let again = app.get("/users/me/export", &other).await.is(200);
    assert_eq!(again["messages"].as_array().map(Vec::len), Some(60_200));
}
