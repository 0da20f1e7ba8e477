//! The registry: who may do what on this node, and which channels have life here.
//!
//! It answers from a bounded cache and loads what is missing, one load a key at a time however many ask. It is exact
//! after every change made through this node: a change forgets its keys, and a load that was under way when its key was
//! forgotten is made again. It alone makes [`Caller`] and [`ServerAccess`]. It also attaches sockets to channels,
//! in the same turn in which it decides that they may, so that no leave can come between.
//!
//! Bounds: the cache's weights, [`MAILBOX`] questions to come and [`WAITING_MAX`] that wait for a load; beyond them
//! [`Error::Busy`]. A panic ends the node.

mod attach;
mod cache;
mod load;

use super::Vital;
use super::channel::{ChannelHandle, Whose};
use super::relay::{End, Outbox, RelayHandle, Settling};
use super::writer::Writer;
use crate::auth::token::Bearer;
use crate::domain::access::{Caller, ChannelAccess, Denied, Facts, Right, ServerAccess};
use crate::domain::{ChannelId, ServerId, UserId};
use crate::error::{Error, Noun, Result};
use crate::store::Db;
use actix::{Actor, Addr, Context, Handler, Message};
use cache::Cache;
use load::{Key, Loading};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

const MAILBOX: usize = 16_384;
/// Questions that wait for a load before `busy`.
const WAITING_MAX: usize = 65_536;
/// Loads that run at once: fewer than the pool has connections, so that calls always find one.
const LOADS_AT_ONCE: usize = 12;
/// As long as a change may take to reach every socket before its answer goes out all the same.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How the rest of the node asks the registry.
#[derive(Clone)]
pub struct RegistryHandle {
    addr: Addr<Registry>,
}

/// Something that has been committed, for the registry to make true on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A user joined a server.
    Joined(UserId, ServerId),
    /// A user left a server: the user's sockets in its channels close.
    Left(UserId, ServerId),
    /// A server's fields or its list of channels changed.
    ServerChanged(ServerId),
    /// A server is gone: the sockets in its channels close.
    ServerDeleted(ServerId),
    /// A channel is gone: its sockets close.
    ChannelDeleted(ServerId, ChannelId),
}

impl RegistryHandle {
    /// Who the bearer of a good token is.
    ///
    /// # Errors
    /// `invalid_token` when the account is gone.
    pub async fn caller(&self, bearer: Bearer) -> Result<Caller> {
        match self.ask(bearer, Target::Account).await? {
            Found::Caller(caller) => Ok(caller),
            Found::Facts(facts) => Ok(facts.caller),
        }
    }

    /// The right `R` to a server.
    pub async fn server<R: Right>(&self, bearer: Bearer, id: ServerId) -> Result<ServerAccess<R>> {
        match self.ask(bearer, Target::Server(id)).await? {
            Found::Facts(facts) => Ok(ServerAccess::decide(facts)?),
            Found::Caller(_) => Err(Error::NotFound(Noun::Server)),
        }
    }

    /// The right `R` to a channel.
    pub async fn channel<R: Right>(&self, bearer: Bearer, id: ChannelId) -> Result<ChannelAccess<R>> {
        match self.ask(bearer, Target::Channel(id)).await? {
            Found::Facts(facts) => decide_channel(facts, id),
            Found::Caller(_) => Err(Error::NotFound(Noun::Channel)),
        }
    }

    /// Attaches a socket to a channel that its user may read.
    pub async fn attach(&self, bearer: Bearer, id: ChannelId, outbox: Outbox) -> Result<ChannelHandle> {
        let (reply, answer) = oneshot::channel();
        self.send(Ask { user: bearer.user_id, target: Target::Channel(id), reply: Reply::Attach(id, outbox, reply) })?;
        answer.await.unwrap_or(Err(Error::Unavailable))
    }

    /// Makes a committed change true here. Returns when every later question is answered by it and no later event
    /// reaches a socket whose right it ended.
    pub async fn apply(&self, change: Change) {
        let (settling, settled) = mpsc::channel(1);
        if self.addr.send(Apply { change, settling }).await.is_err() {
            tracing::error!(?change, "the registry is gone");
        }
        settle(settled).await;
    }

    /// Forgets what a change would have changed: for a commit whose outcome is not known.
    pub async fn forget(&self, change: Change) {
        let _ = self.addr.send(Forget { change }).await;
    }

    /// Ends every socket of the node, after what its channels still have to say; returns when all have been told.
    pub async fn end_all(&self, relays: &[RelayHandle], end: End) {
        let (settling, settled) = mpsc::channel(1);
        let _ = self.addr.send(EndChannels { end, settling }).await;
        settle(settled).await;
        let (settling, settled) = mpsc::channel(1);
        relays.iter().for_each(|relay| relay.end_all(end, settling.clone()));
        drop(settling);
        settle(settled).await;
    }

    #[cfg(test)]
    pub(super) fn into_addr(self) -> Addr<Registry> {
        self.addr
    }

    async fn ask(&self, bearer: Bearer, target: Target) -> Result<Found> {
        let (reply, answer) = oneshot::channel();
        self.send(Ask { user: bearer.user_id, target, reply: Reply::Found(reply) })?;
        answer.await.unwrap_or(Err(Error::Unavailable))
    }

    fn send(&self, ask: Ask) -> Result<()> {
        self.addr.try_send(ask).map_err(|_| Error::Busy)
    }
}

/// Waits until every copy of a [`Settling`] is gone.
async fn settle(mut settled: mpsc::Receiver<()>) {
    if tokio::time::timeout(SETTLE_MAX, settled.recv()).await.is_err() {
        tracing::warn!("a change has not reached every socket in time");
    }
}

fn decide_channel<R: Right>(facts: Facts, id: ChannelId) -> Result<ChannelAccess<R>> {
    let decided: Option<Result<_, Denied>> = ChannelAccess::decide(facts, id);
    Ok(decided.ok_or(Error::NotFound(Noun::Channel))??)
}

/// What a question is about.
#[derive(Clone, Copy, Debug)]
enum Target {
    Account,
    Server(ServerId),
    Channel(ChannelId),
}

/// What the cache knows of it.
enum Found {
    Caller(Caller),
    Facts(Facts),
}

enum Reply {
    Found(oneshot::Sender<Result<Found>>),
    Attach(ChannelId, Outbox, oneshot::Sender<Result<ChannelHandle>>),
}

#[derive(Message)]
#[rtype(result = "()")]
struct Ask {
    user: UserId,
    target: Target,
    reply: Reply,
}

impl Ask {
    fn fail(self, error: Error) {
        // Whoever asked may have hung up.
        match self.reply {
            Reply::Found(reply) => drop(reply.send(Err(error))),
            Reply::Attach(_, _, reply) => drop(reply.send(Err(error))),
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Apply {
    change: Change,
    settling: Settling,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Forget {
    change: Change,
}

#[derive(Message)]
#[rtype(result = "()")]
struct EndChannels {
    end: End,
    settling: Settling,
}

/// A channel without sockets asks to be let go; the answer is whether it may end.
#[derive(Message)]
#[rtype(result = "bool")]
pub(super) struct Retire {
    /// Which channel.
    pub channel_id: ChannelId,
    /// How many attaches it has seen: one that is still on its way keeps it alive.
    pub attaches: u64,
}

/// A channel with life on this node.
struct Live {
    handle: ChannelHandle,
    server_id: ServerId,
    attaches: u64,
}

/// The actor itself; see the module.
pub struct Registry {
    db: Db,
    writer: Writer,
    cache: Cache,
    loading: HashMap<Key, Loading>,
    waiting: usize,
    slots: Rc<Semaphore>,
    live: HashMap<ChannelId, Live>,
    _vital: Vital,
}

impl Registry {
    /// Starts the node's registry on the current thread; its channels live there too.
    pub fn start(db: Db, writer: Writer) -> RegistryHandle {
        let registry = Self {
            db,
            writer,
            cache: Cache::default(),
            loading: HashMap::new(),
            waiting: 0,
            slots: Rc::new(Semaphore::new(LOADS_AT_ONCE)),
            live: HashMap::new(),
            _vital: Vital("registry"),
        };
        RegistryHandle { addr: Actor::start(registry) }
    }

    /// Answers a question, or lets it wait for what it needs.
    fn step(&mut self, ask: Ask, ctx: &mut Context<Self>) {
        match self.cache.find(ask.user, ask.target) {
            Ok(found) => self.answer(ask, found, ctx),
            Err(missing) => self.wait(missing, ask, ctx),
        }
    }

    fn answer(&mut self, ask: Ask, found: Found, ctx: &mut Context<Self>) {
        match (ask.reply, found) {
            (Reply::Found(reply), found) => drop(reply.send(Ok(found))),
            (Reply::Attach(id, outbox, reply), Found::Facts(facts)) => {
                drop(reply.send(self.attach(facts, id, outbox, ctx)));
            }
            (Reply::Attach(_, _, reply), Found::Caller(_)) => drop(reply.send(Err(Error::NotFound(Noun::Channel)))),
        }
    }

    /// Forgets what a change touches, also in loads that are under way.
    fn forget(&mut self, change: Change) {
        let keys: &[Key] = match change {
            Change::Joined(user, server) | Change::Left(user, server) => &[Key::Member(user, server)],
            Change::ServerChanged(server) | Change::ServerDeleted(server) => &[Key::Server(server)],
            Change::ChannelDeleted(server, channel) => &[Key::Server(server), Key::Channel(channel)],
        };
        for key in keys {
            self.cache.forget(*key);
            if let Some(loading) = self.loading.get_mut(key) {
                loading.is_stale = true;
            }
        }
    }

    /// Ends the sockets whose right a change has ended.
    fn revoke(&mut self, change: Change, settling: &Settling) {
        let (server, whose, end) = match change {
            Change::Left(user, server) => (server, Whose::User(user), End::REVOKED),
            Change::ServerDeleted(server) => (server, Whose::All, End::GONE),
            Change::ChannelDeleted(_, channel) => {
                if let Some(live) = self.live.get(&channel) {
                    live.handle.revoke(Whose::All, End::GONE, settling.clone());
                }
                return;
            }
            Change::Joined(..) | Change::ServerChanged(_) => return,
        };
        for live in self.live.values().filter(|live| live.server_id == server) {
            live.handle.revoke(whose, end, settling.clone());
        }
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Ask> for Registry {
    type Result = ();

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) {
        self.step(ask, ctx);
    }
}

impl Handler<Apply> for Registry {
    type Result = ();

    fn handle(&mut self, apply: Apply, _: &mut Self::Context) {
        self.forget(apply.change);
        self.revoke(apply.change, &apply.settling);
    }
}

impl Handler<EndChannels> for Registry {
    type Result = ();

    fn handle(&mut self, message: EndChannels, _: &mut Self::Context) {
        for live in self.live.values() {
            live.handle.revoke(Whose::All, message.end, message.settling.clone());
        }
    }
}

impl Handler<Forget> for Registry {
    type Result = ();

    fn handle(&mut self, forget: Forget, _: &mut Self::Context) {
        self.forget(forget.change);
    }
}
