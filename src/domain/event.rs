//! The entries of a channel's log, as clients read them. Each is encoded once; the same bytes go to every socket.

use super::Seq;
use super::message::Message;
use serde::Serialize;
use utoipa::ToSchema;

/// An entry of a channel's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum Event<'a> {
    /// A message has been committed. To its sender, the one with the sent `nonce` is the acknowledgement.
    #[serde(rename = "message.created")]
    MessageCreated(MessageCreated<'a>),
}

/// A message that has been committed, as its event has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageCreated<'a> {
    /// What has been committed.
    #[serde(flatten)]
    pub message: Message<'a>,
    /// There, and true, in the answer to a send whose `nonce` was known: the message is the one made then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub duplicate: Option<bool>,
}

impl<'a> From<Message<'a>> for Event<'a> {
    fn from(message: Message<'a>) -> Self {
        Self::MessageCreated(MessageCreated { message, duplicate: None })
    }
}

/// A part of a channel's log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events<'a> {
    /// In the order of `seq`.
    pub events: Vec<Event<'a>>,
    /// How far the log goes. An `after` beyond it means that the log is not the one that the client knows: reload.
    #[schema(example = 1)]
    pub last_seq: Seq,
}
