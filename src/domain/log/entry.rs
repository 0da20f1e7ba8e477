//! The entries of a channel's log, as clients read them. Each is encoded once; the same bytes go to every socket.
//!
//! An entry is told as things are now: an edit with the present text, a deleted message without its text. What no longer says anything
//! is `skipped`, so that every number is accounted for.

use crate::domain::emoji::Emoji;
use crate::domain::epoch::Epoch;
use crate::domain::message::Message;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// An entry of a channel's log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum LogEntry<'a> {
    /// A message has been committed. To its sender, the one with the sent `nonce` is the acknowledgement.
    #[serde(rename = "message.created")]
    MessageCreated(MessageCreated<'a>),
    /// A message has another text.
    #[serde(rename = "message.updated")]
    MessageUpdated(MessageUpdated<'a>),
    /// A message is gone.
    #[serde(rename = "message.deleted")]
    MessageDeleted(MessageDeleted),
    /// Several messages are gone.
    #[serde(rename = "messages.deleted")]
    MessagesDeleted(MessagesDeleted),
    /// Somebody has reacted to a message.
    #[serde(rename = "reaction.added")]
    ReactionAdded(Reaction),
    /// Somebody's reaction is gone.
    #[serde(rename = "reaction.removed")]
    ReactionRemoved(Reaction),
    /// All reactions to a message are gone, or all with one emoji.
    #[serde(rename = "reactions.cleared")]
    ReactionsCleared(ReactionsCleared),
    /// A message is among the channel's pins.
    #[serde(rename = "message.pinned")]
    MessagePinned(Pin),
    /// A message is no longer among the channel's pins.
    #[serde(rename = "message.unpinned")]
    MessageUnpinned(Pin),
    /// The log's entries of these numbers have nothing to say any more.
    #[serde(rename = "skipped")]
    Skipped(Skipped),
}

/// A message that was made.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MessageCreated<'a> {
    /// It is there.
    Message(NewInLog<'a>),
    /// It has been deleted since.
    Tombstone(Tombstone),
}

/// A message that has been committed, as its entry has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NewInLog<'a> {
    /// What has been committed.
    #[serde(flatten)]
    pub message: Message<'a>,
    /// There, and true, in the answer to a send whose `nonce` was known: the message is the one made then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub duplicate: Option<bool>,
}

/// What is left of a deleted message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tombstone {
    /// The message's id.
    pub id: MessageId,
    /// Its place in the log.
    pub seq: Seq,
    /// Where it was.
    pub channel_id: ChannelId,
    /// Always true.
    #[schema(example = true)]
    pub deleted: bool,
    /// Always empty.
    #[schema(example = "")]
    pub content: &'static str,
    /// Always `null`.
    #[schema(value_type = Option<i64>, example = json!(null))]
    pub author_id: Option<UserId>,
    /// Always empty.
    #[schema(example = "")]
    pub author_username: &'static str,
    /// There in the answer to a send whose `nonce` was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "mina-1")]
    pub nonce: Option<String>,
    /// When the message was made.
    #[serde(serialize_with = "crate::domain::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When it was deleted.
    #[serde(serialize_with = "crate::domain::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
    /// There, and true, in the answer to a send whose `nonce` was known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub duplicate: Option<bool>,
}

/// A message as it is now, whose `seq` is the entry's own.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageUpdated<'a> {
    /// The whole message; its `seq` is that of this entry.
    #[serde(flatten)]
    pub message: Message<'a>,
    /// Where in the log it was made.
    pub message_seq: Seq,
}

/// A message that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MessageDeleted {
    /// The entry's place in the log.
    pub seq: Seq,
    /// Where it was.
    pub channel_id: ChannelId,
    /// Which message.
    pub id: MessageId,
    /// Where in the log it was made.
    pub message_seq: Seq,
    /// Who deleted it.
    pub deleted_by: UserId,
}

/// Messages that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MessagesDeleted {
    /// The entry's place in the log.
    pub seq: Seq,
    /// Where they were.
    pub channel_id: ChannelId,
    /// Which messages.
    pub ids: Vec<MessageId>,
    /// Who deleted them.
    pub deleted_by: UserId,
}

/// One person's reaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reaction {
    /// The entry's place in the log.
    pub seq: Seq,
    /// Where.
    pub channel_id: ChannelId,
    /// To which message.
    pub message_id: MessageId,
    /// Whose.
    pub user_id: UserId,
    /// With which emoji.
    pub emoji: Emoji,
}

/// Reactions that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReactionsCleared {
    /// The entry's place in the log.
    pub seq: Seq,
    /// Where.
    pub channel_id: ChannelId,
    /// To which message.
    pub message_id: MessageId,
    /// There if only those with this emoji are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emoji: Option<Emoji>,
    /// Who took them away.
    pub user_id: UserId,
}

/// A pin that was set or taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Pin {
    /// The entry's place in the log.
    pub seq: Seq,
    /// Where.
    pub channel_id: ChannelId,
    /// Which message.
    pub message_id: MessageId,
    /// Who did it.
    pub user_id: UserId,
}

/// Numbers of the log that say nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Skipped {
    /// Whose log.
    pub channel_id: ChannelId,
    /// The first of them.
    pub from: Seq,
    /// The last of them.
    pub to: Seq,
}

impl<'a> LogEntry<'a> {
    /// The entry of a message that is there.
    pub fn created(message: Message<'a>, duplicate: Option<bool>) -> Self {
        Self::MessageCreated(MessageCreated::Message(NewInLog { message, duplicate }))
    }

    /// The entry of a message that has been deleted.
    pub fn tombstone(message: &Message<'_>) -> Self {
        let &Message { id, seq, channel_id, created_at, updated_at, .. } = message;
        let (content, author_id, author_username) = ("", None, "");
        let buried = Tombstone {
            id,
            seq,
            channel_id,
            deleted: true,
            content,
            author_id,
            author_username,
            nonce: None,
            created_at,
            updated_at,
            duplicate: None,
        };
        Self::MessageCreated(MessageCreated::Tombstone(buried))
    }

    /// What a send is answered with whose nonce was known, of a message that has been deleted since.
    pub fn deleted_duplicate(message: &Message<'_>) -> Self {
        let nonce = message.nonce.as_deref().map(str::to_owned);
        match Self::tombstone(message) {
            Self::MessageCreated(MessageCreated::Tombstone(buried)) => {
                Self::MessageCreated(MessageCreated::Tombstone(Tombstone { nonce, duplicate: Some(true), ..buried }))
            }
            other => other,
        }
    }

    /// The entry at `seq` of a message that has been edited.
    pub fn updated(seq: Seq, message: Message<'a>) -> Self {
        let message_seq = message.seq;
        Self::MessageUpdated(MessageUpdated { message: Message { seq, ..message }, message_seq })
    }

    /// A number that says nothing any more.
    pub fn skipped(channel_id: ChannelId, seq: Seq) -> Self {
        Self::Skipped(Skipped { channel_id, from: seq, to: seq })
    }

    /// Its place in the log; the last one of several.
    pub fn seq(&self) -> Seq {
        match self {
            Self::MessageCreated(MessageCreated::Message(created)) => created.message.seq,
            Self::MessageCreated(MessageCreated::Tombstone(buried)) => buried.seq,
            Self::MessageUpdated(updated) => updated.message.seq,
            Self::MessageDeleted(deleted) => deleted.seq,
            Self::MessagesDeleted(deleted) => deleted.seq,
            Self::ReactionAdded(reaction) | Self::ReactionRemoved(reaction) => reaction.seq,
            Self::ReactionsCleared(cleared) => cleared.seq,
            Self::MessagePinned(pin) | Self::MessageUnpinned(pin) => pin.seq,
            Self::Skipped(skipped) => skipped.to,
        }
    }

    /// Gives its author another name, where it tells a message of that user.
    pub fn rename(&mut self, user: UserId, name: &'static str) {
        let message = match self {
            Self::MessageCreated(MessageCreated::Message(created)) => &mut created.message,
            Self::MessageUpdated(updated) => &mut updated.message,
            _ => return,
        };
        if message.author_id == user {
            message.author_username = name.into();
        }
    }

    /// The message that it tells the making of.
    pub fn message_id(&self) -> Option<MessageId> {
        match self {
            Self::MessageCreated(MessageCreated::Message(created)) => Some(created.message.id),
            Self::MessageCreated(MessageCreated::Tombstone(buried)) => Some(buried.id),
            _ => None,
        }
    }

    /// How an entry at `seq` tells the message whose making this is: the same place tells the making, later ones an edit, of which
    /// nothing is left where it is deleted.
    #[must_use]
    pub fn at(&self, seq: Seq) -> Self {
        match self {
            made if made.seq() == seq => made.clone(),
            Self::MessageCreated(MessageCreated::Message(created)) => Self::updated(seq, created.message.clone()),
            Self::MessageCreated(MessageCreated::Tombstone(buried)) => Self::skipped(buried.channel_id, seq),
            other => other.clone(),
        }
    }

    /// The message whose text it has.
    pub fn text_of(&self) -> Option<MessageId> {
        match self {
            Self::MessageCreated(MessageCreated::Message(created)) => Some(created.message.id),
            Self::MessageUpdated(updated) => Some(updated.message.id),
            _ => None,
        }
    }

    /// Whether earlier entries may be told otherwise since.
    pub fn retells(&self) -> bool {
        matches!(self, Self::MessageUpdated(_) | Self::MessageDeleted(_) | Self::MessagesDeleted(_) | Self::Skipped(_))
    }

    /// Whether a channel socket hears it that has not asked for every type.
    pub fn is_basic(&self) -> bool {
        matches!(self, Self::MessageCreated(MessageCreated::Message(_)))
    }
}

impl MessageCreated<'_> {
    /// The same, without a word on whether its nonce was known.
    #[must_use]
    pub fn without_duplicate(self) -> Self {
        match self {
            Self::Message(created) => Self::Message(NewInLog { duplicate: None, ..created }),
            Self::Tombstone(buried) => Self::Tombstone(Tombstone { duplicate: None, ..buried }),
        }
    }

    /// The same, for those who outlive what it was made from.
    pub fn into_owned(self) -> MessageCreated<'static> {
        match self {
            Self::Message(NewInLog { message, duplicate }) => {
                MessageCreated::Message(NewInLog { message: message.into_owned(), duplicate })
            }
            Self::Tombstone(buried) => MessageCreated::Tombstone(buried),
        }
    }
}

impl<'a> From<Message<'a>> for LogEntry<'a> {
    fn from(message: Message<'a>) -> Self {
        Self::created(message, None)
    }
}

/// A part of a channel's log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events<'a> {
    /// In the order of `seq`.
    pub events: Vec<LogEntry<'a>>,
    /// How far the log goes. An `after` beyond it means that the log is not the one that the client knows: reload.
    #[schema(example = 1)]
    pub last_seq: Seq,
    /// Which log it is: another one than before means the same.
    pub epoch: Epoch,
}
