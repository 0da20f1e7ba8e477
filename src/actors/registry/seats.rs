//! Who has gateways here that hear which server, and what they are in it: by that they see its channels or do not.

use super::Registry;
use crate::actors::relay::Completion;
use crate::domain::access::{MemberState, ServerRights, ServerState};
use crate::domain::{ServerId, UserId};
use actix::Context;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// See the module.
#[derive(Default)]
pub(super) struct Seats(HashMap<ServerId, ServerSeats>);

#[derive(Default)]
struct ServerSeats {
    /// What the server's roles give, as it was told last; nothing where nobody has been told yet.
    rights: Option<Arc<ServerRights>>,
    users: HashMap<UserId, Arc<MemberState>>,
}

impl Seats {
    /// A user's first gateway hears a server, or another one: what they are there by then will be told, if it is something else.
    pub(super) fn add(&mut self, server: ServerId, user: UserId, member: &Arc<MemberState>) {
        self.0.entry(server).or_default().users.entry(user).or_insert_with(|| Arc::clone(member));
    }

    /// None of a user's gateways hears a server any more.
    pub(super) fn remove(&mut self, server: ServerId, user: UserId) {
        if let Some(seats) = self.0.get_mut(&server) {
            seats.users.remove(&user);
            if seats.users.is_empty() {
                self.0.remove(&server);
            }
        }
    }

    /// A server is gone.
    pub(super) fn forget(&mut self, server: ServerId) {
        self.0.remove(&server);
    }

    /// From here on a server is told by these rights, if it has not been told by others.
    pub(super) fn learn(&mut self, server: ServerId, rights: &Arc<ServerRights>) {
        if let Some(seats) = self.0.get_mut(&server) {
            seats.rights.get_or_insert_with(|| Arc::clone(rights));
        }
    }

    /// Whether it is known by which rights a server has been told.
    pub(super) fn has_learnt(&self, server: ServerId) -> bool {
        self.0.get(&server).is_none_or(|seats| seats.rights.is_some())
    }

    /// These are a server's rights now. Returns who sees other channels by them.
    fn rights_are(&mut self, server: ServerId, rights: &Arc<ServerRights>) -> HashSet<UserId> {
        let Some(seats) = self.0.get_mut(&server) else { return HashSet::new() };
        let Some(before) = seats.rights.replace(Arc::clone(rights)) else { return HashSet::new() };
        if before.shows_channels_to_all() && rights.shows_channels_to_all() {
            return HashSet::new();
        }
        let sees = |rights: &ServerRights, user, member: &MemberState| rights.shows_channels_to(user, member);
        let users = seats.users.iter();
        let other = users.filter(|(user, member)| sees(&before, **user, member) != sees(rights, **user, member));
        other.map(|(user, _)| *user).collect()
    }

    /// A member is this now. Returns whether they see other channels by it.
    fn member_is(&mut self, server: ServerId, user: UserId, member: &Arc<MemberState>) -> bool {
        let Some(seats) = self.0.get_mut(&server) else { return false };
        let Some(now) = seats.users.get_mut(&user) else { return false };
        let before = std::mem::replace(now, Arc::clone(member));
        let sees = |rights: &Arc<ServerRights>, member| rights.shows_channels_to(user, member);
        seats.rights.as_ref().is_some_and(|rights| sees(rights, &before) != sees(rights, member))
    }

    /// Who hears a server here, and what they are in it.
    pub(super) fn of(&self, server: ServerId) -> impl Iterator<Item = (UserId, &Arc<MemberState>)> {
        let users = self.0.get(&server).into_iter().flat_map(|seats| &seats.users);
        users.map(|(user, member)| (*user, member))
    }

    /// What a user is in a server that they hear.
    pub(super) fn member(&self, server: ServerId, user: UserId) -> Option<&Arc<MemberState>> {
        self.0.get(&server)?.users.get(&user)
    }
}

impl Registry {
    /// What a server's roles give, or who owns it, may be something else now: every socket of its channels is decided about anew, and
    /// whoever sees other channels than before is told the server anew.
    pub(super) fn rights_are(&mut self, state: &ServerState, completion: &Completion, ctx: &mut Context<Self>) {
        let server = state.server.id;
        for live in self.live.values().filter(|live| live.server_id == server) {
            live.handle.decide_anew(Arc::clone(&state.rights), completion.clone());
        }
        let others = self.seats.rights_are(server, &state.rights);
        self.tell_anew(server, others, ctx);
    }

    /// The same of one member.
    pub(super) fn member_is(
        &mut self,
        user: UserId,
        server: ServerId,
        member: &Arc<MemberState>,
        completion: &Completion,
        ctx: &mut Context<Self>,
    ) {
        for live in self.live.values().filter(|live| live.server_id == server) {
            live.handle.member_is(user, Arc::clone(member), completion.clone());
        }
        let others = if self.seats.member_is(server, user, member) { HashSet::from([user]) } else { HashSet::new() };
        self.tell_anew(server, others, ctx);
    }
}
