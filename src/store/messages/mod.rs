//! Messages: history pages, and the writers' batches of new ones.

mod append;

use super::{Db, reactions};
use crate::domain::access::{Author, Caller, ChannelAccess, ReadHistory};
use crate::domain::emoji::Emoji;
use crate::domain::message::{Message, NewMessage, Page, ReactionCount, Window};
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use crate::error::Result;
use std::collections::HashMap;
use time::OffsetDateTime;
use tokio_postgres::Row;

pub use append::{Append, found};

/// A message on its way into the log, from someone who may write there.
#[derive(Debug)]
pub struct Draft {
    author: Author,
    message: NewMessage,
}

impl Draft {
    /// A draft by `author`.
    pub fn new(author: Author, message: NewMessage) -> Self {
        Self { author, message }
    }

    /// The channel it goes to.
    pub fn channel_id(&self) -> ChannelId {
        self.author.channel_id()
    }

    /// Who wrote it.
    pub fn author_id(&self) -> UserId {
        self.author.caller().id()
    }

    /// The author's username.
    pub fn author_username(&self) -> &str {
        self.author.caller().username()
    }

    /// The text.
    pub fn content(&self) -> &str {
        self.message.content.as_str()
    }

    /// What its sender named it, if anything.
    pub fn nonce(&self) -> Option<&str> {
        self.message.nonce.as_deref()
    }

    /// The message that it answers, if any.
    pub fn reply_to(&self) -> Option<MessageId> {
        self.message.reply_to
    }

    /// The message that has become of it, under the name that its author has now.
    pub fn at<'a>(&'a self, place: &Place, author_username: &'a str) -> Message<'a> {
        Message {
            id: place.id,
            content: self.content().into(),
            channel_id: place.channel_id,
            author_id: self.author_id(),
            author_username: author_username.into(),
            seq: place.seq,
            nonce: self.nonce().map(Into::into),
            reply_to: self.reply_to(),
            created_at: place.created_at,
            updated_at: place.updated_at,
            edited_at: None,
            pinned: false,
            reactions: Vec::new(),
        }
    }
}

/// What the log gave a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The message's id.
    pub id: MessageId,
    /// The channel it is in.
    pub channel_id: ChannelId,
    /// Its number in the channel's log.
    pub seq: Seq,
    /// When it was written: it grows with `seq`, as far as PostgreSQL's clock does.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
}

/// A message that was made with a draft's nonce before, and has been changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its place.
    pub place: Place,
    /// Its text as it is now.
    pub content: String,
    /// When it was edited.
    pub edited_at: Option<OffsetDateTime>,
    /// Whether it has been deleted.
    pub is_deleted: bool,
}

/// What became of a draft in a committed batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the log.
    Created(Place),
    /// Its nonce was in the log with the same content.
    Duplicate(Place),
    /// Its nonce was in the log, with a message that has been edited or deleted since.
    Changed(Box<Known>),
    /// Its nonce was in the log with other content.
    NonceConflict,
    /// It answers a message that the channel does not have.
    ReplyToNothing,
    /// The channel is gone.
    Gone,
    /// Someone else holds the channel's row: it has not been written, and may be sent again.
    Held,
    /// Someone else holds the author's row: as for [`Held`](Self::Held).
    AuthorHeld,
    /// The batch did not write it; to learn why, it has to be sent again.
    Skipped,
}

/// A page of a channel's history, oldest first.
pub async fn page(db: &Db, access: &ChannelAccess<ReadHistory>, page: Page) -> Result<Vec<Message<'static>>> {
    let (id, user) = (access.id().0, access.caller().id().0);
    let rows = match page.window {
        Window::Newest { offset } => {
            db.read(include_str!("../../../sql/messages/newest.sql"), &[&id, &page.limit, &offset, &user]).await?
        }
        Window::Before(MessageId(before)) => {
            db.read(include_str!("../../../sql/messages/before.sql"), &[&id, &page.limit, &before, &user]).await?
        }
        Window::After(MessageId(after)) => {
            db.read(include_str!("../../../sql/messages/after.sql"), &[&id, &page.limit, &after, &user]).await?
        }
        Window::Around(MessageId(around)) => {
            db.read(include_str!("../../../sql/messages/around.sql"), &[&id, &page.limit, &around, &user]).await?
        }
    };
    Ok(rows.iter().map(|row| shown(row, access.id())).collect())
}

/// Those who have reacted to a message with an emoji, by their ids.
pub struct Reactors {
    /// With what.
    pub emoji: Emoji,
    /// Who.
    pub users: Box<[UserId]>,
}

/// The newest messages of a channel, without their reactions, and who has made these, in the order in which the kinds came; `None` if
/// they are more than `reactors_max` together, or somebody has reacted meanwhile.
pub async fn newest(
    db: &Db,
    access: &ChannelAccess<ReadHistory>,
    limit: i64,
    reactors_max: i64,
) -> Result<Option<Vec<(Message<'static>, Vec<Reactors>)>>> {
    let messages = page(db, access, Page { window: Window::Newest { offset: 0 }, limit }).await?;
    let count: i64 = messages.iter().flat_map(|message| &message.reactions).map(|reaction| reaction.count).sum();
    if count > reactors_max {
        return Ok(None);
    }
    let reacted: Vec<MessageId> =
        messages.iter().filter(|message| !message.reactions.is_empty()).map(|message| message.id).collect();
    let mut reactors = match reacted.as_slice() {
        [] => HashMap::new(),
        reacted => reactions::of_messages(db, access, reacted, count + 1).await?,
    };
    let mut with_reactors = Vec::with_capacity(messages.len());
    for mut message in messages {
        let mut kinds = Vec::new();
        for ReactionCount { emoji, count, .. } in std::mem::take(&mut message.reactions) {
            let mut users = reactors.remove(&(message.id, emoji.clone())).unwrap_or_default();
            if users.len() as i64 != count {
                return Ok(None);
            }
            users.sort_unstable();
            kinds.push(Reactors { emoji, users: users.into() });
        }
        with_reactors.push((message, kinds));
    }
    Ok(Some(with_reactors))
}

/// A message of the channel that has not been deleted.
pub async fn find(db: &Db, access: &ChannelAccess<ReadHistory>, id: MessageId) -> Result<Option<Message<'static>>> {
    let sql = include_str!("../../../sql/messages/find.sql");
    let rows = db.read(sql, &[&access.id().0, &id.0, &access.caller().id().0]).await?;
    Ok(rows.first().map(|row| shown(row, access.id())))
}

/// The channel's pins, the newest first.
pub async fn pinned(db: &Db, access: &ChannelAccess<ReadHistory>) -> Result<Vec<Message<'static>>> {
    let sql = include_str!("../../../sql/messages/pinned.sql");
    let rows = db.read(sql, &[&access.id().0, &access.caller().id().0]).await?;
    Ok(rows.iter().map(|row| shown(row, access.id())).collect())
}

/// The id of the newest message of all; 0 if there is none.
pub async fn last_id(db: &Db) -> Result<MessageId> {
    let row = db.look_up_one(include_str!("../../../sql/messages/last_id.sql"), &[]).await?;
    Ok(MessageId(row.map_or(0, |row| row.get("id"))))
}

/// What the caller has written, of the messages after one id up to another: the first `limit`.
pub async fn written_by(
    db: &Db,
    caller: &Caller,
    after: MessageId,
    upto: MessageId,
    limit: i64,
) -> Result<Vec<Message<'static>>> {
    let sql = include_str!("../../../sql/messages/written_by.sql");
    let rows = db.read(sql, &[&caller.id().0, &after.0, &upto.0, &limit]).await?;
    Ok(rows.iter().map(|row| message(row, ChannelId(row.get("channel_id")))).collect())
}

pub(super) fn place(row: &Row) -> Place {
    Place {
        id: MessageId(row.get("id")),
        channel_id: ChannelId(row.get("channel_id")),
        seq: Seq(row.get("seq")),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}

/// What every statement that reads messages answers at first, by place: a name is looked for among all columns, in every row.
pub const COLUMNS: [&str; 10] =
    ["id", "content", "author_id", "username", "nonce", "reply_to", "seq", "created_at", "updated_at", "edited_at"];

/// A message as the log has it: without its pin and its reactions.
pub(super) fn message(row: &Row, channel_id: ChannelId) -> Message<'static> {
    let text = |place| row.get::<_, String>(place).into();
    Message {
        id: MessageId(row.get(0)),
        content: text(1),
        channel_id,
        author_id: UserId(row.get(2)),
        author_username: text(3),
        nonce: row.get::<_, Option<String>>(4).map(Into::into),
        reply_to: row.get::<_, Option<i64>>(5).map(MessageId),
        seq: Seq(row.get(6)),
        created_at: row.get(7),
        updated_at: row.get(8),
        edited_at: row.get(9),
        pinned: false,
        reactions: Vec::new(),
    }
}

/// A message as pages show it; `mine` are the caller's own reactions.
fn shown(row: &Row, channel_id: ChannelId) -> Message<'static> {
    let mine: Option<Vec<&str>> = row.get("mine");
    let mut shown = Message { pinned: row.get("is_pinned"), reactions: counts(row), ..message(row, channel_id) };
    for reaction in &mut shown.reactions {
        reaction.me = Some(mine.iter().flatten().any(|emoji| *emoji == reaction.emoji.as_str()));
    }
    shown
}

/// How people have reacted to the message of a row.
pub(super) fn counts(row: &Row) -> Vec<ReactionCount> {
    let text: Option<&str> = row.get("reactions");
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
