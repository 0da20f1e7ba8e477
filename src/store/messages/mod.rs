//! Messages: history pages, the log, and the writers' batches.

mod append;

use super::Db;
use crate::domain::access::{Author, Caller, ChannelAccess, Member};
use crate::domain::message::{Message, NewMessage, Page, Window};
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use crate::error::Result;
use time::OffsetDateTime;
use tokio_postgres::Row;

pub use append::Append;

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
        self.message.nonce.as_ref().map(|nonce| nonce.as_str())
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

/// What became of a draft in a committed batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is in the log.
    Created(Place),
    /// Its nonce was in the log with the same content.
    Duplicate(Place),
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
pub async fn page(db: &Db, access: &ChannelAccess<Member>, page: Page) -> Result<Vec<Message<'static>>> {
    let id = access.id().0;
    let rows = match page.window {
        Window::Newest { offset } => {
            db.read(include_str!("../../../sql/messages/newest.sql"), &[&id, &page.limit, &offset]).await?
        }
        Window::Before(MessageId(before)) => {
            db.read(include_str!("../../../sql/messages/before.sql"), &[&id, &page.limit, &before]).await?
        }
        Window::After(MessageId(after)) => {
            db.read(include_str!("../../../sql/messages/after.sql"), &[&id, &page.limit, &after]).await?
        }
    };
    Ok(rows.iter().map(|row| message(row, access.id())).collect())
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

/// A part of a channel's log, and how far the log went when it was read.
#[derive(Debug)]
pub struct Log {
    /// In the order of `seq`.
    pub messages: Vec<Message<'static>>,
    /// The last entry of the log.
    pub last_seq: Seq,
}

/// At most `limit` entries of the log after `after`, the last of them the first that goes beyond so many bytes of content; `None` if the channel is gone. `reader` may read it.
pub async fn events(db: &Db, reader: &Author, after: Seq, limit: i64, bytes_max: i64) -> Result<Option<Log>> {
    let id = reader.channel_id().0;
    let rows = db.read(include_str!("../../../sql/messages/events.sql"), &[&id, &after.0, &limit, &bytes_max]).await?;
    Ok(log(&rows, reader.channel_id()))
}

/// The last `limit` entries of the log; `None` if the channel is gone. `reader` may read it.
pub async fn tail(db: &Db, reader: &Author, limit: i64) -> Result<Option<Log>> {
    let id = reader.channel_id().0;
    let rows = db.read(include_str!("../../../sql/messages/tail.sql"), &[&id, &limit]).await?;
    Ok(log(&rows, reader.channel_id()))
}

fn log(rows: &[Row], channel_id: ChannelId) -> Option<Log> {
    let last_seq = Seq(rows.first()?.get("last_seq"));
    let messages = rows.iter().filter(|row| row.get::<_, Option<i64>>(0).is_some());
    let messages = messages.map(|row| message(row, channel_id));
    Some(Log { messages: messages.collect(), last_seq })
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
pub const COLUMNS: [&str; 9] =
    ["id", "content", "author_id", "username", "nonce", "reply_to", "seq", "created_at", "updated_at"];

fn message(row: &Row, channel_id: ChannelId) -> Message<'static> {
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
    }
}
