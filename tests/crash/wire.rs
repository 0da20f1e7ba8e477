//! What the server says and what it is told, in JSON.

use super::history::{Event, Heard};
use serde_json::{Value, json};

/// What a gateway is told beside the logs.
const NEWS: [&str; 9] = [
    "ready",
    "subscribed",
    "pong",
    "server.joined",
    "server.left",
    "server.updated",
    "channel.created",
    "channel.updated",
    "channel.deleted",
];

/// The text of a send.
pub fn send(nonce: &str, content: &str) -> String {
    json!({ "content": content, "nonce": nonce }).to_string()
}

/// The same for a gateway.
pub fn send_to(channel: i64, nonce: &str, content: &str) -> String {
    json!({ "type": "message.send", "channel_id": channel, "content": content, "nonce": nonce }).to_string()
}

/// A gateway's subscription.
pub fn subscribe(channel: i64, after: Option<i64>) -> String {
    let mut frame = json!({ "type": "subscribe", "channel_id": channel });
    if let Some(after) = after {
        frame["after"] = after.into();
    }
    frame.to_string()
}

/// Understands a text frame.
pub fn hear(text: &str) -> Heard {
    let unreadable = || Heard::Unreadable(text.chars().take(200).collect());
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return unreadable() };
    let understood = match frame["type"].as_str() {
        Some("message.created") if frame["duplicate"] == true => event(&frame).map(Heard::Answer),
        Some("message.created") => event(&frame).map(Heard::Event),
        Some("replay.done") => frame["seq"].as_i64().map(Heard::ReplayDone),
        Some("resync") => frame["seq"].as_i64().map(Heard::Resync),
        Some("error") => frame["code"].as_str().map(|code| Heard::Error {
            code: code.to_owned(),
            nonce: frame["nonce"].as_str().map(str::to_owned),
            retry_after_ms: frame["retry_after_ms"].as_u64(),
        }),
        Some("ack") => ack(&frame),
        Some("unsubscribed") => frame["reason"].as_str().map(|reason| Heard::Unsubscribed(reason.to_owned())),
        Some(news) if NEWS.contains(&news) => Some(Heard::News(news.to_owned())),
        _ => None,
    };
    understood.unwrap_or_else(unreadable)
}

/// An entry of a log, with all its fields.
pub fn event(value: &Value) -> Option<Event> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Event {
        id: value["id"].as_i64()?,
        seq: value["seq"].as_i64()?,
        channel: value["channel_id"].as_i64()?,
        author: value["author_id"].as_i64()?,
        author_username: text("author_username")?,
        content: text("content")?,
        nonce: text("nonce"),
        created_at: text("created_at")?,
        updated_at: text("updated_at")?,
    })
}

fn ack(frame: &Value) -> Option<Heard> {
    Some(Heard::Ack {
        nonce: frame["nonce"].as_str()?.to_owned(),
        channel: frame["channel_id"].as_i64()?,
        id: frame["id"].as_i64()?,
        seq: frame["seq"].as_i64()?,
        is_duplicate: frame["duplicate"] == true,
    })
}
