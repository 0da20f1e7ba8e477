//! A changed password: it ends the user's sockets and voids the user's tokens, but for the one that changed it.

use crate::support::raw::HANDSHAKE;
use crate::support::{PASSWORD, Socket, TestApp, User, json, spawn_app, spawn_app_with};
use crate::tokens::claims;
use tokio_tungstenite::tungstenite::Message;

const NEW: &str = "a better horse battery";

async fn login(app: &TestApp, user: &User, password: &str) -> User {
    let name = app.get("/users/me", user).await.is(200)["username"].as_str().expect("a name").to_owned();
    let token = app.login(&name, password).await.is(200)["access_token"].as_str().expect("a token").to_owned();
    User { id: user.id, token }
}

async fn change(app: &TestApp, user: &User, password: &str) {
    app.put("/users/me", user, json!({ "password": password })).await.is(200);
}

/// The next frame is the close frame 4401, and the last one.
async fn ends_at_once(mut socket: Socket) {
    match socket.next_frame().await {
        Some(Message::Close(Some(close))) => assert_eq!(u16::from(close.code), 4401),
        other => panic!("heard {other:?}"),
    }
    assert!(socket.next_frame().await.is_none(), "something came after the close frame");
}

#[tokio::test]
async fn a_new_password_ends_all_sockets_of_its_user_and_no_others() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let again = login(&app, &mina, PASSWORD).await;
    let mut identified = app.unknown_gateway().await;
    identified.tell_well(json!({ "type": "identify", "token": again.token })).await;
    identified.next_of("ready").await;
    identified.subscribe(channel).await;
    let mut replayed = app.socket_at(&format!("/ws/{channel}?after=0&token={}", mina.token), &[]).await.0;
    replayed.next_of("replay.done").await;
    let minas = [
        app.socket(channel, &mina).await,
        app.socket(channel, &again).await,
        replayed,
        app.subscriber(&mina, channel).await,
        app.gateway(&mina).await.0,
        identified,
    ];
    let mut juns = [app.socket(channel, &jun).await, app.subscriber(&jun, channel).await];
    change(&app, &mina, NEW).await;
    // Said after the answer: it reaches none of them.
    app.say(channel, &jun, json!({ "content": "after" })).await.is(201);
    for socket in &mut juns {
        socket.hears("after").await;
        socket.hears_nothing().await;
    }
    for socket in minas {
        ends_at_once(socket).await;
    }
}

#[tokio::test]
async fn a_new_password_voids_every_token_but_the_one_that_made_it() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let old = login(&app, &mina, PASSWORD).await;
    app.get("/users/me", &old).await.is(200);
    change(&app, &mina, NEW).await;
    let new = login(&app, &mina, NEW).await;
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        app.get("/users/me", &old).await.refuses(401, "token_revoked");
        app.say(channel, &old, json!({ "content": "no" })).await.refuses(401, "token_revoked");
        let line = format!("GET /ws/{channel}?token={} HTTP/1.1", old.token);
        app.refusal(&line, HANDSHAKE).await.refuses(401, "token_revoked");
        ends_at_once(app.socket_at(&format!("/gateway?token={}", old.token), &[]).await.0).await;
        let mut gateway = app.unknown_gateway().await;
        gateway.tell_well(json!({ "type": "identify", "token": old.token })).await;
        ends_at_once(gateway).await;
        for good in [&mina, &new, &jun] {
            app.get("/users/me", good).await.is(200);
            app.socket(channel, good).await.say_and_hear("here").await;
            app.subscriber(good, channel).await;
        }
    }
    app.login("mina", PASSWORD).await.refuses(401, "invalid_credentials");
}

#[tokio::test]
async fn other_changes_of_a_profile_end_nothing() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let other = login(&app, &mina, PASSWORD).await;
    let mut socket = app.socket(channel, &other).await;
    app.put("/users/me", &mina, json!({ "bio": "tea" })).await.is(200);
    app.put("/users/me", &mina, json!({ "password": "short" })).await.refuses(422, "validation_error");
    app.get("/users/me", &other).await.is(200);
    socket.say_and_hear("still here").await;
}

/// Each change voids what was issued under the password before it, however quickly they follow one another.
#[tokio::test]
async fn a_password_that_is_changed_again_at_once_voids_the_tokens_of_the_one_between() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for round in 0..4 {
        let between = format!("{NEW} {round}");
        change(&app, &mina, &between).await;
        let token = login(&app, &mina, &between).await;
        app.get("/users/me", &token).await.is(200);
        change(&app, &mina, NEW).await;
        app.get("/users/me", &token).await.refuses(401, "token_revoked");
    }
}

/// The change is under way when someone logs in with the old password: that token is of before the change.
#[tokio::test]
async fn a_token_of_the_old_password_is_void_also_if_it_was_issued_while_the_change_waited() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let lock = crate::support::database::connect(&app.database).await;
    lock.batch_execute(&format!("begin; select from users where id = {} for no key update", mina.id))
        .await
        .expect("free");
    let meanwhile = async {
        app.until(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like '%update users set%'",
        )
        .await;
        let issued_at = |user: &User| claims(&user.token)["iat"].as_i64().expect("a second");
        let first = login(&app, &mina, PASSWORD).await;
        // The next whole second but one: by then a change that took its time when it was asked for is older.
        let mut last = first.clone();
        while issued_at(&last) < issued_at(&first) + 2 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            last = login(&app, &mina, PASSWORD).await;
        }
        lock.batch_execute("commit").await.expect("it was open");
        [first, last]
    };
    let ((), olds) = tokio::join!(change(&app, &mina, NEW), meanwhile);
    for old in &olds {
        app.get("/users/me", old).await.refuses(401, "token_revoked");
    }
    app.get("/users/me", &mina).await.is(200);
    let new = login(&app, &mina, NEW).await;
    app.get("/users/me", &new).await.is(200);
}

#[tokio::test]
async fn a_hash_of_another_cost_is_made_anew_at_the_next_login_and_no_token_is_void() {
    let app = spawn_app_with(|config| config.bcrypt_cost = 5).await;
    let mina = app.register("mina").await;
    let with_cost = async |cost: u32| {
        app.count(&format!("select count(*) from users where hashed_password like '$2b$0{cost}$%'")).await
    };
    assert_eq!(with_cost(5).await, 1);
    for old in [4, 6] {
        let hash = bcrypt::hash(PASSWORD, old).expect("hashed");
        app.sql(&format!("update users set hashed_password = '{hash}'")).await;
        app.login("mina", "a wrong horse").await.refuses(401, "invalid_credentials");
        assert_eq!(with_cost(old).await, 1);
        app.login("mina", PASSWORD).await.is(200);
        assert_eq!(with_cost(5).await, 1);
        app.login("mina", PASSWORD).await.is(200);
    }
    app.get("/users/me", &mina).await.is(200);
}
