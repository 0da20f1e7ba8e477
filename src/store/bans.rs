//! Bans: who may not come back to a server.

use super::Db;
use crate::domain::access::{BanMembers, Denied, Over, ServerAccess};
use crate::domain::ban::{Ban, NewBan};
use crate::domain::{ServerId, UserId};
use crate::error::{Conflict, Error, Result};
use tokio_postgres::Row;

/// Bans somebody, which ends their membership, if they had one: that is the second answer. Banned already, only the reason and who gives
/// it change.
///
/// # Errors
/// `user_not_found`; `outranked` when they have become the owner meanwhile.
pub async fn create(db: &Db, over: &Over<BanMembers>, new: &NewBan) -> Result<(Ban, bool)> {
    let reason = new.reason.as_ref().map(|reason| reason.as_str());
    let ids = [over.access().id().0, over.user().0, over.access().caller().id().0];
    let row = db.write(include_str!("../../sql/bans/create.sql"), &[&ids[0], &ids[1], &ids[2], &reason]).await;
    let row = row.map_err(|error| match error {
        Error::Conflict(Conflict::OwnerCannotLeave) => Denied::Outranked.into(),
        other => other,
    })?;
    row.map(|row| (ban(&row), row.get("has_left"))).ok_or(Error::Internal)
}

/// Lifts a ban.
///
/// # Errors
/// `ban_not_found`.
pub async fn delete(db: &Db, access: &ServerAccess<BanMembers>, user: UserId) -> Result<()> {
    match db.execute(include_str!("../../sql/bans/delete.sql"), &[&access.id().0, &user.0]).await? {
        0 => Err(Conflict::NotBanned.into()),
        _ => Ok(()),
    }
}

/// The ban of somebody.
pub async fn find(db: &Db, access: &ServerAccess<BanMembers>, user: UserId) -> Result<Option<Ban>> {
    let ServerId(server) = access.id();
    let row = db.look_up_one(include_str!("../../sql/bans/find.sql"), &[&server, &user.0]).await?;
    Ok(row.as_ref().map(ban))
}

/// Bans of a server by the ids of those who are banned: at most `limit` after one.
pub async fn page(db: &Db, access: &ServerAccess<BanMembers>, after: UserId, limit: i64) -> Result<Vec<Ban>> {
    let rows = db.read(include_str!("../../sql/bans/page.sql"), &[&access.id().0, &after.0, &limit]).await?;
    Ok(rows.iter().map(ban).collect())
}

fn ban(row: &Row) -> Ban {
    Ban {
        user_id: UserId(row.get("user_id")),
        username: row.get("username"),
        reason: row.get("reason"),
        banned_by: UserId(row.get("banned_by")),
        created_at: row.get("created_at"),
    }
}
