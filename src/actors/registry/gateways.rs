//! The gateways of a node, and the news that they get: what becomes of their users' servers, and of the channels and members there.

use super::Registry;
use crate::actors::relay::{Completion, Outbox, RelayHandle, SessionKey, Topic};
use crate::domain::close::End;
use crate::domain::frame::{Frame, Membership};
use crate::domain::{ServerId, UserId};
use crate::error::Result;
use crate::store::{Db, channels, servers};
use crate::websocket::encode;
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::Bytes;
use std::collections::HashMap;
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
    /// Everyone in it.
    Members,
}

impl Registry {
    /// Lets a gateway hear its user's servers from now on. In the same turn in which they were looked up: a membership
    /// that changes later finds the gateway here.
    pub(super) fn add_gateway(&mut self, user: UserId, servers: &[ServerId], outbox: Outbox) {
        servers.iter().for_each(|server| outbox.subscribe_server(*server));
        self.gateways.entry(user).or_default().push(Gateway { outbox, servers: servers.to_vec() });
    }

    pub(super) fn remove_gateway(&mut self, user: UserId, key: SessionKey) {
        let Some(gateways) = self.gateways.get_mut(&user) else { return };
        gateways.retain(|gateway| gateway.outbox.key() != key);
        if gateways.is_empty() {
            self.gateways.remove(&user);
        }
    }

    /// The user belongs to the server: gateways that do not hear it yet do now, and are told.
    pub(super) fn subscribe_user(&mut self, user: UserId, server: ServerId, ctx: &mut Context<Self>) {
        let gateways = self.gateways.get_mut(&user).into_iter().flatten();
        let mut keys = Vec::new();
        for gateway in gateways.filter(|gateway| !gateway.has(server)) {
            gateway.servers.push(server);
            gateway.outbox.subscribe_server(server);
            keys.push(gateway.outbox.key());
        }
        if !keys.is_empty() {
            self.broadcast_snapshot(server, Audience::Gateways(user, keys), 0, ctx);
        }
    }

    /// The user does not belong to the server: gateways that hear it are told so, and do no longer.
    pub(super) fn unsubscribe_user(&mut self, user: UserId, server: ServerId, completion: &Completion) {
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
        for gateway in self.gateways.values_mut().flatten() {
            gateway.servers.retain(|has| *has != server);
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
            membership(&db, server).await
        };
        let told = look.into_actor(self).map(move |found, registry, ctx| match (found, audience) {
            (found, audience) if registry.snapshots.remove(number).is_stale => {
                let failed = u8::from(found.is_err());
                registry.broadcast_snapshot(server, audience, reads.saturating_add(failed), ctx);
            }
            (Ok(Some(found)), Audience::Members) => {
                registry.tell_members(server, &encode::json(&joined(found)), &Completion::ignored());
            }
            (Ok(Some(found)), Audience::Gateways(user, keys)) => {
                // Who has left again meanwhile has been told so.
                let gateways = registry.gateways.get(&user).into_iter().flatten();
                let gateways = gateways.filter(|gateway| gateway.has(server) && keys.contains(&gateway.outbox.key()));
                let frame = encode::json(&joined(found));
                gateways.for_each(|gateway| gateway.outbox.send(frame.clone()));
            }
            (Ok(None), _) => {}
            (Err(_), audience) if reads < super::changes::READS_MAX => {
                registry.broadcast_snapshot(server, audience, reads + 1, ctx);
            }
            (Err(_), audience) => {
                let completion = Completion::ignored();
                registry.restart_gateways(&completion, |user, gateway| match &audience {
                    Audience::Gateways(of, keys) => of == user && keys.contains(&gateway.outbox.key()),
                    Audience::Members => gateway.has(server),
                });
            }
        });
        ctx.spawn(told);
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

fn joined(membership: Membership) -> Frame<'static> {
    Frame::ServerJoined(Box::new(membership))
}

async fn membership(db: &Db, id: ServerId) -> Result<Option<Membership>> {
    let Some(server) = servers::find(db, id).await? else { return Ok(None) };
    Ok(Some(Membership { server, channels: Some(channels::list_logged(db, id).await?) }))
}
