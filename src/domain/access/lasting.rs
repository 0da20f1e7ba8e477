//! The lasting parts of a proof: what stays of it when a question has been answered.

use super::{Caller, ChannelAccess, Denied, MemberState, ReadHistory, SendMessages, ServerRights, ViewChannel};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::rights::IN_A_TIMEOUT;
use crate::domain::{ChannelId, UserId};
use std::sync::Arc;

/// Who takes part in a channel, and what they may do there, until that is decided anew.
#[derive(Clone, Debug)]
pub struct Participant {
    channel_id: ChannelId,
    caller: Caller,
    member: Arc<MemberState>,
    permissions: Permissions,
}

impl<R> ChannelAccess<R> {
    fn into_participant(self) -> Participant {
        let (channel_id, user) = (self.id(), self.facts.caller.id());
        let member = self.facts.member.unwrap_or_default();
        let permissions = self.facts.server.rights.lasting_in_channel(user, &member, channel_id).unwrap_or_default();
        Participant { channel_id, permissions, member, caller: self.facts.caller }
    }
}

impl From<ChannelAccess<ViewChannel>> for Participant {
    fn from(access: ChannelAccess<ViewChannel>) -> Self {
        access.into_participant()
    }
}

impl From<ChannelAccess<ReadHistory>> for Participant {
    fn from(access: ChannelAccess<ReadHistory>) -> Self {
        access.into_participant()
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

    /// Whether they may do this there now: a timeout may have begun or ended since it was decided.
    pub fn may(&self, permission: Permission) -> bool {
        let is_kept = || self.member.is_timed_out() && !self.permissions.has(Permission::Administrator);
        self.permissions.has(permission) && (IN_A_TIMEOUT.has(permission) || !is_kept())
    }

    /// Whoever may write there, as somebody who does.
    ///
    /// # Errors
    /// [`Denied::Lacks`].
    pub fn author(&self) -> Result<Author, Denied> {
        let permission = Permission::SendMessages;
        if self.may(permission) {
            Ok(Author { channel_id: self.channel_id, caller: self.caller.clone() })
        } else {
            Err(Denied::Lacks(permission))
        }
    }

    /// They have other roles now; what that gives them is to be decided.
    pub fn is_now(&mut self, member: Arc<MemberState>) {
        self.member = member;
    }

    /// Decides anew; answers whether they may still know of the channel.
    pub fn decide_anew(&mut self, rights: &ServerRights) -> bool {
        let permissions = rights.lasting_in_channel(self.id(), &self.member, self.channel_id);
        self.permissions = permissions.unwrap_or_default();
        permissions.is_some()
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
