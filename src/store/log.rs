//! A channel's log: the union, by `seq`, of its messages and of what was done to them later.

use super::Db;
use super::changes::ChangeDraft;
use super::messages::{Draft, message};
use crate::domain::access::Participant;
use crate::domain::emoji::Emoji;
use crate::domain::log::{LogEntry, MessageDeleted, MessagesDeleted, Pin, Reaction, ReactionsCleared};
use crate::domain::message::Message;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use crate::error::Result;
use tokio_postgres::{Client, Row};

/// Something that is to be written into a channel's log.
#[derive(Debug)]
pub enum LogWrite {
    /// A new message.
    Message(Draft),
    /// A change to messages that are there.
    Change(ChangeDraft),
}

impl LogWrite {
    /// The channel whose log it is.
    pub fn channel_id(&self) -> ChannelId {
        match self {
            Self::Message(draft) => draft.channel_id(),
            Self::Change(draft) => draft.channel_id(),
        }
    }

    /// Who writes.
    pub fn user_id(&self) -> UserId {
        match self {
            Self::Message(draft) => draft.author_id(),
            Self::Change(draft) => draft.user_id(),
        }
    }

    /// How many messages it is about.
    pub fn weight(&self) -> usize {
        match self {
            Self::Message(_) => 1,
            Self::Change(draft) => draft.change().weight(),
        }
    }

    /// The message, if it is one.
    pub fn as_message(&self) -> Option<&Draft> {
        if let Self::Message(draft) = self { Some(draft) } else { None }
    }

    /// The change, if it is one.
    pub fn as_change(&self) -> Option<&ChangeDraft> {
        if let Self::Change(draft) = self { Some(draft) } else { None }
    }

    /// Bytes of the text that it brings.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Message(draft) => draft.content().len(),
            Self::Change(draft) => draft.change().bytes(),
        }
    }
}

const EVENTS: &str = include_str!("../../sql/messages/events.sql");

/// A part of a channel's log, and how far the log went when it was read.
#[derive(Debug)]
pub struct Log {
    /// In the order of `seq`.
    pub entries: Vec<LogEntry<'static>>,
    /// The last entry of the log.
    pub last_seq: Seq,
}

/// At most `limit` entries of the log after `after`, the last of them the first that goes beyond so many bytes of content; `None` if the
/// channel is gone. `reader` may read it.
pub async fn events(db: &Db, reader: &Participant, after: Seq, limit: i64, bytes_max: i64) -> Result<Option<Log>> {
    let id = reader.channel_id();
    Ok(log(&db.read(EVENTS, &[&id.0, &after.0, &limit, &bytes_max]).await?, id))
}

/// The last `limit` entries of the log; `None` if the channel is gone. `reader` may read it.
pub async fn tail(db: &Db, reader: &Participant, limit: i64) -> Result<Option<Log>> {
    let id = reader.channel_id();
    let rows = db.read(include_str!("../../sql/messages/tail.sql"), &[&id.0, &limit]).await?;
    Ok(log(&rows, id))
}

/// The entries of a channel from one to another: a writer reads again what it has written.
pub(super) async fn between(
    client: &Client,
    id: ChannelId,
    first: Seq,
    last: Seq,
) -> Result<Vec<LogEntry<'static>>, tokio_postgres::Error> {
    let (after, limit) = (first.0 - 1, last - first + 1);
    let rows = client.query(EVENTS, &[&id.0, &after, &limit, &i64::MAX]).await?;
    Ok(log(&rows, id).map(|log| log.entries).unwrap_or_default())
}

fn log(rows: &[Row], channel_id: ChannelId) -> Option<Log> {
    let last_seq = Seq(rows.first()?.get("last_seq"));
    let entries = rows.iter().filter_map(|row| {
        let seq = row.get::<_, Option<i64>>("entry_seq").map(Seq)?;
        Some(entry(row, channel_id, seq))
    });
    Some(Log { entries: entries.collect(), last_seq })
}

fn entry(row: &Row, channel_id: ChannelId, seq: Seq) -> LogEntry<'static> {
    let kind: Option<&str> = row.get("kind");
    let Some(kind) = kind else {
        let made = message(row, channel_id);
        return if row.get("is_deleted") { LogEntry::tombstone(&made) } else { made.into() };
    };
    let (user_id, message_id) = (UserId(row.get("user_id")), row.get::<_, Option<i64>>("message_id").map(MessageId));
    change(row, channel_id, seq, kind, user_id, message_id).unwrap_or(LogEntry::skipped(channel_id, seq))
}

/// The entry of a change; `None` where it says nothing any more, or was made by a later version.
fn change(
    row: &Row,
    channel_id: ChannelId,
    seq: Seq,
    kind: &str,
    user_id: UserId,
    message_id: Option<MessageId>,
) -> Option<LogEntry<'static>> {
    let emoji = || row.get::<_, Option<String>>("emoji").map(Emoji::stored);
    let pin = || Some(Pin { seq, channel_id, message_id: message_id?, user_id });
    let reaction = || Some(Reaction { seq, channel_id, message_id: message_id?, user_id, emoji: emoji()? });
    Some(match kind {
        "message.updated" if row.get("is_deleted") => return None,
        "message.updated" => {
            let now: Option<Message<'static>> = message_id.map(|_| message(row, channel_id));
            LogEntry::updated(seq, now?)
        }
        "message.deleted" => {
            let message_seq = row.get::<_, Option<i64>>("seq").map(Seq)?;
            LogEntry::MessageDeleted(MessageDeleted {
                seq,
                channel_id,
                id: message_id?,
                message_seq,
                deleted_by: user_id,
            })
        }
        "messages.deleted" => {
            let ids: Vec<i64> = row.get::<_, Option<_>>("message_ids")?;
            let ids = ids.into_iter().map(MessageId).collect();
            LogEntry::MessagesDeleted(MessagesDeleted { seq, channel_id, ids, deleted_by: user_id })
        }
        "reaction.added" => LogEntry::ReactionAdded(reaction()?),
        "reaction.removed" => LogEntry::ReactionRemoved(reaction()?),
        "reactions.cleared" => {
            let (message_id, emoji) = (message_id?, emoji());
            LogEntry::ReactionsCleared(ReactionsCleared { seq, channel_id, message_id, emoji, user_id })
        }
        "message.pinned" => LogEntry::MessagePinned(pin()?),
        "message.unpinned" => LogEntry::MessageUnpinned(pin()?),
        _ => return None,
    })
}
