//! Authorization as a value. Whoever holds a [`ServerAccess`] or [`ChannelAccess`] has been allowed what its right says:
//! the fields are private, the only way to make one is [`decide`](ServerAccess::decide) over facts, and only the
//! registry calls that (a layer test says so). Store calls demand these values, so a forgotten check does not compile.

mod facts;
mod lasting;
mod right;

pub use facts::{Account, Caller, Facts, MemberState, ServerState};
pub use lasting::{Author, Editor, Participant};
pub use right::{
    BanMembers, Denied, KickMembers, ManageChannels, ManageMessages, ManageServer, Member, Owner, ReadHistory, Right,
    SendMessages, ViewChannel, Visitor,
};

use super::channel::Channel;
use super::permission::Permissions;
use super::{ChannelId, ServerId, UserId};
use std::marker::PhantomData;

/// Proof of the right `R` to a server.
#[derive(Debug)]
pub struct ServerAccess<R> {
    facts: Facts,
    right: PhantomData<R>,
}

impl<R: Right> ServerAccess<R> {
    /// Decides. For the registry alone.
    pub(crate) fn decide(facts: Facts) -> Result<Self, Denied> {
        R::check(&facts, facts.permissions())?;
        Ok(Self { facts, right: PhantomData })
    }
}

impl<R> ServerAccess<R> {
    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        &self.facts.caller
    }

    /// To which server.
    pub fn id(&self) -> ServerId {
        self.facts.server.server.id
    }

    /// The server and its channels as they were when it was decided.
    pub fn state(&self) -> &ServerState {
        &self.facts.server
    }

    /// The same right over somebody, a member or not.
    ///
    /// # Errors
    /// [`Denied::Outranked`].
    pub fn over(self, user: UserId) -> Result<Over<R>, Denied> {
        if self.facts.is_above(user) { Ok(Over { access: self, user }) } else { Err(Denied::Outranked) }
    }

    /// Whether the server is the caller's own.
    pub fn is_owner(&self) -> bool {
        self.facts.is_owner()
    }
}

/// Proof of the right `R` to a server, and that the caller stands above whom it is used on.
#[derive(Debug)]
pub struct Over<R> {
    access: ServerAccess<R>,
    user: UserId,
}

impl<R> Over<R> {
    /// In which server, and by whom.
    pub fn access(&self) -> &ServerAccess<R> {
        &self.access
    }

    /// On whom.
    pub fn user(&self) -> UserId {
        self.user
    }
}

/// Proof of the right `R` to a channel.
#[derive(Debug)]
pub struct ChannelAccess<R> {
    facts: Facts,
    channel: Channel,
    permissions: Permissions,
    right: PhantomData<R>,
}

impl<R: Right> ChannelAccess<R> {
    /// Decides about a channel of the server in `facts`; `None` where there is no such channel for the caller. For the registry alone.
    pub(crate) fn decide(facts: Facts, id: ChannelId) -> Option<Result<Self, Denied>> {
        let channel = facts.server.channels.iter().find(|channel| channel.id == id)?.clone();
        let permissions = facts.permissions_in(&channel)?;
        let checked = R::check(&facts, permissions);
        Some(checked.map(|()| Self { facts, channel, permissions, right: PhantomData }))
    }
}

impl<R> ChannelAccess<R> {
    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        &self.facts.caller
    }

    /// Who was allowed, and nothing else of it.
    pub fn into_caller(self) -> Caller {
        self.facts.caller
    }

    /// To which channel.
    pub fn id(&self) -> ChannelId {
        self.channel.id
    }

    /// Of which server.
    pub fn server_id(&self) -> ServerId {
        self.facts.server.server.id
    }

    /// What else the caller may do there.
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// The channel as it was when it was decided.
    pub fn into_channel(self) -> Channel {
        self.channel
    }
}

#[cfg(test)]
pub(crate) mod tests;
