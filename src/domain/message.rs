//! Messages, and the part of a history that a reader asks for.

use super::emoji::Emoji;
use super::text::{Content, Nonce};
use super::{ChannelId, MessageId, Seq, UserId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The most messages of one history page.
pub const PAGE_MAX: i64 = 100;
/// As many messages as a page has when nobody says otherwise.
pub const PAGE_DEFAULT: i64 = 50;
/// The most events of one answer.
pub const EVENTS_MAX: i64 = 1_000;
/// As many events as an answer has when nobody says otherwise.
pub const EVENTS_DEFAULT: i64 = 100;
/// The furthest jump by `offset`: its cost grows with its size, `before` and `after` cost the same at any depth.
pub const OFFSET_MAX: i64 = 10_000;

/// A message of a channel, as whoever may read it gets it: a page's, an export's, an event's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message<'a> {
    /// The message's id; grows with `seq` within a channel.
    pub id: MessageId,
    /// The text as it was sent.
    #[schema(example = "Hello, World!")]
    pub content: Cow<'a, str>,
    /// The channel it is in.
    pub channel_id: ChannelId,
    /// Who wrote it.
    pub author_id: UserId,
    /// The author's username.
    #[schema(example = "mina")]
    pub author_username: Cow<'a, str>,
    /// Its place in the channel's log: 1, 2, 3, … with no gap.
    #[schema(minimum = 1, example = 1)]
    pub seq: Seq,
    /// What its sender named it, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64, example = "mina-1")]
    pub nonce: Option<Cow<'a, str>>,
    /// The message of the same channel that it answers, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, example = 1)]
    pub reply_to: Option<MessageId>,
    /// When it was committed.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// The same, until it is edited.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
    /// When its text was last changed, if it was.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::timestamp::serialize_some")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub edited_at: Option<OffsetDateTime>,
    /// There, and true, if it is among the channel's pins; in answers to calls only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false, example = true)]
    pub pinned: bool,
    /// How people have reacted, in the order in which the kinds came; in answers to calls only, and there if anybody has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reactions: Vec<ReactionCount>,
}

/// How many people have reacted to a message with an emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReactionCount {
    /// With what.
    pub emoji: Emoji,
    /// How many people.
    #[schema(minimum = 1, example = 3)]
    pub count: i64,
    /// Whether the caller is among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, required = true)]
    pub me: Option<bool>,
}

impl ReactionCount {
    /// So many, without a word on who asks.
    pub fn new(emoji: Emoji, count: i64) -> Self {
        Self { emoji, count, me: None }
    }
}

impl<'a> Message<'a> {
    /// The message as the log tells it: without what its later entries say.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { pinned: false, reactions: Vec::new(), ..self.clone() }
    }
}

impl Message<'_> {
    /// The same, for those who outlive what it was made from.
    pub fn into_owned(self) -> Message<'static> {
        Message {
            content: self.content.into_owned().into(),
            author_username: self.author_username.into_owned().into(),
            nonce: self.nonce.map(|nonce| nonce.into_owned().into()),
            ..self
        }
    }
}

/// An earlier text of a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageRevision {
    /// The text.
    #[schema(example = "Helo, World!")]
    pub content: String,
    /// The entry of the log that replaced it.
    #[schema(minimum = 1, example = 5)]
    pub replaced_by_seq: Seq,
    /// When it was written.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub written_at: OffsetDateTime,
    /// When it was replaced; 30 days later it is erased.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub replaced_at: OffsetDateTime,
}

/// An earlier text of one's own message, as an export has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnRevision {
    /// Where.
    pub channel_id: ChannelId,
    /// Of which message.
    pub message_id: MessageId,
    /// The text.
    #[schema(example = "Helo, World!")]
    pub content: String,
    /// The entry of the log that replaced it.
    #[schema(minimum = 1, example = 5)]
    pub replaced_by_seq: Seq,
    /// When it was written.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub written_at: OffsetDateTime,
    /// When it was replaced.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub replaced_at: OffsetDateTime,
}

/// A reaction of one's own, as an export has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnReaction {
    /// Where.
    pub channel_id: ChannelId,
    /// To which message.
    pub message_id: MessageId,
    /// With which emoji.
    pub emoji: Emoji,
    /// When.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
}

/// Somebody who has reacted to a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reactor {
    /// Who.
    pub user_id: UserId,
    /// The username.
    #[schema(example = "mina")]
    pub username: String,
}

/// What someone wants to say.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NewMessage {
    /// The text: 1 to 4,000 characters, not only white space, without NUL. Kept exactly as sent.
    #[schema(value_type = String, min_length = 1, max_length = 4000, example = "Hello, World!")]
    pub content: Content,
    /// Names this send for its sender: sent again with the same nonce, it makes no second message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "mina-1")]
    pub nonce: Option<Nonce>,
    /// The message of the same channel that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub reply_to: Option<MessageId>,
}

/// Which part of a history is asked for; always answered oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The newest, after skipping so many of the newest.
    Newest {
        /// How many of the newest to skip, at most [`OFFSET_MAX`].
        offset: i64,
    },
    /// Those just before this message.
    Before(MessageId),
    /// Those just after this message.
    After(MessageId),
    /// This message, and the nearest on both sides of it.
    Around(MessageId),
}

/// A page of a history: which part, and at most how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which part.
    pub window: Window,
    /// 1 to [`PAGE_MAX`].
    pub limit: i64,
}
