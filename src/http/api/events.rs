//! `/channels/{channel_id}/events`: a channel's log, as its sockets tell it.

use crate::domain::access::{Author, ChannelAccess, Member};
use crate::domain::log::Events;
use crate::domain::message::{EVENTS_DEFAULT, EVENTS_MAX};
use crate::domain::validation::Issue;
use crate::domain::{ChannelId, Seq};
use crate::error::{Error, Noun, Result};
use crate::http::Node;
use crate::http::kit::extract::{Auth, InPath, Query};
use crate::store::log;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use std::future::{Ready, ready};
use utoipa::IntoParams;

/// As much content as one answer has; an entry that goes beyond it is its last. In JSON it may have six times as many bytes.
const BYTES_MAX: i64 = 256 * 1024;

/// Which part of a log, as the document describes it; [`part`] reads it.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct Part {
    /// Only events after this `seq`
    #[param(minimum = 0, default = json!(0))]
    after: Option<i64>,
    /// At most so many
    #[param(minimum = 1, maximum = 1000, default = json!(EVENTS_DEFAULT))]
    limit: Option<i64>,
}

/// Read a channel's log
///
/// The entries after a `seq`, of every type, oldest first, and how far the log goes. Each is told as things are now. To read on, ask again `after` the last event's `seq` (of `skipped`: its `to`)
/// until it is `last_seq`: an answer may have fewer than `limit`, where they are large. An `after` beyond `last_seq` means that the log is not the one that the client knows: reload.
#[utoipa::path(
    get, path = "/channels/{channel_id}/events", operation_id = "list_events", tag = "messages", security(("login" = [])),
    params(
        ("channel_id" = i64, Path, description = "Which channel"),
        Part,
    ),
    responses(
        (status = 200, description = "A part of the log", body = Events<'static>),
    ),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ChannelId>,
    Asked { after, limit }: Asked,
) -> Result<HttpResponse> {
    let access: ChannelAccess<Member> = node.registry.channel(auth.0, id).await?;
    let log = log::events(&node.db, &Author::from(access), after, limit, BYTES_MAX).await?;
    let log = log.ok_or(Error::NotFound(Noun::Channel))?;
    Ok(HttpResponse::Ok().json(Events { events: log.entries, last_seq: log.last_seq }))
}

/// The part that the query asks for.
#[derive(Debug)]
pub struct Asked {
    /// Only events after this `seq`.
    pub after: Seq,
    /// At most so many.
    pub limit: i64,
}

/// What a query asks for.
///
/// # Errors
/// Everything that is wrong with it.
pub fn part(query: &str) -> Result<Asked, Vec<Issue>> {
    let mut query = Query::new(query);
    let after = query.integer("after", 0, i64::MAX).unwrap_or(0);
    let limit = query.integer("limit", 1, EVENTS_MAX).unwrap_or(EVENTS_DEFAULT);
    query.finish().map(|()| Asked { after: Seq(after), limit })
}

impl FromRequest for Asked {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(part(request.query_string()).map_err(Error::Invalid))
    }
}
