//! The channel's socket: what is said, who hears it, in which order.

use crate::support::raw::masked;
use crate::support::shapes::{MESSAGE_CREATED, has_shape};
use crate::support::{Socket, TestApp, User, Value, id, json, spawn_app};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Two members of one channel.
async fn two_members(app: &TestApp) -> (User, User, i64) {
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let channel = app.channel(&mina, server, "general").await;
    (mina, jun, channel)
}

async fn hear(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(socket.next_message().await);
    }
    heard
}

#[tokio::test]
async fn everyone_in_a_channel_hears_a_message_its_author_too() {
    let app = spawn_app().await;
    let (mina, jun, channel) = two_members(&app).await;
    let (mut minas, mut juns) = (app.socket(channel, &mina).await, app.socket(channel, &jun).await);
    let event = minas.say_and_hear("Hello, World!").await;
    has_shape(&event, MESSAGE_CREATED);
    assert_eq!((event["author_id"].as_i64(), event["channel_id"].as_i64()), (Some(mina.id), Some(channel)));
    assert_eq!((&event["author_username"], &event["seq"]), (&json!("mina"), &json!(1)));
    assert_eq!(event["created_at"], event["updated_at"]);
    assert_eq!(juns.next_message().await, event);
    let answer = juns.say_and_hear("Hello, Mina!").await;
    assert_eq!((&answer["author_username"], &answer["seq"]), (&json!("jun"), &json!(2)));
    assert_eq!(minas.next_message().await, answer);
    for socket in [&mut minas, &mut juns] {
        socket.hears_nothing().await;
    }
}

#[tokio::test]
async fn everyone_sees_the_same_order_and_the_history_is_that_order() {
    const EACH: usize = 40;
    let app = spawn_app().await;
    let (mina, jun, channel) = two_members(&app).await;
    let (mut minas, mut juns) = (app.socket(channel, &mina).await, app.socket(channel, &jun).await);
    for at in 0..EACH {
        minas.say(&format!("m{at}")).await;
        juns.say(&format!("j{at}")).await;
    }
    let heard = hear(&mut minas, 2 * EACH).await;
    assert_eq!(hear(&mut juns, 2 * EACH).await, heard);
    for name in ["m", "j"] {
        let said: Vec<_> = heard.iter().filter_map(|event| event["content"].as_str()?.strip_prefix(name)).collect();
        assert_eq!(said, (0..EACH).map(|at| at.to_string()).collect::<Vec<_>>(), "{name} in the order of sending");
    }
    let seqs: Vec<_> = heard.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=2 * EACH as u64).collect::<Vec<_>>());
    assert!(heard.windows(2).all(|pair| id(&pair[0]) < id(&pair[1])), "ids grow with the order");

    // Who comes later hears what comes later, and reads the rest.
    let mut late = app.socket(channel, &jun).await;
    let last = minas.say_and_hear("last").await;
    assert_eq!((late.next_message().await, juns.next_message().await), (last.clone(), last.clone()));
    let history = app.get(&format!("/channels/{channel}/messages?limit=100"), &jun).await.is(200);
    let mut all = [heard, vec![last]].concat();
    all.iter_mut().for_each(|event| drop(event.as_object_mut().expect("an event").remove("type")));
    assert_eq!(history, Value::from(all));
}

#[tokio::test]
async fn a_socket_hears_its_own_channel_only() {
    let app = spawn_app().await;
    let (mina, _, channel) = two_members(&app).await;
    let server = app.get(&format!("/channels/{channel}"), &mina).await.is(200)["server_id"].as_i64().expect("an id");
    let other = app.channel(&mina, server, "other").await;
    let (mut here, mut there) = (app.socket(channel, &mina).await, app.socket(other, &mina).await);
    let event = here.say_and_hear("here").await;
    there.hears_nothing().await;
    let other = there.say_and_hear("there").await;
    here.hears_nothing().await;
    assert_eq!((&event["seq"], &other["seq"]), (&json!(1), &json!(1)), "each channel has a log of its own");
}

#[tokio::test]
async fn a_sockets_own_sends_come_back_in_order_also_in_one_burst() {
    let app = spawn_app().await;
    let (mina, _, channel) = two_members(&app).await;
    let mut raw = app.raw_socket(channel, &mina.token).await;
    let send = |at| masked(0x81, format!(r#"{{"content": "{at:02}"}}"#).as_bytes());
    raw.send(&(0..50).flat_map(send).collect::<Vec<_>>()).await;
    for at in 0..50 {
        let event = raw.event().await;
        assert_eq!((&event["content"], &event["seq"]), (&json!(format!("{at:02}")), &json!(at + 1)), "{event}");
    }
}

/// 64 sends may be under way on one socket: each of many more at once is either in the log or refused as `busy`.
#[tokio::test]
async fn every_send_of_a_flood_is_in_the_log_once_or_refused_as_busy() {
    const SENDS: usize = 600;
    let app = spawn_app().await;
    let (mina, _, channel) = two_members(&app).await;
    // The channel's row is held, so nothing can be committed until all has been sent.
    let mut database = crate::support::database::connect(&app.database).await;
    let held = database.transaction().await.expect("a transaction");
    held.execute("select from channels where id = $1 for update", &[&channel]).await.expect("held");
    let mut socket = app.socket(channel, &mina).await;
    for at in 0..SENDS {
        socket.say(&at.to_string()).await;
    }
    for _ in 64..SENDS {
        let error = socket.next_error("busy").await;
        assert!(error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
    }
    held.rollback().await.expect("let go");
    let heard = hear(&mut socket, 64).await;
    assert_eq!(
        heard.iter().filter_map(|event| event["content"].as_str()?.parse().ok()).collect::<Vec<usize>>(),
        (0..64).collect::<Vec<_>>()
    );
    let after = socket.say_and_hear("all is well").await;
    assert_eq!(after["seq"], json!(65));
    assert_eq!(app.count("select count(*) from messages").await, 65);
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let app = spawn_app().await;
    let (mina, _, channel) = two_members(&app).await;
    let mut socket = app.socket(channel, &mina).await;
    for payload in [&b""[..], b"x", &[7; 125]] {
        socket.send(Message::Ping(Bytes::copy_from_slice(payload))).await;
        assert_eq!(socket.next_frame().await, Some(Message::Pong(Bytes::copy_from_slice(payload))));
    }
    socket.send(Message::Pong(Bytes::from_static(b"nobody asked"))).await;
    socket.say_and_hear("still here").await;
}

#[tokio::test]
async fn a_fragmented_message_is_one_message() {
    let app = spawn_app().await;
    let (mina, _, channel) = two_members(&app).await;
    let mut raw = app.raw_socket(channel, &mina.token).await;
    let text = r#"{"content": "마당"}"#.as_bytes();
    // Cut inside a character, with a ping between.
    raw.send_frame(0x01, &text[..14]).await;
    raw.send_frame(0x89, b"between").await;
    raw.send_frame(0x00, b"").await;
    raw.send_frame(0x80, &text[14..]).await;
    let pong = raw.frame().await.expect("a pong");
    assert_eq!((pong.opcode, &pong.payload[..]), (10, &b"between"[..]));
    assert_eq!(raw.event().await["content"], "마당");
}
