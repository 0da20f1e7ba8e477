//! What a client may say on a socket, one text frame a command. `/asyncapi.json` is made from these types, and a test
//! reads back what they write.

mod change;
mod fields;

pub use change::{AddReaction, DeleteMessage, EditMessage, MessageCommand, RemoveReaction};
pub use fields::parse;

use crate::domain::frame::Frame;
use crate::domain::message::NewMessage;
use crate::domain::text::Nonce;
use crate::domain::{ChannelId, Seq};
use crate::error::Code;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use utoipa::ToSchema;

/// The most channels that one socket may be subscribed to, or may ask for in one frame.
pub const SUBSCRIPTIONS_MAX: usize = 500;

/// Something that a client says.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum Command {
    /// Put a message into a channel's log.
    #[serde(rename = "message.send")]
    SendMessage {
        /// Which channel; the channel socket's own if left out there.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>)]
        channel_id: Option<ChannelId>,
        /// What is said.
        #[serde(flatten)]
        message: NewMessage,
    },
    /// Say who you are: the first frame on a gateway that was opened without a token.
    #[serde(rename = "identify")]
    Identify {
        /// An access token.
        token: String,
    },
    /// Hear a channel, or many: each is answered by itself.
    #[serde(rename = "subscribe")]
    Subscribe(Subscribe),
    /// Hear a channel no longer.
    #[serde(rename = "unsubscribe")]
    Unsubscribe {
        /// Which channel.
        channel_id: ChannelId,
    },
    /// Give a message of one's own another text.
    #[serde(rename = "message.edit")]
    EditMessage(EditMessage),
    /// Delete a message: one's own, or as the server's owner any.
    #[serde(rename = "message.delete")]
    DeleteMessage(DeleteMessage),
    /// React to a message.
    #[serde(rename = "reaction.add")]
    AddReaction(AddReaction),
    /// Take one's own reaction away.
    #[serde(rename = "reaction.remove")]
    RemoveReaction(RemoveReaction),
    /// Ask for a `pong`.
    #[serde(rename = "ping")]
    Ping {
        /// Comes back in the `pong`.
        #[serde(skip_serializing_if = "Option::is_none")]
        t: Option<Value>,
    },
}

/// What a client wants to hear.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Subscribe {
    /// One channel.
    One(Wanted),
    /// Many of them.
    Many {
        /// Which channels.
        #[schema(min_items = 1, max_items = 500)]
        channels: Vec<Wanted>,
    },
}

/// A channel that a client wants to hear, and from where on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Wanted {
    /// Which channel.
    pub channel_id: ChannelId,
    /// Start with everything after this `seq`; live if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub after: Option<Seq>,
    /// The `epoch` in which it was seen. Where that is another one by now, the answer is `resync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

impl Command {
    /// What its client named it, if it did.
    pub fn nonce(&self) -> Option<&Nonce> {
        match self {
            Self::SendMessage { message, .. } => message.nonce.as_ref(),
            Self::EditMessage(EditMessage { nonce, .. })
            | Self::DeleteMessage(DeleteMessage { nonce, .. })
            | Self::AddReaction(AddReaction { nonce, .. })
            | Self::RemoveReaction(RemoveReaction { nonce, .. }) => nonce.as_ref(),
            Self::Identify { .. } | Self::Subscribe(_) | Self::Unsubscribe { .. } | Self::Ping { .. } => None,
        }
    }

    /// The one channel that it is about.
    pub fn channel_id(&self) -> Option<ChannelId> {
        match self {
            Self::SendMessage { channel_id, .. } => *channel_id,
            Self::Subscribe(Subscribe::One(Wanted { channel_id, .. }))
            | Self::Unsubscribe { channel_id }
            | Self::EditMessage(EditMessage { channel_id, .. })
            | Self::DeleteMessage(DeleteMessage { channel_id, .. })
            | Self::AddReaction(AddReaction { channel_id, .. })
            | Self::RemoveReaction(RemoveReaction { channel_id, .. }) => Some(*channel_id),
            Self::Subscribe(Subscribe::Many { .. }) | Self::Identify { .. } | Self::Ping { .. } => None,
        }
    }
}

/// Which commands a socket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Sends only; `type` may be left out.
    Channel,
    /// All of them.
    Gateway,
}

/// Why a frame was not understood: what the error frame says.
#[derive(Debug, PartialEq, Eq)]
pub struct BadFrame {
    /// Stable, for a program.
    pub code: Code,
    /// What to change, for a person.
    pub detail: Cow<'static, str>,
    /// Where.
    pub field: Option<&'static str>,
    /// The frame's nonce, if it was good.
    pub nonce: Option<Nonce>,
    /// The frame's channel, if it was good.
    pub channel_id: Option<ChannelId>,
}

impl BadFrame {
    fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), field: None, nonce: None, channel_id: None }
    }

    fn at(field: &'static str, code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field), ..Self::new(code, detail) }
    }

    /// The error frame.
    pub fn to_frame(&self) -> Frame<'_> {
        Frame::Error {
            code: self.code.as_str(),
            detail: self.detail.as_ref().into(),
            field: self.field,
            nonce: self.nonce.as_deref(),
            channel_id: self.channel_id,
            retry_after_ms: None,
        }
    }
}

#[cfg(test)]
mod tests;
