//! `/users/me/export`: all that is stored about somebody, as one JSON document that is written while it is read.
//!
//! Bounds: one for each user and [`AT_ONCE`] on the node, then `busy`; [`IDS_A_STEP`] messages are looked through by a statement, and
//! [`ROWS_A_PART`] are in memory; a reader has [`PART_MAX`] for each part, and the time that its bytes take at the least rate.

use crate::auth::token::Bearer;
use crate::domain::access::Caller;
use crate::domain::auth_session::AuthSession;
use crate::domain::message::{Message, OwnReaction, OwnRevision};
use crate::domain::server::JoinedServer;
use crate::domain::user::Profile;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use crate::error::{Error, Result};
use crate::http::Node;
use crate::http::kit::extract::Auth;
use crate::net::BYTES_PER_SECOND_MIN;
use crate::patience::worker_now;
use crate::store::message_revisions::{self, RevisionKey};
use crate::store::reactions::{self, ReactionKey};
use crate::store::{auth_sessions, messages, servers, users};
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use futures_util::stream;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use std::vec;
use tokio::time::Instant;
use utoipa::ToSchema;

/// Exports that are under way at once.
const AT_ONCE: usize = 32;
/// Ids of messages that one statement goes through: some 20 ms.
const IDS_A_STEP: i64 = 50_000;
/// Reactions of all that one statement goes through.
const REACTIONS_A_STEP: i64 = 10_000;
/// Statements without a result before something is sent.
const STEPS_A_PART: usize = 20;
/// Messages, or earlier texts, that are read at once, of up to 16 KiB each.
const ROWS_A_PART: i64 = 64;
/// As long as a reader may take for a part.
const PART_MAX: Duration = Duration::from_secs(30);

/// Whose exports are under way.
#[derive(Clone, Default)]
pub struct Exports(Arc<Mutex<HashSet<UserId>>>);

/// A user's turn; over when it is dropped.
struct Turn(Exports, UserId);

impl Exports {
    fn begin(&self, user: UserId) -> Result<Turn> {
        let mut under_way = self.0.lock();
        if under_way.len() >= AT_ONCE || !under_way.insert(user) {
            return Err(Error::Busy);
        }
        Ok(Turn(self.clone(), user))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// Everything that is stored about an account.
#[derive(Serialize, ToSchema)]
pub struct Export {
    /// Your profile.
    profile: Profile,
    /// Where you are logged in.
    sessions: Vec<AuthSession>,
    /// The servers that you belong to, and since when.
    servers: Vec<JoinedServer>,
    /// What you have written, oldest first.
    messages: Vec<Message<'static>>,
    /// The texts of your messages that you have replaced, as far as they are kept.
    earlier_texts: Vec<OwnRevision>,
    /// How you have reacted to messages.
    reactions: Vec<OwnReaction>,
}

impl Export {
    /// The document in the pieces around its last three lists, which are empty yet: they are written while they are read.
    fn around_lists(&self) -> Result<Vec<String>> {
        // From the back: what people have written stands before them.
        let mut pieces: Vec<String> = json(self)?.rsplitn(4, "[]").map(str::to_owned).collect();
        pieces.reverse();
        Ok(pieces)
    }
}

/// What is stored about me
///
/// A download. A document that ends before its closing brace is not whole: ask again.
#[utoipa::path(
    get, path = "/users/me/export", operation_id = "get_export", tag = "users",
    responses(
        (
            status = 200, description = "All of it", body = Export,
            example = json!({ "profile": { "id": 1, "username": "mina" }, "sessions": [], "servers": [], "messages": [], "earlier_texts": [], "reactions": [] }),
        ),
    ),
)]
pub async fn get(auth: Auth, node: Data<Node>) -> Result<HttpResponse> {
    let bearer = auth.0;
    let caller = node.registry.caller(bearer.clone()).await?;
    let turn = node.exports.begin(caller.id())?;
    let export = Export {
        profile: users::own(&node.db, &caller).await?,
        sessions: auth_sessions::list(&node.db, &caller, bearer.session_id).await?,
        servers: servers::joined(&node.db, &caller).await?,
        messages: Vec::new(),
        earlier_texts: Vec::new(),
        reactions: Vec::new(),
    };
    let mut pieces = export.around_lists()?.into_iter();
    let first = Bytes::from(pieces.next().unwrap_or_default() + "[");
    let last = messages::last_id(&node.db).await?;
    let until = worker_now() + PART_MAX;
    let next = Some(Next::Message(MessageId(0)));
    let rest = Rest { node, bearer, next, last, pieces, is_first: true, until, _turn: turn };
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
    /// After what it goes on; `None` when all is said.
    next: Option<Next>,
    last: MessageId,
    /// What comes behind the list that is being written, and behind each one after it.
    pieces: vec::IntoIter<String>,
    is_first: bool,
    /// When the part that was given out has to be taken, by the worker's clock.
    until: Instant,
    _turn: Turn,
}

impl Rest {
    /// What comes next, with all that goes before it in the document; `None` at the end.
    async fn part(&mut self) -> Result<Option<Bytes>> {
        if self.next.is_none() {
            return Ok(None);
        }
        if worker_now() > self.until {
            return Err(Error::TooSlow(PART_MAX.as_secs()));
        }
        // Each time: who has been logged out meanwhile gets no more.
        let caller = self.node.registry.caller(self.bearer.clone()).await?;
        let mut text = String::new();
        for _ in 0..STEPS_A_PART {
            let Some(next) = self.next.take_if(|_| text.is_empty()) else { break };
            self.next = match next {
                Next::Message(after) => self.messages(&caller, after, &mut text).await?,
                Next::EarlierText(after) => self.earlier_texts(&caller, after, &mut text).await?,
                Next::Reaction(after) => self.reactions(&caller, &after, &mut text).await?,
            };
        }
        if text.is_empty() {
            // There is more to look through: who waits hears of it, and is asked again who it is.
            text.push('\n');
        }
        // At the least rate of any answer.
        let at_least_rate = Duration::from_millis(text.len() as u64 * 1_000 / BYTES_PER_SECOND_MIN);
        self.until = worker_now() + PART_MAX + at_least_rate;
        Ok(Some(Bytes::from(text)))
    }

    async fn messages(&mut self, caller: &Caller, after: MessageId, text: &mut String) -> Result<Option<Next>> {
        let upto = MessageId(after.0.saturating_add(IDS_A_STEP).min(self.last.0));
        let read = messages::written_by(&self.node.db, caller, after, upto, ROWS_A_PART).await?;
        self.list(&read, text)?;
        let is_all = (read.len() as i64) < ROWS_A_PART;
        let after = read.last().filter(|_| !is_all).map_or(upto, |message| message.id);
        if after < self.last {
            return Ok(Some(Next::Message(after)));
        }
        self.end_list(text);
        Ok(Some(Next::EarlierText((ChannelId(0), MessageId(0), Seq(0)))))
    }

    async fn earlier_texts(&mut self, caller: &Caller, after: RevisionKey, text: &mut String) -> Result<Option<Next>> {
        let read = message_revisions::of_author(&self.node.db, caller, after, ROWS_A_PART).await?;
        self.list(&read, text)?;
        if let Some(last) = read.last().filter(|_| read.len() as i64 == ROWS_A_PART) {
            return Ok(Some(Next::EarlierText((last.channel_id, last.message_id, last.replaced_by_seq))));
        }
        self.end_list(text);
        Ok(Some(Next::Reaction(ReactionKey::first())))
    }

    async fn reactions(&mut self, caller: &Caller, after: &ReactionKey, text: &mut String) -> Result<Option<Next>> {
        let (read, last) = reactions::of_user(&self.node.db, caller, after, REACTIONS_A_STEP).await?;
        self.list(&read, text)?;
        if last.is_none() {
            self.end_list(text);
        }
        Ok(last.map(Next::Reaction))
    }

    fn list(&mut self, read: &[impl Serialize], text: &mut String) -> Result<()> {
        for one in read {
            text.push_str(if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" });
            text.push_str(&json(one)?);
        }
        Ok(())
    }

    /// Ends a list, and begins the next or ends the document.
    fn end_list(&mut self, text: &mut String) {
        text.push_str("\n]");
        text.extend(self.pieces.next());
        text.push(if self.pieces.len() > 0 { '[' } else { '\n' });
        self.is_first = true;
    }
}

/// After what an export goes on.
enum Next {
    Message(MessageId),
    EarlierText(RevisionKey),
    Reaction(ReactionKey),
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        tracing::error!(%error, "something could not be exported");
        Error::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    #[test]
    fn an_export_goes_on_where_its_lists_stand_whatever_a_profile_says() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let bio = r#"[] "messages":[] []"#;
        let profile = Profile {
            id: UserId(1),
            username: "mina".into(),
            email: "mina@example.com".into(),
            display_name: None,
            bio: Some(bio.into()),
            avatar_url: None,
            created_at: at,
            updated_at: at,
        };
        let (sessions, servers, messages) = (Vec::new(), Vec::new(), Vec::new());
        let (earlier_texts, reactions) = (Vec::new(), Vec::new());
        let export = Export { profile, sessions, servers, messages, earlier_texts, reactions };
        let pieces = export.around_lists().expect("it can be written");
        assert_eq!(pieces[1..], [r#","earlier_texts":"#, r#","reactions":"#, "}"]);
        let whole: serde_json::Value = serde_json::from_str(&pieces.join("[]")).expect("JSON");
        assert_eq!(whole["profile"]["bio"], bio);
        assert!(["messages", "earlier_texts", "reactions"].iter().all(|list| whole[list] == serde_json::json!([])));
    }
}
