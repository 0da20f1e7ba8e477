//! Messages, and the part of a history that a reader asks for.

use super::text::{Content, Nonce};
use super::{ChannelId, MessageId, Seq, UserId};
use serde::Serialize;
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
}

/// A page of a history: which part, and at most how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Which part.
    pub window: Window,
    /// 1 to [`PAGE_MAX`].
    pub limit: i64,
}
