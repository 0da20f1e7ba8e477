//! An example of every frame, made from the types themselves.

use crate::config::PING_AFTER_S;
use crate::domain::channel::Channel;
use crate::domain::event::Event;
use crate::domain::frame::{Frame, LoggedChannel, Membership, Ready, Revoked};
use crate::domain::message::{Message, NewMessage};
use crate::domain::server::Server;
use crate::domain::text::{Content, Nonce};
use crate::domain::user::Profile;
use crate::domain::{ChannelId, MessageId, Seq, ServerId, UserId};
use crate::error::Code;
use crate::gateway::command::{Command, Subscribe, Wanted};
use crate::gateway::identify::limits;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

const AT: OffsetDateTime = datetime!(2026-01-31 12:00:00.123456 UTC);
const CHANNEL: ChannelId = ChannelId(1);
const NONCE: &str = "mina-1";

/// At least one of every type.
pub fn examples() -> Vec<Value> {
    [events(), answers(), news(), commands()].concat()
}

fn events() -> Vec<Value> {
    let message = Message {
        id: MessageId(17),
        content: "Hello, World!".into(),
        channel_id: CHANNEL,
        author_id: UserId(1),
        author_username: "mina".into(),
        seq: Seq(4),
        nonce: Some(NONCE.into()),
        reply_to: None,
        created_at: AT,
        updated_at: AT,
    };
    vec![json!(Event::from(message))]
}

fn answers() -> Vec<Value> {
    let (channel_id, seq) = (CHANNEL, Seq(4));
    let refused = Frame::Error {
        code: Code::ContentBlank.as_str(),
        detail: "content must hold at least one visible character".into(),
        field: Some("content"),
        nonce: Some(NONCE),
        channel_id: None,
        retry_after_ms: None,
    };
    let later = Frame::Error {
        code: Code::Busy.as_str(),
        detail: "The node is busy; try again in a moment".into(),
        field: None,
        nonce: Some(NONCE),
        channel_id: Some(channel_id),
        retry_after_ms: Some(250),
    };
    let ready = Ready {
        session_id: "604152e346d8746c71f7560ca27d3115".into(),
        user: profile(),
        servers: vec![membership()],
        heartbeat_interval_ms: PING_AFTER_S * 1_000,
        limits: limits(true),
    };
    vec![
        json!(refused),
        json!(later),
        json!(Frame::ReplayDone { channel_id, seq }),
        json!(Frame::Resync { channel_id, seq }),
        json!(Frame::Ready(Box::new(ready))),
        json!(Frame::Subscribed { channel_id, seq }),
        json!(Frame::Unsubscribed { channel_id, reason: None }),
        json!(Frame::Unsubscribed { channel_id, reason: Some(Revoked::NotAMember) }),
        json!(Frame::MessageDelayed { nonce: Some(NONCE), channel_id, delay_ms: 4_000 }),
        json!(Frame::Ack { nonce: Some(NONCE), channel_id, id: MessageId(17), seq, duplicate: None }),
        json!(Frame::Pong { t: Some(&json!(1_769_860_800_123_i64)) }),
    ]
}

fn news() -> Vec<Value> {
    vec![
        json!(Frame::ServerJoined(Box::new(membership()))),
        json!(Frame::ServerUpdated(Box::new(server()))),
        json!(Frame::ServerLeft { id: ServerId(1) }),
        json!(Frame::ServerDeleted { id: ServerId(1) }),
        json!(Frame::ChannelCreated(Box::new(channel()))),
        json!(Frame::ChannelUpdated(Box::new(channel()))),
        json!(Frame::ChannelDeleted { id: CHANNEL, server_id: ServerId(1) }),
    ]
}

fn commands() -> Vec<Value> {
    let content = Content::try_from("Hello, World!").ok();
    let sends = content.map(|content| {
        let message = NewMessage { content, nonce: Nonce::try_from(NONCE).ok(), reply_to: None };
        Command::SendMessage { channel_id: Some(CHANNEL), message }
    });
    let others = [
        Command::Identify { token: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".into() },
        Command::Subscribe(Subscribe::One(Wanted { channel_id: CHANNEL, after: Some(Seq(3)) })),
        Command::Subscribe(Subscribe::Many {
            channels: vec![
                Wanted { channel_id: CHANNEL, after: Some(Seq(3)) },
                Wanted { channel_id: ChannelId(2), after: None },
            ],
        }),
        Command::Unsubscribe { channel_id: CHANNEL },
        Command::Ping { t: Some(json!(1_769_860_800_123_i64)) },
    ];
    sends.into_iter().chain(others).map(|command| json!(command)).collect()
}

fn profile() -> Profile {
    Profile {
        id: UserId(1),
        username: "mina".into(),
        email: "mina@example.com".into(),
        display_name: Some("Mina".into()),
        bio: None,
        avatar_url: None,
        created_at: AT,
        updated_at: AT,
    }
}

fn server() -> Server {
    Server {
        id: ServerId(1),
        name: "Courtyard".into(),
        description: Some("Where everyone gathers".into()),
        icon_url: None,
        owner_id: UserId(1),
        created_at: AT,
        updated_at: AT,
    }
}

fn channel() -> Channel {
    Channel {
        id: CHANNEL,
        name: "general".into(),
        description: Some("Anything goes".into()),
        server_id: ServerId(1),
        created_at: AT,
        updated_at: AT,
    }
}

fn membership() -> Membership {
    Membership { server: server(), channels: Some(vec![LoggedChannel { channel: channel(), last_seq: Seq(4) }]) }
}
