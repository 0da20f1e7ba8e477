//! What is understood, and what each mistake is called.

use super::fields::depth;
use super::*;
use crate::domain::MessageId;
use crate::domain::text::Content;

fn send(content: &str, nonce: Option<&str>, reply_to: Option<i64>) -> NewMessage {
    NewMessage {
        content: Content::try_from(content).expect("good content"),
        nonce: nonce.map(|nonce| Nonce::try_from(nonce).expect("a good nonce")),
        reply_to: reply_to.map(MessageId),
    }
}

#[test]
fn a_message_is_understood_with_and_without_its_type() {
    for text in [
        r#"{"content": "hi"}"#,
        r#"{"type": "message.send", "content": "hi"}"#,
        r#"{"content": "hi", "else": {"ignored": [1]}}"#,
        r#"{"type": null, "content": "\u0068i", "nonce": null, "reply_to": null}"#,
    ] {
        let expected = Command::SendMessage { channel_id: None, message: send("hi", None, None) };
        assert_eq!(parse(text, Dialect::Channel), Ok(expected), "{text}");
    }
}

#[test]
fn what_a_command_writes_is_read_as_the_same_command() {
    let id = ChannelId(7);
    for command in [
        Command::SendMessage { channel_id: Some(id), message: send("안녕 \u{7} \"x\"", Some("№1"), Some(3)) },
        Command::SendMessage { channel_id: Some(id), message: send("x", None, None) },
        Command::Identify { token: "a.b.c".into() },
        Command::Subscribe(Subscribe::One(Wanted { channel_id: id, after: Some(Seq(0)), epoch: None })),
        Command::Subscribe(Subscribe::One(Wanted { channel_id: id, after: None, epoch: None })),
        Command::Subscribe(Subscribe::Many {
            channels: vec![
                Wanted { channel_id: id, after: Some(Seq(9)), epoch: Some("one".into()) },
                Wanted { channel_id: id, after: None, epoch: None },
            ],
        }),
        Command::Unsubscribe { channel_id: id },
        Command::Ping { t: Some(serde_json::json!([1, {"a": null}])) },
        Command::Ping { t: Some(serde_json::json!(1.2345669999999999e29)) },
        Command::Ping { t: None },
    ] {
        let text = serde_json::to_string(&command).expect("it can be written");
        assert_eq!(parse(&text, Dialect::Gateway), Ok(command), "{text}");
    }
}

#[test]
fn what_is_no_object_is_not_repeated_whole() {
    let long = format!("\"{}\"", "\u{1F600}".repeat(10_000));
    let bad = parse(&long, Dialect::Gateway).expect_err("no object");
    assert!(bad.code == Code::InvalidFrame && bad.detail.chars().count() < 300, "{}", bad.detail);
}

#[test]
fn what_is_no_object_is_told_so_in_words_of_json() {
    for (text, says) in [
        ("5", "invalid type: integer `5`, expected an object"),
        ("null", "invalid type: null, expected an object"),
        (r#""hi""#, r#"invalid type: string "hi", expected an object"#),
    ] {
        let bad = parse(text, Dialect::Gateway).expect_err("no object");
        assert!(bad.detail.starts_with(&format!("Send a JSON object: {says}")), "{}", bad.detail);
    }
}

#[test]
fn a_number_beyond_its_bounds_is_told_both() {
    for (least, frame) in [
        (0, r#"{"type": "unsubscribe", "channel_id": N}"#),
        (0, r#"{"type": "subscribe", "channel_id": 1, "after": N}"#),
        (1, r#"{"type": "message.send", "channel_id": 1, "content": "a", "reply_to": N}"#),
    ] {
        for number in ["-1", "9007199254740992", "99999999999999999999"] {
            let bad = parse(&frame.replace('N', number), Dialect::Gateway).expect_err(frame);
            let says = format!("must be a whole number from {least} to 9007199254740991");
            assert!(bad.detail.ends_with(&says), "{}", bad.detail);
        }
        assert!(parse(&frame.replace('N', "9007199254740991"), Dialect::Gateway).is_ok(), "{frame}");
    }
}

#[test]
fn each_mistake_has_its_code() {
    let long = format!(r#"{{"content": "{}"}}"#, "x".repeat(4_001));
    let deep = format!(r#"{{"content": "hi", "x": {}{}}}"#, "[".repeat(16), "]".repeat(16));
    for (text, code) in [
        ("", "invalid_json"),
        ("hello", "invalid_json"),
        (r#"{"content": "a"} {"content": "b"}"#, "invalid_json"),
        (r#"["content"]"#, "invalid_frame"),
        (" []", "invalid_frame"),
        ("null", "invalid_frame"),
        (r#"{"type": 7, "content": "a"}"#, "invalid_frame"),
        (r#"{"content": "a", "content": "b"}"#, "invalid_frame"),
        (r#"{"type": "dance", "content": "a"}"#, "unknown_type"),
        (r#"{"type": "ping"}"#, "unknown_type"),
        ("{}", "content_missing"),
        (r#"{"content": null}"#, "content_missing"),
        (r#"{"content": 7}"#, "content_not_text"),
        (r#"{"content": " \n"}"#, "content_blank"),
        (r#"{"content": "a\u0000"}"#, "content_has_nul"),
        (r#"{"content": "a", "nonce": 1}"#, "nonce_invalid"),
        (r#"{"content": "a", "nonce": ""}"#, "nonce_invalid"),
        (r#"{"content": "a", "reply_to": 0}"#, "reply_to_invalid"),
        (r#"{"content": "a", "reply_to": "one"}"#, "reply_to_invalid"),
        (r#"{"content": "a", "reply_to": 9007199254740992}"#, "reply_to_invalid"),
        (&long, "content_too_long"),
        (&deep, "too_deep"),
    ] {
        assert_eq!(parse(text, Dialect::Channel).map_err(|bad| bad.code.as_str()), Err(code), "{text}");
    }
}

#[test]
fn a_gateway_s_mistakes_name_their_field_and_what_was_good() {
    for (text, code, field) in [
        ("{}", "type_missing", "type"),
        (r#"{"type": "dance"}"#, "unknown_type", "type"),
        (r#"{"type": "identify"}"#, "token_missing", "token"),
        (r#"{"type": "identify", "token": 1}"#, "token_invalid", "token"),
        (r#"{"type": "subscribe"}"#, "channel_id_missing", "channel_id"),
        (r#"{"type": "subscribe", "channel_id": "one"}"#, "channel_id_invalid", "channel_id"),
        (r#"{"type": "subscribe", "channels": []}"#, "channels_invalid", "channels"),
        (r#"{"type": "subscribe", "channel_id": 1, "after": -1}"#, "after_invalid", "after"),
        (r#"{"type": "subscribe", "channel_id": 1, "after": 1.5}"#, "after_invalid", "after"),
        (r#"{"type": "unsubscribe"}"#, "channel_id_missing", "channel_id"),
        (r#"{"type": "message.send", "content": "a"}"#, "channel_id_missing", "channel_id"),
    ] {
        let bad = parse(text, Dialect::Gateway).expect_err(text);
        assert_eq!((bad.code.as_str(), bad.field), (code, Some(field)), "{text}");
    }
    let text = r#"{"type": "message.send", "channel_id": 7, "nonce": "n1", "content": ""}"#;
    let bad = parse(text, Dialect::Gateway).expect_err("blank");
    assert_eq!((bad.nonce.as_deref(), bad.channel_id), (Some("n1"), Some(ChannelId(7))));
}

#[test]
fn depth_counts_brackets_outside_strings_only() {
    assert_eq!(depth(r#"{"a": "[[[[\"[[", "b": [1, [2]]}"#), 3);
}
