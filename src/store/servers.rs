//! Servers.

use super::{Db, Purge};
use crate::domain::access::{Caller, Denied, ManageServer, Owner, ServerAccess};
use crate::domain::server::{JoinedServer, NewOwner, NewServer, Server, ServerPatch};
use crate::domain::{ServerId, UserId};
use crate::error::{Conflict, Error, Noun, Result};
use tokio_postgres::Row;

/// Makes a server; the caller is its owner and first member.
///
/// # Errors
/// `too_many_servers`.
pub async fn create(db: &Db, caller: &Caller, new: &NewServer) -> Result<Server> {
    let row = db
        .write(
            include_str!("../../sql/servers/create.sql"),
            &[
                &caller.id().0,
                &new.name.as_str(),
                &new.description.as_ref().map(|text| text.as_str()),
                &new.icon_url.as_ref().map(|url| url.as_str()),
            ],
        )
        .await?;
    row.map(|row| server(&row)).ok_or(Error::Internal)
}

/// The servers that the caller belongs to, oldest first; at most 200.
pub async fn list(db: &Db, caller: &Caller) -> Result<Vec<Server>> {
    let rows = db.look_up(include_str!("../../sql/servers/list.sql"), &[&caller.id().0]).await?;
    Ok(rows.iter().map(server).collect())
}

/// The same, each with when the caller joined it.
pub async fn joined(db: &Db, caller: &Caller) -> Result<Vec<JoinedServer>> {
    let rows = db.look_up(include_str!("../../sql/servers/joined.sql"), &[&caller.id().0]).await?;
    Ok(rows.iter().map(|row| JoinedServer { server: server(row), joined_at: row.get("joined_at") }).collect())
}

/// A server, for the registry.
pub async fn find(db: &Db, id: ServerId) -> Result<Option<Server>> {
    let row = db.look_up_one(include_str!("../../sql/servers/find.sql"), &[&id.0]).await?;
    Ok(row.map(|row| server(&row)))
}

/// Changes a server.
pub async fn update(db: &Db, access: &ServerAccess<ManageServer>, patch: &ServerPatch) -> Result<Server> {
    let row = db
        .write(
            include_str!("../../sql/servers/update.sql"),
            &[
                &access.id().0,
                &patch.name.as_ref().map(|name| name.as_str()),
                &patch.description.is_given(),
                &patch.description.value().map(|text| text.as_str()),
                &patch.icon_url.is_given(),
                &patch.icon_url.value().map(|url| url.as_str()),
            ],
        )
        .await?;
    row.map(|row| server(&row)).ok_or(Error::NotFound(Noun::Server))
}

/// Makes a member the owner in the caller's place; changes nothing if it is the caller.
///
/// # Errors
/// `new_owner_not_a_member`, and `not_the_owner` when the caller has handed it over meanwhile.
pub async fn hand_over(db: &Db, access: &ServerAccess<Owner>, new: NewOwner) -> Result<Server> {
    let ids = [access.id().0, access.caller().id().0, new.owner_id.0];
    let row = db.write(include_str!("../../sql/servers/hand_over.sql"), &[&ids[0], &ids[1], &ids[2]]).await;
    let row = row.map_err(|error| match error {
        // By the constraints on who owns a server.
        Error::Conflict(Conflict::OwnerCannotLeave) | Error::Unauthorized(_) => Conflict::NewOwnerNotMember.into(),
        other => other,
    })?;
    row.map(|row| server(&row)).ok_or(Error::Denied(Denied::NotOwner))
}

/// Deletes a server with its channels and memberships; what the channels leave is removed afterwards, by `purge`.
pub async fn delete(db: &Db, purge: &Purge, access: &ServerAccess<Owner>) -> Result<()> {
    match db.execute_cascade(include_str!("../../sql/servers/delete.sql"), &[&access.id().0]).await? {
        0 => Err(Error::NotFound(Noun::Server)),
        _ => {
            purge.begin();
            Ok(())
        }
    }
}

fn server(row: &Row) -> Server {
    Server {
        id: ServerId(row.get("id")),
        name: row.get("name"),
        description: row.get("description"),
        icon_url: row.get("icon_url"),
        owner_id: UserId(row.get("owner_id")),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}
