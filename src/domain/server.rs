//! Servers: the communities that people join.

use super::channel::Channel;
use super::fields::body;
use super::patch::Patch;
use super::permission::Permissions;
use super::role::{Role, RoleIds};
use super::text::{Description, Nickname, ServerName, WebUrl};
use super::timestamp::Moment;
use super::{RoleId, ServerId, UserId};
use serde::Serialize;
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

/// A server with what you may see of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServerDetail {
    /// The server itself.
    #[serde(flatten)]
    pub server: Server,
    /// Those that you may see, in the order in which they were made; at most 500.
    pub channels: Vec<Channel>,
    /// In the order in which they were made; at most 250.
    pub roles: Vec<Role>,
    /// Your roles there, but for the one that every member has.
    pub my_role_ids: Vec<RoleId>,
    /// Until then you may see and read there, and nothing else; `null`, or over, where you may.
    #[serde(serialize_with = "super::timestamp::serialize_some")]
    pub my_timeout_until: Option<OffsetDateTime>,
    /// What you may do in the server, timeouts aside.
    pub my_permissions: Permissions,
}

/// What is the same of it for all who see these channels.
#[derive(Debug, Serialize)]
pub struct SharedDetail<'a> {
    /// The server itself.
    #[serde(flatten)]
    pub server: &'a Server,
    /// See [`ServerDetail`].
    pub channels: &'a [Channel],
    /// See [`ServerDetail`].
    pub roles: &'a [Role],
}

/// Somebody who belongs to a server, as its members see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub struct ServerMember {
    /// Who it is.
    pub user_id: UserId,
    /// Unique without regard to case.
    #[schema(example = "mina")]
    pub username: String,
    /// What others see.
    #[schema(example = "Mina")]
    pub display_name: Option<String>,
    /// Where the picture is.
    #[schema(example = "https://example.com/mina.png")]
    pub avatar_url: Option<String>,
    /// What they are called in this server, in place of the display name.
    #[schema(example = "Mina of the garden")]
    pub nickname: Option<String>,
    /// Their roles, but for the one that every member has.
    pub role_ids: Vec<RoleId>,
    /// Until then they may see and read, and nothing else; `null`, or over, where they may.
    #[serde(serialize_with = "super::timestamp::serialize_some")]
    pub timeout_until: Option<OffsetDateTime>,
    /// When they joined, the last time.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub joined_at: OffsetDateTime,
}

/// A server that one belongs to, and since when.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JoinedServer {
    /// The server itself.
    #[serde(flatten)]
    pub server: Server,
    /// When one joined it, the last time.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub joined_at: OffsetDateTime,
}

body! {
    /// A change to a member. Fields left out stay as they are, `null` clears one that is optional.
    #[derive(Debug, Default)]
    #[schema(as = UpdateMember)]
    pub struct MemberPatch {
        /// 1 to 64 characters.
        #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "Mina of the garden")]
        pub nickname: Patch<Nickname> = patch,
        /// All of their roles from now on but the default one, at most 249.
        #[schema(value_type = Option<Vec<i64>>, max_items = 249, example = json!([]), nullable = false)]
        pub role_ids: Option<RoleIds> = change,
        /// RFC 3339, at most 28 days from now: until then they may see and read, and nothing else.
        #[schema(value_type = Option<String>, format = "date-time", example = json!(null))]
        pub timeout_until: Patch<Moment> = patch,
    }
}

impl MemberPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        !self.nickname.is_given() && self.role_ids.is_none() && !self.timeout_until.is_given()
    }
}

body! {
    /// A new server.
    #[derive(Debug)]
    #[schema(as = CreateServer)]
    pub struct NewServer {
        /// 1 to 100 characters.
        #[schema(value_type = String, min_length = 1, max_length = 100, example = "Courtyard")]
        pub name: ServerName = required,
        /// At most 1,024 characters.
        #[schema(value_type = Option<String>, max_length = 1024, example = "Where everyone gathers", default = json!(null))]
        pub description: Option<Description> = optional,
        /// `http` or `https`.
        #[schema(
            value_type = Option<String>, format = "uri", max_length = 2048,
            example = "https://example.com/courtyard.png", default = json!(null),
        )]
        pub icon_url: Option<WebUrl> = optional,
    }
}

body! {
    /// A change to a server. Fields left out stay as they are, `null` clears one that is optional.
    #[derive(Debug, Default)]
    #[schema(as = UpdateServer)]
    pub struct ServerPatch {
        /// 1 to 100 characters; cannot be cleared.
        #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Courtyard", nullable = false)]
        pub name: Option<ServerName> = change,
        /// At most 1,024 characters.
        #[schema(value_type = Option<String>, max_length = 1024, example = "Where everyone gathers")]
        pub description: Patch<Description> = patch,
        /// `http` or `https`.
        #[schema(value_type = Option<String>, format = "uri", max_length = 2048, example = "https://example.com/courtyard.png")]
        pub icon_url: Patch<WebUrl> = patch,
    }
}

body! {
    /// Who is to own a server.
    #[derive(Clone, Copy, Debug)]
    #[schema(as = HandOver)]
    pub struct NewOwner {
        /// A member of the server.
        #[schema(value_type = i64, minimum = 1, example = 2)]
        pub owner_id: UserId = required,
    }
}
