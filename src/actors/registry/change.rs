//! Something that was committed, or may have been: what it touches, and whom.

use super::load::Key;
use crate::domain::{ChannelId, RoleId, ServerId, UserId};
use std::sync::Arc;

/// Something that was committed, or may have been, for the registry to make true on this node: whatever the database says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A user joined a server.
    Joined(UserId, ServerId),
    /// A user left a server.
    Left(UserId, ServerId),
    /// A user may have joined or left a server.
    MembershipUnclear(UserId, ServerId),
    /// A user belongs to a server, or does not, as this node did not know. Whoever has made it so tells the other members.
    Membership(UserId, ServerId),
    /// A member has other roles, another nickname or another timeout.
    MemberChanged(UserId, ServerId),
    /// A server has a role more.
    RoleCreated(ServerId, RoleId),
    /// A role changed, or may be gone.
    RoleChanged(ServerId, RoleId),
    /// A role was deleted.
    RoleDeleted(ServerId, RoleId),
    /// A server's roles stand in another order.
    RolesOrdered(ServerId),
    /// A user may belong to a server more.
    Memberships(UserId),
    /// A server's fields changed.
    ServerChanged(ServerId),
    /// Something of a server or its channels may have changed.
    ServerUnclear(ServerId),
    /// A server was deleted.
    ServerDeleted(ServerId),
    /// A server has a channel more.
    ChannelCreated(ServerId, ChannelId),
    /// A channel's fields changed.
    ChannelChanged(ServerId, ChannelId),
    /// A channel was deleted.
    ChannelDeleted(ServerId, ChannelId),
    /// A user has logged in, which may have ended the oldest of too many sessions.
    LoggedIn(UserId),
    /// Sessions of a user ended.
    Sessions(UserId),
    /// A user has a new password.
    Password(UserId),
    /// Others see something else of a user.
    Profile(UserId),
    /// Both.
    PasswordAndProfile(UserId),
    /// An account was erased, which belonged to these servers.
    AccountDeleted(UserId, Arc<[ServerId]>),
}

impl Change {
    /// What has to be known before anything is done about it.
    pub(super) fn key(&self) -> Key {
        match *self {
            Self::Joined(user, server)
            | Self::Left(user, server)
            | Self::MembershipUnclear(user, server)
            | Self::Membership(user, server)
            | Self::MemberChanged(user, server) => Key::ShownMember(user, server),
            Self::Memberships(user) => Key::Memberships(user),
            Self::ServerChanged(server) | Self::ServerUnclear(server) | Self::ServerDeleted(server) => {
                Key::Server(server)
            }
            Self::ChannelCreated(server, _) | Self::ChannelChanged(server, _) | Self::ChannelDeleted(server, _) => {
                Key::Server(server)
            }
            Self::RoleCreated(server, _) | Self::RoleChanged(server, _) | Self::RoleDeleted(server, _) => {
                Key::Server(server)
            }
            Self::RolesOrdered(server) => Key::Server(server),
            Self::LoggedIn(user)
            | Self::Sessions(user)
            | Self::Password(user)
            | Self::PasswordAndProfile(user)
            | Self::AccountDeleted(user, _) => Key::User(user),
            Self::Profile(user) => Key::ShownUser(user),
        }
    }

    /// What else it touches.
    pub(super) fn other_keys(&self) -> Vec<Key> {
        match *self {
            Self::Joined(user, server)
            | Self::Left(user, server)
            | Self::MembershipUnclear(user, server)
            | Self::Membership(user, server)
            | Self::MemberChanged(user, server) => {
                vec![Key::Member(user, server), Key::Memberships(user), Key::ShownUser(user)]
            }
            Self::AccountDeleted(user, _) => vec![Key::Memberships(user), Key::ShownUser(user)],
            Self::ChannelDeleted(_, channel) => vec![Key::Channel(channel)],
            _ => Vec::new(),
        }
    }

    /// Who is another one to see, as a member of whatever server.
    pub(super) fn shown(&self) -> Option<UserId> {
        match *self {
            Self::Profile(user) | Self::AccountDeleted(user, _) => Some(user),
            _ => None,
        }
    }

    /// The same where a call has only found it so.
    pub fn found(self) -> Self {
        match self {
            Self::MembershipUnclear(user, server) => Self::Membership(user, server),
            other => other,
        }
    }

    /// Whose and which: the user, the server, the channel.
    pub(super) fn subjects(&self) -> (Option<UserId>, Option<ServerId>, Option<ChannelId>) {
        match *self {
            Self::Joined(user, server)
            | Self::Left(user, server)
            | Self::MembershipUnclear(user, server)
            | Self::Membership(user, server)
            | Self::MemberChanged(user, server) => (Some(user), Some(server), None),
            Self::ServerChanged(server)
            | Self::ServerUnclear(server)
            | Self::ServerDeleted(server)
            | Self::RoleCreated(server, _)
            | Self::RoleChanged(server, _)
            | Self::RoleDeleted(server, _)
            | Self::RolesOrdered(server) => (None, Some(server), None),
            Self::ChannelCreated(server, channel)
            | Self::ChannelChanged(server, channel)
            | Self::ChannelDeleted(server, channel) => (None, Some(server), Some(channel)),
            Self::Memberships(user)
            | Self::LoggedIn(user)
            | Self::Sessions(user)
            | Self::Password(user)
            | Self::Profile(user)
            | Self::PasswordAndProfile(user)
            | Self::AccountDeleted(user, _) => (Some(user), None, None),
        }
    }

    /// Who belongs to what, or does not, by a change of that.
    pub(super) fn membership(&self) -> Option<(UserId, ServerId)> {
        let (user, server, _) = self.subjects();
        user.zip(server)
    }

    /// The server whose members are told something by it that a server's state has.
    pub(super) fn told_server(&self) -> Option<ServerId> {
        let (user, server, _) = self.subjects();
        server.filter(|_| user.is_none())
    }

    /// Whether members may have other rights by it.
    pub(super) fn is_of_rights(&self) -> bool {
        matches!(
            self,
            Self::ServerChanged(_)
                | Self::ServerUnclear(_)
                | Self::RoleCreated(..)
                | Self::RoleChanged(..)
                | Self::RoleDeleted(..)
                | Self::RolesOrdered(_)
        )
    }

    /// Whether it is read however often it takes. The name of an erased account may still be on its way into logs; of who has joined,
    /// left or changed, people hear who need not come back for it.
    pub(super) fn has_to_be_known(&self) -> bool {
        let is_of_member = self.membership().is_some() && !matches!(self, Self::Membership(..));
        is_of_member || matches!(self, Self::Profile(_)) || matches!(self, Self::AccountDeleted(..))
    }
}
