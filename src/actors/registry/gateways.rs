//! The gateways of a node, and the news that they get: what becomes of their users' servers, and of the channels and members there.

use super::Registry;
use super::cache::Memberships;
use crate::actors::relay::{Completion, Outbox, RelayHandle, SessionKey, Topic};
use crate::domain::access::{MemberState, ServerRights};
use crate::domain::close::End;
use crate::domain::frame::{Frame, LoggedChannel, Membership};
use crate::domain::role::Role;
use crate::domain::server::Server;
use crate::domain::{RoleId, ServerId, UserId};
use crate::error::Result;
use crate::store::{Db, channels, roles, servers};
use crate::websocket::encode;
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One gateway, and the servers whose news it hears.
pub(super) struct Gateway {
    outbox: Outbox,
    servers: Vec<ServerId>,
}

impl Gateway {
    /// Whether it hears the news of a server.
    pub(super) fn has(&self, server: ServerId) -> bool {
        self.servers.contains(&server)
    }
}

/// How a server stands is being read, to be told.
pub(super) struct Snapshot {
    pub(super) server: ServerId,
    /// Whether something newer has been told meanwhile: it is read again.
    pub(super) is_stale: bool,
}

/// Who is told how a server stands.
#[derive(Clone)]
enum Audience {
    /// These gateways of a user who has just joined it.
    Gateways(UserId, Vec<SessionKey>),
    /// All gateways of these users.
    Users(HashSet<UserId>),
    /// Everyone in it.
    Members,
}

/// A server as it was read, for whoever may see what of it.
struct Stand {
    server: Server,
    channels: Vec<LoggedChannel>,
    roles: Arc<[Role]>,
    rights: Arc<ServerRights>,
}

impl Registry {
    /// Lets a gateway hear its user's servers from now on. In the same turn in which they were looked up: a membership
    /// that changes later finds the gateway here.
    pub(super) fn add_gateway(&mut self, user: UserId, servers: &Memberships, outbox: Outbox) {
        for (server, member) in servers.iter() {
            outbox.subscribe_server(*server);
            self.seats.add(*server, user, member);
            self.learn_rights(*server);
        }
        let servers = servers.iter().map(|(server, _)| *server).collect();
        self.gateways.entry(user).or_default().push(Gateway { outbox, servers });
    }

    /// What is remembered of a server may have been read before anybody here heard it; what is read later is learnt when it is.
    fn learn_rights(&mut self, server: ServerId) {
        if !self.seats.has_learnt(server)
            && let Some(state) = self.cache.with(|cache| cache.server(server))
        {
            self.seats.learn(server, &state.rights);
        }
    }

    pub(super) fn remove_gateway(&mut self, user: UserId, key: SessionKey) {
        let Some(gateways) = self.gateways.get_mut(&user) else { return };
        let Some(at) = gateways.iter().position(|gateway| gateway.outbox.key() == key) else { return };
        let gone = gateways.swap_remove(at);
        for server in gone.servers.iter().filter(|server| !gateways.iter().any(|gateway| gateway.has(**server))) {
            self.seats.remove(*server, user);
        }
        if gateways.is_empty() {
            self.gateways.remove(&user);
        }
    }

    /// The user belongs to the server: gateways that do not hear it yet do now, and are told.
    pub(super) fn subscribe_user(
        &mut self,
        user: UserId,
        server: ServerId,
        member: &Arc<MemberState>,
        ctx: &mut Context<Self>,
    ) {
        let gateways = self.gateways.get_mut(&user).into_iter().flatten();
        let mut keys = Vec::new();
        for gateway in gateways.filter(|gateway| !gateway.has(server)) {
            gateway.servers.push(server);
            gateway.outbox.subscribe_server(server);
            keys.push(gateway.outbox.key());
        }
        if !keys.is_empty() {
            self.seats.add(server, user, member);
            self.learn_rights(server);
            self.broadcast_snapshot(server, Audience::Gateways(user, keys), 0, ctx);
        }
    }

    /// The user does not belong to the server: gateways that hear it are told so, and do no longer.
    pub(super) fn unsubscribe_user(&mut self, user: UserId, server: ServerId, completion: &Completion) {
        self.seats.remove(server, user);
        let gateways = self.gateways.get_mut(&user).into_iter().flatten();
        let mut by_worker: HashMap<u32, (RelayHandle, Vec<SessionKey>)> = HashMap::new();
        for gateway in gateways.filter(|gateway| gateway.has(server)) {
            gateway.servers.retain(|has| *has != server);
            let relay = gateway.outbox.relay();
            by_worker.entry(relay.worker()).or_insert_with(|| (relay.clone(), Vec::new())).1.push(gateway.outbox.key());
        }
        let last = encode::json(&Frame::ServerLeft { id: server });
        for (relay, keys) in by_worker.into_values() {
            relay.unsubscribe(keys, Topic::Server(server), last.clone(), completion.clone());
        }
    }

    /// The server is gone, for all gateways.
    pub(super) fn forget_server(&mut self, server: ServerId) {
        self.seats.forget(server);
        for gateway in self.gateways.values_mut().flatten() {
            gateway.servers.retain(|has| *has != server);
        }
    }

    /// Tells those members who see the server's channels.
    pub(super) fn tell_viewers(&self, server: ServerId, rights: &ServerRights, news: &Bytes, completion: &Completion) {
        if rights.shows_channels_to_all() {
            return self.tell_members(server, news, completion);
        }
        let viewers = self.seats.of(server).filter(|(user, member)| rights.shows_channels_to(*user, member));
        let keys: Vec<SessionKey> = viewers.flat_map(|(user, _)| self.keys_of(user, server)).collect();
        self.tell_these(&keys, news, completion);
    }

    /// The gateways of a user that hear a server.
    fn keys_of(&self, user: UserId, server: ServerId) -> impl Iterator<Item = SessionKey> {
        let gateways = self.gateways.get(&user).into_iter().flatten();
        gateways.filter(move |gateway| gateway.has(server)).map(|gateway| gateway.outbox.key())
    }

    fn tell_these(&self, keys: &[SessionKey], news: &Bytes, completion: &Completion) {
        let nowhere: Arc<[Topic]> = Arc::new([]);
        for relay in self.relays.all() {
            let own: Vec<SessionKey> = keys.iter().filter(|key| relay.has(**key)).copied().collect();
            if !own.is_empty() {
                relay.deliver_once(Arc::clone(&nowhere), own, news.clone(), completion.clone());
            }
        }
    }

    pub(super) fn tell_members(&self, server: ServerId, news: &Bytes, completion: &Completion) {
        for relay in self.relays.all() {
            relay.deliver_news(Topic::Server(server), news.clone(), completion.clone());
        }
    }

    /// Tells those who see a user: the members of these servers, and the user, each gateway once.
    pub(super) fn tell_sharers(&self, user: UserId, servers: &[ServerId], news: &Bytes, completion: &Completion) {
        let topics: Arc<[Topic]> = servers.iter().map(|server| Topic::Server(*server)).collect();
        let own = self.gateways.get(&user).into_iter().flatten();
        let own: Vec<SessionKey> = own.map(|gateway| gateway.outbox.key()).collect();
        for relay in self.relays.all() {
            let own = own.iter().filter(|key| relay.has(**key)).copied().collect();
            relay.deliver_once(Arc::clone(&topics), own, news.clone(), completion.clone());
        }
    }

    /// Tells these how a server stands, which see other channels than before.
    pub(super) fn tell_anew(&mut self, server: ServerId, users: HashSet<UserId>, ctx: &mut Context<Self>) {
        if !users.is_empty() {
            self.broadcast_snapshot(server, Audience::Users(users), 0, ctx);
        }
    }

    /// Tells all members how a server stands: what has become of it is not known any better.
    pub(super) fn broadcast_to_members(&mut self, server: ServerId, ctx: &mut Context<Self>) {
        self.broadcast_snapshot(server, Audience::Members, 0, ctx);
    }

    fn broadcast_snapshot(&mut self, server: ServerId, audience: Audience, reads: u8, ctx: &mut Context<Self>) {
        let number = self.snapshots.insert(Snapshot { server, is_stale: false });
        let (db, slots) = (self.db.clone(), self.slots.clone());
        let look = async move {
            if reads > 0 {
                tokio::time::sleep(super::changes::AGAIN_AFTER).await;
            }
            let _slot = slots.at_last().await;
            stand(&db, server).await
        };
        let told = look.into_actor(self).map(move |found, registry, ctx| match (found, audience) {
            (found, audience) if registry.snapshots.remove(number).is_stale => {
                let failed = u8::from(found.is_err());
                registry.broadcast_snapshot(server, audience, reads.saturating_add(failed), ctx);
            }
            (Ok(Some(found)), audience) => registry.tell_stand(&found, &audience),
            (Ok(None), _) => {}
            (Err(_), audience) if reads < super::changes::READS_MAX => {
                registry.broadcast_snapshot(server, audience, reads + 1, ctx);
            }
            (Err(_), audience) => {
                let completion = Completion::ignored();
                registry.restart_gateways(&completion, |user, gateway| match &audience {
                    Audience::Gateways(of, keys) => of == user && keys.contains(&gateway.outbox.key()),
                    Audience::Users(users) => users.contains(user) && gateway.has(server),
                    Audience::Members => gateway.has(server),
                });
            }
        });
        ctx.spawn(told);
    }

    /// Encodes how a server stands once for all who may see the same of it. Who has left again meanwhile has been told so.
    fn tell_stand(&mut self, stand: &Stand, audience: &Audience) {
        let server = stand.server.id;
        self.seats.learn(server, &stand.rights);
        let mut alike: HashMap<(Arc<MemberState>, bool), (UserId, Vec<SessionKey>)> = HashMap::new();
        let mut tell = |user: UserId, keys: &mut dyn Iterator<Item = SessionKey>| {
            if let Some(member) = self.seats.member(server, user) {
                let class = (Arc::clone(member), stand.server.owner_id == user);
                alike.entry(class).or_insert_with(|| (user, Vec::new())).1.extend(keys);
            }
        };
        match audience {
            Audience::Gateways(user, keys) => {
                tell(*user, &mut self.keys_of(*user, server).filter(|key| keys.contains(key)));
            }
            Audience::Users(users) => users.iter().for_each(|user| tell(*user, &mut self.keys_of(*user, server))),
            Audience::Members => {
                self.seats.of(server).for_each(|(user, _)| tell(user, &mut self.keys_of(user, server)));
            }
        }
        for ((member, _), (user, keys)) in alike {
            let news = Frame::ServerJoined(Box::new(stand.membership(user, &member)));
            self.tell_these(&keys, &encode::json(&news), &Completion::ignored());
        }
    }

    /// Whose news is lost comes back and starts with `ready`.
    pub(super) fn restart_gateways(&self, completion: &Completion, is_meant: impl Fn(&UserId, &Gateway) -> bool) {
        for (user, gateways) in &self.gateways {
            for gateway in gateways.iter().filter(|gateway| is_meant(user, gateway)) {
                gateway.outbox.relay().end(vec![gateway.outbox.key()], End::RESTART, completion.clone());
            }
        }
    }
}

impl Stand {
    fn membership(&self, user: UserId, member: &MemberState) -> Membership {
        let sees = |listed: &&LoggedChannel| self.rights.in_channel(user, member, listed.channel.id).is_some();
        let is_there = |id: &RoleId| self.roles.iter().any(|role| role.id == *id);
        Membership {
            server: self.server.clone(),
            channels: Some(self.channels.iter().filter(sees).cloned().collect()),
            roles: Some(Arc::clone(&self.roles)),
            my_role_ids: member.roles.iter().copied().filter(is_there).collect(),
            my_timeout_until: member.timeout_until,
            my_permissions: self.rights.lasting_of_member(user, member),
        }
    }
}

async fn stand(db: &Db, id: ServerId) -> Result<Option<Stand>> {
    let Some(server) = servers::find(db, id).await? else { return Ok(None) };
    let (channels, roles) = (channels::list_logged(db, id).await?, roles::list(db, id).await?);
    let rights = Arc::new(ServerRights::new(server.owner_id, &roles));
    Ok(Some(Stand { server, channels, roles: roles.into(), rights }))
}
