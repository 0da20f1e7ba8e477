//! `/channels/{channel_id}/pins`: the messages that a channel shows first.

use crate::domain::access::{ChannelAccess, ReadHistory};
use crate::domain::log::MessageChange;
use crate::domain::message::Message;
use crate::domain::{ChannelId, MessageId};
use crate::error::Result;
use crate::http::Node;
use crate::http::kit::extract::{Auth, InPath, RateLimitHeaders};
use crate::store::messages;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

/// A channel's pins
///
/// All of them, the newest first: at most 250.
#[utoipa::path(
    get, path = "/channels/{channel_id}/pins", operation_id = "list_pins",
    responses((status = 200, description = "The pinned messages, the newest pin first", body = Vec<Message<'static>>)),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
) -> Result<Json<Vec<Message<'static>>>> {
    let access: ChannelAccess<ReadHistory> = node.registry.channel(auth.0, channel).await?;
    Ok(Json(messages::pinned(&node.db, &access).await?))
}

/// Pin a message
///
/// With `pin_messages`. To pin it again changes nothing.
#[utoipa::path(
    put, path = "/channels/{channel_id}/pins/{message_id}", operation_id = "pin_message",
    responses((status = 204, description = "It is pinned")),
)]
pub async fn add(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::Pin(id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take a pin away
///
/// With `pin_messages`.
#[utoipa::path(
    delete, path = "/channels/{channel_id}/pins/{message_id}", operation_id = "unpin_message",
    responses((status = 204, description = "It is not pinned")),
)]
pub async fn remove(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::Unpin(id)).await?;
    Ok(HttpResponse::NoContent().finish())
}
