//! Memberships: who belongs to which server.

use super::Db;
use crate::domain::access::{Denied, KickMembers, Member, MemberChange, MemberState, Over, ServerAccess, Visitor};
use crate::domain::server::ServerMember;
use crate::domain::{RoleId, ServerId, UserId};
use crate::error::{Conflict, Error, Noun, Result};
use std::sync::Arc;
use tokio_postgres::Row;

/// Makes the caller a member.
///
/// # Errors
/// `already_member`, `banned`, `too_many_servers`, `server_not_found`.
pub async fn join(db: &Db, access: &ServerAccess<Visitor>) -> Result<()> {
    let ids = (access.caller().id().0, access.id().0);
    db.execute(include_str!("../../sql/user_servers/join.sql"), &[&ids.0, &ids.1]).await.map(drop)
}

/// Ends the caller's membership.
///
/// # Errors
/// `not_a_member` when it has ended meanwhile.
pub async fn leave(db: &Db, access: &ServerAccess<Member>) -> Result<()> {
    let ids = (access.caller().id().0, access.id().0);
    match db.execute(include_str!("../../sql/user_servers/leave.sql"), &[&ids.0, &ids.1]).await? {
        0 => Err(Conflict::NotMember.into()),
        _ => Ok(()),
    }
}

/// Ends the membership of somebody else.
///
/// # Errors
/// `user_not_found` when it has ended already; `outranked` when they have become the owner meanwhile.
pub async fn remove(db: &Db, over: &Over<KickMembers>) -> Result<()> {
    let ids = (over.user().0, over.access().id().0);
    let ended = db.execute(include_str!("../../sql/user_servers/leave.sql"), &[&ids.0, &ids.1]).await;
    let ended = ended.map_err(|error| match error {
        Error::Conflict(Conflict::OwnerCannotLeave) => Denied::Outranked.into(),
        other => other,
    })?;
    if ended == 0 { Err(Error::NotFound(Noun::User)) } else { Ok(()) }
}

/// Changes a member; how they are then is for whoever reads it.
///
/// # Errors
/// `user_not_found`, `role_not_found` when one of them is gone meanwhile; `busy` when the member has other roles than those by which it
/// was decided: it has to be decided anew.
pub async fn update(db: &Db, change: &MemberChange) -> Result<()> {
    let (patch, ids) = (change.patch(), |roles: &[RoleId]| -> Vec<i64> { roles.iter().map(|role| role.0).collect() });
    let row = db
        .write(
            include_str!("../../sql/user_servers/update.sql"),
            &[
                &change.user().0,
                &change.server_id().0,
                &patch.nickname.is_given(),
                &patch.nickname.value().map(|name| name.as_str()),
                &patch.timeout_until.is_given(),
                &patch.timeout_until.value().map(|until| until.0),
                &ids(change.decided_by()),
                &patch.role_ids.as_ref().map(|roles| ids(roles.as_slice())),
            ],
        )
        .await?;
    match row.and_then(|row| row.get::<_, Option<bool>>("is_done")) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::Busy),
        None => Err(Error::NotFound(Noun::User)),
    }
}

/// Members of a server by their ids: at most `limit` after one.
pub async fn page(db: &Db, access: &ServerAccess<Member>, after: UserId, limit: i64) -> Result<Vec<ServerMember>> {
    let sql = include_str!("../../sql/user_servers/page.sql");
    let rows = db.read(sql, &[&access.id().0, &after.0, &limit]).await?;
    Ok(rows.iter().map(member).collect())
}

/// One member of a server.
pub async fn get(db: &Db, access: &ServerAccess<Member>, user: UserId) -> Result<Option<ServerMember>> {
    find(db, user, access.id()).await
}

/// The member that `user` is of `server`, for the registry.
pub async fn find(db: &Db, user: UserId, server: ServerId) -> Result<Option<ServerMember>> {
    let row = db.look_up_one(include_str!("../../sql/user_servers/find.sql"), &[&user.0, &server.0]).await?;
    Ok(row.as_ref().map(member))
}

/// The servers that `user` belongs to and what they are there, for the registry; at most 200.
pub async fn list(db: &Db, user: UserId) -> Result<Vec<(ServerId, Arc<MemberState>)>> {
    let rows = db.look_up(include_str!("../../sql/user_servers/list.sql"), &[&user.0]).await?;
    Ok(rows.iter().map(|row| (ServerId(row.get("server_id")), member_state(row))).collect())
}

/// What `user` is in `server`, if they belong to it, for the registry.
pub async fn state(db: &Db, user: UserId, server: ServerId) -> Result<Option<Arc<MemberState>>> {
    let row = db.look_up_one(include_str!("../../sql/user_servers/state.sql"), &[&user.0, &server.0]).await?;
    Ok(row.as_ref().map(member_state))
}

fn member_state(row: &Row) -> Arc<MemberState> {
    MemberState::new(role_ids(row), row.get("timeout_until"))
}

fn role_ids(row: &Row) -> Vec<RoleId> {
    row.get::<_, Vec<i64>>("role_ids").into_iter().map(RoleId).collect()
}

fn member(row: &Row) -> ServerMember {
    ServerMember {
        user_id: UserId(row.get("user_id")),
        username: row.get("username"),
        display_name: row.get("display_name"),
        avatar_url: row.get("avatar_url"),
        nickname: row.get("nickname"),
        role_ids: role_ids(row),
        timeout_until: row.get("timeout_until"),
        joined_at: row.get("joined_at"),
    }
}
