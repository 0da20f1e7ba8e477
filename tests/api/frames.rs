//! Frames that are not good: an error that names what to change, or an end with the right code.

use crate::support::raw::masked;
use crate::support::{TestApp, User, Value, json, spawn_app, spawn_app_with};
use tokio_tungstenite::tungstenite::{Bytes, Message};

async fn member(app: &TestApp) -> (User, i64) {
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    (mina, channel)
}

#[tokio::test]
async fn a_bad_frame_gets_an_error_and_the_socket_lives_on() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut socket = app.socket(channel, &mina).await;
    let mut bystander = app.socket(channel, &mina).await;
    let long = json!({ "content": "가".repeat(4_001) }).to_string();
    let deep = format!(r#"{{"content": "x", "a": {}{}}}"#, "[".repeat(17), "]".repeat(17));
    for (frame, code) in [
        ("", "invalid_json"),
        ("hello", "invalid_json"),
        ("{\"content\": \"x\"", "invalid_json"),
        ("[]", "invalid_frame"),
        (r#"[null, "a list is no object"]"#, "invalid_frame"),
        ("null", "invalid_frame"),
        (r#"{"type": "dance"}"#, "unknown_type"),
        ("{}", "content_missing"),
        (r#"{"content": 7}"#, "content_not_text"),
        (r#"{"content": ""}"#, "content_blank"),
        (r#"{"content": " \n\t\u3000"}"#, "content_blank"),
        (r#"{"content": "a\u0000b"}"#, "content_has_nul"),
        (long.as_str(), "content_too_long"),
        (deep.as_str(), "too_deep"),
    ] {
        socket.send_text(frame).await;
        socket.next_error(code).await;
    }
    let event = socket.say_and_hear("still here").await;
    assert_eq!(event["seq"], json!(1));
    assert_eq!(bystander.next_message().await, event, "nobody else heard of the mistakes");
}

#[tokio::test]
async fn the_longest_content_fits_however_it_is_escaped() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut socket = app.socket(channel, &mina).await;
    let content = "🏡".repeat(4_000);
    socket.say_and_hear(&content).await;
    let escaped = r"\ud83c\udfe1".repeat(4_000);
    socket.send_text(&format!(r#"{{"content": "{escaped}"}}"#)).await;
    assert_eq!(socket.next_message().await["content"], content);
}

#[tokio::test]
async fn twenty_bad_frames_in_a_row_end_the_socket_and_a_good_one_starts_the_count_anew() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut socket = app.socket(channel, &mina).await;
    for _ in 0..19 {
        socket.send_text("bad").await;
        socket.next_error("invalid_json").await;
    }
    socket.say_and_hear("good").await;
    for _ in 0..19 {
        socket.send_text("bad").await;
        socket.next_error("invalid_json").await;
    }
    socket.send_text("bad").await;
    socket.expect_close(4400).await;
}

#[tokio::test]
async fn a_binary_frame_ends_the_socket() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let mut socket = app.socket(channel, &mina).await;
    socket.send(Message::Binary(Bytes::from_static(br#"{"content": "x"}"#))).await;
    socket.expect_close(1003).await;
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_socket_with_its_code() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    let announced = |length: u64| [&[0x81, 0x80 | 127][..], &length.to_be_bytes(), &[0; 4]].concat();
    for (name, bytes, code) in [
        ("not masked", b"\x81\x02hi".to_vec(), 1002),
        ("a reserved bit", vec![0xC1, 0x80, 0, 0, 0, 0], 1002),
        ("an unknown opcode", vec![0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a continuation of nothing", vec![0x80, 0x80, 0, 0, 0, 0], 1002),
        ("a long ping", vec![0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0], 1002),
        ("a fragmented ping", vec![0x09, 0x80, 0, 0, 0, 0], 1002),
        ("half a close code", vec![0x88, 0x81, 0, 0, 0, 0, 3], 1002),
        ("a close code that nobody may send", vec![0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1002),
        ("not UTF-8", vec![0x81, 0x82, 0, 0, 0, 0, 0xC0, 0xAF], 1007),
        ("half a character", vec![0x81, 0x81, 0, 0, 0, 0, 0xE2], 1007),
        ("one byte more than a message may have", announced(64 * 1024 + 1), 1009),
        ("eight exabytes", announced(i64::MAX as u64), 1009),
    ] {
        let mut raw = app.raw_socket(channel, &mina.token).await;
        raw.send(&bytes).await;
        println!("{name}");
        raw.expect_close(code).await;
    }
    // Together too big, though no fragment is.
    let mut raw = app.raw_socket(channel, &mina.token).await;
    let fragment = |first: u8| [&[first, 0x80 | 126, 0x80, 0, 0, 0, 0, 0][..], &[b' '; 0x8000]].concat();
    raw.send(&[fragment(0x01), fragment(0x00)].concat()).await;
    raw.send(&[0x80, 0x81, 0, 0, 0, 0, b' ']).await;
    raw.expect_close(1009).await;
}

#[tokio::test]
async fn a_close_frame_is_answered_with_its_code() {
    let app = spawn_app().await;
    let (mina, channel) = member(&app).await;
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut raw = app.raw_socket(channel, &mina.token).await;
        raw.send_frame(0x88, &code.to_be_bytes()).await;
        raw.expect_close(code).await;
    }
    let mut raw = app.raw_socket(channel, &mina.token).await;
    raw.send_frame(0x88, b"").await;
    let close = raw.frame().await.expect("a close frame");
    assert_eq!((close.opcode, close.payload.len()), (8, 0));
    assert_eq!(raw.frame().await, None);
}

#[tokio::test]
async fn who_sends_too_fast_is_told_so_and_ended_if_that_does_not_help() {
    let app = spawn_app_with(|config| config.rate_limit = true).await;
    let (mina, channel) = member(&app).await;
    let mut raw = app.raw_socket(channel, &mina.token).await;
    let ping = masked(0x89, b"");
    let bad = masked(0x81, br#"{"content": " ", "nonce": "n1"}"#);
    // A bucket of 240, 20 more each second, and 1,000 too many in a row before the end.
    raw.send(&[ping.repeat(500), bad.repeat(10), ping.repeat(4_000)].concat()).await;
    let frames = raw.read_to_close(4429).await;
    let pongs = frames.iter().filter(|frame| frame.opcode == 10).count();
    assert!((240..1_600).contains(&pongs), "{pongs} of 4,500 pings were answered");
    let errors: Vec<Value> = frames
        .iter()
        .filter(|frame| frame.opcode == 1)
        .filter_map(|frame| serde_json::from_slice(&frame.payload).ok())
        .filter(|event: &Value| event["code"] == "rate_limited")
        .collect();
    assert!(!errors.is_empty());
    for error in errors {
        assert_eq!(error["nonce"], "n1", "it says which send was not looked at: {error}");
        assert!(error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
    }
    // A new socket of the same user has the same bucket.
    let mut raw = app.raw_socket(channel, &mina.token).await;
    raw.send(&[ping.repeat(235), bad.repeat(5), masked(0x88, &1000_u16.to_be_bytes())].concat()).await;
    let frames = raw.read_to_close(1000).await;
    let texts: Vec<_> = frames.iter().filter(|frame| frame.opcode == 1).map(|frame| &frame.payload).collect();
    assert!(texts.iter().any(|text| String::from_utf8_lossy(text).contains("rate_limited")), "{}", texts.len());
}

/// A library that pings by itself closes where nothing comes back.
#[tokio::test]
async fn a_ping_over_the_rate_is_answered() {
    let app = crate::limits::limited().await;
    let (mina, channel) = member(&app).await;
    let mut socket = app.socket(channel, &mina).await;
    for number in 0..300_u32 {
        socket.send(Message::Ping(number.to_be_bytes().to_vec().into())).await;
    }
    for number in 0..300_u32 {
        assert_eq!(socket.next_frame().await, Some(Message::Pong(number.to_be_bytes().to_vec().into())));
    }
}
