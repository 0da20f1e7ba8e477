//! `/channels`: the rooms of a server.

use crate::actors::registry::Change;
use crate::domain::access::{ChannelAccess, ManageChannels, ServerAccess, ViewChannel};
use crate::domain::channel::{Channel, ChannelPatch, NewChannel};
use crate::domain::fields::body;
use crate::domain::text::{ChannelName, Description};
use crate::domain::{ChannelId, ServerId};
use crate::error::Result;
use crate::http::Node;
use crate::http::kit::body::{Body, Sent};
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, InPath};
use crate::store::channels;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

body! {
    /// A new channel.
    pub struct CreateChannel {
        /// 1 to 100 characters.
        #[schema(value_type = String, min_length = 1, max_length = 100, example = "general")]
        name: ChannelName = required,
        /// At most 1,024 characters.
        #[schema(value_type = Option<String>, max_length = 1024, example = "Anything goes", default = json!(null))]
        description: Option<Description> = optional,
        /// The server that it is made in.
        #[schema(value_type = i64, example = 1)]
        server_id: ServerId = required,
    }
}

/// Make a channel
#[utoipa::path(
    post, path = "/channels/", operation_id = "create_channel", request_body = CreateChannel,
    responses((status = 201, description = "The channel", body = Channel)),
)]
pub async fn create(auth: Auth, node: Data<Node>, Body(new): Body<CreateChannel>) -> Result<HttpResponse> {
    let CreateChannel { name, description, server_id: server } = new;
    let access: ServerAccess<ManageChannels> = node.registry.server(auth.0, server).await?;
    let new = NewChannel { name, description };
    let db = node.db.clone();
    let work = async move { channels::create(&db, &access, &new).await };
    let made = move |channel: &Channel| Change::ChannelCreated(server, channel.id);
    let channel = commit(&node, Change::ServerUnclear(server), work, made).await?;
    Ok(HttpResponse::Created().json(channel))
}

/// A channel
#[utoipa::path(
    get, path = "/channels/{channel_id}", operation_id = "get_channel",
    responses((status = 200, description = "The channel", body = Channel)),
)]
pub async fn get(auth: Auth, node: Data<Node>, InPath(id): InPath<ChannelId>) -> Result<Json<Channel>> {
    let access: ChannelAccess<ViewChannel> = node.registry.channel(auth.0, id).await?;
    Ok(Json(access.into_channel()))
}

/// Change a channel
#[utoipa::path(
    put, path = "/channels/{channel_id}", operation_id = "update_channel",
    request_body(content = ChannelPatch, example = json!({ "description": "Anything goes" })),
    responses((status = 200, description = "The channel", body = Channel)),
)]
pub async fn update(
    auth: Auth,
    node: Data<Node>,
    InPath(id): InPath<ChannelId>,
    Body(sent): Body<Sent<ChannelPatch>>,
) -> Result<Json<Channel>> {
    let access: ChannelAccess<ManageChannels> = node.registry.channel(auth.0, id).await?;
    sent.keeps("id", id.0, "An id cannot be changed")?;
    sent.keeps("server_id", access.server_id().0, "A channel stays in its server")?;
    let change = Change::ChannelChanged(access.server_id(), id);
    let db = node.db.clone();
    let work = async move { channels::update(&db, &access, &sent.patch).await };
    Ok(Json(commit(&node, change.clone(), work, move |_| change).await?))
}

/// Delete a channel
#[utoipa::path(
    delete, path = "/channels/{channel_id}", operation_id = "delete_channel",
    responses((status = 204, description = "It is gone with its messages; its sockets close")),
)]
pub async fn delete(auth: Auth, node: Data<Node>, InPath(id): InPath<ChannelId>) -> Result<HttpResponse> {
    let access: ChannelAccess<ManageChannels> = node.registry.channel(auth.0, id).await?;
    let change = Change::ChannelDeleted(access.server_id(), id);
    let (db, purge) = (node.db.clone(), node.purge.clone());
    let work = async move { channels::delete(&db, &purge, &access).await };
    commit(&node, change.clone(), work, move |()| change).await?;
    Ok(HttpResponse::NoContent().finish())
}
