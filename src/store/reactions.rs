//! Who has reacted to a message.

use super::Db;
use crate::domain::access::{Caller, ChannelAccess, ReadHistory};
use crate::domain::emoji::Emoji;
use crate::domain::message::{OwnReaction, Reactor};
use crate::domain::{ChannelId, MessageId, UserId};
use crate::error::{Error, Noun, Result};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Those who have reacted with an emoji, by their ids: at most `limit` after one.
///
/// # Errors
/// Where the channel has no such message.
pub async fn list(
    db: &Db,
    access: &ChannelAccess<ReadHistory>,
    id: MessageId,
    emoji: &Emoji,
    after: UserId,
    limit: i64,
) -> Result<Vec<Reactor>> {
    let sql = include_str!("../../sql/reactions/list.sql");
    let rows = db.read(sql, &[&access.id().0, &id.0, &emoji.as_str(), &after.0, &limit]).await?;
    let reactor = |row: &Row| {
        let user_id = UserId(row.get::<_, Option<i64>>("user_id")?);
        Some(Reactor { user_id, username: row.get("username") })
    };
    if rows.is_empty() { Err(Error::NotFound(Noun::Message)) } else { Ok(rows.iter().filter_map(reactor).collect()) }
}

/// Who has reacted with what to these messages: of all that have, `limit`.
pub(super) async fn of_messages(
    db: &Db,
    access: &ChannelAccess<ReadHistory>,
    ids: &[MessageId],
    limit: i64,
) -> Result<HashMap<(MessageId, Emoji), Vec<UserId>>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let sql = include_str!("../../sql/reactions/of_messages.sql");
    let mut reactors: HashMap<_, Vec<UserId>> = HashMap::new();
    for row in db.read(sql, &[&access.id().0, &ids, &limit]).await? {
        let message = (MessageId(row.get("message_id")), Emoji::stored(row.get("emoji")));
        reactors.entry(message).or_default().push(UserId(row.get("user_id")));
    }
    Ok(reactors)
}

/// Which reaction of all.
#[derive(Clone, Debug)]
pub struct ReactionKey {
    channel_id: i64,
    message_id: i64,
    emoji: String,
    user_id: i64,
}

impl ReactionKey {
    /// Before all of them.
    pub fn first() -> Self {
        Self { channel_id: 0, message_id: 0, emoji: String::new(), user_id: 0 }
    }
}

/// The caller's reactions among the next `among` of all after one, and how far that goes; `None` at the end.
pub async fn of_user(
    db: &Db,
    caller: &Caller,
    after: &ReactionKey,
    among: i64,
) -> Result<(Vec<OwnReaction>, Option<ReactionKey>)> {
    let sql = include_str!("../../sql/reactions/of_user.sql");
    let ReactionKey { channel_id, message_id, emoji, user_id } = after;
    let rows = db.read(sql, &[&caller.id().0, channel_id, message_id, emoji, user_id, &among]).await?;
    let (mut own, mut last) = (Vec::new(), None);
    for row in &rows {
        let (channel_id, message_id, emoji) = (row.get("channel_id"), row.get("message_id"), row.get("emoji"));
        if row.get("is_own") {
            own.push(OwnReaction {
                channel_id: ChannelId(channel_id),
                message_id: MessageId(message_id),
                emoji: Emoji::stored(emoji),
                created_at: row.get("created_at"),
            });
        } else {
            last = Some(ReactionKey { channel_id, message_id, emoji, user_id: row.get("user_id") });
        }
    }
    Ok((own, last))
}
