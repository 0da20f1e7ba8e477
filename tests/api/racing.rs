//! Changes of one thing at once: whatever order they are told in, what is true is what is heard.

use crate::support::database::connect;
use crate::support::{By, PASSWORD, TestApp, User, Value, json, spawn_app, spawn_app_with};
use futures_util::future::join_all;
use std::time::Duration;

const ROUNDS: usize = 120;

/// Two joins and two leaves of one user at once, again and again: when all are answered, the gateway hears the server's news exactly
/// if its user is a member.
#[tokio::test]
async fn a_gateway_hears_of_a_server_exactly_while_its_user_belongs_to_it() {
    let app = spawn_app().await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let server = app.server(&mina, "Courtyard").await;
    let mut gateway = app.gateway(&june).await.0;
    let (join, leave) = (format!("/servers/{server}/join"), format!("/servers/{server}/leave"));
    for round in 0..ROUNDS {
        let calls = [&join, &leave, &join, &leave].map(|path| app.post(path, &june, json!({})));
        join_all(calls).await;
        let is_member = app.get(&format!("/servers/{server}"), &june).await.status == 200;
        gateway.events_until_pong().await;
        let name = format!("round {round}");
        app.put(&format!("/servers/{server}"), &mina, json!({ "name": name })).await.is(200);
        let is_told = |event: &Value| event["type"] == "server.updated" && event["name"] == name.as_str();
        if is_member {
            while !is_told(&gateway.next_event().await) {}
        } else {
            let events = gateway.events_until_pong().await;
            assert!(!events.iter().any(is_told), "round {round}: {events:?}");
        }
    }
}

/// Renames of one server at once: the last news says what is.
#[tokio::test]
async fn the_last_that_is_told_of_a_server_is_how_it_stands() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let mut gateway = app.gateway(&mina).await.0;
    let path = format!("/servers/{server}");
    for round in 0..40 {
        join_all((0..4).map(|n| app.put(&path, &mina, json!({ "name": format!("{round}.{n}") })))).await;
        let now = app.get(&path, &mina).await.is(200)["name"].clone();
        // News may come a moment after the answer; behind the last one there is nothing that says otherwise.
        while gateway.next_of("server.updated").await["name"] != now {}
        for later in gateway.events_until_pong().await {
            assert_eq!(later["name"], now, "{later}");
        }
    }
}

/// As a statement that comes late does, or a second node.
async fn commit_elsewhere(app: &TestApp, channel: i64, author: &User) {
    let elsewhere = format!(
        "with raised as (update channels set last_seq = last_seq + 1 where id = {channel} returning last_seq)
         insert into messages (channel_id, author_id, content, seq, created_at, updated_at)
         select {channel}, {}, 'elsewhere', last_seq, now(), now() from raised",
        author.id
    );
    connect(&app.database).await.batch_execute(&elsewhere).await.expect("it is written");
}

/// A channel that nobody needs is let go, with what it knew of its log; one that somebody hears is not.
#[tokio::test]
async fn only_a_channel_that_nobody_needs_is_let_go() {
    let idle = Duration::from_millis(40);
    let app = spawn_app_with(|config| config.times.idle = idle).await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("one").await;
    socket.close().await;
    tokio::time::sleep(10 * idle).await;
    commit_elsewhere(&app, channel, &mina).await;
    let mut socket = app.socket(channel, &mina).await;
    assert_eq!(socket.say_and_hear("three").await["seq"], 3, "it has begun anew");
    tokio::time::sleep(10 * idle).await;
    commit_elsewhere(&app, channel, &mina).await;
    socket.say("five").await;
    assert_eq!(socket.hears("elsewhere").await["seq"], 4, "it has gone on");
    socket.hears("five").await;
    // So is one that nobody ever heard.
    let quiet = app.channel(&mina, server, "quiet").await;
    app.say(quiet, &mina, json!({ "content": "one" })).await.is(201);
    tokio::time::sleep(10 * idle).await;
    commit_elsewhere(&app, quiet, &mina).await;
    let mut socket = app.socket(quiet, &mina).await;
    assert_eq!(socket.say_and_hear("three").await["seq"], 3, "it has begun anew");
}

/// A refresh that waits for a change of the password finds the session that the change keeps.
#[tokio::test]
async fn a_refresh_beside_ones_own_new_password_goes_on() {
    let app = spawn_app().await;
    app.register("mina").await;
    let login = app.login("mina", PASSWORD).await.is(200);
    let user = User { id: 1, token: login["access_token"].as_str().expect("a token").to_owned() };
    let row = connect(&app.database).await;
    row.batch_execute("begin; select from auth_sessions for update").await.expect("free");
    let change = app.put("/users/me", &user, json!({ "password": "a better horse battery" }));
    let rest = async {
        let waits = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%";
        while app.count(&format!("{waits}update users set%'")).await == 0 {}
        let refresh = app.post("/auth/refresh", By::Nobody, json!({ "refresh_token": login["refresh_token"] }));
        let go_on = async {
            while app.count(&format!("{waits}token_hash = $3%'")).await == 0 {}
            row.batch_execute("commit").await.expect("it was open");
        };
        tokio::join!(refresh, go_on).0
    };
    let (changed, refreshed) = tokio::join!(change, rest);
    changed.is(200);
    refreshed.is(200);
}

/// A user's oldest session is over, and there are as many as there may be.
#[tokio::test]
async fn a_login_makes_room_also_where_a_session_is_over() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let sessions = "delete from auth_sessions;
        insert into auth_sessions (user_id, password_version, expires_at, token_family, token_hash)
        select %, 0, now() + interval '1 day', sha256(n::text::bytea), '' from generate_series(1, 100) n;
        update auth_sessions set expires_at = now() - interval '1 day' where id = (select min(id) from auth_sessions)";
    connect(&app.database).await.batch_execute(&sessions.replace('%', &mina.id.to_string())).await.expect("made");
    for _ in 0..3 {
        app.login("mina", PASSWORD).await.is(200);
    }
    assert_eq!(app.count("select count(*) from auth_sessions").await, 100);
    let many = (0..8).map(|_| app.login("mina", PASSWORD));
    join_all(many).await.iter().for_each(|login| drop(login.is(200)));
    assert_eq!(app.count("select count(*) from auth_sessions").await, 100, "however many come at once");
}
