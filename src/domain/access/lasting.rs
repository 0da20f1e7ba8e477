//! The lasting parts of a proof: what stays of it when a question has been answered.

use super::{Caller, ChannelAccess, Denied, ReadHistory, SendMessages, ViewChannel};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::{ChannelId, UserId};

/// Who hears a channel, and what they may do there, until that is decided anew.
#[derive(Clone, Debug)]
pub struct Participant {
    channel_id: ChannelId,
    caller: Caller,
    permissions: Permissions,
}

impl From<ChannelAccess<ViewChannel>> for Participant {
    fn from(access: ChannelAccess<ViewChannel>) -> Self {
        let (channel_id, permissions) = (access.id(), access.permissions());
        Self { channel_id, permissions, caller: access.into_caller() }
    }
}

impl From<ChannelAccess<ReadHistory>> for Participant {
    fn from(access: ChannelAccess<ReadHistory>) -> Self {
        let (channel_id, permissions) = (access.id(), access.permissions());
        Self { channel_id, permissions, caller: access.into_caller() }
    }
}

impl Participant {
    /// Who it is.
    pub fn id(&self) -> UserId {
        self.caller.id()
    }

    /// Where.
    pub fn channel_id(&self) -> ChannelId {
        self.channel_id
    }

    /// Whoever may write there, as somebody who does.
    ///
    /// # Errors
    /// [`Denied::Lacks`].
    pub fn author(&self) -> Result<Author, Denied> {
        let permission = Permission::SendMessages;
        if self.permissions.has(permission) {
            Ok(Author { channel_id: self.channel_id, caller: self.caller.clone() })
        } else {
            Err(Denied::Lacks(permission))
        }
    }
}

/// Who writes in a channel.
#[derive(Clone, Debug)]
pub struct Author {
    channel_id: ChannelId,
    caller: Caller,
}

impl From<ChannelAccess<SendMessages>> for Author {
    fn from(access: ChannelAccess<SendMessages>) -> Self {
        Self { channel_id: access.id(), caller: access.into_caller() }
    }
}

impl Author {
    /// Who writes.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where.
    pub fn channel_id(&self) -> ChannelId {
        self.channel_id
    }
}

/// Who changes messages of a channel, and what they may do there.
#[derive(Clone, Debug)]
pub struct Editor {
    channel_id: ChannelId,
    caller: Caller,
    permissions: Permissions,
}

impl From<ChannelAccess<ViewChannel>> for Editor {
    fn from(access: ChannelAccess<ViewChannel>) -> Self {
        let (channel_id, permissions) = (access.id(), access.permissions());
        Self { channel_id, permissions, caller: access.into_caller() }
    }
}

impl Editor {
    /// Who it is.
    pub fn id(&self) -> UserId {
        self.caller.id()
    }

    /// Where.
    pub fn channel_id(&self) -> ChannelId {
        self.channel_id
    }

    /// Whether they may do this there.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}
