//! Servers: the communities that people join.

use super::channel::Channel;
use super::patch::Patch;
use super::text::{Description, ServerName, WebUrl};
use super::{ServerId, UserId};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The most channels that a server may have. The schema's `servers_channel_limit` says the same.
pub const CHANNELS_PER_SERVER: usize = 500;
/// The most servers that a user may belong to. The schema's `users_server_limit` says the same.
pub const SERVERS_PER_USER: usize = 200;

/// A server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Server {
    /// The server's id.
    pub id: ServerId,
    /// What it is called.
    #[schema(example = "Courtyard")]
    pub name: String,
    /// What it is about.
    #[schema(example = "Where everyone gathers")]
    pub description: Option<String>,
    /// Where its picture is.
    #[schema(example = "https://example.com/courtyard.png")]
    pub icon_url: Option<String>,
    /// Who may change and delete it.
    pub owner_id: UserId,
    /// When it was made.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
}

/// A server with its channels, in the order in which they were made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServerDetail {
    /// The server itself.
    #[serde(flatten)]
    pub server: Server,
    /// At most 500.
    #[schema(value_type = Vec<Channel>)]
    pub channels: Arc<[Channel]>,
}

/// A server that is to be made.
#[derive(Debug)]
pub struct NewServer {
    /// What it is called.
    pub name: ServerName,
    /// What it is about.
    pub description: Option<Description>,
    /// Where its picture is.
    pub icon_url: Option<WebUrl>,
}

/// Who is to own a server.
#[derive(Clone, Copy, Debug)]
pub struct NewOwner {
    /// A member.
    pub owner_id: UserId,
}

/// A change to a server.
#[derive(Debug, Default)]
pub struct ServerPatch {
    /// The name cannot be cleared.
    pub name: Option<ServerName>,
    /// What it is about.
    pub description: Patch<Description>,
    /// Where its picture is.
    pub icon_url: Patch<WebUrl>,
}
