//! What can be done to messages that are there.

use crate::domain::access::Participant;
use crate::domain::emoji::Emoji;
use crate::domain::permission::Permission;
use crate::domain::text::Content;
use crate::domain::validation::{Parse, Refusal};
use crate::domain::{MessageId, UserId};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use utoipa::ToSchema;

/// The most messages that are deleted at once.
pub const MESSAGES_DELETED_MAX: usize = 100;

/// Something that is to be done to messages of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageChange {
    /// Give a message of one's own another text.
    Edit(MessageId, Content),
    /// Delete a message: one's own, or with `manage_messages`.
    Delete(MessageId),
    /// Delete several, with `manage_messages`.
    DeleteMany(MessageIds),
    /// React to a message.
    AddReaction(MessageId, Emoji),
    /// Take a reaction away: one's own, or with `manage_messages`.
    RemoveReaction(MessageId, Emoji, UserId),
    /// Take all reactions to a message away, or all with one emoji, with `manage_messages`.
    ClearReactions(MessageId, Option<Emoji>),
    /// Pin a message, with `pin_messages`.
    Pin(MessageId),
    /// Take a pin away, with `pin_messages`.
    Unpin(MessageId),
}

/// Why a change is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeRefused {
    /// The channel has no such message, or no longer.
    MessageNotFound,
    /// It is somebody else's.
    NotTheAuthor,
    /// It takes a permission that its maker does not have.
    Lacks(Permission),
    /// There are as many kinds of reactions to the message as may be.
    TooManyReactions,
    /// The channel has as many pins as it may have.
    TooManyPins,
}

impl MessageChange {
    /// The messages that it is about.
    pub fn message_ids(&self) -> &[MessageId] {
        match self {
            Self::DeleteMany(ids) => ids.as_slice(),
            Self::Edit(id, _)
            | Self::Delete(id)
            | Self::AddReaction(id, _)
            | Self::RemoveReaction(id, ..)
            | Self::ClearReactions(id, _)
            | Self::Pin(id)
            | Self::Unpin(id) => std::slice::from_ref(id),
        }
    }

    /// The one reaction that it adds or takes away, if it does.
    pub fn reaction(&self, by: UserId) -> Option<(MessageId, &Emoji, UserId)> {
        match self {
            Self::AddReaction(id, emoji) => Some((*id, emoji, by)),
            Self::RemoveReaction(id, emoji, of) => Some((*id, emoji, *of)),
            _ => None,
        }
    }

    /// Bytes of the text that it brings.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Edit(_, content) => content.as_str().len(),
            _ => 0,
        }
    }

    /// How much of a batch it is: the messages that it is about.
    pub fn weight(&self) -> usize {
        self.message_ids().len()
    }

    /// Whether it takes texts away.
    pub fn is_deletion(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::DeleteMany(_))
    }

    /// Whether it may be made by `maker`, as far as that does not depend on the message.
    ///
    /// # Errors
    /// [`ChangeRefused::Lacks`].
    pub fn allow(&self, maker: &Participant) -> Result<(), ChangeRefused> {
        let permission = match self {
            Self::DeleteMany(_) | Self::ClearReactions(..) => Permission::ManageMessages,
            Self::RemoveReaction(_, _, of) if *of != maker.id() => Permission::ManageMessages,
            Self::Pin(_) | Self::Unpin(_) => Permission::PinMessages,
            Self::AddReaction(..) => Permission::AddReactions,
            Self::Edit(..) => Permission::SendMessages,
            // What one has said, and how one has reacted, one may take back.
            Self::Delete(_) | Self::RemoveReaction(..) => return Ok(()),
        };
        if maker.may(permission) { Ok(()) } else { Err(ChangeRefused::Lacks(permission)) }
    }
}

/// Messages that are to be deleted together: 2 to 100, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
pub struct MessageIds(Vec<MessageId>);

impl MessageIds {
    /// In the order in which they were named.
    pub fn as_slice(&self) -> &[MessageId] {
        &self.0
    }
}

impl Parse for MessageIds {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        let list = value.as_array().ok_or_else(|| Refusal::new("list_type", "Input should be a valid list"))?;
        if !(2..=MESSAGES_DELETED_MAX).contains(&list.len()) {
            let msg = format!("List should have 2 to {MESSAGES_DELETED_MAX} items");
            let kind = if list.len() < 2 { "too_short" } else { "too_long" };
            return Err(Refusal::new(kind, msg));
        }
        let ids: Vec<MessageId> = list.iter().map(MessageId::parse).collect::<Result<_, _>>()?;
        let distinct: HashSet<&MessageId> = ids.iter().collect();
        if distinct.len() < ids.len() {
            return Err(Refusal::new("duplicate_id", "Name each message once"));
        }
        Ok(Self(ids))
    }
}
