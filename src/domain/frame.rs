//! What a node says on a socket beside the log itself. `/asyncapi.json` is made from these types.

use super::channel::Channel;
use super::epoch::Epoch;
use super::permission::Permissions;
use super::role::Role;
use super::server::{Server, ServerMember};
use super::user::{Profile, PublicProfile};
use super::{ChannelId, MessageId, RoleId, Seq, ServerId, UserId};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Something that a node says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum Frame<'a> {
    /// Something that the client sent was refused; the socket lives on.
    #[serde(rename = "error")]
    Error {
        /// Stable, for a program.
        code: &'a str,
        /// What to do, for a person.
        detail: Cow<'a, str>,
        /// Which field of the frame was wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'a str>,
        /// The `nonce` of the send that was refused, if it had one.
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
        /// The channel that it was about, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>)]
        channel_id: Option<ChannelId>,
        /// When the same may be sent again.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u32>,
    },
    /// Everything after the asked `after` has been sent, up to `seq`; what follows is live.
    #[serde(rename = "replay.done")]
    ReplayDone {
        /// Whose log.
        channel_id: ChannelId,
        /// The last entry that had been committed.
        seq: Seq,
        /// Which log it is: say it with the next `after`.
        epoch: Epoch,
    },
    /// The asked `after` is ahead of the log, or of another `epoch`: it is not the log that the client knows (a restored backup, say). Reload the
    /// channel's history up to `seq`; what follows is live.
    #[serde(rename = "resync")]
    Resync {
        /// Whose log.
        channel_id: ChannelId,
        /// The last entry of the log.
        seq: Seq,
        /// Which log it is now.
        epoch: Epoch,
    },
    /// The gateway knows its client.
    #[serde(rename = "ready")]
    Ready(Box<Ready>),
    /// The channel's events follow.
    #[serde(rename = "subscribed")]
    Subscribed {
        /// Which channel.
        channel_id: ChannelId,
        /// The last entry of its log. Without `after`, everything later follows.
        seq: Seq,
        /// Which log it is: say it with the next `after`.
        epoch: Epoch,
    },
    /// No more events of the channel follow.
    #[serde(rename = "unsubscribed")]
    Unsubscribed {
        /// Which channel.
        channel_id: ChannelId,
        /// There if the client did not ask for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Revoked>,
    },
    /// One's own send is over the rate: it waits its turn, and is answered then.
    #[serde(rename = "message.delayed")]
    MessageDelayed {
        /// As it was sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
        /// Where it goes.
        channel_id: ChannelId,
        /// When it will be let in at the earliest.
        delay_ms: u32,
    },
    /// One's own message, or change of a message, is committed.
    #[serde(rename = "ack")]
    Ack {
        /// As it was sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        nonce: Option<&'a str>,
        /// Where it went.
        channel_id: ChannelId,
        /// The message's id.
        id: MessageId,
        /// Its place in the channel's log; left out where a change has changed nothing, for all was so already.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<i64>, minimum = 1, nullable = false)]
        seq: Option<Seq>,
        /// There, and true, if the `nonce` was known: the message is the one made then.
        #[serde(skip_serializing_if = "Option::is_none")]
        duplicate: Option<bool>,
    },
    /// The answer to `ping`.
    #[serde(rename = "pong")]
    Pong {
        /// What the ping held.
        #[serde(skip_serializing_if = "Option::is_none")]
        t: Option<&'a Value>,
    },
    /// You belong to a server now.
    #[serde(rename = "server.joined")]
    ServerJoined(Box<Membership>),
    /// A server of yours changed.
    #[serde(rename = "server.updated")]
    ServerUpdated(Box<Server>),
    /// You no longer belong to a server.
    #[serde(rename = "server.left")]
    ServerLeft {
        /// Which server.
        id: ServerId,
    },
    /// Somebody else belongs to a server of yours now.
    #[serde(rename = "member.joined")]
    MemberJoined {
        /// Which server.
        server_id: ServerId,
        /// Who.
        member: Box<ServerMember>,
    },
    /// A member of a server of yours, or you there, has other roles, another nickname or another timeout.
    #[serde(rename = "member.updated")]
    MemberUpdated {
        /// Which server.
        server_id: ServerId,
        /// Who, as they are now.
        member: Box<ServerMember>,
    },
    /// Somebody no longer belongs to a server of yours, or has no account any more.
    #[serde(rename = "member.left")]
    MemberLeft {
        /// Which server.
        server_id: ServerId,
        /// Who.
        user_id: UserId,
    },
    /// What everyone may see of somebody changed: of you, or of a member of a server of yours.
    #[serde(rename = "user.updated")]
    UserUpdated {
        /// Their public profile.
        user: Box<PublicProfile>,
    },
    /// A server of yours is gone.
    #[serde(rename = "server.deleted")]
    ServerDeleted {
        /// Which server.
        id: ServerId,
    },
    /// A server of yours has a new role.
    #[serde(rename = "role.created")]
    RoleCreated {
        /// Which server.
        server_id: ServerId,
        /// The role.
        role: Box<Role>,
    },
    /// A role changed: what it is called, how it is shown, or what it gives.
    #[serde(rename = "role.updated")]
    RoleUpdated {
        /// Which server.
        server_id: ServerId,
        /// The role as it is now.
        role: Box<Role>,
    },
    /// A role is gone; whoever had it has it no longer.
    #[serde(rename = "role.deleted")]
    RoleDeleted {
        /// Which server.
        server_id: ServerId,
        /// Which role.
        role_id: RoleId,
    },
    /// The roles of a server of yours stand in another order.
    #[serde(rename = "roles.ordered")]
    RolesOrdered {
        /// Which server.
        server_id: ServerId,
        /// All of its roles but the default one, the highest first.
        role_ids: Vec<RoleId>,
    },
    /// A server of yours has a new channel that you may see.
    #[serde(rename = "channel.created")]
    ChannelCreated(Box<Channel>),
    /// A channel that you may see changed.
    #[serde(rename = "channel.updated")]
    ChannelUpdated(Box<Channel>),
    /// A channel is gone.
    #[serde(rename = "channel.deleted")]
    ChannelDeleted {
        /// Which channel.
        id: ChannelId,
        /// Of which server.
        server_id: ServerId,
    },
}

/// Why a subscription ended that its client did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// The client's user left, or was removed.
    NotAMember,
    /// The channel was deleted.
    ChannelNotFound,
    /// The channel failed on this node: subscribe again, with `after`.
    Restart,
}

/// What a gateway's client starts with.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// Names this socket in the node's log.
    pub session_id: String,
    /// Who the client is.
    pub user: Profile,
    /// The servers that the user belongs to, oldest first.
    pub servers: Vec<Membership>,
    /// Which logs these are: say it with each `after`. Another one than before means that what the client has kept may not be so any more.
    pub epoch: Epoch,
    /// The longest silence that the node bears, in milliseconds.
    pub heartbeat_interval_ms: u32,
    /// What the client has to keep to.
    pub limits: Limits,
}

/// A server, as a member of it sees it on the gateway.
#[derive(Debug, Serialize, ToSchema)]
pub struct Membership {
    /// The server itself.
    #[serde(flatten)]
    pub server: Server,
    /// Those of its channels that you may see, in the order in which they were made. Left out with the roles (ask `GET /servers/{id}`) where
    /// they would make the frame too large.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<LoggedChannel>>,
    /// Its roles, in the order in which they were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Role>>, nullable = false)]
    pub roles: Option<Arc<[Role]>>,
    /// Your roles there, but for the one that every member has.
    pub my_role_ids: Vec<RoleId>,
    /// Until then you may see and read there, and nothing else; `null`, or over, where you may.
    #[serde(serialize_with = "super::timestamp::serialize_some")]
    pub my_timeout_until: Option<OffsetDateTime>,
    /// What you may do in the server, timeouts aside.
    pub my_permissions: Permissions,
}

/// A channel, and how far its log goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoggedChannel {
    /// The channel itself.
    #[serde(flatten)]
    pub channel: Channel,
    /// The last entry of its log; 0 when it is empty.
    pub last_seq: Seq,
}

/// The limits of a gateway's client.
#[derive(Debug, Serialize, ToSchema)]
pub struct Limits {
    /// Characters of a message's content.
    pub content_characters: usize,
    /// Characters of a nonce.
    pub nonce_characters: usize,
    /// Bytes of a frame, with all its fragments.
    pub frame_bytes: usize,
    /// Sends that are not acknowledged yet.
    pub unacknowledged_sends: u32,
    /// Channels that one socket may be subscribed to.
    pub subscriptions: usize,
    /// Frames a second of the user, over all sockets, for ever; `null` where the node does not limit them.
    pub frames_per_second: Option<f64>,
    /// Frames at once after a quiet time.
    pub frame_burst: Option<u32>,
    /// Messages a second to one channel, for ever.
    pub channel_messages_per_second: Option<f64>,
    /// Messages to one channel at once after a quiet time.
    pub channel_message_burst: Option<u32>,
    /// Messages a second of the user, to all channels together, for ever.
    pub messages_per_second: Option<f64>,
    /// Messages of the user at once after a quiet time.
    pub message_burst: Option<u32>,
    /// KiB of content a second of the user's messages, for ever; each message counts as one at least.
    pub content_kib_per_second: Option<f64>,
    /// KiB of content of the user's messages at once after a quiet time.
    pub content_kib_burst: Option<u32>,
    /// Sockets of a user.
    pub sockets: Option<u32>,
}
