//! `/users/me/export`: all that is stored about somebody, as one JSON document that is written while it is read.
//!
//! Bounds: [`AT_ONCE`] on the node, then `busy`; [`IDS_A_STEP`] messages are looked through before the next part goes out.

use super::Node;
use super::extract::Auth;
use crate::domain::MessageId;
use crate::domain::access::Caller;
use crate::domain::auth_session::AuthSession;
use crate::domain::message::Message;
use crate::domain::server::Server;
use crate::domain::user::Profile;
use crate::error::{Error, Result};
use crate::store::{auth_sessions, messages, servers, users};
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use futures_util::stream;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

/// Exports that are under way at once.
const AT_ONCE: usize = 2;
/// Ids of messages that one statement goes through: some 20 ms.
const IDS_A_STEP: i64 = 50_000;

/// Lets so many exports run at once.
pub fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(AT_ONCE))
}

/// Everything that is stored about an account.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
pub struct Export {
    /// Your profile.
    profile: Profile,
    /// Where you are logged in.
    sessions: Vec<AuthSession>,
    /// The servers that you belong to.
    servers: Vec<Server>,
    /// What you have written, oldest first.
    messages: Vec<Message>,
}

/// Everything that is stored about me
///
/// A download. The messages are the last field; a document that ends before its closing brace is not whole: ask again.
#[utoipa::path(
    get, path = "/users/me/export", tag = "users", security(("login" = [])),
    responses(
        (
            status = 200, description = "All of it", body = Export,
            example = json!({ "profile": { "id": 1, "username": "mina" }, "sessions": [], "servers": [], "messages": [] }),
        ),
    ),
)]
pub async fn get(auth: Auth, node: Data<Node>) -> Result<HttpResponse> {
    let current = auth.0.session_id;
    let caller = node.registry.caller(auth.0).await?;
    let turn = Arc::clone(&node.exports).try_acquire_owned().map_err(|_| Error::Busy)?;
    let first = Bytes::from(format!(
        r#"{{"profile":{},"sessions":{},"servers":{},"messages":["#,
        json(&users::own(&node.db, &caller).await?)?,
        json(&auth_sessions::list(&node.db, &caller, current).await?)?,
        json(&servers::list(&node.db, &caller).await?)?,
    ));
    let last = messages::last_id(&node.db).await?;
    let rest = Rest { node, caller, next: Some(MessageId(0)), last, is_first: true, _turn: turn };
    let parts = stream::unfold((Some(first), rest), |(first, mut rest)| async {
        let part = match first {
            Some(first) => Some(Ok(first)),
            None => rest.part().await.transpose(),
        };
        part.map(|part| (part, (None, rest)))
    });
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header(("content-disposition", r#"attachment; filename="madang-export.json""#))
        .insert_header(("cache-control", "no-store"))
        .streaming(parts))
}

/// Where an export stands.
struct Rest {
    node: Data<Node>,
    caller: Caller,
    /// After which message it goes on; `None` when all is said.
    next: Option<MessageId>,
    last: MessageId,
    is_first: bool,
    _turn: OwnedSemaphorePermit,
}

impl Rest {
    /// What comes next, with all that goes before it in the document; `None` at the end.
    async fn part(&mut self) -> Result<Option<Bytes>> {
        let Some(mut after) = self.next else { return Ok(None) };
        let mut text = String::new();
        while after < self.last && text.is_empty() {
            let upto = MessageId(after.0.saturating_add(IDS_A_STEP).min(self.last.0));
            for message in messages::written_by(&self.node.db, &self.caller, after, upto).await? {
                text.push_str(if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" });
                text.push_str(&json(&message)?);
            }
            after = upto;
        }
        self.next = Some(after).filter(|after| *after < self.last);
        if self.next.is_none() {
            text.push_str("\n]}\n");
        }
        Ok(Some(Bytes::from(text)))
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "something could not be exported");
        Error::Internal
    })
}
