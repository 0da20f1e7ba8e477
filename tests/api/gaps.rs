//! Entries that somebody else has written into a log, as another node does: sockets live on and hear them in their place.

use crate::support::database::connect;
use crate::support::{Socket, TestApp, User, Value, json, spawn_app, spawn_app_with};
use std::time::Duration;

/// A node that soon notices what others have written.
async fn watching() -> TestApp {
    spawn_app_with(|config| config.times.watch_every = Duration::from_millis(50)).await
}

async fn delete_elsewhere(app: &TestApp, channel: i64, message: i64, by: &User) {
    app.sql(&format!(
        "begin;
        update channels set last_seq = last_seq + 1 where id = {channel};
        insert into channel_changes (channel_id, seq, kind, message_id, user_id, created_at)
            select id, last_seq, 'message.deleted', {message}, {by}, now() from channels where id = {channel};
        update messages set content = '', deleted_at = now(), updated_at = now() where id = {message};
        commit",
        by = by.id,
    ))
    .await;
}

/// How the next entries are told: type, number, text.
async fn next(socket: &mut Socket, count: usize) -> Vec<(String, i64, String)> {
    let mut told = Vec::new();
    for _ in 0..count {
        let event = socket.next_event().await;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let seq = event["seq"].as_i64().or(event["to"].as_i64()).unwrap_or_default();
        told.push((text("type"), seq, text("content")));
    }
    told
}

fn entry(kind: &str, seq: i64, content: &str) -> (String, i64, String) {
    (kind.to_owned(), seq, content.to_owned())
}

/// Nobody speaks.
#[tokio::test]
async fn what_somebody_else_has_written_is_heard_though_nobody_speaks() {
    let app = watching().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut socket, mut gateway) = (app.socket(channel, &mina).await, app.subscriber(&jun, channel).await);
    socket.say_and_hear("one").await;
    gateway.hears("one").await;
    for seq in 2..5 {
        app.write_behind(channel, &jun, 1).await;
        for socket in [&mut socket, &mut gateway] {
            assert_eq!(socket.hears(&format!("entry {seq}")).await["seq"], seq);
        }
    }
    assert_eq!(socket.say_and_hear("five").await["seq"], 5);
    gateway.hears("five").await;
    // What was read is remembered like what was told.
    let mut back = app.hears_all(channel, &mina, Some(0)).await;
    assert_eq!(back.replay(0, 5).await, app.log(channel, &mina).await);
}

/// The node's own entries come behind it, and the answers to who made them behind these.
#[tokio::test]
async fn what_lies_behind_a_gap_waits_for_it() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let first = app.said(channel, &jun, "one").await;
    let (mut gateway, mut basic) = (app.subscriber(&jun, channel).await, app.socket(channel, &mina).await);
    app.write_behind(channel, &mina, 2).await;
    gateway.say_in(channel, "four", "n4").await;
    let expected = [2, 3].map(|seq| entry("message.created", seq, &format!("entry {seq}")));
    assert_eq!(next(&mut gateway, 2).await, expected);
    assert_eq!(gateway.hears("four").await["seq"], 4);
    assert_eq!(gateway.next_ack("n4").await["seq"], 4);
    app.write_behind(channel, &mina, 1).await;
    gateway
        .tell_well(
            json!({ "type": "message.edit", "channel_id": channel, "id": first, "content": "once", "nonce": "n6" }),
        )
        .await;
    assert_eq!(
        next(&mut gateway, 2).await,
        [entry("message.created", 5, "entry 5"), entry("message.updated", 6, "once")]
    );
    assert_eq!(gateway.next_ack("n6").await["seq"], 6);
    assert_eq!(next(&mut basic, 4).await.iter().map(|told| told.1).collect::<Vec<_>>(), [2, 3, 4, 5]);
    app.write_behind(channel, &mina, 1).await;
    assert_eq!(app.say(channel, &mina, json!({ "content": "eight" })).await.is(201)["seq"], 8);
    assert_eq!(next(&mut gateway, 2).await.iter().map(|told| told.1).collect::<Vec<_>>(), [7, 8]);
    // Nobody is there to be told.
    let quiet = app.channel(&mina, app.server(&mina, "Garden").await, "quiet").await;
    app.say(quiet, &mina, json!({ "content": "one" })).await.is(201);
    app.write_behind(quiet, &mina, 1).await;
    assert_eq!(app.say(quiet, &mina, json!({ "content": "three" })).await.is(201)["seq"], 3);
    let mut socket = app.hears_all(quiet, &mina, Some(0)).await;
    socket.replay(0, 3).await;
}

/// A send that was made elsewhere before is answered with that message, behind its entry.
#[tokio::test]
async fn a_message_that_was_made_elsewhere_is_heard_before_its_repetition_is_answered() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.said(channel, &mina, "one").await;
    let (mut gateway, mut others) = (app.subscriber(&jun, channel).await, app.subscriber(&mina, channel).await);
    app.write_behind(channel, &jun, 7).await;
    gateway.say_in(channel, "entry 8", "n8").await;
    let entries = next(&mut others, 7).await;
    assert_eq!(entries.iter().map(|told| told.1).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(next(&mut gateway, 7).await, entries);
    let answer = gateway.next_message().await;
    assert_eq!((&answer["seq"], &answer["duplicate"]), (&json!(8), &json!(true)), "{answer}");
    assert_eq!(gateway.next_ack("n8").await["duplicate"], true);
}

/// What a deletion elsewhere has taken away is told no more, from memory neither; each number is accounted for.
#[tokio::test]
async fn a_text_that_was_deleted_elsewhere_is_gone_here() {
    let app = watching().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let secret = app.said(channel, &jun, "secret").await;
    let (mut all, mut basic) = (app.hears_all(channel, &mina, Some(0)).await, app.socket(channel, &mina).await);
    all.replay(0, 1).await;
    app.sql(&format!(
        "begin;
        insert into channel_changes (channel_id, seq, kind, message_id, user_id, created_at) values
            ({channel}, 2, 'message.updated', {secret}, {jun}, now()), ({channel}, 3, 'message.deleted', {secret}, {jun}, now());
        insert into messages (channel_id, author_id, seq, content, created_at, updated_at)
            values ({channel}, {jun}, 4, 'four', now(), now());
        update messages set content = '', deleted_at = now(), updated_at = now() where id = {secret};
        update channels set last_seq = 4 where id = {channel};
        commit",
        jun = jun.id,
    ))
    .await;
    let told = [entry("skipped", 2, ""), entry("message.deleted", 3, ""), entry("message.created", 4, "four")];
    assert_eq!(next(&mut all, 3).await, told);
    basic.hears("four").await;
    let mut back = app.hears_all(channel, &mina, Some(0)).await;
    let replayed = next(&mut back, 4).await;
    assert_eq!(replayed[0], entry("message.created", 1, ""));
    assert_eq!(replayed[1..], told);
    // One by one, and noticed by a send.
    let fourth = app.count("select id from messages where content = 'four'").await;
    delete_elsewhere(&app, channel, fourth, &mina).await;
    app.said(channel, &jun, "six").await;
    assert_eq!(next(&mut all, 2).await, [entry("message.deleted", 5, ""), entry("message.created", 6, "six")]);
    let mut back = app.hears_all(channel, &mina, Some(3)).await;
    assert_eq!(next(&mut back, 1).await, [entry("message.created", 4, "")]);
}

/// A gap is read in parts; one that is too large is not, and whoever has missed it comes back.
#[tokio::test]
async fn a_large_gap_is_heard_in_order_and_one_that_is_too_large_brings_sockets_back() {
    const READ: i64 = 1_000;
    let app = watching().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("one").await;
    app.write_behind(channel, &jun, READ).await;
    for seq in 2..2 + READ {
        assert_eq!(socket.next_message().await["seq"], seq);
    }
    assert_eq!(socket.say_and_hear("and on").await["seq"], READ + 2);
    app.write_behind(channel, &jun, 1_025).await;
    socket.expect_close(1012).await;
    let last = READ + 2 + 1_025;
    let path = format!("/ws/{channel}?after={}&token={}", READ + 2, mina.token);
    let mut back = app.socket_at(&path, &[]).await.0;
    back.replay(READ + 2, last).await;
    assert_eq!(back.say_and_hear("all is well").await["seq"], last + 1);
}

/// It is not told in time.
#[tokio::test]
async fn a_gap_that_takes_too_long_to_be_read_is_given_up() {
    let app = spawn_app_with(|config| {
        config.times.watch_every = Duration::from_millis(50);
        config.times.gap_read_max = Duration::from_millis(100);
    })
    .await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("one").await;
    let lock = connect(&app.database).await;
    lock.batch_execute("begin; lock table channel_changes in access exclusive mode").await.expect("it is free");
    app.write_behind(channel, &jun, 1).await;
    socket.expect_close(1012).await;
    lock.batch_execute("rollback").await.expect("it is open");
    let mut back = app.socket_at(&format!("/ws/{channel}?after=1&token={}", mina.token), &[]).await.0;
    assert_eq!(back.replay(1, 2).await[0]["content"], "entry 2");
}

/// The storage does not tell what was missed: sockets end, and come back for it. Who has posted is answered all the same.
#[tokio::test]
async fn who_cannot_be_told_what_somebody_else_has_written_comes_back_for_it() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut socket, mut gateway) = (app.socket(channel, &mina).await, app.subscriber(&jun, channel).await);
    socket.say_and_hear("one").await;
    gateway.hears("one").await;
    app.sql("alter table channel_changes rename to elsewhere").await;
    app.write_behind(channel, &jun, 1).await;
    gateway.say_in(channel, "three", "n3").await;
    socket.expect_close(1012).await;
    let ended = gateway.next_of("unsubscribed").await;
    assert_eq!(ended, json!({ "type": "unsubscribed", "channel_id": channel, "reason": "restart" }));
    assert_eq!(gateway.next_ack("n3").await["seq"], 3);
    app.sql("alter table elsewhere rename to channel_changes").await;
    let mut back = app.socket_at(&format!("/ws/{channel}?after=1&token={}", mina.token), &[]).await.0;
    let seen = back.replay(1, 3).await;
    assert_eq!(seen.iter().map(|event| &event["content"]).collect::<Vec<&Value>>(), ["entry 2", "three"]);
    gateway.tell(json!({ "type": "subscribe", "channel_id": channel, "after": 1 })).await;
    assert_eq!(gateway.next_of("subscribed").await["seq"], 3);
    assert_eq!(gateway.replay(1, 3).await, seen);
    back.say_and_hear("four").await;
    gateway.hears("four").await;
}
