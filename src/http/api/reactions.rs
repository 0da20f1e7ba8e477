//! `/channels/{channel_id}/messages/{message_id}/reactions`: what people say to a message with an emoji.

use crate::domain::access::{ChannelAccess, ReadHistory};
use crate::domain::log::MessageChange;
use crate::domain::message::{PAGE_DEFAULT, PAGE_MAX, Reactor};
use crate::domain::{ChannelId, MessageId, UserId};
use crate::error::Result;
use crate::http::Node;
use crate::http::kit::extract::{Auth, EmojiInPath, InPath, RateLimitHeaders};
use crate::http::kit::query::{InQuery, query};
use crate::store::reactions;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

/// React to a message
///
/// With one emoji of Unicode, percent-encoded in the path. A message may have 20 kinds. To react so again changes nothing.
#[utoipa::path(
    put, path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/me", operation_id = "add_reaction",
    responses((status = 204, description = "It is there")),
)]
pub async fn add(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    EmojiInPath(emoji): EmojiInPath,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::AddReaction(id, emoji)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take one's reaction away
#[utoipa::path(
    delete, path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/me", operation_id = "remove_reaction",
    responses((status = 204, description = "It is gone")),
)]
pub async fn remove(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    EmojiInPath(emoji): EmojiInPath,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    let change = MessageChange::RemoveReaction(id, emoji, auth.0.user_id);
    node.change(&auth, &told, channel, change).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take somebody's reaction away
///
/// One's own, or any with `manage_messages`.
#[utoipa::path(
    delete, path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/{user_id}", operation_id = "remove_reaction_of",
    responses((status = 204, description = "It is gone")),
)]
pub async fn remove_of(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    EmojiInPath(emoji): EmojiInPath,
    InPath(user): InPath<UserId>,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::RemoveReaction(id, emoji, user)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take all reactions with an emoji away
///
/// With `manage_messages`.
#[utoipa::path(
    delete, path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", operation_id = "clear_reactions_with",
    responses((status = 204, description = "They are gone")),
)]
pub async fn clear_with(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    EmojiInPath(emoji): EmojiInPath,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::ClearReactions(id, Some(emoji))).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Take all reactions away
///
/// With `manage_messages`.
#[utoipa::path(
    delete, path = "/channels/{channel_id}/messages/{message_id}/reactions", operation_id = "clear_reactions",
    responses((status = 204, description = "They are gone")),
)]
pub async fn clear(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::ClearReactions(id, None)).await?;
    Ok(HttpResponse::NoContent().finish())
}

query! {
    /// Which of those who have reacted.
    pub struct ReactionsQuery {
        /// Only users after this id
        after: i64 = 0..=i64::MAX, or 0;
        /// At most so many
        limit: i64 = 1..=PAGE_MAX, or PAGE_DEFAULT;
    }
}

/// Who has reacted with an emoji
///
/// By their ids; to read on, ask again `after` the last one.
#[utoipa::path(
    get, path = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", operation_id = "list_reactions",
    params(ReactionsQuery),
    responses((status = 200, description = "Who", body = Vec<Reactor>)),
)]
pub async fn list(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    EmojiInPath(emoji): EmojiInPath,
    InQuery(ReactionsQuery { after, limit }): InQuery<ReactionsQuery>,
) -> Result<Json<Vec<Reactor>>> {
    let access: ChannelAccess<ReadHistory> = node.registry.channel(auth.0, channel).await?;
    Ok(Json(reactions::list(&node.db, &access, id, &emoji, UserId(after), limit).await?))
}
