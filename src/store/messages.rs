//! Messages: history pages, and the writers' batches.

use super::Db;
use super::write_batches::BatchKey;
use crate::domain::access::{Author, ChannelAccess, Member};
use crate::domain::message::{Message, Page, Window};
use crate::domain::text::Content;
use crate::domain::{ChannelId, MessageId, UserId};
use crate::error::Result;
use time::OffsetDateTime;
use tokio_postgres::{Client, Row, Statement};

/// A message on its way into the log, from someone who may write there.
#[derive(Debug)]
pub struct Draft {
    author: Author,
    content: Content,
}

impl Draft {
    /// A draft by `author`.
    pub fn new(author: Author, content: Content) -> Self {
        Self { author, content }
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
        self.content.as_str()
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
    pub seq: i64,
    /// When it was committed.
    pub created_at: OffsetDateTime,
}

/// The statement that writes a batch, prepared on a writer's own connection.
pub async fn prepare_append(client: &Client) -> Result<Statement, tokio_postgres::Error> {
    client.prepare(include_str!("../../sql/messages/append.sql")).await
}

/// Writes `drafts` in one transaction, noted under `key`. Answers a place for each draft in order; `None` where the
/// channel is gone.
pub async fn append(
    client: &Client,
    statement: &Statement,
    key: BatchKey,
    drafts: &[&Draft],
) -> Result<Vec<Option<Place>>, tokio_postgres::Error> {
    let channels: Vec<i64> = drafts.iter().map(|draft| draft.channel_id().0).collect();
    let authors: Vec<i64> = drafts.iter().map(|draft| draft.author_id().0).collect();
    let contents: Vec<&str> = drafts.iter().map(|draft| draft.content()).collect();
    let rows = client.query(statement, &[&key.node, &key.number, &channels, &authors, &contents]).await?;
    Ok(super::write_batches::in_draft_order(rows.iter().map(place), drafts))
}

/// A page of a channel's history, oldest first.
pub async fn page(db: &Db, access: &ChannelAccess<Member>, page: Page) -> Result<Vec<Message>> {
    let id = access.id().0;
    let rows = match page.window {
        Window::Newest { offset } => {
            db.read(include_str!("../../sql/messages/newest.sql"), &[&id, &page.limit, &offset]).await?
        }
        Window::Before(MessageId(before)) => {
            db.read(include_str!("../../sql/messages/before.sql"), &[&id, &page.limit, &before]).await?
        }
        Window::After(MessageId(after)) => {
            db.read(include_str!("../../sql/messages/after.sql"), &[&id, &page.limit, &after]).await?
        }
    };
    Ok(rows.iter().map(message).collect())
}

pub(super) fn place(row: &Row) -> Place {
    Place {
        id: MessageId(row.get("id")),
        channel_id: ChannelId(row.get("channel_id")),
        seq: row.get("seq"),
        created_at: row.get("created_at"),
    }
}

fn message(row: &Row) -> Message {
    Message {
        id: MessageId(row.get("id")),
        content: row.get("content"),
        channel_id: ChannelId(row.get("channel_id")),
        author_id: UserId(row.get("author_id")),
        author_username: row.get("username"),
        seq: row.get("seq"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}
