//! Coming back to a channel: everything after a `seq`, then live, with no hole and no repeat.

use crate::support::raw::HANDSHAKE;
use crate::support::{Socket, TestApp, User, Value, id, json, spawn_app};

async fn after(app: &TestApp, channel: i64, user: &User, after: i64) -> Socket {
    app.socket_at(&format!("/ws/{channel}?token={}&after={after}", user.token), &[]).await.0
}

/// The entries are as in the log, byte for byte as they were heard live.
#[tokio::test]
async fn a_replay_is_what_was_heard_live_byte_for_byte_and_goes_on_live() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut live = app.socket(channel, &jun).await;
    let first = id(&app.say(channel, &mina, json!({ "content": "마당 \u{1}\"\\\n" })).await.is(201));
    app.say(channel, &jun, json!({ "content": "reply", "reply_to": first, "nonce": "n/1" })).await.is(201);
    for at in 2..10 {
        app.say(channel, &mina, json!({ "content": format!("m{at}") })).await.is(201);
    }
    let mut heard = Vec::new();
    for _ in 0..10 {
        heard.push(live.next_text().await);
    }
    for asked in [0, 1, 5, 9, 10] {
        let mut socket = after(&app, channel, &mina, asked).await;
        for text in &heard[asked as usize..] {
            assert_eq!(socket.next_text().await, *text);
        }
        let done = json!({ "type": "replay.done", "channel_id": channel, "seq": 10, "epoch": app.epoch().await });
        assert_eq!(socket.next_event().await, done);
        socket.hears_nothing().await;
        socket.close().await;
    }
    let mut back = after(&app, channel, &mina, 8).await;
    back.replay(8, 10).await;
    let text = json!({ "content": "live again", "nonce": "own" });
    back.tell(text).await;
    let own = back.next_text().await;
    assert_eq!(live.next_text().await, own);
    // The last of several counts, as everywhere.
    let path = format!("/ws/{channel}?after=0&token={}&after=11", mina.token);
    assert_eq!(app.socket_at(&path, &[]).await.0.next_of("replay.done").await["seq"], 11);
}

#[tokio::test]
async fn without_after_a_socket_starts_live() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    app.say(channel, &mina, json!({ "content": "before" })).await.is(201);
    let mut socket = app.socket(channel, &mina).await;
    socket.hears_nothing().await;
    assert_eq!(socket.say_and_hear("live").await["seq"], 2);
}

#[tokio::test]
async fn who_is_ahead_of_the_log_is_told_to_reload() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        for ahead in [100, (1 << 53) - 1, i64::MAX] {
            let last = app.count(&format!("select last_seq from channels where id = {channel}")).await;
            let mut socket = after(&app, channel, &mina, ahead).await;
            let resync = json!({ "type": "resync", "channel_id": channel, "seq": last, "epoch": app.epoch().await });
            assert_eq!(socket.next_event().await, resync);
            socket.hears_nothing().await;
            app.say(channel, &jun, json!({ "content": "live" })).await.is(201);
            assert_eq!(socket.hears("live").await["seq"], last + 1);
            socket.close().await;
        }
    }
}

#[tokio::test]
async fn an_after_that_is_no_place_in_a_log_is_refused() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    for (bad, why) in [
        ("-1", "greater_than_equal"),
        ("x", "int_parsing"),
        ("", "int_parsing"),
        ("1.5", "int_parsing"),
        ("0x1", "int_parsing"),
    ] {
        let line = format!("GET /ws/{channel}?token={}&after={bad} HTTP/1.1", mina.token);
        app.refusal(&line, HANDSHAKE).await.rejects(&[(json!(["query", "after"]), why)]);
        let path = format!("/channels/{channel}/events?after={bad}");
        app.get(&path, &mina).await.rejects(&[(json!(["query", "after"]), why)]);
    }
}

/// Longer than what the node keeps in memory, than a page of the log, and than what is sent at once.
#[tokio::test]
async fn a_long_history_is_replayed_whole_from_wherever_one_left() {
    const COUNT: i64 = 3_300;
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, COUNT).await;
    let log = app.log(channel, &mina).await;
    assert_eq!(log.len() as i64, COUNT);
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        for asked in [0, 1, 255, 256, 257, 2_000, COUNT - 1_025, COUNT - 256, COUNT - 257, COUNT - 1, COUNT] {
            let mut socket = after(&app, channel, &jun, asked).await;
            assert!(socket.replay(asked, COUNT).await == log[asked as usize..], "after {asked}");
            socket.close().await;
        }
    }
    // What follows is partly read and partly remembered.
    for at in 0..5 {
        app.say(channel, &jun, json!({ "content": format!("new {at}") })).await.is(201);
    }
    let log = app.log(channel, &mina).await;
    for asked in [2_900, COUNT, COUNT + 3] {
        let mut socket = after(&app, channel, &jun, asked).await;
        assert!(socket.replay(asked, COUNT + 5).await == log[asked as usize..], "after {asked}");
        assert_eq!(socket.say_and_hear("still in order").await["seq"], COUNT + 6);
        app.sql(&format!("delete from messages where channel_id = {channel} and seq = {COUNT} + 6")).await;
        app.sql(&format!("update channels set last_seq = {COUNT} + 5 where id = {channel}")).await;
        app.restart().await;
    }
}

#[tokio::test]
async fn a_node_that_has_just_started_replays_what_another_one_heard() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut live = app.socket(channel, &jun).await;
    let mut heard = Vec::new();
    for at in 0..40 {
        app.say(channel, &mina, json!({ "content": format!("m{at}"), "nonce": format!("n{at}") })).await.is(201);
        heard.push(live.next_text().await);
    }
    app.restart().await;
    let mut socket = after(&app, channel, &jun, 20).await;
    for text in &heard[20..] {
        assert_eq!(socket.next_text().await, *text);
    }
    assert_eq!(socket.next_of("replay.done").await["seq"], 40);
}

/// As if another node had written it: whoever is attached hears it in its place, and so does whoever comes back.
#[tokio::test]
async fn what_another_node_has_written_is_no_hole() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut socket, mut gateway) = (app.socket(channel, &mina).await, app.subscriber(&jun, channel).await);
    socket.say_and_hear("here").await;
    gateway.hears("here").await;
    app.write_behind(channel, &jun, 1).await;
    let posted = app.say(channel, &jun, json!({ "content": "here again" })).await.is(201);
    assert_eq!(posted["seq"], 3);
    let seen = [socket.hears("entry 2").await, socket.hears("here again").await];
    assert_eq!([gateway.next_message().await, gateway.next_message().await], seen);
    let mut back = after(&app, channel, &mina, 1).await;
    assert_eq!(back.replay(1, 3).await, seen);
    back.say_and_hear("all is well").await;
    socket.hears("all is well").await;
    gateway.hears("all is well").await;
}

/// The storage is away when a client comes back: it is served when the storage is back, and hears all of it.
#[tokio::test]
async fn a_replay_waits_for_the_storage() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 600).await;
    app.restart().await;
    app.get(&format!("/channels/{channel}"), &jun).await.is(200);
    app.sql("alter table messages rename to away").await;
    let mut sockets: Vec<(i64, Socket)> = Vec::new();
    for asked in [0, 300, 599] {
        sockets.push((asked, after(&app, channel, &jun, asked).await));
    }
    // Each read fails now; nothing says so to the clients, whose sockets stay open.
    for (_, socket) in &mut sockets {
        socket.hears_nothing().await;
    }
    app.sql("alter table away rename to messages").await;
    for (asked, socket) in &mut sockets {
        let events = socket.replay(*asked, 600).await;
        assert_eq!(events.last().map(|event| &event["seq"]), Some(&Value::from(600)));
    }
}

/// Who knows more of one log than there is gets the others all the same.
#[tokio::test]
async fn a_resync_of_one_channel_keeps_nobody_from_the_replays_of_others() {
    let app = spawn_app().await;
    let (mina, _, server, first) = app.two_members().await;
    let second = app.channel(&mina, server, "second").await;
    for channel in [first, second] {
        app.say(channel, &mina, json!({ "content": "one" })).await.is(201);
    }
    let mut gateway = app.gateway(&mina).await.0;
    let channels = [json!({ "channel_id": first, "after": 7 }), json!({ "channel_id": second, "after": 0 })];
    gateway.tell_well(json!({ "type": "subscribe", "channels": channels })).await;
    let mut told = Vec::new();
    while !told.iter().any(|kind| kind == "replay.done") {
        told.push(gateway.next_event().await["type"].as_str().expect("a type").to_owned());
    }
    assert!(told.iter().any(|kind| kind == "resync") && told.iter().any(|kind| kind == "message.created"), "{told:?}");
}
