//! `/users/me/export`: all that is stored about somebody, as one JSON document that is written while it is read.
//!
//! Bounds: one for each user and [`AT_ONCE`] on the node, then `busy`; [`IDS_A_STEP`] messages are looked through by a statement, and
//! [`MESSAGES_A_PART`] are in memory; a reader has [`PART_MAX`] for each part, and the time that its bytes take at the least rate.

use super::Node;
use super::extract::Auth;
use crate::auth::token::Bearer;
use crate::domain::auth_session::AuthSession;
use crate::domain::message::Message;
use crate::domain::server::Server;
use crate::domain::user::Profile;
use crate::domain::{MessageId, UserId};
use crate::error::{Error, Result};
use crate::store::{auth_sessions, messages, servers, users};
use crate::wire::BYTES_PER_SECOND_MIN;
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use futures_util::stream;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// Exports that are under way at once.
const AT_ONCE: usize = 32;
/// Ids of messages that one statement goes through: some 20 ms.
const IDS_A_STEP: i64 = 50_000;
/// Messages that are read at once, of up to 16 KiB each.
const MESSAGES_A_PART: i64 = 64;
/// As long as a reader may take for a part.
const PART_MAX: Duration = Duration::from_secs(30);

/// Whose exports are under way.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<HashSet<UserId>>>);

/// A user's turn; over when it is dropped.
struct Turn(Exports, UserId);

impl Exports {
    fn begin(&self, user: UserId) -> Result<Turn> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() >= AT_ONCE || !under_way.insert(user) {
            return Err(Error::Busy);
        }
        Ok(Turn(self.clone(), user))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
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
    messages: Vec<Message<'static>>,
}

/// Everything that is stored about me
///
/// A download. The messages are the last field; a document that ends before its closing brace is not whole: ask again.
#[utoipa::path(
    get, path = "/users/me/export", operation_id = "get_export", tag = "users", security(("login" = [])),
    responses(
        (
            status = 200, description = "All of it", body = Export,
            example = json!({ "profile": { "id": 1, "username": "mina" }, "sessions": [], "servers": [], "messages": [] }),
        ),
    ),
)]
pub async fn get(auth: Auth, node: Data<Node>) -> Result<HttpResponse> {
    let bearer = auth.0;
    let caller = node.registry.caller(bearer.clone()).await?;
    let turn = node.exports.begin(caller.id())?;
    let first = Bytes::from(format!(
        r#"{{"profile":{},"sessions":{},"servers":{},"messages":["#,
        json(&users::own(&node.db, &caller).await?)?,
        json(&auth_sessions::list(&node.db, &caller, bearer.session_id).await?)?,
        json(&servers::list(&node.db, &caller).await?)?,
    ));
    let last = messages::last_id(&node.db).await?;
    let until = Instant::now() + PART_MAX;
    let rest = Rest { node, bearer, next: Some(MessageId(0)), last, is_first: true, until, _turn: turn };
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
    bearer: Bearer,
    /// After which message it goes on; `None` when all is said.
    next: Option<MessageId>,
    last: MessageId,
    is_first: bool,
    /// When the part that was given out has to be taken.
    until: Instant,
    _turn: Turn,
}

impl Rest {
    /// What comes next, with all that goes before it in the document; `None` at the end.
    async fn part(&mut self) -> Result<Option<Bytes>> {
        let Some(mut after) = self.next else { return Ok(None) };
        if Instant::now() > self.until {
            return Err(Error::TooSlow(PART_MAX.as_secs()));
        }
        // Each time: who has been logged out meanwhile gets no more.
        let caller = self.node.registry.caller(self.bearer.clone()).await?;
        let mut text = String::new();
        while after < self.last && text.is_empty() {
            let upto = MessageId(after.0.saturating_add(IDS_A_STEP).min(self.last.0));
            let read = messages::written_by(&self.node.db, &caller, after, upto, MESSAGES_A_PART).await?;
            for message in &read {
                text.push_str(if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" });
                text.push_str(&json(message)?);
            }
            let is_all = (read.len() as i64) < MESSAGES_A_PART;
            after = read.last().filter(|_| !is_all).map_or(upto, |message| message.id);
        }
        self.next = Some(after).filter(|after| *after < self.last);
        if self.next.is_none() {
            text.push_str("\n]}\n");
        }
        // At the least rate of any answer.
        let at_least_rate = Duration::from_millis(text.len() as u64 * 1_000 / BYTES_PER_SECOND_MIN);
        self.until = Instant::now() + PART_MAX + at_least_rate;
        Ok(Some(Bytes::from(text)))
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "something could not be exported");
        Error::Internal
    })
}
