//! Authorization as a value. Whoever holds a [`ServerAccess`] or [`ChannelAccess`] has been allowed what its right says:
//! the fields are private, the only way to make one is [`decide`](ServerAccess::decide) over facts, and only the
//! registry calls that (a layer test says so). Store calls demand these values, so a forgotten check does not compile.

mod facts;
mod lasting;
mod member;
mod over;
mod right;

pub use facts::{Account, Caller, Facts, MemberState, ServerRights, ServerState};
pub use lasting::{Author, Participant};
pub use member::{MemberAccess, MemberChange, NotChanged};
pub use over::{Given, MemberRole, Ordered, Over, OverRole};
pub use right::{
    BanMembers, Denied, KickMembers, ManageChannels, ManageMessages, ManageRoles, ManageServer, Member, Owner,
    ReadHistory, Right, SendMessages, ViewChannel, Visitor,
};

use super::channel::Channel;
use super::permission::Permissions;
use super::timestamp::Written;
use super::{ChannelId, RoleId, ServerId};
use std::marker::PhantomData;
use std::sync::Arc;
use time::OffsetDateTime;

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

    /// What the caller may do there, timeouts aside.
    pub fn permissions(&self) -> Permissions {
        let (facts, nobody) = (&self.facts, MemberState::default());
        let member = facts.member.as_deref().unwrap_or(&nobody);
        facts.server.rights.lasting_of_member(facts.caller.id(), member)
    }

    /// Until when the caller is kept from writing, if they are or have been.
    pub fn timeout_until(&self) -> Option<OffsetDateTime> {
        self.facts.member.as_deref().and_then(|member| member.timeout_until)
    }

    /// The caller's roles there but the default one.
    pub fn role_ids(&self) -> Vec<RoleId> {
        self.facts.member.as_deref().map_or_else(Vec::new, |member| self.facts.server.roles_of(member))
    }

    /// Whether the caller may know of a channel there.
    pub fn sees(&self, channel: ChannelId) -> bool {
        self.facts.permissions_in(channel).is_some()
    }

    /// The [`ServerDetail`](super::server::ServerDetail) as the caller may see it, in JSON.
    ///
    /// # Errors
    /// When a time cannot be written.
    pub fn detail(&self) -> serde_json::Result<Vec<u8>> {
        let state = &self.facts.server;
        let mut text = match state.channels.iter().all(|channel| self.sees(channel.id)) {
            true => state.detail()?.to_vec(),
            false => {
                let seen = state.channels.iter().filter(|channel| self.sees(channel.id)).cloned();
                serde_json::to_vec(&state.shown(&seen.collect::<Vec<_>>()))?
            }
        };
        // All but this is the same for all of them.
        text.pop();
        text.extend_from_slice(br#","my_role_ids":"#);
        serde_json::to_writer(&mut text, &self.role_ids())?;
        text.extend_from_slice(br#","my_timeout_until":"#);
        serde_json::to_writer(&mut text, &Written(self.timeout_until()))?;
        text.extend_from_slice(br#","my_permissions":"#);
        serde_json::to_writer(&mut text, &self.permissions())?;
        text.push(b'}');
        Ok(text)
    }

    /// Whether the server is the caller's own.
    pub fn is_owner(&self) -> bool {
        self.facts.is_owner()
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
        let permissions = facts.permissions_in(id)?;
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

    /// What the server's roles gave when it was decided.
    pub fn rights(&self) -> Arc<ServerRights> {
        Arc::clone(&self.facts.server.rights)
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
