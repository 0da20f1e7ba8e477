//! An example of every frame, made from the types themselves.

use crate::domain::channel::Channel;
use crate::domain::emoji::Emoji;
use crate::domain::epoch::Epoch;
use crate::domain::frame::{Frame, LoggedChannel, Membership, Ready, Revoked};
use crate::domain::log::{LogEntry, MessageDeleted, MessagesDeleted, Pin, Reaction, ReactionsCleared};
use crate::domain::message::{Message, NewMessage};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::role::Role;
use crate::domain::server::{Server, ServerMember};
use crate::domain::text::{Content, Nonce};
use crate::domain::user::Profile;
use crate::domain::{ChannelId, MessageId, RoleId, Seq, ServerId, UserId};
use crate::error::Code;
use crate::sockets::command::{AddReaction, Command, DeleteMessage, EditMessage, RemoveReaction, Subscribe, Wanted};
use crate::sockets::identify::limits;
use crate::times::PING_AFTER_S;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

const AT: OffsetDateTime = datetime!(2026-01-31 12:00:00.123456 UTC);
const EPOCH: &str = "5b0e9f3c6f1d4e0c8a7b2d1e0f9c8b7a";
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
        edited_at: None,
        pinned: false,
        reactions: Vec::new(),
    };
    let (channel_id, message_id, user_id) = (CHANNEL, message.id, UserId(2));
    let edited = Message { content: "Hello, Courtyard!".into(), edited_at: Some(AT), ..message.clone() };
    let emoji = Emoji::stored("👍".into());
    let reaction = |seq| Reaction { seq, channel_id, message_id, user_id, emoji: emoji.clone() };
    let pin = |seq| Pin { seq, channel_id, message_id, user_id };
    let deleted = MessageDeleted { seq: Seq(11), channel_id, id: message_id, message_seq: Seq(4), deleted_by: user_id };
    let several =
        MessagesDeleted { seq: Seq(12), channel_id, ids: vec![MessageId(18), MessageId(19)], deleted_by: user_id };
    let cleared = ReactionsCleared { seq: Seq(8), channel_id, message_id, emoji: Some(emoji.clone()), user_id };
    let entries = [
        LogEntry::updated(Seq(5), edited),
        LogEntry::ReactionAdded(reaction(Seq(6))),
        LogEntry::ReactionRemoved(reaction(Seq(7))),
        LogEntry::ReactionsCleared(cleared),
        LogEntry::MessagePinned(pin(Seq(9))),
        LogEntry::MessageUnpinned(pin(Seq(10))),
        LogEntry::MessageDeleted(deleted),
        LogEntry::MessagesDeleted(several),
        LogEntry::tombstone(&message),
        LogEntry::skipped(CHANNEL, Seq(5)),
        LogEntry::from(message),
    ];
    // The one that a client meets first is shown first.
    entries.iter().rev().map(|entry| json!(entry)).collect()
}

fn answers() -> Vec<Value> {
    let (channel_id, seq, epoch) = (CHANNEL, Seq(4), Epoch::new(EPOCH));
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
        epoch: epoch.clone(),
        heartbeat_interval_ms: PING_AFTER_S * 1_000,
        limits: limits(true),
    };
    vec![
        json!(refused),
        json!(later),
        json!(Frame::ReplayDone { channel_id, seq, epoch: epoch.clone() }),
        json!(Frame::Resync { channel_id, seq, epoch }),
        json!(Frame::Ready(Box::new(ready))),
        json!(Frame::Subscribed { channel_id, seq, epoch: Epoch::new(EPOCH) }),
        json!(Frame::Unsubscribed { channel_id, reason: None }),
        json!(Frame::Unsubscribed { channel_id, reason: Some(Revoked::NotAMember) }),
        json!(Frame::MessageDelayed { nonce: Some(NONCE), channel_id, delay_ms: 4_000 }),
        json!(Frame::Ack { nonce: Some(NONCE), channel_id, id: MessageId(17), seq: Some(seq), duplicate: None }),
        json!(Frame::Pong { t: Some(&json!(1_769_860_800_123_i64)) }),
    ]
}

fn news() -> Vec<Value> {
    vec![
        json!(Frame::ServerJoined(Box::new(membership()))),
        json!(Frame::ServerUpdated(Box::new(server()))),
        json!(Frame::ServerLeft { id: ServerId(1) }),
        json!(Frame::MemberJoined { server_id: ServerId(1), member: Box::new(member()) }),
        json!(Frame::MemberUpdated { server_id: ServerId(1), member: Box::new(member()) }),
        json!(Frame::RoleCreated { server_id: ServerId(1), role: Box::new(role()) }),
        json!(Frame::RoleUpdated { server_id: ServerId(1), role: Box::new(role()) }),
        json!(Frame::RoleDeleted { server_id: ServerId(1), role_id: RoleId(2) }),
        json!(Frame::RolesOrdered { server_id: ServerId(1), role_ids: vec![RoleId(2)] }),
        json!(Frame::MemberLeft { server_id: ServerId(1), user_id: UserId(2) }),
        json!(Frame::UserUpdated { user: Box::new(profile().into()) }),
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
        Command::Subscribe(Subscribe::One(Wanted {
            channel_id: CHANNEL,
            after: Some(Seq(3)),
            epoch: Some(EPOCH.into()),
        })),
        Command::Subscribe(Subscribe::Many {
            channels: vec![
                Wanted { channel_id: CHANNEL, after: Some(Seq(3)), epoch: Some(EPOCH.into()) },
                Wanted { channel_id: ChannelId(2), after: None, epoch: None },
            ],
        }),
        Command::Unsubscribe { channel_id: CHANNEL },
        Command::Ping { t: Some(json!(1_769_860_800_123_i64)) },
    ];
    let (channel_id, message_id, emoji) = (CHANNEL, MessageId(17), Emoji::stored("👍".into()));
    let nonce = || Nonce::try_from(NONCE).ok();
    let edits = Content::try_from("Hello, Courtyard!").ok();
    let edits =
        edits.map(|content| Command::EditMessage(EditMessage { channel_id, id: message_id, content, nonce: nonce() }));
    let changes = [
        Command::DeleteMessage(DeleteMessage { channel_id, id: message_id, nonce: nonce() }),
        Command::AddReaction(AddReaction { channel_id, message_id, emoji: emoji.clone(), nonce: nonce() }),
        Command::RemoveReaction(RemoveReaction { channel_id, message_id, emoji, nonce: nonce() }),
    ];
    sends.into_iter().chain(others).chain(edits).chain(changes).map(|command| json!(command)).collect()
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

fn member() -> ServerMember {
    ServerMember {
        user_id: UserId(2),
        username: "jun".into(),
        display_name: Some("Jun".into()),
        avatar_url: None,
        nickname: None,
        role_ids: vec![RoleId(2)],
        timeout_until: None,
        joined_at: AT,
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
    Membership {
        server: server(),
        channels: Some(vec![LoggedChannel { channel: channel(), last_seq: Seq(4) }]),
        roles: Some([role()].into()),
        my_role_ids: vec![role().id],
        my_timeout_until: None,
        my_permissions: role().permissions | Permissions::OF_MEMBERS,
    }
}

fn role() -> Role {
    Role {
        id: RoleId(2),
        server_id: ServerId(1),
        name: "Moderators".into(),
        color: Some("#3366cc".into()),
        hoist: true,
        mentionable: false,
        position: 1,
        permissions: Permissions::of(&[Permission::KickMembers, Permission::ManageMessages]),
        is_default: false,
        created_at: AT,
        updated_at: AT,
    }
}
