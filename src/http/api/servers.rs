//! `/servers`: communities, and who belongs to them.

use crate::actors::registry::Change;
use crate::domain::ServerId;
use crate::domain::access::{Denied, ManageServer, Member, Owner, ServerAccess, Visitor};
use crate::domain::server::{NewOwner, NewServer, Server, ServerDetail, ServerPatch};
use crate::error::{Conflict, Error, Result};
use crate::http::Node;
use crate::http::kit::body::{Body, Sent};
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, InPath, RateLimitHeaders};
use crate::store::{servers, user_servers};
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json};

/// As large as no id will be: who tries the example as it stands gives nothing away.
const NOBODY: i64 = (1 << 53) - 1;

/// Make a server
#[utoipa::path(
    post, path = "/servers/", operation_id = "create_server", request_body = NewServer,
    responses((status = 201, description = "The server; you are its owner and first member", body = Server)),
)]
pub async fn create(auth: Auth, node: Data<Node>, Body(new): Body<NewServer>) -> Result<HttpResponse> {
    let caller = node.registry.caller(auth.0).await?;
    let user = caller.id();
    let db = node.db.clone();
    let work = async move { servers::create(&db, &caller, &new).await };
    let made = move |server: &Server| Change::Joined(user, server.id);
    let server = commit(&node, Change::Memberships(user), work, made).await?;
    Ok(HttpResponse::Created().json(server))
}

/// My servers
#[utoipa::path(
    get, path = "/servers/", operation_id = "list_servers",
    responses((status = 200, description = "The servers that you belong to, oldest first", body = Vec<Server>)),
)]
pub async fn list(auth: Auth, node: Data<Node>) -> Result<Json<Vec<Server>>> {
    let caller = node.registry.caller(auth.0).await?;
    Ok(Json(servers::list(&node.db, &caller).await?))
}

/// A server with its channels and roles
#[utoipa::path(
    get, path = "/servers/{server_id}", operation_id = "get_server",
    responses((status = 200, description = "The server, its roles, and those of its channels that you may see", body = ServerDetail)),
)]
pub async fn get(auth: Auth, node: Data<Node>, InPath(id): InPath<ServerId>) -> Result<HttpResponse> {
    let access: ServerAccess<Member> = node.registry.server(auth.0, id).await?;
    let detail = access.detail().map_err(|error| {
        tracing::error!(%error, "a server could not be encoded");
        Error::Internal
    })?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(detail))
}

/// Change a server
#[utoipa::path(
    put, path = "/servers/{server_id}", operation_id = "update_server",
    request_body(content = ServerPatch, example = json!({ "description": "Where everyone gathers" })),
    responses((status = 200, description = "The server", body = Server)),
)]
pub async fn update(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ServerId>,
    Body(sent): Body<Sent<ServerPatch>>,
) -> Result<Json<Server>> {
    let access: ServerAccess<ManageServer> = node.registry.server(auth.0, id).await?;
    sent.keeps("id", id.0, "An id cannot be changed")?;
    let owner = access.state().server.owner_id;
    sent.keeps("owner_id", owner.0, "Hand a server over with PUT /servers/{server_id}/owner")?;
    let db = node.db.clone();
    let work = async move { servers::update(&db, &access, &sent.patch).await };
    let change = Change::ServerChanged(id);
    Ok(Json(commit(&node, change.clone(), work, move |_| change).await?))
}

/// Hand a server over to another member
#[utoipa::path(
    put, path = "/servers/{server_id}/owner", operation_id = "hand_over_server",
    request_body(content = NewOwner, example = json!({ "owner_id": NOBODY })),
    responses((status = 200, description = "The server with its new owner; you stay a member", body = Server)),
)]
pub async fn hand_over(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ServerId>,
    Body(new): Body<NewOwner>,
) -> Result<Json<Server>> {
    let access: ServerAccess<Owner> = node.registry.server(auth.0, id).await?;
    let db = node.db.clone();
    let work = async move { servers::hand_over(&db, &access, new).await };
    let change = Change::ServerChanged(id);
    Ok(Json(commit(&node, change.clone(), work, move |_| change).await?))
}

/// Delete a server
#[utoipa::path(
    delete, path = "/servers/{server_id}", operation_id = "delete_server",
    responses((status = 204, description = "It is gone with its channels, messages, memberships and bans; its sockets close")),
)]
pub async fn delete(auth: Auth, node: Data<Node>, InPath(id): InPath<ServerId>) -> Result<HttpResponse> {
    let access: ServerAccess<Owner> = node.registry.server(auth.0, id).await?;
    let (db, purge) = (node.db.clone(), node.purge.clone());
    let change = Change::ServerDeleted(id);
    let work = async move { servers::delete(&db, &purge, &access).await };
    commit(&node, change.clone(), work, move |()| change).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Join a server
#[utoipa::path(
    post, path = "/servers/{server_id}/join", operation_id = "join_server",
    responses((status = 200, description = "The server", body = Server)),
)]
pub async fn join(
    auth: Auth,
    node: Data<Node>,
    told: RateLimitHeaders,
    InPath(id): InPath<ServerId>,
) -> Result<Json<Server>> {
    let access: ServerAccess<Visitor> = node.registry.server(auth.0, id).await?;
    let server = access.state().server.clone();
    let user = access.caller().id();
    told.quota(node.shared_limits.join(user).await?);
    let db = node.db.clone();
    let work = async move { user_servers::join(&db, &access).await };
    commit(&node, Change::MembershipUnclear(user, id), work, move |()| Change::Joined(user, id)).await?;
    Ok(Json(server))
}

/// Leave a server
#[utoipa::path(
    post, path = "/servers/{server_id}/leave", operation_id = "leave_server",
    responses((status = 204, description = "You have left; your sockets in its channels close")),
)]
pub async fn leave(auth: Auth, node: Data<Node>, InPath(id): InPath<ServerId>) -> Result<HttpResponse> {
    let access: ServerAccess<Member> = node.registry.server(auth.0, id).await.map_err(|error| match error {
        Error::Denied(Denied::NotMember) => Conflict::NotMember.into(),
        other => other,
    })?;
    if access.is_owner() {
        return Err(Conflict::OwnerCannotLeave.into());
    }
    let user = access.caller().id();
    let db = node.db.clone();
    let work = async move { user_servers::leave(&db, &access).await };
    commit(&node, Change::MembershipUnclear(user, id), work, move |()| Change::Left(user, id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
