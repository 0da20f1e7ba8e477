//! Channels: each has one durable, gap-free log.

use super::patch::Patch;
use super::text::{ChannelName, Description};
use super::{ChannelId, ServerId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A channel of a server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Channel {
    /// The channel's id.
    pub id: ChannelId,
    /// What it is called.
    #[schema(example = "general")]
    pub name: String,
    /// What it is about.
    #[schema(example = "Anything goes")]
    pub description: Option<String>,
    /// The server it belongs to.
    pub server_id: ServerId,
    /// When it was made.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
}

/// A channel that is to be made.
#[derive(Debug)]
pub struct NewChannel {
    /// What it is called.
    pub name: ChannelName,
    /// What it is about.
    pub description: Option<Description>,
}

/// A change to a channel.
#[derive(Debug, Default)]
pub struct ChannelPatch {
    /// The name cannot be cleared.
    pub name: Option<ChannelName>,
    /// What it is about.
    pub description: Patch<Description>,
}
