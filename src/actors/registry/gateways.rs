//! The gateways of a node, and the news that they get: what becomes of their users' servers and channels.

use super::{Change, Registry};
use crate::actors::channel::Why;
use crate::actors::relay::frame::encode;
use crate::actors::relay::{End, Outbox, RelayHandle, SessionKey, Settling, Topic};
use crate::domain::auth_session::Sessions;
use crate::domain::frame::{Frame, Membership};
use crate::domain::{ServerId, UserId};
use crate::error::Result;
use crate::store::{Db, channels, servers};
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The gateways of one user.
#[derive(Default)]
pub(super) struct Gateways {
    outboxes: Vec<Outbox>,
    servers: HashSet<ServerId>,
}

/// How a server stands is being read, to be told.
pub(super) struct Telling {
    server: ServerId,
    /// Whether something newer has been told meanwhile: it is read again.
    is_stale: bool,
}

/// Who is told how a server stands.
#[derive(Clone, Copy)]
enum Audience {
    /// Someone who has just joined it.
    User(UserId),
    /// Everyone in it.
    Members,
}

impl Registry {
    /// Lets a gateway hear its user's servers from now on. In the same turn in which they were looked up: a membership
    /// that changes later finds the gateway here.
    pub(super) fn enroll(&mut self, user: UserId, servers: &[ServerId], outbox: Outbox) {
        servers.iter().for_each(|server| outbox.hear_server(*server));
        let gateways = self.gateways.entry(user).or_default();
        gateways.servers = servers.iter().copied().collect();
        gateways.outboxes.push(outbox);
    }

    pub(super) fn withdraw(&mut self, user: UserId, key: SessionKey) {
        let Some(gateways) = self.gateways.get_mut(&user) else { return };
        gateways.outboxes.retain(|outbox| outbox.key() != key);
        if gateways.outboxes.is_empty() {
            self.gateways.remove(&user);
        }
    }

    /// Ends the rights that a change has ended, and tells the gateways.
    pub(super) fn announce(
        &mut self,
        change: Change,
        news: Option<Bytes>,
        settling: &Settling,
        ctx: &mut Context<Self>,
    ) {
        if let Change::ServerChanged(server) | Change::ServerDeleted(server) | Change::ChannelDeleted(server, _) =
            change
        {
            let about = self.tellings.iter_mut().filter(|(_, telling)| telling.server == server);
            about.for_each(|(_, telling)| telling.is_stale = true);
        }
        match change {
            Change::Joined(user, server) => {
                if let Some(gateways) = self.gateways.get_mut(&user) {
                    gateways.servers.insert(server);
                    gateways.outboxes.iter().for_each(|outbox| outbox.hear_server(server));
                    self.tell_how_it_stands(server, Audience::User(user), ctx);
                }
            }
            Change::Left(user, server) => {
                for live in self.live.values().filter(|live| live.server_id == server) {
                    live.handle.revoke_user(user, settling.clone());
                }
                self.unseat_user(user, server, settling);
            }
            Change::ServerChanged(server) => match news {
                Some(news) => self.tell_members(server, news),
                // Which change it was is not known.
                None => self.tell_how_it_stands(server, Audience::Members, ctx),
            },
            Change::ServerDeleted(server) => {
                for live in self.live.values().filter(|live| live.server_id == server) {
                    live.handle.revoke_all(Why::Deleted, settling.clone());
                }
                for gateways in self.gateways.values_mut() {
                    gateways.servers.remove(&server);
                }
                let last = encode(&Frame::ServerDeleted { id: server });
                for relay in self.relays.all() {
                    relay.close(Topic::Server(server), last.clone(), settling.clone());
                }
            }
            Change::ChannelDeleted(server, channel) => {
                if let Some(live) = self.live.get(&channel) {
                    live.handle.revoke_all(Why::Deleted, settling.clone());
                }
                self.tell_members(server, encode(&Frame::ChannelDeleted { id: channel, server_id: server }));
            }
            Change::MembershipsUnclear(user) => self.restart_gateways(|of| *of == user),
            Change::LoggedIn(_) => {}
            Change::SessionsEnded(user, sessions) => {
                for relay in self.relays.all() {
                    relay.end_user(user, sessions, End::LOGGED_OUT, settling.clone());
                }
            }
            Change::AccountDeleted(user) => {
                // What is held of the logs has the name that is erased.
                self.shared.forget();
                self.live.values().for_each(|live| live.handle.forget(settling.clone()));
                for relay in self.relays.all() {
                    relay.end_user(user, Sessions::All, End::ACCOUNT_DELETED, settling.clone());
                }
            }
        }
    }

    fn unseat_user(&mut self, user: UserId, server: ServerId, settling: &Settling) {
        let Some(gateways) = self.gateways.get_mut(&user) else { return };
        gateways.servers.remove(&server);
        let mut by_worker: HashMap<u32, (RelayHandle, Vec<SessionKey>)> = HashMap::new();
        for outbox in &gateways.outboxes {
            let relay = outbox.relay();
            by_worker.entry(relay.worker()).or_insert_with(|| (relay.clone(), Vec::new())).1.push(outbox.key());
        }
        let last = encode(&Frame::ServerLeft { id: server });
        for (relay, keys) in by_worker.into_values() {
            relay.unseat(keys, Topic::Server(server), last.clone(), settling.clone());
        }
    }

    fn tell_members(&self, server: ServerId, news: Bytes) {
        let frames: Arc<[Bytes]> = Arc::new([news]);
        for relay in self.relays.all() {
            relay.deliver(Topic::Server(server), Arc::clone(&frames));
        }
    }

    fn tell_how_it_stands(&mut self, server: ServerId, audience: Audience, ctx: &mut Context<Self>) {
        let number = self.tellings.insert(Telling { server, is_stale: false });
        let (db, slots) = (self.db.clone(), self.slots.clone());
        let look = async move {
            let _slot = slots.acquire().await;
            membership(&db, server).await
        };
        let told = look.into_actor(self).map(move |found, registry, ctx| match (found, audience) {
            _ if registry.tellings.remove(number).is_stale => registry.tell_how_it_stands(server, audience, ctx),
            (Ok(Some(found)), Audience::Members) => registry.tell_members(server, encode(&joined(found))),
            (Ok(Some(found)), Audience::User(user)) => {
                // Who has left again meanwhile has been told so.
                let gateways = registry.gateways.get(&user).filter(|gateways| gateways.servers.contains(&server));
                let frame = encode(&joined(found));
                let outboxes = gateways.into_iter().flat_map(|gateways| &gateways.outboxes);
                outboxes.for_each(|outbox| outbox.send(frame.clone()));
            }
            (Ok(None), _) => {}
            (Err(_), Audience::User(user)) => registry.restart_gateways(|of| *of == user),
            (Err(_), Audience::Members) => registry.restart_gateways(|_| true),
        });
        ctx.spawn(told);
    }

    /// Whose news is lost comes back and starts with `ready`.
    fn restart_gateways(&self, is_meant: impl Fn(&UserId) -> bool) {
        let (settling, _) = tokio::sync::mpsc::channel(1);
        let meant = self.gateways.iter().filter(|(user, _)| is_meant(user));
        for outbox in meant.flat_map(|(_, gateways)| &gateways.outboxes) {
            outbox.relay().end(vec![outbox.key()], End::RESTART, settling.clone());
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
