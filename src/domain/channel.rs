//! Channels: each has one durable, gap-free log.

use super::fields::body;
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

body! {
    /// A change to a channel. Fields left out stay as they are, `null` clears one that is optional.
    #[derive(Debug, Default)]
    #[schema(as = UpdateChannel)]
    pub struct ChannelPatch {
        /// 1 to 100 characters; cannot be cleared.
        #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "general", nullable = false)]
        pub name: Option<ChannelName> = change,
        /// At most 1,024 characters.
        #[schema(value_type = Option<String>, max_length = 1024, example = "Anything goes")]
        pub description: Patch<Description> = patch,
    }
}
