//! The registry: who may do what on this node, and which channels have life here.
//!
//! It answers from a bounded cache and loads what is missing, one load a key at a time however many ask. It is exact
//! after every change made through this node: a change forgets its keys, and a load that was under way when its key was
//! forgotten is made again. What subscribes, unsubscribes and tells is what was loaded after the change. It alone makes [`Caller`] and [`ServerAccess`](crate::domain::access::ServerAccess). It also
//! attaches sockets to channels, and posts for those who are not attached, in the same turn in which it decides that they
//! may, so that no leave can come between. And it tells gateways what becomes of their users' servers.
//!
//! Bounds: the cache's weights, [`MAILBOX`] questions to come and [`WAITING_MAX`] that wait for a load; beyond them
//! [`Error::Busy`]. A panic ends the node.

mod attach;
mod cache;
mod change;
mod changes;
mod following;
mod gateways;
mod handle;
mod load;
mod read_again;
mod seats;
mod slots;

pub use change::Change;
pub use handle::RegistryHandle;

use super::AbortOnPanic;
use super::channel::{self, Attachment, ChannelHandle, Logs, NewestPages, Poster, Posting, RevokeReason, Start};
use super::relay::{Completion, Outbox, Relays, SessionKey};
use super::writer::Writer;
use crate::auth::token::Bearer;
use crate::domain::access::{Caller, ChannelAccess, Denied, Facts, MemberState, Right};
use crate::domain::log::MessageChange;
use crate::domain::{ChannelId, ServerId, UserId};
use crate::error::{Error, Noun, Result};
use crate::store::Db;
use crate::times::Times;
use actix::{Actor, AsyncContext, Context, Handler, Message};
use cache::{Memberships, SharedCache};
use gateways::{Gateway, Snapshot};
use load::{Key, Loading, Number};
use seats::Seats;
use slab::Slab;
use slots::Slots;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

const MAILBOX: usize = 16_384;
/// Questions that wait for a load before `busy`.
const WAITING_MAX: usize = 65_536;
/// Loads that run at once: with the channels' reads fewer than the pool has connections, so that calls always find one.
const LOADS_AT_ONCE: usize = 8;
/// Loads that changes wait for, beside them.
const CONFIRMS_AT_ONCE: usize = 2;

fn decide_channel<R: Right>(facts: Facts, id: ChannelId) -> Result<ChannelAccess<R>> {
    let decided: Option<Result<_, Denied>> = ChannelAccess::decide(facts, id);
    Ok(decided.ok_or(Error::NotFound(Noun::Channel))??)
}

/// What a question is about.
#[derive(Clone, Copy, Debug)]
enum Target {
    Account,
    Memberships,
    Server(ServerId),
    Channel(ChannelId),
    /// A server, and what somebody is in it.
    Member(ServerId, UserId),
}

/// What the cache knows of it.
enum Found {
    Caller(Caller),
    Memberships(Caller, Memberships),
    Facts(Facts),
    Target(Facts, Option<Arc<MemberState>>),
}

enum Reply {
    Found(oneshot::Sender<Result<Found>>),
    Attach(ChannelId, Outbox, Start, oneshot::Sender<Result<Attachment>>),
    Post(ChannelId, Posting),
    Change(ChannelId, MessageChange, Poster),
    AddGateway(Outbox, oneshot::Sender<Result<Caller>>),
}

#[derive(Message)]
#[rtype(result = "()")]
struct Ask {
    bearer: Bearer,
    target: Target,
    reply: Reply,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Apply {
    change: Change,
    completion: Completion,
}

/// What other nodes have changed, in its order, and this one, which knows.
#[derive(Message)]
#[rtype(result = "()")]
struct ApplyAll {
    changes: Vec<(Change, bool)>,
    completion: Completion,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Forget {
    change: Change,
}

#[derive(Message)]
#[rtype(result = "()")]
struct EndChannels {
    completion: Completion,
}

/// The database has another history than the one that is remembered; the answer is whether that has lost anything.
#[derive(Message)]
#[rtype(result = "bool")]
struct ReadAgain;

/// A gateway is gone.
#[derive(Message)]
#[rtype(result = "()")]
struct RemoveGateway {
    user: UserId,
    key: SessionKey,
}

/// A channel that nobody needs asks to be let go; the answer is whether it may end.
#[derive(Message)]
#[rtype(result = "bool")]
pub(super) struct Retire {
    /// Which channel.
    pub channel_id: ChannelId,
    /// How many attaches and posts it has seen: one that is still on its way keeps it alive.
    pub arrivals: u64,
}

/// A channel with life on this node.
struct RunningChannel {
    handle: ChannelHandle,
    server_id: ServerId,
    arrivals: u64,
}

/// The actor itself; see the module.
pub struct Registry {
    db: Db,
    relays: Relays,
    shared: channel::Shared,
    cache: SharedCache,
    loading: HashMap<Key, Loading>,
    /// Of the question or change that came last.
    number: Number,
    waiting: usize,
    slots: Rc<Slots>,
    confirm_slots: Rc<Slots>,
    live: HashMap<ChannelId, RunningChannel>,
    gateways: HashMap<UserId, Vec<Gateway>>,
    seats: Seats,
    snapshots: Slab<Snapshot>,
    times: Times,
    /// Whether the logs are being looked at.
    is_watching: bool,
    /// Whether they are to be looked at again.
    has_to_watch: bool,
    _vital: AbortOnPanic,
}

impl Registry {
    /// Starts the node's registry on the current thread; its channels live there too.
    pub fn start(
        db: Db,
        writer: Writer,
        relays: Relays,
        newest: NewestPages,
        times: Times,
        logs: Logs,
    ) -> RegistryHandle {
        let cache = SharedCache::default();
        let read_by_handles = cache.clone();
        let of_handles = logs.lease.clone();
        let start = |ctx: &mut Context<Self>| {
            let shared = channel::Shared::new(ctx.address(), writer, db.clone(), newest, times, logs);
            Self::new(db, relays, shared, cache, times)
        };
        let addr = Self::create(start);
        RegistryHandle { addr, cache: read_by_handles, lease: of_handles, answer_max: times.answer_max }
    }

    fn new(db: Db, relays: Relays, shared: channel::Shared, cache: SharedCache, times: Times) -> Self {
        Self {
            db,
            relays,
            shared,
            cache,
            loading: HashMap::new(),
            number: 0,
            waiting: 0,
            slots: Rc::new(Slots::new(LOADS_AT_ONCE, times.standstill_max)),
            confirm_slots: Rc::new(Slots::new(CONFIRMS_AT_ONCE, times.standstill_max)),
            live: HashMap::new(),
            gateways: HashMap::new(),
            seats: Seats::default(),
            snapshots: Slab::new(),
            times,
            is_watching: false,
            has_to_watch: false,
            _vital: AbortOnPanic("registry"),
        }
    }

    fn answer(&mut self, ask: Ask, found: Found) {
        match (ask.reply, found) {
            (Reply::Found(reply), found) => drop(reply.send(Ok(found))),
            (Reply::Attach(id, outbox, start, reply), Found::Facts(facts)) => {
                let key = outbox.key();
                // Who no longer waits for the answer has hung up, or been refused: nothing is begun that nobody would end.
                if reply.is_closed() {
                    return;
                }
                let attached = self.attach(facts, id, outbox, start);
                drop(reply.send(attached.map(|channel| Attachment::new(channel, key))));
            }
            (Reply::Post(id, posting), Found::Facts(facts)) => self.post(facts, id, posting),
            (Reply::Change(id, change, poster), Found::Facts(facts)) => self.change(facts, id, change, poster),
            (Reply::AddGateway(outbox, reply), Found::Memberships(caller, servers)) => {
                let (user, key) = (caller.id(), outbox.key());
                self.add_gateway(user, &servers, outbox);
                if reply.send(Ok(caller)).is_err() {
                    self.remove_gateway(user, key);
                }
            }
            // No question asks for one thing and is given another.
            (reply, _) => Ask { bearer: ask.bearer, target: ask.target, reply }.fail(Error::Internal),
        }
    }

    fn next_number(&mut self) -> Number {
        self.number += 1;
        self.number
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(self.times.watch_every, Self::watch_logs);
    }
}

impl Handler<Ask> for Registry {
    type Result = ();

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) {
        let number = self.next_number();
        self.step(number, ask, ctx);
    }
}

impl Handler<Apply> for Registry {
    type Result = ();

    fn handle(&mut self, apply: Apply, ctx: &mut Self::Context) {
        self.apply(apply.change, apply.completion, ctx);
    }
}

impl Handler<ApplyAll> for Registry {
    type Result = ();

    fn handle(&mut self, all: ApplyAll, ctx: &mut Self::Context) {
        for (change, is_own) in all.changes {
            if is_own {
                self.forget(&change);
            } else {
                self.apply(change, all.completion.clone(), ctx);
            }
        }
    }
}

impl Handler<EndChannels> for Registry {
    type Result = ();

    fn handle(&mut self, message: EndChannels, _: &mut Self::Context) {
        for live in self.live.values() {
            live.handle.revoke_all(RevokeReason::Restart, message.completion.clone());
        }
    }
}

impl Handler<Forget> for Registry {
    type Result = ();

    fn handle(&mut self, forget: Forget, _: &mut Self::Context) {
        self.forget(&forget.change);
    }
}

impl Handler<RemoveGateway> for Registry {
    type Result = ();

    fn handle(&mut self, message: RemoveGateway, _: &mut Self::Context) {
        self.remove_gateway(message.user, message.key);
    }
}

#[cfg(test)]
mod tests;
