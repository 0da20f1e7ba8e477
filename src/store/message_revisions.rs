//! The texts that edits have replaced.

use super::Db;
use crate::domain::access::{Caller, ChannelAccess, ManageMessages};
use crate::domain::message::{MessageRevision, OwnRevision};
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use crate::error::{Error, Noun, Result};
use std::time::Duration;
use tokio_postgres::Row;

/// As many are erased by one statement, at most.
const AT_ONCE: u64 = 1_000;
/// As often as old ones are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Before an erasure that was not served is tried again.
const ERASE_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The earlier texts of a message, oldest first: the last 100 of them.
///
/// # Errors
/// Where the channel has no such message.
pub async fn list(db: &Db, access: &ChannelAccess<ManageMessages>, id: MessageId) -> Result<Vec<MessageRevision>> {
    let sql = include_str!("../../sql/message_revisions/list.sql");
    let rows = db.read(sql, &[&access.id().0, &id.0]).await?;
    let revision = |row: &Row| {
        Some(MessageRevision {
            content: row.get::<_, Option<_>>("content")?,
            replaced_by_seq: Seq(row.get("seq")),
            written_at: row.get("written_at"),
            replaced_at: row.get("replaced_at"),
        })
    };
    if rows.is_empty() { Err(Error::NotFound(Noun::Message)) } else { Ok(rows.iter().filter_map(revision).collect()) }
}

/// Which earlier text of all: its channel, its message, the entry that replaced it.
pub type RevisionKey = (ChannelId, MessageId, Seq);

/// The earlier texts of the caller's messages, after one of them: at most `limit`.
pub async fn of_author(db: &Db, caller: &Caller, after: RevisionKey, limit: i64) -> Result<Vec<OwnRevision>> {
    let sql = include_str!("../../sql/message_revisions/of_author.sql");
    let (channel, message, seq) = after;
    let rows = db.read(sql, &[&caller.id().0, &channel.0, &message.0, &seq.0, &limit]).await?;
    let revision = |row: &Row| OwnRevision {
        channel_id: ChannelId(row.get("channel_id")),
        message_id: MessageId(row.get("message_id")),
        content: row.get("content"),
        replaced_by_seq: Seq(row.get("seq")),
        written_at: row.get("written_at"),
        replaced_at: row.get("replaced_at"),
    };
    Ok(rows.iter().map(revision).collect())
}

/// Erases those of an erased account, however many there are; nobody is shown them meanwhile.
pub async fn erase_of(db: Db, user: UserId) {
    let sql = include_str!("../../sql/message_revisions/erase_of.sql");
    loop {
        match db.execute(sql, &[&user.0]).await {
            Ok(AT_ONCE) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(
                    code = error.code().as_str(),
                    "the earlier texts of an erased account could not be erased yet"
                );
                tokio::time::sleep(ERASE_AGAIN_AFTER).await;
            }
        }
    }
}

/// Erases, now and each hour, those that were replaced 30 days ago or longer.
pub async fn prune_for_ever(db: Db) {
    loop {
        loop {
            match prune(&db).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(
                        code = error.code().as_str(),
                        "old texts of edited messages could not be erased yet"
                    );
                    break;
                }
            }
        }
        tokio::time::sleep(PRUNE_EVERY).await;
    }
}

/// Whether there may be more.
async fn prune(db: &Db) -> Result<bool> {
    let sql = include_str!("../../sql/message_revisions/prune.sql");
    Ok(db.execute(sql, &[]).await? == AT_ONCE)
}
