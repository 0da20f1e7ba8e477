//! What another node has changed, as this one makes it true.

use crate::actors::registry::Change;
use crate::store::nodes::RightsChange;
use std::sync::Arc;

impl From<RightsChange> for Change {
    fn from(what: RightsChange) -> Self {
        match what {
            RightsChange::Joined(user, server) => Self::Joined(user, server),
            RightsChange::Left(user, server) => Self::Left(user, server),
            RightsChange::MemberUpdated(user, server) => Self::MemberChanged(user, server),
            RightsChange::RoleCreated(server, role) => Self::RoleCreated(server, role),
            RightsChange::RoleUpdated(server, role) => Self::RoleChanged(server, role),
            RightsChange::RoleDeleted(server, role) => Self::RoleDeleted(server, role),
            RightsChange::RolesOrdered(server) => Self::RolesOrdered(server),
            RightsChange::ServerUpdated(server) => Self::ServerChanged(server),
            RightsChange::ServerDeleted(server) => Self::ServerDeleted(server),
            RightsChange::ChannelCreated(server, channel) => Self::ChannelCreated(server, channel),
            RightsChange::ChannelUpdated(server, channel) => Self::ChannelChanged(server, channel),
            RightsChange::ChannelDeleted(server, channel) => Self::ChannelDeleted(server, channel),
            RightsChange::SessionCreated(user) => Self::LoggedIn(user),
            RightsChange::SessionEnded(user) => Self::Sessions(user),
            RightsChange::Password(user) => Self::Password(user),
            RightsChange::Profile(user) => Self::Profile(user),
            // That it has left its servers is said by entries of their own.
            RightsChange::Erased(user) => Self::AccountDeleted(user, Arc::new([])),
        }
    }
}
