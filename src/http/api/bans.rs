//! `/servers/{server_id}/bans`: who may not come back to a server.

use crate::actors::registry::Change;
use crate::domain::access::{BanMembers, Over, ServerAccess};
use crate::domain::ban::{Ban, NewBan};
use crate::domain::message::PAGE_MAX;
use crate::domain::{ServerId, UserId};
use crate::error::{Conflict, Result};
use crate::http::Node;
use crate::http::kit::body::BodyOrNothing;
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, InPath};
use crate::http::kit::query::{InQuery, query};
use crate::store::bans;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

query! {
    /// Which of a server's bans.
    pub struct BansQuery {
        /// Only of users after this id
        after: i64 = 0..=i64::MAX, or 0;
        /// At most so many
        limit: i64 = 1..=PAGE_MAX, or PAGE_MAX;
    }
}

/// A server's bans
///
/// By the ids of those who are banned; to read on, ask again `after` the last one.
#[utoipa::path(
    get, path = "/servers/{server_id}/bans", operation_id = "list_bans", tag = "servers",
    params(BansQuery),
    responses((status = 200, description = "Bans, by the users' ids", body = Vec<Ban>)),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InQuery(BansQuery { after, limit }): InQuery<BansQuery>,
) -> Result<Json<Vec<Ban>>> {
    let access: ServerAccess<BanMembers> = node.registry.server(auth.0, server).await?;
    Ok(Json(bans::page(&node.db, &access, UserId(after), limit).await?))
}

/// A ban
#[utoipa::path(
    get, path = "/servers/{server_id}/bans/{user_id}", operation_id = "get_ban", tag = "servers",
    responses((status = 200, description = "The ban", body = Ban)),
)]
pub async fn get(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
) -> Result<Json<Ban>> {
    let access: ServerAccess<BanMembers> = node.registry.server(auth.0, server).await?;
    bans::find(&node.db, &access, user).await?.map(Json).ok_or_else(|| Conflict::NotBanned.into())
}

/// Ban somebody from a server
///
/// A member or not. They leave it, hear nothing of it any more, and cannot join it again until the ban is lifted. What they have written
/// stays. Of somebody who is banned already only the reason and who gives it change; a reason that is left out stays.
#[utoipa::path(
    put, path = "/servers/{server_id}/bans/{user_id}", operation_id = "create_ban", tag = "servers",
    request_body(content = Option<NewBan>, example = json!({ "reason": "Spam in every channel" })),
    responses((status = 200, description = "The ban", body = Ban)),
)]
pub async fn create(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
    BodyOrNothing(new): BodyOrNothing<NewBan>,
) -> Result<Json<Ban>> {
    let over: Over<BanMembers> = node.registry.over(auth.0, server, user).await?;
    let db = node.db.clone();
    let work = async move { bans::create(&db, &over, &new).await };
    let made = move |(_, has_left): &(Ban, bool)| match has_left {
        true => Change::Left(user, server),
        false => Change::Membership(user, server),
    };
    let (ban, _) = commit(&node, Change::MembershipUnclear(user, server), work, made).await?;
    Ok(Json(ban))
}

/// Lift a ban
#[utoipa::path(
    delete, path = "/servers/{server_id}/bans/{user_id}", operation_id = "delete_ban", tag = "servers",
    responses((status = 204, description = "They may join again")),
)]
pub async fn delete(
    auth: Auth,
    node: Data<Node>,
    InPath(server): InPath<ServerId>,
    InPath(user): InPath<UserId>,
) -> Result<HttpResponse> {
    let access: ServerAccess<BanMembers> = node.registry.server(auth.0, server).await?;
    let (db, change) = (node.db.clone(), Change::Membership(user, server));
    let work = async move { bans::delete(&db, &access, user).await };
    commit(&node, change.clone(), work, move |()| change).await?;
    Ok(HttpResponse::NoContent().finish())
}
