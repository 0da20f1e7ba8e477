//! `/servers/{server_id}/roles`: what the members of a server may do there, and which of them have which role.

use crate::actors::registry::Change;
use crate::domain::access::{ManageRoles, Member, OverRole, ServerAccess};
use crate::domain::role::{NewRole, Role, RoleOrder, RolePatch};
use crate::domain::{RoleId, ServerId, UserId};
use crate::error::{Conflict, Error, Noun, Result};
use crate::http::Node;
use crate::http::kit::body::Body;
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, InPath};
use crate::store::roles;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use std::sync::Arc;

/// A server's roles
#[utoipa::path(
    get, path = "/servers/{server_id}/roles", operation_id = "list_roles", tag = "servers",
    responses((status = 200, description = "Its roles, in the order in which they were made", body = Vec<Role>)),
)]
pub async fn list(auth: Auth, node: Data<Node>, InPath(server): InPath<ServerId>) -> Result<Json<Arc<[Role]>>> {
    let access: ServerAccess<Member> = node.registry.server(auth.0, server).await?;
    Ok(Json(Arc::clone(&access.state().roles)))
}

/// Make a role
///
/// It is the lowest but for the default one, and gives nothing that you may not do yourself.
#[utoipa::path(
    post, path = "/servers/{server_id}/roles", operation_id = "create_role", tag = "servers", request_body = NewRole,
    responses((status = 201, description = "The role", body = Role)),
)]
pub async fn create(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    Body(new): Body<NewRole>,
) -> Result<HttpResponse> {
    let access: ServerAccess<ManageRoles> = node.registry.server(auth.0, server).await?;
    let given = access.give(new.permissions.unwrap_or_default())?;
    let db = node.db.clone();
    let work = async move { roles::create(&db, &access, &new, given).await };
    let made = move |role: &Role| Change::RoleCreated(server, role.id);
    let role = commit(&node, Change::ServerUnclear(server), work, made).await?;
    Ok(HttpResponse::Created().json(role))
}

/// Change a role
///
/// One below your highest. What it gives is decided anew for everyone who has it before the call is answered. You give and take nothing that you may
/// not do yourself. Of the default role only `permissions` can be changed.
#[utoipa::path(
    patch, path = "/servers/{server_id}/roles/{role_id}", operation_id = "update_role", tag = "servers",
    request_body(content = RolePatch, example = json!({ "color": "#3366cc" })),
    responses((status = 200, description = "The role", body = Role)),
)]
pub async fn update(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(role): InPath<RoleId>,
    Body(patch): Body<RolePatch>,
) -> Result<Json<Role>> {
    let over = over(&node, auth, server, role).await?;
    if over.role().is_default && !patch.is_of_permissions_only() {
        return Err(Conflict::DefaultRole.into());
    }
    let given = patch.permissions.map(|permissions| over.give(permissions)).transpose()?;
    let (db, change) = (node.db.clone(), Change::RoleChanged(server, role));
    let work = async move { roles::update(&db, &over, &patch, given).await };
    Ok(Json(commit(&node, change.clone(), work, move |_| change).await?))
}

/// Delete a role
///
/// One below your highest; not the default one. Whoever had it has it no longer.
#[utoipa::path(
    delete, path = "/servers/{server_id}/roles/{role_id}", operation_id = "delete_role", tag = "servers",
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(role): InPath<RoleId>,
) -> Result<HttpResponse> {
    let over = over(&node, auth, server, role).await?;
    if over.role().is_default {
        return Err(Conflict::DefaultRole.into());
    }
    let (db, change) = (node.db.clone(), Change::RoleDeleted(server, role));
    let work = async move { roles::delete(&db, &over).await };
    commit(&node, change.clone(), work, move |()| change).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Put a server's roles into an order
///
/// All of them but the default one are named, the highest first. Those that are not below your highest stay where they are.
#[utoipa::path(
    put, path = "/servers/{server_id}/roles/order", operation_id = "order_roles", tag = "servers",
    request_body(content = RoleOrder, example = json!({ "role_ids": [] })),
    responses((status = 204, description = "They stand so")),
)]
pub async fn order(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    Body(order): Body<RoleOrder>,
) -> Result<HttpResponse> {
    let access: ServerAccess<ManageRoles> = node.registry.server(auth.0, server).await?;
    let ordered = access.order(order)?;
    let (db, change) = (node.db.clone(), Change::RolesOrdered(server));
    let work = async move { roles::order(&db, &ordered).await };
    commit(&node, change.clone(), work, move |()| change).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give a role to a member
///
/// A role below your highest that gives nothing which you may not do yourself, to a member below you or to yourself. Whoever has it already keeps it.
#[utoipa::path(
    put, path = "/servers/{server_id}/members/{user_id}/roles/{role_id}", operation_id = "give_role", tag = "servers",
    responses((status = 204, description = "They have it")),
)]
pub async fn give(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
    InPath(role): InPath<RoleId>,
) -> Result<HttpResponse> {
    let over = node.registry.over_or_self(auth.0, server, user).await?;
    refuse_default(over.access(), role)?;
    let given = over.giving(role).ok_or(Error::NotFound(Noun::Role))??;
    let db = node.db.clone();
    let work = async move { roles::give(&db, &given).await };
    commit(&node, Change::MemberChanged(user, server), work, move |is_other| changed(*is_other, user, server)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take a role from a member
///
/// A role below your highest, from a member below you or from yourself. When the call is answered, whoever has lost a right by it hears nothing more
/// that took it.
#[utoipa::path(
    delete, path = "/servers/{server_id}/members/{user_id}/roles/{role_id}", operation_id = "take_role", tag = "servers",
    responses((status = 204, description = "They do not have it")),
)]
pub async fn take(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
    InPath(role): InPath<RoleId>,
) -> Result<HttpResponse> {
    let over = node.registry.over_or_self(auth.0, server, user).await?;
    refuse_default(over.access(), role)?;
    let taken = over.taking(role).ok_or(Error::NotFound(Noun::Role))??;
    let db = node.db.clone();
    let work = async move { roles::take(&db, &taken).await };
    commit(&node, Change::MemberChanged(user, server), work, move |is_other| changed(*is_other, user, server)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What changes nothing is told nobody.
fn changed(is_other: bool, user: UserId, server: ServerId) -> Change {
    if is_other { Change::MemberChanged(user, server) } else { Change::Membership(user, server) }
}

async fn over(node: &Node, auth: Auth, server: ServerId, role: RoleId) -> Result<OverRole> {
    let access: ServerAccess<ManageRoles> = node.registry.server(auth.0, server).await?;
    Ok(access.over_role(role).ok_or(Error::NotFound(Noun::Role))??)
}

fn refuse_default(access: &ServerAccess<ManageRoles>, role: RoleId) -> Result<()> {
    match access.state().role(role) {
        Some(role) if role.is_default => Err(Conflict::DefaultRole.into()),
        _ => Ok(()),
    }
}
