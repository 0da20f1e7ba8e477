//! Who sends faster than the rate: nothing is lost, nothing comes twice, and the order stays.

use crate::limits::limited;
use crate::support::{Socket, Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

const SENDS: usize = 16;
/// From one message in a channel to the next.
const SECOND: Duration = Duration::from_secs(1);

async fn hear_all(socket: &mut Socket) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < SENDS {
        let event = socket.next_of("message.created").await;
        heard.push(event["content"].as_str().expect("a content").to_owned());
    }
    heard
}

fn contents(door: &str) -> Vec<String> {
    (0..SENDS).map(|number| format!("{door} {number}")).collect()
}

/// All of them at once, and nothing else is done: PROTOCOL's "Missing nothing" without a refusal.
#[tokio::test]
async fn sends_over_the_rate_are_saved_once_and_in_their_order() {
    let app = limited().await;
    let (mina, jun, server, general) = app.two_members().await;
    let random = app.channel(&mina, server, "random").await;
    let mut listens = [app.socket(general, &jun).await, app.socket(random, &jun).await];
    let mut socket = app.socket(general, &mina).await;
    let mut gateway = app.gateway(&mina).await.0;
    for number in 0..SENDS {
        socket.tell(json!({ "content": format!("socket {number}"), "nonce": format!("s{number}") })).await;
        gateway.say_in(random, &format!("gateway {number}"), &format!("g{number}")).await;
    }
    // What waits in one channel holds up no other.
    let quiet = app.channel(&mina, server, "quiet").await;
    gateway.say_in(quiet, "passes by", "quiet").await;
    let mut told: Vec<Value> = Vec::new();
    let (mut acks, mut delayed, mut passed_ms) = (0, 0, 0);
    let mut due_ms = HashMap::new();
    while acks < SENDS + 1 {
        let event = gateway.next_event().await;
        let nonce = event["nonce"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str() {
            Some("message.delayed") => {
                delayed += 1;
                due_ms.insert(nonce, event["delay_ms"].as_u64().expect("a number"));
            }
            Some("ack") => {
                acks += 1;
                assert!(due_ms.get(&nonce).is_none_or(|due_ms| passed_ms >= *due_ms), "{event}: too early");
            }
            _ => {}
        }
        told.push(event);
        // What may be said at once is said, and all the others wait.
        if acks + delayed > SENDS + passed_ms as usize / 1_000 {
            app.pass(SECOND);
            passed_ms += 1_000;
        }
    }
    let at = |kind: &str, nonce: &str| told.iter().position(|event| event["type"] == kind && event["nonce"] == nonce);
    assert!(at("ack", "quiet") < at("ack", "g15") && at("ack", "quiet").is_some(), "{told:?}");
    assert!(told.iter().all(|event| event["type"] != "error"), "{told:?}");
    let delays: Vec<&Value> = told.iter().filter(|event| event["type"] == "message.delayed").collect();
    // Each is told when its own turn comes, a second after the one before.
    let delays: Vec<i64> = delays.iter().map(|event| event["delay_ms"].as_i64().expect("a number")).collect();
    assert_eq!(delays, [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
    assert_eq!(hear_all(&mut socket).await, contents("socket"), "a channel socket hears messages and nothing else");
    assert_eq!(hear_all(&mut listens[0]).await, contents("socket"));
    assert_eq!(hear_all(&mut listens[1]).await, contents("gateway"));
    assert_eq!(app.count("select count(*) from messages").await, 2 * SENDS as i64 + 1);
}

/// 64 wait at most: beyond them nothing is read, and nothing is refused.
#[tokio::test]
async fn so_many_sends_that_no_more_may_wait_hold_their_client_back() {
    let app = limited().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut gateway = app.gateway(&mina).await.0;
    for number in 0..100 {
        gateway.say_in(channel, &format!("{number}"), &format!("n{number}")).await;
    }
    gateway.tell_well(json!({ "type": "ping", "t": "behind them all" })).await;
    gateway.send(Message::Ping("answered at once".into())).await;
    let mut is_answered = false;
    let (mut acks, mut delayed, mut passed) = (0, 0, 0);
    while acks < 13 {
        let event: Value = match gateway.next_frame().await.expect("it lives") {
            Message::Text(text) => serde_json::from_str(&text).expect("JSON"),
            Message::Pong(_) => {
                is_answered = true;
                continue;
            }
            other => panic!("{other:?}"),
        };
        match event["type"].as_str().expect("a type") {
            "ack" => {
                assert_eq!(event["nonce"], format!("n{acks}"));
                acks += 1;
            }
            "message.delayed" => delayed += 1,
            other => panic!("{other}: {event}"),
        }
        // Ten are let in, and 64 wait; then for each that is let in one more is read.
        assert!(delayed <= 64 + passed, "{delayed} were read, and {acks} answered");
        if acks == 10 + passed && delayed == 64 + passed {
            app.pass(SECOND);
            passed += 1;
        }
    }
    assert!((66..=67).contains(&delayed), "{delayed}");
    assert!(is_answered, "a ping is no send, and waits behind none");
    // Nor does the close frame. The others wait, and are not saved; sent again by a new socket, each is there once.
    gateway.close().await;
    let before = app.count("select last_seq from channels").await;
    assert!(before < 20, "{before}");
    app.pass(10 * SECOND);
    let mut gateway = app.gateway(&mina).await.0;
    for number in 12..before + 2 {
        gateway.say_in(channel, &format!("{number}"), &format!("n{number}")).await;
    }
    let mut seqs = Vec::new();
    while seqs.len() < usize::try_from(before - 10).expect("more than 10") {
        let event = gateway.next_event().await;
        if event["type"] == "ack" {
            seqs.push(event["seq"].as_i64().expect("a seq"));
        }
    }
    assert_eq!(seqs, (13..before + 3).collect::<Vec<_>>());
}

/// Beyond what may be kept, nothing is read: not even pings.
#[tokio::test]
async fn so_many_bytes_that_no_more_may_be_kept_are_left_with_their_client() {
    let app = limited().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut gateway = app.gateway(&mina).await.0;
    // 10 pass; 64 KiB wait, and 64 KiB behind them; the last ones lie unread.
    for number in 0..50 {
        gateway.say_in(channel, &"x".repeat(4_000), &format!("n{number}")).await;
    }
    gateway.send(Message::Ping("behind them".into())).await;
    let mut acks = 0;
    loop {
        match gateway.next_frame().await.expect("it lives") {
            Message::Text(text) if text.contains("\"ack\"") => {
                acks += 1;
                if acks >= 10 {
                    app.pass(SECOND);
                }
            }
            Message::Text(_) => {}
            Message::Pong(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((14..30).contains(&acks), "{acks}");
    gateway.close().await;
}

/// What waits when the right ends was not saved, and never will be, also while the socket is not closed yet.
#[tokio::test]
async fn what_waits_when_the_socket_ends_is_not_saved() {
    let app = limited().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    for number in 0..SENDS {
        socket.tell(json!({ "content": format!("{number}"), "nonce": format!("n{number}") })).await;
    }
    assert_eq!(socket.next_of("message.created").await["nonce"], "n0");
    app.post("/auth/logout", &mina, json!({})).await.is(204);
    let saved = app.count("select last_seq from channels").await;
    assert!(saved < SENDS as i64, "the last ones wait");
    // Longer than the next two of them would have waited.
    app.pass(3 * SECOND);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    // One may have been on its way already.
    assert!(app.count("select last_seq from channels").await <= saved + 1);
}

/// A client that is held back and goes away leaves its place to its next socket, though much of what it sent lies unread.
#[tokio::test]
async fn who_is_held_back_and_gone_is_noticed() {
    let app = limited().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut gateway = app.gateway(&mina).await.0;
    for number in 0..100 {
        gateway.say_in(channel, &"x".repeat(4_000), &format!("n{number}")).await;
    }
    drop(gateway);
    let mut others = Vec::new();
    while others.len() < 10 {
        let token = [("authorization", format!("Bearer {}", mina.token))];
        match app.try_socket_at("/gateway", &token).await {
            Some(socket) => others.push(socket),
            // Its place is not free yet.
            None => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                app.pass(Duration::from_millis(100));
            }
        }
    }
}
