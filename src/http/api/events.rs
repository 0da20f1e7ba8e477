//! `/channels/{channel_id}/events`: a channel's log, as its sockets tell it.

use crate::domain::access::{ChannelAccess, Participant, ReadHistory};
use crate::domain::log::Events;
use crate::domain::message::{EVENTS_DEFAULT, EVENTS_MAX};
use crate::domain::{ChannelId, Seq};
use crate::error::{Error, Noun, Result};
use crate::http::Node;
use crate::http::kit::extract::{Auth, InPath};
use crate::http::kit::query::{InQuery, query};
use crate::store::log;
use actix_web::HttpResponse;
use actix_web::web::Data;

/// As much content as one answer has; an entry that goes beyond it is its last. In JSON it may have six times as many bytes.
const BYTES_MAX: i64 = 256 * 1024;

query! {
    /// Which part of a log.
    #[derive(Debug)]
    pub struct EventsQuery {
        /// Only events after this `seq`
        pub after: i64 = 0..=i64::MAX, or 0;
        /// At most so many
        pub limit: i64 = 1..=EVENTS_MAX, or EVENTS_DEFAULT;
    }
}

/// Read a channel's log
///
/// The entries after a `seq`, of every type, oldest first, and how far the log goes. Each is told as things are now. To read on, ask again `after` the last event's `seq` (of `skipped`: its `to`)
/// until it is `last_seq`: an answer may have fewer than `limit`, where they are large. An `after` beyond `last_seq` means that the log is not the one that the client knows: reload.
#[utoipa::path(
    get, path = "/channels/{channel_id}/events", operation_id = "list_events", tag = "messages",
    params(EventsQuery),
    responses((status = 200, description = "A part of the log", body = Events<'static>)),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ChannelId>,
    InQuery(EventsQuery { after, limit }): InQuery<EventsQuery>,
) -> Result<HttpResponse> {
    let access: ChannelAccess<ReadHistory> = node.registry.channel(auth.0, id).await?;
    let log = log::events(&node.db, &Participant::from(access), Seq(after), limit, BYTES_MAX).await?;
    let log = log.ok_or(Error::NotFound(Noun::Channel))?;
    Ok(HttpResponse::Ok().json(Events { events: log.entries, last_seq: log.last_seq, epoch: node.epoch.clone() }))
}
