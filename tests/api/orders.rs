//! What waits for different things, what is answered too late, and what is found out only then.

use crate::support::app::TestApp;
use crate::support::database::connect;
use crate::support::{PASSWORD, User, json, spawn_app, spawn_app_with};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_postgres::Client;

/// Takes a table for itself: who reads it waits.
async fn lock_table(app: &TestApp, table: &str) -> Client {
    let lock = connect(&app.database).await;
    lock.batch_execute(&format!("begin; lock table {table} in access exclusive mode")).await.expect("it is free");
    lock
}

/// Other tests' databases have tables of the same numbers.
const LOCKS: &str = "select count(*) from pg_locks
    where database = (select oid from pg_database where datname = current_database()) and";

/// Waits until somebody waits for a table.
async fn until_wanted(app: &TestApp, table: &str) {
    app.until(&format!("{LOCKS} not granted and relation = '{table}'::regclass")).await;
}

/// Waits until nobody has or wants a table.
async fn until_free(app: &TestApp, table: &str) {
    let held = format!("{LOCKS} relation = '{table}'::regclass and pid <> pg_backend_pid()");
    app.until(&format!("select count(*) from (values (1)) v where ({held}) = 0")).await;
}

/// Everybody's question before this one has been looked at: it is about a channel of which the node knows nothing.
async fn everything_asked_is_looked_at(app: &TestApp, by: &User, channel: i64) {
    app.get(&format!("/channels/{channel}"), by).await.refuses(404, "channel_not_found");
}

/// A right that is found when nobody waits for it any more seats nobody.
#[tokio::test]
async fn a_subscription_that_was_given_up_leaves_no_seat() {
    let give_up = |config: &mut madang::config::Config| {
        config.times.answer_max = Duration::from_secs(2);
        config.workers = 1;
    };
    let app = spawn_app_with(give_up).await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let june = app.register("june").await;
    app.join(&june, server).await;
    let (mut minas, mut gateway) = (app.gateway(&mina).await.0, app.gateway(&june).await.0);
    // Nobody has asked for the channel yet.
    let lock = lock_table(&app, "channels").await;
    gateway.tell_well(json!({ "type": "subscribe", "channel_id": channel })).await;
    gateway.next_error("unavailable").await;
    lock.batch_execute("commit").await.expect("it was open");
    app.get(&format!("/channels/{channel}"), &june).await.is(200);
    minas.subscribe(channel).await;
    minas.say_in(channel, "not for june", "1").await;
    minas.hears("not for june").await;
    assert!(gateway.events_until_pong().await.is_empty(), "she has not subscribed");
    gateway.subscribe(channel).await;
    minas.next_ack("1").await;
    minas.say_in(channel, "for june", "2").await;
    gateway.hears("for june").await;
    app.post(&format!("/servers/{server}/leave"), &june, json!({})).await.is(204);
    let told = gateway.events_until_pong().await;
    let kinds: Vec<&str> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(kinds.contains(&"unsubscribed") && kinds.contains(&"server.left"), "{told:?}");
    minas.hears("for june").await;
    minas.next_ack("2").await;
    assert_eq!(minas.next_of("member.left").await["user_id"], june.id);
    minas.say_in(channel, "not for june any more", "3").await;
    minas.hears("not for june any more").await;
    assert!(gateway.events_until_pong().await.is_empty(), "she has left");
}

/// The first send waits for one thing, the second for another, which the first needs too when it has its own.
#[tokio::test]
async fn sends_of_a_socket_keep_their_order_whatever_each_of_them_waits_for() {
    let app = spawn_app().await;
    let (mina, june, server, channel) = app.two_members().await;
    app.get(&format!("/channels/{channel}"), &mina).await.is(200);
    let login = app.login("jun", PASSWORD).await.is(200);
    let second = User { id: june.id, token: login["access_token"].as_str().expect("a token").to_owned() };
    let mut gateway = app.gateway(&june).await.0;
    let roles = lock_table(&app, "roles").await;
    let path = format!("/servers/{server}");
    let rename = app.put(&path, &mina, json!({ "name": "Yard" }));
    let (may_log_out, logs_out) = oneshot::channel();
    let logout = async {
        logs_out.await.expect("it is told");
        app.post("/auth/logout", &second, json!({})).await
    };
    let meanwhile = async {
        until_wanted(&app, "roles").await;
        gateway.say_in(channel, "one", "1").await;
        gateway.tell_well(json!({ "type": "ping", "t": "sent" })).await;
        gateway.next_of("pong").await;
        everything_asked_is_looked_at(&app, &mina, 9_001).await;
        let users = lock_table(&app, "users").await;
        may_log_out.send(()).expect("it waits");
        until_wanted(&app, "users").await;
        gateway.say_in(channel, "two", "2").await;
        gateway.tell_well(json!({ "type": "ping", "t": "sent" })).await;
        gateway.next_of("pong").await;
        everything_asked_is_looked_at(&app, &mina, 9_002).await;
        roles.batch_execute("commit").await.expect("it was open");
        until_free(&app, "roles").await;
        everything_asked_is_looked_at(&app, &mina, 9_003).await;
        users.batch_execute("commit").await.expect("it was open");
    };
    let (renamed, logged_out, ()) = tokio::join!(rename, logout, meanwhile);
    renamed.is(200);
    logged_out.is(204);
    let mut acks = Vec::new();
    while acks.len() < 2 {
        let event = gateway.next_event().await;
        if event["type"] == "ack" {
            acks.push((event["nonce"].clone(), event["seq"].clone()));
        }
    }
    assert_eq!(acks, [(json!("1"), json!(1)), (json!("2"), json!(2))]);
}

/// News that cannot be read is lost to those who should have heard it, and to nobody else.
#[tokio::test]
async fn news_that_is_lost_ends_only_the_gateways_that_should_have_heard_it() {
    let app = spawn_app().await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let (courtyard, garden) = (app.server(&mina, "Courtyard").await, app.server(&june, "Garden").await);
    let (mut minas, mut junes) = (app.gateway(&mina).await.0, app.gateway(&june).await.0);
    app.get(&format!("/servers/{courtyard}"), &mina).await.is(200);
    app.sql("alter table channels rename to elsewhere").await;
    app.put(&format!("/servers/{courtyard}"), &mina, json!({ "name": "Yard" })).await.is(200);
    minas.expect_close(1012).await;
    app.sql("alter table elsewhere rename to channels").await;
    junes.hears_nothing().await;
    app.put(&format!("/servers/{garden}"), &june, json!({ "name": "Park" })).await.is(200);
    assert_eq!(junes.next_of("server.updated").await["name"], "Park");
}

/// What a call finds to be so already, behind the node's back, is so for the node from then on.
#[tokio::test]
async fn what_a_change_finds_done_already_is_made_true() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let (path, join, leave) =
        (format!("/channels/{channel}"), format!("/servers/{server}/join"), format!("/servers/{server}/leave"));
    let (mut socket, mut gateway) = (app.socket(channel, &jun).await, app.gateway(&jun).await.0);
    app.get(&path, &jun).await.is(200);
    app.sql(&format!("delete from user_servers where user_id = {}", jun.id)).await;
    app.post(&leave, &jun, json!({})).await.refuses(400, "not_a_member");
    socket.expect_close(4403).await;
    assert_eq!(gateway.next_of("server.left").await["id"], server);
    app.get(&path, &jun).await.refuses(403, "not_a_member");
    app.sql(&format!("insert into user_servers (user_id, server_id) values ({}, {server})", jun.id)).await;
    app.post(&join, &jun, json!({})).await.refuses(400, "already_member");
    assert_eq!(gateway.next_of("server.joined").await["id"], server);
    app.get(&path, &jun).await.is(200);
    app.sql(&format!("delete from channels where id = {channel}")).await;
    app.put(&path, &mina, json!({ "name": "gone" })).await.refuses(404, "channel_not_found");
    app.get(&path, &jun).await.refuses(404, "channel_not_found");
}

/// A channel that nobody hears is let go; not while somebody waits for what becomes of a message.
#[tokio::test]
async fn a_channel_with_a_message_on_its_way_is_not_let_go() {
    let idle = Duration::from_millis(20);
    let app = spawn_app_with(|config| config.times.idle = idle).await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let held = app.hold_messages("true").await;
    let mut gateway = app.gateway(&mina).await.0;
    gateway.say_in(channel, "slowly", "1").await;
    held.until_reached(1).await;
    // Many times longer than a channel without anybody lives.
    tokio::time::sleep(10 * idle).await;
    held.pass(1).await;
    let outcome = loop {
        let event = gateway.next_event().await;
        if event["code"] != "unconfirmed" {
            break event;
        }
    };
    assert_eq!((&outcome["type"], &outcome["seq"]), (&json!("ack"), &json!(1)));
}

/// Somebody leaves in the middle of what they have missed: whoever hears the channel on the same worker hears on.
#[tokio::test]
async fn who_leaves_in_the_middle_of_a_replay_takes_nobodys_seat() {
    let app = spawn_app_with(|config| config.workers = 1).await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.write_behind(channel, &mina, 4_000).await;
    let mut live = app.socket(channel, &mina).await;
    live.say_and_hear("before").await;
    let mut behind = app.socket_at(&format!("/ws/{channel}?after=0&token={}", mina.token), &[]).await.0;
    behind.next_message().await;
    behind.close().await;
    let mut gateway = app.gateway(&mina).await.0;
    gateway.tell_well(json!({ "type": "subscribe", "channel_id": channel, "after": 0 })).await;
    gateway.next_of("subscribed").await;
    gateway.next_message().await;
    gateway.tell_well(json!({ "type": "unsubscribe", "channel_id": channel })).await;
    while gateway.next_event().await["type"] != "unsubscribed" {}
    live.say_and_hear("after").await;
}

/// Whether a right has ended cannot be read: who may have lost it comes back at once, and is decided about anew.
#[tokio::test]
async fn who_may_have_lost_a_right_that_cannot_be_read_comes_back_at_once() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut minas, mut juns) = (app.socket(channel, &mina).await, app.socket(channel, &jun).await);
    let (mut gateway, mut others) = (app.subscriber(&jun, channel).await, app.gateway(&mina).await.0);
    app.sql("alter table users rename to elsewhere").await;
    app.post("/auth/logout", &jun, json!({})).await.is(204);
    juns.expect_close(1012).await;
    gateway.expect_close(1012).await;
    // Longer than the node goes on reading: what is lost then is not for others.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    app.sql("alter table elsewhere rename to users").await;
    others.hears_nothing().await;
    app.get("/users/me", &jun).await.refuses(401, "token_revoked");
    minas.say_and_hear("nobody else").await;
    let mut listener = app.subscriber(&mina, channel).await;
    app.sql("alter table servers rename to elsewhere").await;
    app.delete(&format!("/channels/{channel}"), &mina).await.is(204);
    minas.expect_close(1012).await;
    let ended = listener.next_of("unsubscribed").await;
    assert_eq!((&ended["channel_id"], &ended["reason"]), (&json!(channel), &json!("restart")));
    app.sql("alter table elsewhere rename to servers").await;
    app.get(&format!("/channels/{channel}"), &mina).await.refuses(404, "channel_not_found");
}

/// It is read again: a moment without the database costs nobody a connection.
#[tokio::test]
async fn news_that_cannot_be_read_for_a_moment_arrives() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let mut gateway = app.gateway(&mina).await.0;
    let path = format!("/servers/{server}");
    app.get(&path, &mina).await.is(200);
    app.sql("alter table channels rename to elsewhere").await;
    let renamed = app.put(&path, &mina, json!({ "name": "Yard" }));
    let back = async {
        // Less than the node goes on reading.
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.sql("alter table elsewhere rename to channels").await;
    };
    let (renamed, ()) = tokio::join!(renamed, back);
    renamed.is(200);
    assert_eq!(gateway.next_of("server.updated").await["name"], "Yard");
    gateway.hears_nothing().await;
}

/// What is asked of a table that is locked holds all the slots of questions, and a long line waits behind it.
#[tokio::test]
async fn a_login_that_ends_waits_in_no_line_of_questions() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("hi").await;
    let mut gateway = app.gateway(&jun).await.0;
    let lock = lock_table(&app, "channels").await;
    let nowhere: Vec<_> = (0..100).map(|number| json!({ "channel_id": 1_000_000 + number })).collect();
    gateway.tell_well(json!({ "type": "subscribe", "channels": nowhere })).await;
    until_wanted(&app, "channels").await;
    app.post("/auth/logout", &mina, json!({})).await.is(204);
    socket.expect_close(4401).await;
    lock.batch_execute("commit").await.expect("it was open");
}
