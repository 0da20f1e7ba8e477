//! `/channels/{channel_id}/messages/{message_id}`: one message, and what is done to it.

use crate::domain::access::{ChannelAccess, ManageMessages, ReadHistory};
use crate::domain::fields::body;
use crate::domain::log::{MessageChange, MessageIds};
use crate::domain::message::{Message, MessageRevision};
use crate::domain::text::Content;
use crate::domain::{ChannelId, MessageId, Seq};
use crate::error::{Error, Noun, Result};
use crate::http::Node;
use crate::http::kit::body::Body;
use crate::http::kit::extract::{Auth, InPath, RateLimitHeaders};
use crate::store::{message_revisions, messages};
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

impl Node {
    /// Has messages changed; answers with the change's place in the log, if it has changed anything.
    pub(super) async fn change(
        &self,
        auth: &Auth,
        told: &RateLimitHeaders,
        id: ChannelId,
        change: MessageChange,
    ) -> Result<Option<Seq>> {
        told.quota(self.limits.change(auth.0.user_id, change.bytes())?);
        self.registry.change(auth.0.clone(), id, change).await
    }
}

/// A message
#[utoipa::path(
    get, path = "/channels/{channel_id}/messages/{message_id}", operation_id = "get_message", tag = "messages",
    responses((status = 200, description = "The message", body = Message<'static>)),
)]
pub async fn get(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
) -> Result<Json<Message<'static>>> {
    let access: ChannelAccess<ReadHistory> = node.registry.channel(auth.0, channel).await?;
    messages::find(&node.db, &access, id).await?.map(Json).ok_or(Error::NotFound(Noun::Message))
}

body! {
    /// A message's new text.
    pub struct UpdateMessage {
        /// 1 to 4,000 characters, not only white space, without NUL; kept exactly as sent.
        #[schema(value_type = String, min_length = 1, max_length = 4000, example = "Hello, Courtyard!")]
        content: Content = required,
    }
}

/// Edit a message
///
/// One's own. Answers when the new text is committed; all who hear the channel are told `message.updated`. The same text again changes
/// nothing. The earlier text is kept for 30 days, for who may `manage_messages`. After `503`, send it again.
#[utoipa::path(
    patch, path = "/channels/{channel_id}/messages/{message_id}", operation_id = "update_message", tag = "messages",
    request_body(content = UpdateMessage, example = json!({ "content": "Hello, World!" })),
    responses((status = 200, description = "The message as it is now", body = Message<'static>)),
)]
pub async fn update(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    told: RateLimitHeaders,
    Body(UpdateMessage { content }): Body<UpdateMessage>,
) -> Result<Json<Message<'static>>> {
    // Who may not be shown it is told so before it is made.
    let access: ChannelAccess<ReadHistory> = node.registry.channel(auth.0.clone(), channel).await?;
    node.change(&auth, &told, channel, MessageChange::Edit(id, content)).await?;
    // It is made: that it cannot be shown does not say that it was not.
    let unconfirmed =
        |error| if matches!(error, Error::Unavailable | Error::Busy) { Error::Unconfirmed } else { error };
    let found = messages::find(&node.db, &access, id).await.map_err(unconfirmed)?;
    found.map(Json).ok_or(Error::NotFound(Noun::Message))
}

/// Delete a message
///
/// One's own, or any with `manage_messages`. When it is answered the text is gone: from the history, from the log, and from what the node
/// keeps of it in memory. To delete it again changes nothing.
#[utoipa::path(
    delete, path = "/channels/{channel_id}/messages/{message_id}", operation_id = "delete_message", tag = "messages",
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
    told: RateLimitHeaders,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::Delete(id)).await?;
    Ok(HttpResponse::NoContent().finish())
}

body! {
    /// Messages that are to be deleted.
    pub struct DeleteMessages {
        /// 2 to 100 ids of messages of this channel, each once.
        #[schema(value_type = Vec<i64>, min_items = 2, max_items = 100, example = json!([17, 18]))]
        ids: MessageIds = required,
    }
}

/// Delete several messages
///
/// With `manage_messages`; all of them or, where one of them is no message of this channel, none. Those that are deleted already stay so.
#[utoipa::path(
    post, path = "/channels/{channel_id}/messages/bulk-delete", operation_id = "delete_messages", tag = "messages",
    request_body(content = DeleteMessages, example = json!({ "ids": [1000001, 1000002] })),
    responses((status = 204, description = "They are gone")),
)]
pub async fn delete_many(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    told: RateLimitHeaders,
    Body(DeleteMessages { ids }): Body<DeleteMessages>,
) -> Result<HttpResponse> {
    node.change(&auth, &told, channel, MessageChange::DeleteMany(ids)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A message's earlier texts
///
/// With `manage_messages`: what edits have replaced in the last 30 days, oldest first, the last 100.
#[utoipa::path(
    get, path = "/channels/{channel_id}/messages/{message_id}/revisions", operation_id = "list_revisions", tag = "messages",
    responses((status = 200, description = "The texts, oldest first", body = Vec<MessageRevision>)),
)]
pub async fn revisions(
    auth: Auth,
    node: Data<Node>,
    InPath(channel): InPath<ChannelId>,
    InPath(id): InPath<MessageId>,
) -> Result<Json<Vec<MessageRevision>>> {
    let access: ChannelAccess<ManageMessages> = node.registry.channel(auth.0, channel).await?;
    Ok(Json(message_revisions::list(&node.db, &access, id).await?))
}
