//! `/servers/{server_id}/members`: who belongs to a server, for its members.

use crate::actors::registry::Change;
use crate::domain::access::{KickMembers, Member, NotChanged, Over, ServerAccess};
use crate::domain::message::PAGE_MAX;
use crate::domain::server::{MemberPatch, ServerMember};
use crate::domain::validation::Refusal;
use crate::domain::{ServerId, UserId};
use crate::error::{Conflict, Error, Noun, Result};
use crate::http::Node;
use crate::http::kit::body::Body;
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, InPath};
use crate::http::kit::query::{InQuery, query};
use crate::store::user_servers;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use std::time::Duration;
use time::OffsetDateTime;

/// As Discord has it.
const TIMEOUT_MAX: Duration = Duration::from_hours(28 * 24);

query! {
    /// Which of a server's members.
    pub struct MembersQuery {
        /// Only users after this id
        after: i64 = 0..=i64::MAX, or 0;
        /// At most so many
        limit: i64 = 1..=PAGE_MAX, or PAGE_MAX;
    }
}

/// A server's members
///
/// By their ids; to read on, ask again `after` the last one.
#[utoipa::path(
    get, path = "/servers/{server_id}/members", operation_id = "list_members", tag = "servers",
    params(MembersQuery),
    responses((status = 200, description = "Members, by their ids", body = Vec<ServerMember>)),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InQuery(MembersQuery { after, limit }): InQuery<MembersQuery>,
) -> Result<Json<Vec<ServerMember>>> {
    let access: ServerAccess<Member> = node.registry.server(auth.0, server).await?;
    Ok(Json(user_servers::page(&node.db, &access, UserId(after), limit).await?))
}

/// A member of a server
#[utoipa::path(
    get, path = "/servers/{server_id}/members/{user_id}", operation_id = "get_member", tag = "servers",
    responses((status = 200, description = "The member", body = ServerMember)),
)]
pub async fn get(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
) -> Result<Json<ServerMember>> {
    let access: ServerAccess<Member> = node.registry.server(auth.0, server).await?;
    user_servers::get(&node.db, &access, user).await?.map(Json).ok_or(Error::NotFound(Noun::User))
}

/// Change a member
///
/// The nickname takes `change_nickname` for oneself and `manage_nicknames` for others; the roles take `manage_roles`; a timeout takes `timeout_members`. Whoever it is about stands below
/// the caller, or is the caller, who gives no timeout to themselves. Who is in a timeout may see and read, and nothing else; it ends by itself.
#[utoipa::path(
    patch, path = "/servers/{server_id}/members/{user_id}", operation_id = "update_member", tag = "servers",
    request_body(content = MemberPatch, example = json!({ "nickname": "Mina of the garden" })),
    responses((status = 200, description = "The member", body = ServerMember)),
)]
pub async fn update(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
    Body(patch): Body<MemberPatch>,
) -> Result<Json<ServerMember>> {
    let access = node.registry.member(auth.0, server, user).await?;
    if let Some(until) = patch.timeout_until.value() {
        let now = OffsetDateTime::now_utc();
        let refusal = match until.0 {
            end if end < now => Some(Refusal::new("greater_than", "A timeout ends later than now; `null` ends one")),
            end if end > now + TIMEOUT_MAX => {
                Some(Refusal::new("less_than_equal", "A timeout may last at most 28 days"))
            }
            _ => None,
        };
        refusal.map_or(Ok(()), |refusal| Err(refusal.at("body", "timeout_until")))?;
    }
    let is_empty = patch.is_empty();
    let change = access.change(patch).map_err(|why| match why {
        NotChanged::Denied(denied) => Error::from(denied),
        NotChanged::NoRole => Error::NotFound(Noun::Role),
        NotChanged::DefaultRole => Conflict::DefaultRole.into(),
    })?;
    if !is_empty {
        let (db, told) = (node.db.clone(), Change::MemberChanged(user, server));
        let work = async move { user_servers::update(&db, &change).await };
        commit(&node, told.clone(), work, move |()| told).await?;
    }
    // It is made: that it cannot be shown does not say that it was not.
    let found = user_servers::find(&node.db, user, server).await;
    found
        .map_err(|error| if is_empty { error } else { Error::Unconfirmed })?
        .map(Json)
        .ok_or(Error::NotFound(Noun::User))
}

/// Remove a member
///
/// They hear nothing of the server any more, and may join it again. To keep them away, ban them.
#[utoipa::path(
    delete, path = "/servers/{server_id}/members/{user_id}", operation_id = "remove_member", tag = "servers",
    responses((status = 204, description = "They have left; their sockets in its channels close")),
)]
pub async fn remove(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
) -> Result<HttpResponse> {
    let over: Over<KickMembers> = node.registry.over(auth.0, server, user).await?;
    let db = node.db.clone();
    let work = async move { user_servers::remove(&db, &over).await };
    commit(&node, Change::MembershipUnclear(user, server), work, move |()| Change::Left(user, server)).await?;
    Ok(HttpResponse::NoContent().finish())
}
