//! Reactions: who may say what with an emoji, how often it counts, and what is told.

use crate::support::{TestApp, User, Value, json, spawn_app};

fn path(channel: i64, message: i64, rest: &str) -> String {
    format!("/channels/{channel}/messages/{message}/reactions{rest}")
}

const THUMB: &str = "/%F0%9F%91%8D";

async fn react(app: &TestApp, channel: i64, message: i64, by: &User, emoji: &str) -> crate::support::Answer {
    app.put(&path(channel, message, &format!("{emoji}/me")), by, Value::Null).await
}

async fn shown(app: &TestApp, channel: i64, message: i64, by: &User) -> Value {
    let page = app.get(&format!("/channels/{channel}/messages"), by).await.is(200);
    let one = app.get(&format!("/channels/{channel}/messages/{message}"), by).await.is(200);
    assert_eq!(page[0], one, "a page and the message say the same");
    one["reactions"].clone()
}

#[tokio::test]
async fn a_reaction_counts_once_for_each_who_reacts() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    let mut gateway = app.subscriber(&mina, channel).await;
    for user in [&jun, &jun, &mina] {
        react(&app, channel, message, user, THUMB).await.is(204);
    }
    let added = gateway.next_of("reaction.added").await;
    let expected = json!({
        "type": "reaction.added", "seq": 2, "channel_id": channel, "message_id": message, "user_id": jun.id, "emoji": "👍",
    });
    assert_eq!(added, expected);
    assert_eq!(gateway.next_of("reaction.added").await["user_id"], mina.id);
    assert_eq!(shown(&app, channel, message, &jun).await, json!([{ "emoji": "👍", "count": 2, "me": true }]));
    let who = app.get(&path(channel, message, THUMB), &jun).await.is(200);
    assert_eq!(who, json!([{ "user_id": mina.id, "username": "mina" }, { "user_id": jun.id, "username": "jun" }]));
    let rest = app.get(&path(channel, message, &format!("{THUMB}?after={}&limit=1", mina.id)), &jun).await.is(200);
    assert_eq!(rest, json!([{ "user_id": jun.id, "username": "jun" }]));
    for _ in 0..2 {
        app.delete(&path(channel, message, &format!("{THUMB}/me")), &jun).await.is(204);
    }
    assert_eq!(gateway.next_of("reaction.removed").await["user_id"], jun.id);
    assert_eq!(shown(&app, channel, message, &jun).await, json!([{ "emoji": "👍", "count": 1, "me": false }]));
    // A member takes nobody else's away; the owner does.
    let of_mina = path(channel, message, &format!("{THUMB}/{}", mina.id));
    app.delete(&of_mina, &jun).await.refuses(403, "missing_permission");
    react(&app, channel, message, &jun, THUMB).await.is(204);
    app.delete(&path(channel, message, &format!("{THUMB}/{}", jun.id)), &mina).await.is(204);
    app.delete(&of_mina, &mina).await.is(204);
    assert_eq!(shown(&app, channel, message, &jun).await, Value::Null);
    assert_eq!(app.count("select count(*) from reactions").await, 0);
}

#[tokio::test]
async fn only_emoji_are_taken_and_two_ways_to_write_one_are_one() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    for good in ["❤", "❤️", "👍🏽", "🇰🇷", "👨‍👩‍👧‍👦"] {
        let encoded: String = good.bytes().map(|byte| format!("%{byte:02X}")).collect();
        react(&app, channel, message, &jun, &format!("/{encoded}")).await.is(204);
    }
    let kinds = shown(&app, channel, message, &jun).await;
    assert_eq!(kinds.as_array().map(Vec::len), Some(4), "{kinds}");
    for bad in ["/a", "/%F0%9F%91%8D%F0%9F%91%8D", "/thumbsup", "/%ED%95%9C", "/1"] {
        react(&app, channel, message, &jun, bad).await.rejects(&[(json!(["path", "emoji"]), "emoji_invalid")]);
    }
    let mut gateway = app.subscriber(&jun, channel).await;
    let add =
        |emoji: Value| json!({ "type": "reaction.add", "channel_id": channel, "message_id": message, "emoji": emoji });
    for (bad, code) in [(json!("x"), "emoji_invalid"), (json!(1), "emoji_invalid"), (Value::Null, "emoji_missing")] {
        gateway.tell(add(bad)).await;
        gateway.next_error(code).await;
    }
    gateway.tell(json!({ "type": "reaction.add", "channel_id": channel, "emoji": "👍" })).await;
    gateway.next_error("message_id_missing").await;
    gateway.tell(json!({ "type": "reaction.add", "channel_id": channel, "message_id": 0, "emoji": "👍" })).await;
    gateway.next_error("message_id_invalid").await;
    gateway.tell_well(add(json!("👍"))).await;
    gateway.next_of("reaction.added").await;
    assert_eq!(gateway.next_of("ack").await["id"], message);
    gateway
        .tell_well(json!({ "type": "reaction.remove", "channel_id": channel, "message_id": message, "emoji": "👍" }))
        .await;
    gateway.next_of("reaction.removed").await;
    gateway.next_of("ack").await;
}

#[tokio::test]
async fn a_message_has_twenty_kinds_and_no_more() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    let kinds: Vec<String> = (0..21_u32).map(|n| char::from_u32(0x1F600 + n).expect("an emoji").to_string()).collect();
    let mut gateway = app.subscriber(&jun, channel).await;
    // All of them in one batch, or in as many as it takes.
    for emoji in &kinds {
        gateway
            .tell_well(json!({ "type": "reaction.add", "channel_id": channel, "message_id": message, "emoji": emoji, "nonce": emoji }))
            .await;
    }
    let mut refused = Vec::new();
    let mut acknowledged = 0;
    while refused.len() + acknowledged < kinds.len() {
        let event = gateway.next_event().await;
        match event["type"].as_str() {
            Some("ack") => acknowledged += 1,
            Some("error") => refused.push((event["code"].clone(), event["nonce"].clone())),
            _ => {}
        }
    }
    assert_eq!(refused, [(json!("too_many_reactions"), json!(kinds[20]))]);
    // One that is there may be said by others still.
    let first: String = kinds[0].bytes().map(|byte| format!("%{byte:02X}")).collect();
    react(&app, channel, message, &mina, &format!("/{first}")).await.is(204);
    let last: String = kinds[20].bytes().map(|byte| format!("%{byte:02X}")).collect();
    react(&app, channel, message, &mina, &format!("/{last}")).await.refuses(400, "too_many_reactions");
    // The owner clears one kind, then all.
    app.delete(&path(channel, message, &format!("/{first}")), &jun).await.refuses(403, "missing_permission");
    app.delete(&path(channel, message, &format!("/{first}")), &mina).await.is(204);
    react(&app, channel, message, &mina, &format!("/{last}")).await.is(204);
    app.delete(&path(channel, message, ""), &mina).await.is(204);
    assert_eq!(shown(&app, channel, message, &jun).await, Value::Null);
    assert_eq!(app.count("select count(*) from reactions").await, 0);
    let cleared: Vec<Value> =
        app.log(channel, &jun).await.into_iter().filter(|entry| entry["type"] == "reactions.cleared").collect();
    assert_eq!((cleared.len(), &cleared[0]["emoji"], cleared[1].get("emoji")), (2, &json!(kinds[0]), None));
}

#[tokio::test]
async fn a_deleted_message_has_no_reactions_and_takes_none() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    react(&app, channel, message, &jun, THUMB).await.is(204);
    app.delete(&format!("/channels/{channel}/messages/{message}"), &mina).await.is(204);
    assert_eq!(app.count("select count(*) from reactions").await, 0);
    react(&app, channel, message, &jun, THUMB).await.refuses(404, "message_not_found");
    app.get(&path(channel, message, THUMB), &jun).await.refuses(404, "message_not_found");
    react(&app, channel, 999_999, &jun, THUMB).await.refuses(404, "message_not_found");
}

/// Many at once are few batches, each of which counts right.
#[tokio::test]
async fn many_reactions_at_once_are_counted_one_by_one() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    let mut sockets = vec![app.gateway(&mina).await.0, app.gateway(&jun).await.0];
    for number in 0..6 {
        let user = app.register(&format!("user{number}")).await;
        app.join(&user, server).await;
        sockets.push(app.gateway(&user).await.0);
    }
    for socket in &mut sockets {
        // Who has come after it.
        socket.events_until_pong().await;
    }
    for round in 0..5 {
        for kind in ["reaction.add", "reaction.remove", "reaction.add"] {
            for socket in &mut sockets {
                let frame = json!({ "type": kind, "channel_id": channel, "message_id": message, "emoji": "👍", "nonce": round.to_string() });
                socket.tell_well(frame).await;
            }
        }
    }
    for socket in &mut sockets {
        for _ in 0..15 {
            socket.next_of("ack").await;
        }
    }
    assert_eq!(shown(&app, channel, message, &mina).await, json!([{ "emoji": "👍", "count": 8, "me": true }]));
    assert_eq!(app.count("select count(*) from reactions").await, 8);
    // The log says the same, entry by entry.
    let mut there = std::collections::HashSet::new();
    for entry in app.log(channel, &mina).await {
        let user = entry["user_id"].as_i64();
        match entry["type"].as_str() {
            Some("reaction.added") => assert!(there.insert(user), "twice: {entry}"),
            Some("reaction.removed") => assert!(there.remove(&user), "it was not there: {entry}"),
            _ => {}
        }
    }
    assert_eq!(there.len(), 8);
}

/// An answer that is cut by its bytes is cut there for entries of every kind: nothing that follows is told before what lies between.
#[tokio::test]
async fn a_part_of_the_log_that_is_cut_by_its_bytes_has_no_hole() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    react(&app, channel, message, &jun, THUMB).await.is(204);
    app.write_behind(channel, &jun, 40).await;
    app.sql("update messages set content = repeat('\u{1f3e1}', 4000) where seq > 2").await;
    app.delete(&path(channel, message, THUMB), &mina).await.is(204);
    let (mut after, mut parts) = (0, 0);
    loop {
        let part = app.get(&format!("/channels/{channel}/events?after={after}&limit=100"), &jun).await.is(200);
        for entry in part["events"].as_array().expect("a list") {
            after += 1;
            assert_eq!(entry["seq"], after, "{}", entry["type"]);
        }
        parts += 1;
        if part["last_seq"] == after {
            break;
        }
    }
    assert!(parts > 2 && after == 43, "{parts} parts, {after} entries");
}
