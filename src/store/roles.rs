//! Roles, and which members have them.

use super::Db;
use crate::domain::access::{Given, ManageRoles, MemberRole, Ordered, OverRole, ServerAccess};
use crate::domain::permission::Permissions;
use crate::domain::role::{NewRole, Role, RolePatch};
use crate::domain::{RoleId, ServerId};
use crate::error::{Conflict, Error, Noun, Result};
use tokio_postgres::Row;

/// Makes a role.
///
/// # Errors
/// `too_many_roles`.
pub async fn create(db: &Db, access: &ServerAccess<ManageRoles>, new: &NewRole, given: Given) -> Result<Role> {
    let (name, color) = (new.name.as_str(), new.color.as_ref().map(|color| color.as_str()));
    let (hoist, mentionable) = (new.hoist.unwrap_or_default(), new.mentionable.unwrap_or_default());
    let row = db
        .write(
            include_str!("../../sql/roles/create.sql"),
            &[&access.id().0, &name, &color, &hoist, &mentionable, &given.added().bits()],
        )
        .await?;
    row.map(|row| role(&row)).ok_or(Error::Internal)
}

/// The roles of a server, oldest first, for the registry; at most 250.
pub async fn list(db: &Db, server: ServerId) -> Result<Vec<Role>> {
    let rows = db.look_up(include_str!("../../sql/roles/list.sql"), &[&server.0]).await?;
    Ok(rows.iter().map(role).collect())
}

/// Changes a role; `given` is what it gives from now on, where that changes.
///
/// # Errors
/// `role_not_found` when it has been deleted meanwhile.
pub async fn update(db: &Db, over: &OverRole, patch: &RolePatch, given: Option<Given>) -> Result<Role> {
    let row = db
        .write(
            include_str!("../../sql/roles/update.sql"),
            &[
                &over.access().id().0,
                &over.role().id.0,
                &patch.name.as_ref().map(|name| name.as_str()),
                &patch.color.is_given(),
                &patch.color.value().map(|color| color.as_str()),
                &patch.hoist,
                &patch.mentionable,
                &given.map_or(0, |given| given.added().bits()),
                &given.map_or(0, |given| given.removed().bits()),
            ],
        )
        .await?;
    row.map(|row| role(&row)).ok_or(Error::NotFound(Noun::Role))
}

/// Deletes a role; whoever had it has it no longer.
///
/// # Errors
/// `role_not_found` when it has been deleted meanwhile.
pub async fn delete(db: &Db, over: &OverRole) -> Result<()> {
    let ids = (over.access().id().0, over.role().id.0);
    match db.execute_cascade(include_str!("../../sql/roles/delete.sql"), &[&ids.0, &ids.1]).await? {
        0 => Err(Error::NotFound(Noun::Role)),
        _ => Ok(()),
    }
}

/// Puts the roles of a server into an order.
///
/// # Errors
/// `roles_not_named` where it is not all of them that are named, or where they are others by now, or stand otherwise.
pub async fn order(db: &Db, ordered: &Ordered) -> Result<()> {
    let lowest_first = |ids: &[RoleId]| -> Vec<i64> { ids.iter().rev().map(|id| id.0).collect() };
    let (before, wanted) = (lowest_first(ordered.decided_by()), lowest_first(ordered.order().role_ids.as_slice()));
    let sql = include_str!("../../sql/roles/order.sql");
    let row = db.write(sql, &[&ordered.access().id().0, &before, &wanted]).await?.ok_or(Error::Internal)?;
    if row.get("is_done") { Ok(()) } else { Err(Conflict::RolesNotNamed.into()) }
}

/// Gives a role to a member; answers whether they did not have it.
///
/// # Errors
/// `user_not_found`, `role_not_found` when one of them is gone.
pub async fn give(db: &Db, what: &MemberRole) -> Result<bool> {
    let ids = ids_of(what);
    let given = db.execute(include_str!("../../sql/member_roles/create.sql"), &[&ids.0, &ids.1, &ids.2]).await?;
    Ok(given > 0)
}

/// Takes a role from a member; answers whether they had it.
pub async fn take(db: &Db, what: &MemberRole) -> Result<bool> {
    let ids = ids_of(what);
    let taken = db.execute(include_str!("../../sql/member_roles/delete.sql"), &[&ids.0, &ids.1, &ids.2]).await?;
    Ok(taken > 0)
}

fn ids_of(what: &MemberRole) -> (i64, i64, i64) {
    (what.over().user().0, what.over().access().id().0, what.role().0)
}

fn role(row: &Row) -> Role {
    Role {
        id: RoleId(row.get("id")),
        server_id: ServerId(row.get("server_id")),
        name: row.get("name"),
        color: row.get("color"),
        hoist: row.get("hoist"),
        mentionable: row.get("mentionable"),
        position: row.get("position"),
        permissions: Permissions::from_bits(row.get("permissions")),
        is_default: row.get("is_default"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}
