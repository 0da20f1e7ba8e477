//! The entries of a channel's log, as clients read them. Each is encoded once; the same bytes go to every socket.

use super::message::Message;
use super::{ChannelId, MessageId, UserId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// An entry of a channel's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum Event<'a> {
    /// A message has been committed. To its sender, the one with the sent `nonce` is the acknowledgement.
    #[serde(rename = "message.created")]
    MessageCreated {
        /// The message's id; grows with `seq` within a channel.
        id: MessageId,
        /// Its place in the channel's log: 1, 2, 3, … with no gap.
        #[schema(minimum = 1, example = 1)]
        seq: i64,
        /// The text as it was sent.
        #[schema(example = "Hello, World!")]
        content: &'a str,
        /// The channel it is in.
        channel_id: ChannelId,
        /// Who wrote it.
        author_id: UserId,
        /// The author's username.
        #[schema(example = "mina")]
        author_username: &'a str,
        /// What its sender named it, if anything.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(max_length = 64, example = "mina-1")]
        nonce: Option<&'a str>,
        /// The message of the same channel that it answers, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>, example = 1)]
        reply_to: Option<MessageId>,
        /// When it was committed.
        #[serde(serialize_with = "super::timestamp::serialize")]
        created_at: OffsetDateTime,
        /// The same, until it is edited.
        #[serde(serialize_with = "super::timestamp::serialize")]
        updated_at: OffsetDateTime,
        /// There, and true, in the answer to a send whose `nonce` was known: the message is the one made then.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(example = true)]
        duplicate: Option<bool>,
    },
}

impl<'a> From<&'a Message> for Event<'a> {
    fn from(message: &'a Message) -> Self {
        Self::MessageCreated {
            id: message.id,
            seq: message.seq,
            content: &message.content,
            channel_id: message.channel_id,
            author_id: message.author_id,
            author_username: &message.author_username,
            nonce: message.nonce.as_deref(),
            reply_to: message.reply_to,
            created_at: message.created_at,
            updated_at: message.updated_at,
            duplicate: None,
        }
    }
}

/// A part of a channel's log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events<'a> {
    /// In the order of `seq`.
    pub events: Vec<Event<'a>>,
    /// How far the log goes. An `after` beyond it means that the log is not the one that the client knows: reload.
    #[schema(example = 1)]
    pub last_seq: i64,
}
