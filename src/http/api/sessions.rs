//! `/auth/sessions`: where somebody is logged in.

use crate::actors::registry::Change;
use crate::domain::AuthSessionId;
use crate::domain::access::Caller;
use crate::domain::auth_session::AuthSession;
use crate::error::{Error, Noun, Result};
use crate::http::Node;
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, InPath};
use crate::store::auth_sessions;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

/// Where I am logged in
#[utoipa::path(
    get, path = "/auth/sessions", operation_id = "list_sessions", tag = "auth",
    responses((status = 200, description = "Your sessions, oldest first", body = Vec<AuthSession>)),
)]
pub async fn list(auth: Auth, node: Data<Node>) -> Result<Json<Vec<AuthSession>>> {
    let current = auth.0.session_id;
    let caller = node.registry.caller(auth.0).await?;
    Ok(Json(auth_sessions::list(&node.db, &caller, current).await?))
}

/// End one of my sessions
///
/// Its tokens are void and its sockets close.
#[utoipa::path(
    delete, path = "/auth/sessions/{session_id}", operation_id = "delete_session", tag = "auth",
    responses((status = 204, description = "It has ended")),
)]
pub async fn delete(auth: Auth, node: Data<Node>, InPath(id): InPath<AuthSessionId>) -> Result<HttpResponse> {
    let caller = node.registry.caller(auth.0).await?;
    end(&node, caller, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End all my other sessions
#[utoipa::path(
    delete, path = "/auth/sessions", operation_id = "delete_other_sessions", tag = "auth",
    responses((status = 204, description = "Only the session of this token is left")),
)]
pub async fn delete_others(auth: Auth, node: Data<Node>) -> Result<HttpResponse> {
    let current = auth.0.session_id;
    let caller = node.registry.caller(auth.0).await?;
    let current = current.ok_or(Error::NotFound(Noun::AuthSession))?;
    let change = Change::Sessions(caller.id());
    let db = node.db.clone();
    let work = async move { auth_sessions::end_others(&db, &caller, current).await };
    commit(&node, change.clone(), work, move |()| change).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends one of the caller's sessions; answers what is stored of its refresh tokens' family.
///
/// # Errors
/// `session_not_found`, and those of a change.
pub async fn end(node: &Data<Node>, caller: Caller, id: AuthSessionId) -> Result<Vec<u8>> {
    let change = Change::Sessions(caller.id());
    let db = node.db.clone();
    commit(node, change.clone(), async move { auth_sessions::end(&db, &caller, id).await }, move |_| change).await
}
