//! What has been committed, made true on this node.
//!
//! Two changes of one thing may commit in one order and arrive here in the other, and one whose answer was lost may not have been
//! made at all. So a change says only what to look at again: its keys are forgotten, what the database says now is loaded (again,
//! if another change comes between), and that is what subscribes, unsubscribes and tells. It is right in whatever order they arrive.

use super::Registry;
use super::change::Change;
use super::load::{Key, Loaded, ShownUser, Waiter};
use crate::actors::channel::RevokeReason;
use crate::actors::relay::{Completion, Topic};
use crate::domain::access::{MemberState, ServerState};
use crate::domain::auth_session::Ended;
use crate::domain::close::End;
use crate::domain::frame::Frame;
use crate::domain::server::ServerMember;
use crate::domain::{ChannelId, RoleId, ServerId, UserId};
use crate::websocket::encode;
use actix::{AsyncContext, Context};
use std::sync::Arc;
use std::time::Duration;

/// Before news that could not be read is read again, and how often.
pub(super) const AGAIN_AFTER: Duration = Duration::from_millis(250);
pub(super) const READS_MAX: u8 = 4;

/// A change that waits for how things stand.
pub(super) struct Confirm {
    change: Change,
    /// Held until everything that the change causes has been done.
    completion: Completion,
    reads: u8,
}

impl Registry {
    /// Forgets what a change touches, also in loads that are under way.
    pub(super) fn forget(&mut self, change: &Change) {
        for key in change.other_keys().into_iter().chain([change.key()]) {
            self.cache.with(|cache| cache.forget(key));
            if let Some(loading) = self.loading.get_mut(&key) {
                loading.is_stale = true;
            }
        }
        if let Some(of) = change.shown() {
            let is_of = |key: &Key| matches!(key, Key::ShownMember(user, _) if *user == of);
            let of_user = self.loading.iter_mut().filter(|(key, _)| is_of(key));
            of_user.for_each(|(_, loading)| loading.is_stale = true);
        }
    }

    /// Forgets, looks, and makes true.
    pub(super) fn apply(&mut self, change: Change, completion: Completion, ctx: &mut Context<Self>) {
        self.look_again(Confirm { change, completion, reads: 0 }, ctx);
    }

    fn look_again(&mut self, confirm: Confirm, ctx: &mut Context<Self>) {
        self.forget(&confirm.change);
        if let Some(server) = confirm.change.told_server() {
            let about = self.snapshots.iter_mut().filter(|(_, telling)| telling.server == server);
            about.for_each(|(_, telling)| telling.is_stale = true);
        }
        let number = self.next_number();
        self.wait(confirm.change.key(), number, Waiter::Confirm(confirm), ctx);
    }

    /// This is how it stands.
    pub(super) fn confirmed(&mut self, confirm: Confirm, now: &Loaded, ctx: &mut Context<Self>) {
        let Confirm { change, completion, .. } = confirm;
        match (change, now) {
            (change, Loaded::ShownMember(now)) => self.membership_is(&change, now.as_ref(), &completion, ctx),
            (Change::Memberships(user), Loaded::Memberships(servers)) => {
                servers.iter().for_each(|(server, member)| self.subscribe_user(user, *server, member, ctx));
            }
            (Change::ServerDeleted(server), Loaded::Server(None)) => self.server_is_gone(server, &completion),
            (change, Loaded::Server(Some(state))) => self.server_is(&change, state, &completion, ctx),
            (Change::LoggedIn(user) | Change::Sessions(user), Loaded::User(Some(account))) => {
                self.end_sockets(user, &Ended::Sessions(Arc::clone(account)), End::LOGGED_OUT, &completion);
            }
            (Change::Password(user), Loaded::User(Some(account))) => {
                self.end_sockets(user, &Ended::Password(Arc::clone(account)), End::LOGGED_OUT, &completion);
            }
            (Change::PasswordAndProfile(user), Loaded::User(Some(account))) => {
                self.end_sockets(user, &Ended::Password(Arc::clone(account)), End::LOGGED_OUT, &completion);
                self.apply(Change::Profile(user), completion, ctx);
            }
            (Change::Profile(user), Loaded::ShownUser(Some(ShownUser { profile, servers }))) => {
                let news = Frame::UserUpdated { user: Box::new(profile.clone()) };
                self.tell_sharers(user, servers, &encode::json(&news), &completion);
            }
            (Change::AccountDeleted(user, servers), Loaded::User(None)) => {
                // What is held of the logs has the name that is erased, and so has what is on its way into them.
                self.shared.erase(user);
                self.live.values().for_each(|live| live.handle.forget(completion.clone()));
                self.end_sockets(user, &Ended::All, End::ACCOUNT_DELETED, &completion);
                servers.iter().for_each(|server| self.tell_of_leaving(user, *server, &completion));
            }
            // It was not made, or something else has been made of it, which is told by its own change.
            _ => {}
        }
    }

    /// Whether somebody is a member, and as whom the others see them.
    fn membership_is(
        &mut self,
        change: &Change,
        now: Option<&ServerMember>,
        completion: &Completion,
        ctx: &mut Context<Self>,
    ) {
        let Some((user, server)) = change.membership() else { return };
        let Some(member) = now else {
            for live in self.live.values().filter(|live| live.server_id == server) {
                live.handle.revoke_user(user, RevokeReason::Left, completion.clone());
            }
            self.unsubscribe_user(user, server, completion);
            if matches!(change, Change::Left(..) | Change::MembershipUnclear(..)) {
                self.tell_of_leaving(user, server, completion);
            }
            return;
        };
        let state = MemberState::new(member.role_ids.clone(), member.timeout_until);
        // They may have left and joined again meanwhile, without the roles that they had.
        self.member_is(user, server, &state, completion, ctx);
        match change {
            Change::Joined(..) | Change::MembershipUnclear(..) => {
                let news = Frame::MemberJoined { server_id: server, member: Box::new(member.clone()) };
                self.tell_members(server, &encode::json(&news), completion);
            }
            Change::MemberChanged(..) => {
                let news = Frame::MemberUpdated { server_id: server, member: Box::new(member.clone()) };
                self.tell_members(server, &encode::json(&news), completion);
            }
            _ => {}
        }
        // After the others have been told: who has joined hears of it by `server.joined`.
        self.subscribe_user(user, server, &state, ctx);
    }

    /// Once their gateways hear the server no longer: they hear of it by `server.left`.
    fn tell_of_leaving(&self, user: UserId, server: ServerId, completion: &Completion) {
        let news = encode::json(&Frame::MemberLeft { server_id: server, user_id: user });
        self.tell_members(server, &news, completion);
    }

    /// This is how a server stands that is there.
    fn server_is(&mut self, change: &Change, state: &ServerState, completion: &Completion, ctx: &mut Context<Self>) {
        if change.is_of_rights() {
            self.rights_are(state, completion, ctx);
        }
        match *change {
            Change::ServerUnclear(server) => self.broadcast_to_members(server, ctx),
            Change::ChannelCreated(_, id) | Change::ChannelChanged(_, id) | Change::ChannelDeleted(_, id) => {
                self.tell_of_channel(change, id, state, completion);
            }
            _ => self.tell_of_server(change, state, completion),
        }
    }

    /// What all members hear of it.
    fn tell_of_server(&self, change: &Change, state: &ServerState, completion: &Completion) {
        let server_id = state.server.id;
        let find = |id: RoleId| state.role(id).cloned().map(Box::new);
        let frame = match *change {
            Change::ServerChanged(_) => Some(Frame::ServerUpdated(Box::new(state.server.clone()))),
            Change::RoleCreated(_, id) => find(id).map(|role| Frame::RoleCreated { server_id, role }),
            Change::RoleChanged(_, role_id) => Some(match find(role_id) {
                Some(role) => Frame::RoleUpdated { server_id, role },
                None => Frame::RoleDeleted { server_id, role_id },
            }),
            Change::RoleDeleted(_, role_id) => {
                find(role_id).is_none().then_some(Frame::RoleDeleted { server_id, role_id })
            }
            Change::RolesOrdered(_) => Some(Frame::RolesOrdered { server_id, role_ids: state.highest_first() }),
            _ => None,
        };
        frame.into_iter().for_each(|frame| self.tell_members(server_id, &encode::json(&frame), completion));
    }

    /// What those hear of a channel who may see it.
    fn tell_of_channel(&self, change: &Change, id: ChannelId, state: &ServerState, completion: &Completion) {
        let server_id = state.server.id;
        let found = state.channels.iter().find(|channel| channel.id == id).cloned().map(Box::new);
        let frame = match (change, found) {
            (Change::ChannelCreated(..), Some(channel)) => Frame::ChannelCreated(channel),
            (Change::ChannelChanged(..), Some(channel)) => Frame::ChannelUpdated(channel),
            (Change::ChannelDeleted(..), None) => {
                if let Some(live) = self.live.get(&id) {
                    live.handle.revoke_all(RevokeReason::Gone, completion.clone());
                }
                Frame::ChannelDeleted { id, server_id }
            }
            _ => return,
        };
        self.tell_viewers(server_id, &state.rights, &encode::json(&frame), completion);
    }

    fn server_is_gone(&mut self, server: ServerId, completion: &Completion) {
        for live in self.live.values().filter(|live| live.server_id == server) {
            live.handle.revoke_all(RevokeReason::Gone, completion.clone());
        }
        self.forget_server(server);
        let last = encode::json(&Frame::ServerDeleted { id: server });
        for relay in self.relays.all() {
            relay.close(Topic::Server(server), last.clone(), completion.clone());
        }
    }

    fn end_sockets(&self, user: UserId, ended: &Ended, end: End, completion: &Completion) {
        for relay in self.relays.all() {
            relay.end_user(user, ended.clone(), end, completion.clone());
        }
    }

    /// How it stands could not be read: it is read again a few times. Where a right may have ended, who may have lost it comes back at
    /// once and is decided about anew; where news is lost in the end, so do the gateways that should have heard it.
    pub(super) fn unconfirmed(&mut self, confirm: Confirm, ctx: &mut Context<Self>) {
        let Confirm { change, completion, reads } = confirm;
        if reads == 0 {
            self.restart_who_may_have_lost(&change, &completion);
        }
        if reads == READS_MAX {
            tracing::warn!(?change, "how a change stands could not be read");
            self.restart_who_should_have_heard(&change, &completion);
        }
        if reads < READS_MAX || change.has_to_be_known() {
            let again = Confirm { change, completion, reads: reads.saturating_add(1) };
            ctx.run_later(AGAIN_AFTER, move |registry, ctx| registry.look_again(again, ctx));
        } else if let Change::PasswordAndProfile(user) = change {
            self.apply(Change::Profile(user), completion, ctx);
        }
    }

    fn restart_who_should_have_heard(&self, change: &Change, completion: &Completion) {
        match (change, change.subjects()) {
            // Those who are to hear of it are too many to come back at once, or not known: they are told when it can be read.
            (Change::LoggedIn(_) | Change::Profile(_) | Change::AccountDeleted(..), _) => {}
            (_, (Some(user), ..)) => self.restart_gateways(completion, |of, _| *of == user),
            (_, (None, Some(server), _)) => self.restart_gateways(completion, |_, gateway| gateway.has(server)),
            (_, (None, None, _)) => {}
        }
    }

    fn restart_who_may_have_lost(&self, change: &Change, completion: &Completion) {
        let channels = |server: ServerId| self.live.values().filter(move |live| live.server_id == server);
        match *change {
            Change::Joined(user, server)
            | Change::Left(user, server)
            | Change::MembershipUnclear(user, server)
            | Change::Membership(user, server)
            | Change::MemberChanged(user, server) => {
                channels(server)
                    .for_each(|live| live.handle.revoke_user(user, RevokeReason::Restart, completion.clone()));
            }
            Change::ServerDeleted(server)
            | Change::ServerChanged(server)
            | Change::RoleChanged(server, _)
            | Change::RoleDeleted(server, _) => {
                channels(server).for_each(|live| live.handle.revoke_all(RevokeReason::Restart, completion.clone()));
            }
            Change::ChannelDeleted(_, channel) => {
                let live = self.live.get(&channel);
                live.into_iter().for_each(|live| live.handle.revoke_all(RevokeReason::Restart, completion.clone()));
            }
            Change::Sessions(user)
            | Change::Password(user)
            | Change::PasswordAndProfile(user)
            | Change::AccountDeleted(user, _) => {
                self.end_sockets(user, &Ended::All, End::RESTART, completion);
            }
            Change::LoggedIn(_)
            | Change::Profile(_)
            | Change::Memberships(_)
            | Change::ServerUnclear(_)
            | Change::RoleCreated(..)
            | Change::RolesOrdered(_)
            | Change::ChannelCreated(..)
            | Change::ChannelChanged(..) => {}
        }
    }
}
