//! What the sockets of a channel are told. Each event is encoded once; the same bytes go to every socket.

use super::{ChannelId, MessageId, UserId};
use serde::Serialize;
use time::OffsetDateTime;

/// An entry of a channel's log, as a client reads it.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum Event<'a> {
    /// A message has been committed.
    #[serde(rename = "message.created")]
    MessageCreated {
        /// The message's id.
        id: MessageId,
        /// Its place in the channel's log.
        seq: i64,
        /// The text as it was sent.
        content: &'a str,
        /// The channel it is in.
        channel_id: ChannelId,
        /// Who wrote it.
        author_id: UserId,
        /// The author's username.
        author_username: &'a str,
        /// When it was committed.
        #[serde(with = "time::serde::rfc3339")]
        created_at: OffsetDateTime,
        /// The same, until it is edited.
        #[serde(with = "time::serde::rfc3339")]
        updated_at: OffsetDateTime,
    },
}
