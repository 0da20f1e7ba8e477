//! Commands that change messages which are there.

use super::Command;
use crate::domain::emoji::Emoji;
use crate::domain::log::MessageChange;
use crate::domain::text::{Content, Nonce};
use crate::domain::{ChannelId, MessageId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
        pub struct $name {
            /// Of which channel.
            pub channel_id: ChannelId,
            $($(#[$of])* pub $field: $type,)*
            /// Comes back in the `ack`, or the error.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "mina-1")]
            pub nonce: Option<Nonce>,
        }
    )*};
}

commands! {
    /// Another text for a message of one's own.
    EditMessage {
        /// Which message.
        id: MessageId,
        /// The text: 1 to 4,000 characters, not only white space, without NUL.
        #[schema(value_type = String, min_length = 1, max_length = 4000, example = "Hello, World!")]
        content: Content,
    }
    /// A message that is to be deleted.
    DeleteMessage {
        /// Which message.
        id: MessageId,
    }
    /// A reaction that is to be there.
    AddReaction {
        /// To which message.
        message_id: MessageId,
        /// One emoji of Unicode.
        emoji: Emoji,
    }
    /// A reaction of one's own that is to be gone.
    RemoveReaction {
        /// To which message.
        message_id: MessageId,
        /// One emoji of Unicode.
        emoji: Emoji,
    }
}

/// A command that changes messages.
#[derive(Debug)]
pub struct MessageCommand {
    /// Of which channel.
    pub channel_id: ChannelId,
    /// How.
    pub change: MessageChange,
    /// What its client named it.
    pub nonce: Option<Nonce>,
}

impl Command {
    /// What it does to messages that are there, said by `user`; the command itself if it does nothing to them.
    ///
    /// # Errors
    /// The command.
    pub fn into_change(self, user: UserId) -> Result<MessageCommand, Self> {
        let (channel_id, change, nonce) = match self {
            Self::EditMessage(EditMessage { channel_id, id, content, nonce }) => {
                (channel_id, MessageChange::Edit(id, content), nonce)
            }
            Self::DeleteMessage(DeleteMessage { channel_id, id, nonce }) => {
                (channel_id, MessageChange::Delete(id), nonce)
            }
            Self::AddReaction(AddReaction { channel_id, message_id, emoji, nonce }) => {
                (channel_id, MessageChange::AddReaction(message_id, emoji), nonce)
            }
            Self::RemoveReaction(RemoveReaction { channel_id, message_id, emoji, nonce }) => {
                (channel_id, MessageChange::RemoveReaction(message_id, emoji, user), nonce)
            }
            other => return Err(other),
        };
        Ok(MessageCommand { channel_id, change, nonce })
    }
}
