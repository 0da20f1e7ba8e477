//! What the server says and what it is told, in JSON.

use super::history::{Change, ChangeKind, Event, Heard, LogEntry, Tombstone, Wish};
use serde_json::{Value, json};

/// What a gateway is told beside the logs.
const NEWS: [&str; 15] = [
    "ready",
    "subscribed",
    "pong",
    "server.joined",
    "server.left",
    "server.updated",
    "channel.created",
    "channel.updated",
    "channel.deleted",
    "member.joined",
    "member.left",
    "member.updated",
    "role.created",
    "role.updated",
    "user.updated",
];

/// The text of a send.
pub fn send(nonce: &str, content: &str) -> String {
    json!({ "content": content, "nonce": nonce }).to_string()
}

/// The same for a gateway.
pub fn send_to(channel: i64, nonce: &str, content: &str) -> String {
    json!({ "type": "message.send", "channel_id": channel, "content": content, "nonce": nonce }).to_string()
}

/// The text with which a gateway is asked for a change; `None` if that is done over HTTP only.
pub fn change(channel: i64, nonce: &str, wish: &Wish) -> Option<String> {
    let mut frame = match wish {
        Wish::Edit { id, content } => json!({ "type": "message.edit", "id": id, "content": content }),
        Wish::Delete { id } => json!({ "type": "message.delete", "id": id }),
        Wish::React { id, emoji } => json!({ "type": "reaction.add", "message_id": id, "emoji": emoji }),
        Wish::Unreact { id, emoji } => json!({ "type": "reaction.remove", "message_id": id, "emoji": emoji }),
        Wish::DeleteMany { .. } | Wish::Clear { .. } | Wish::Pin { .. } | Wish::Unpin { .. } => return None,
    };
    frame["channel_id"] = channel.into();
    frame["nonce"] = nonce.into();
    Some(frame.to_string())
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
        Some("message.created") if frame["duplicate"] == true => entry(&frame).map(|entry| Heard::Answer(entry, None)),
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
        Some(_) => entry(&frame).map(Heard::Entry),
        None => None,
    };
    understood.unwrap_or_else(unreadable)
}

/// An entry of a log, with all its fields.
pub fn entry(value: &Value) -> Option<LogEntry> {
    let number = |name: &str| value[name].as_i64();
    let emoji = || value["emoji"].as_str().map(str::to_owned);
    let message = || number("message_id");
    let change = |user: &str, kind: ChangeKind| {
        let (seq, channel, user) = (number("seq")?, number("channel_id")?, number(user)?);
        Some(LogEntry::Changed(Change { seq, channel, user, kind }))
    };
    match value["type"].as_str()? {
        "message.created" => made(value),
        "message.updated" => Some(LogEntry::Updated { event: event(value)?, message_seq: number("message_seq")? }),
        "message.deleted" => {
            let (id, message_seq) = (number("id")?, number("message_seq")?);
            change("deleted_by", ChangeKind::Deleted { id, message_seq })
        }
        "messages.deleted" => {
            let ids = value["ids"].as_array()?.iter().map(Value::as_i64).collect::<Option<_>>()?;
            change("deleted_by", ChangeKind::DeletedMany { ids })
        }
        "reaction.added" => change("user_id", ChangeKind::ReactionAdded { id: message()?, emoji: emoji()? }),
        "reaction.removed" => change("user_id", ChangeKind::ReactionRemoved { id: message()?, emoji: emoji()? }),
        "reactions.cleared" => change("user_id", ChangeKind::ReactionsCleared { id: message()?, emoji: emoji() }),
        "message.pinned" => change("user_id", ChangeKind::Pinned { id: message()? }),
        "message.unpinned" => change("user_id", ChangeKind::Unpinned { id: message()? }),
        "skipped" => {
            Some(LogEntry::Skipped { channel: number("channel_id")?, from: number("from")?, to: number("to")? })
        }
        _ => None,
    }
}

/// A message that was made, whatever type the value says to be of.
pub fn made(value: &Value) -> Option<LogEntry> {
    if value["deleted"] == true {
        tombstone(value).map(LogEntry::Tombstone)
    } else {
        event(value).map(LogEntry::Created)
    }
}

fn event(value: &Value) -> Option<Event> {
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
        edited_at: text("edited_at"),
    })
}

fn tombstone(value: &Value) -> Option<Tombstone> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Tombstone {
        id: value["id"].as_i64()?,
        seq: value["seq"].as_i64()?,
        channel: value["channel_id"].as_i64()?,
        author: value["author_id"].as_i64(),
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
        seq: frame["seq"].as_i64(),
        is_duplicate: frame["duplicate"] == true,
    })
}
