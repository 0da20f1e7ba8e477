//! How sockets end: by leaving, deletion, a stop, or not reading.

use crate::support::raw::HANDSHAKE;
use crate::support::{SOON, TestApp, User, Value, json, spawn_app, spawn_app_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An owner and a member, with two channels of one server.
async fn community(app: &TestApp) -> (User, User, i64, [i64; 2]) {
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let channels = [app.channel(&mina, server, "general").await, app.channel(&mina, server, "lounge").await];
    (mina, jun, server, channels)
}

#[tokio::test]
async fn who_leaves_loses_their_sockets_in_every_channel_and_nobody_else_does() {
    let app = spawn_app().await;
    let (mina, jun, server, [general, lounge]) = community(&app).await;
    let elsewhere = app.server(&jun, "Elsewhere").await;
    let elsewhere = app.channel(&jun, elsewhere, "general").await;
    let mut minas = app.socket(general, &mina).await;
    let mut kept = app.socket(elsewhere, &jun).await;
    let mut juns = [app.socket(general, &jun).await, app.socket(general, &jun).await, app.socket(lounge, &jun).await];
    app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    // Said after the leave has been answered: nobody who left may hear it.
    minas.say_and_hear("are they gone?").await;
    for socket in &mut juns {
        socket.expect_close(4403).await;
    }
    kept.say_and_hear("here I am").await;
    minas.hears_nothing().await;
    app.join(&jun, server).await;
    app.socket(general, &jun).await.say_and_hear("back again").await;
    assert_eq!(minas.next_message().await["content"], "back again");
}

#[tokio::test]
async fn a_deleted_channel_ends_its_sockets_and_no_others() {
    let app = spawn_app().await;
    let (mina, jun, _, [general, lounge]) = community(&app).await;
    let mut gone = [app.socket(general, &mina).await, app.socket(general, &jun).await];
    let mut kept = app.socket(lounge, &jun).await;
    app.delete(&format!("/channels/{general}"), &mina).await.is(204);
    for socket in &mut gone {
        socket.expect_close(4404).await;
    }
    kept.say_and_hear("still here").await;
}

#[tokio::test]
async fn a_deleted_server_ends_the_sockets_of_all_its_channels() {
    let app = spawn_app().await;
    let (mina, jun, server, [general, lounge]) = community(&app).await;
    let other = app.server(&mina, "Other").await;
    let other = app.channel(&mina, other, "general").await;
    let mut gone = [app.socket(general, &mina).await, app.socket(general, &jun).await, app.socket(lounge, &jun).await];
    let mut kept = app.socket(other, &mina).await;
    app.delete(&format!("/servers/{server}"), &mina).await.is(204);
    for socket in &mut gone {
        socket.expect_close(4404).await;
    }
    kept.say_and_hear("still here").await;
}

#[tokio::test]
async fn a_message_heard_before_a_stop_is_kept_and_the_stop_closes_every_socket() {
    let mut app = spawn_app().await;
    let (mina, jun, _, [general, lounge]) = community(&app).await;
    let mut sockets =
        [app.socket(general, &mina).await, app.socket(general, &jun).await, app.socket(lounge, &jun).await];
    sockets[0].say_and_hear("hello").await;
    let closed = async {
        for socket in &mut sockets {
            socket.expect_close(1012).await;
        }
    };
    let address = app.address;
    tokio::join!(app.stop(), closed);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it listens still");
    assert_eq!(app.count("select count(*) from messages where content = 'hello'").await, 1);
}

/// What a stopping node has heard it either keeps and acknowledges, or does not keep.
#[tokio::test]
async fn what_is_sent_while_the_node_stops_is_heard_if_and_only_if_it_is_kept() {
    let mut app = spawn_app().await;
    let (mina, _, _, [general, _]) = community(&app).await;
    let mut raw = app.raw_socket(general, &mina.token).await;
    let send = |at| crate::support::raw::masked(0x81, format!(r#"{{"content": "{at}"}}"#).as_bytes());
    raw.send(&(0..60).flat_map(send).collect::<Vec<_>>()).await;
    let (frames, ()) = tokio::join!(raw.read_to_close(1012), app.stop());
    let heard = frames.iter().filter(|frame| String::from_utf8_lossy(&frame.payload).contains("message.created"));
    assert_eq!(heard.count() as i64, app.count("select count(*) from messages").await);
}

#[tokio::test]
async fn who_does_not_read_is_ended_and_the_others_miss_nothing() {
    const MESSAGES: usize = 80;
    let app = spawn_app().await;
    let (mina, jun, _, [general, _]) = community(&app).await;
    let mut slow = app.raw_socket(general, &jun.token).await;
    let mut minas = app.socket(general, &mina).await;
    // Each 16 KB: together more than both kernels and the queue of 256 KiB hold.
    let content = "🏡".repeat(4_000);
    for seq in 1..=MESSAGES {
        assert_eq!(minas.say_and_hear(&content).await["seq"], json!(seq));
    }
    let frames = slow.read_to_close(4430).await;
    assert!(frames.len() < MESSAGES, "it was served all the same");
    for (seq, frame) in (1..).zip(&frames) {
        let event: Value = serde_json::from_slice(&frame.payload).expect("whole frames only");
        assert_eq!(event["seq"], json!(seq), "no hole before the end");
    }
    // It comes back and reads the rest.
    let history = app.get(&format!("/channels/{general}/messages?limit=100"), &jun).await.is(200);
    assert_eq!(history.as_array().map(Vec::len), Some(MESSAGES));
    app.socket(general, &jun).await.say_and_hear("sorry").await;
}

#[tokio::test]
async fn a_socket_whose_client_vanishes_leaves_the_others_alone() {
    let app = spawn_app().await;
    let (mina, jun, _, [general, _]) = community(&app).await;
    let mut minas = app.socket(general, &mina).await;
    for _ in 0..5 {
        let mut raw = app.raw_socket(general, &jun.token).await;
        raw.send(&[0x81, 0x85, 0, 0]).await;
        drop(raw);
        minas.say_and_hear("anyone?").await;
    }
}

/// It takes the seconds that it is about, fewer than an operator's node has.
#[tokio::test]
async fn who_is_silent_is_pinged_and_then_ended_with_4408() {
    let app = spawn_app_with(|config| {
        (config.times.ping_after_s, config.times.silence_max_s, config.times.linger_s) = (5, 15, 1);
    })
    .await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let mut stream = TcpStream::connect(app.address).await.expect("the node listens");
    let request = format!("GET /ws/{channel}?token={} HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n", mina.token);
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(SOON, stream.read_to_end(&mut bytes)).await;
    ended.expect("it is not waited for").expect("the stream ends in order");
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer") + 4;
    let (ping, close) = bytes[head..].split_at(2);
    assert_eq!(ping, [0x89, 0], "a ping without a payload");
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 4408));
}
