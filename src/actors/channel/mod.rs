//! A channel with life on this node: who is attached, what they have sent and not yet seen, and the order of its log.
//!
//! The registry starts it with the first socket or post and lets it go after [`IDLE`] without one. It takes posts, gives
//! them to the writer, and tells its relays what has been committed, in `seq` order: the writer answers a channel's
//! drafts in the order in which they were given. What it announces it keeps for a while ([`tail`]), so that whoever comes
//! back is served from memory ([`replay`]). Bounds, each ending in `busy`: [`MAILBOX`] messages to come, the unacknowledged
//! sends of a socket, the writer's queue, a relay that is behind. A panic ends the channel: its sockets close with `1012`,
//! and the next attach starts it anew from the database.

mod announce;
mod handle;
mod pages;
mod replay;
mod tail;

pub use announce::Posted;
pub use handle::{ChannelHandle, NotTaken, Poster, Posting, Start, Why};

use super::registry::{Registry, Retire};
use super::relay::frame::{About, encode};
use super::relay::{End, Kind, Outbox, RelayHandle, SessionKey, Topic};
use super::writer::{Outcome, Settled, Writer};
use crate::domain::access::Author;
use crate::domain::frame::{Frame, Revoked};
use crate::domain::{ChannelId, UserId};
use crate::error::Error;
use crate::store::Db;
use crate::store::messages::Draft;
use actix::{Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, WrapFuture};
use announce::created;
use handle::{Attach, Detach, Forget, More, Post, Revoke, Whose};
use pages::Pages;
use replay::Reads;
use slab::Slab;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tail::{NodeBytes, Tail};
use tokio::sync::Semaphore;

/// Posts on their way to a channel before `busy`.
const MAILBOX: usize = 1_024;
/// A channel ends when nobody has needed it for so long.
const IDLE: Duration = Duration::from_secs(60);
/// Reads of logs that run at once on a node: fewer than the pool has connections.
const READS_AT_ONCE: usize = 4;

/// What all channels of a node share; they live on one thread.
#[derive(Clone)]
pub struct Shared {
    registry: Addr<Registry>,
    writer: Writer,
    db: Db,
    read_slots: Rc<Semaphore>,
    pages: Pages,
    node_bytes: NodeBytes,
}

impl Shared {
    pub(super) fn new(registry: Addr<Registry>, writer: Writer, db: Db) -> Self {
        let read_slots = Rc::new(Semaphore::new(READS_AT_ONCE));
        Self { registry, writer, db, read_slots, pages: Pages::default(), node_bytes: NodeBytes::default() }
    }

    /// A name has been erased: what was read of the logs is forgotten. The channels have to forget their own as well.
    pub(super) fn forget(&self) {
        self.pages.clear();
    }
}

struct Attached {
    author: Author,
    outbox: Outbox,
    /// Whether it hears the channel; before that it is being told what it has missed.
    is_live: bool,
}

/// A relay, and how many of its sockets hear the channel.
struct Worker {
    relay: RelayHandle,
    sockets: usize,
}

/// The actor itself; see the module.
pub struct Channel {
    id: ChannelId,
    shared: Shared,
    attached: HashMap<SessionKey, Attached>,
    workers: Vec<Worker>,
    /// Who waits for the outcome of a draft.
    posters: Slab<Poster>,
    tail: Tail,
    reads: Reads,
    /// How many attaches and posts the registry has sent: it compares before it lets a channel go.
    arrivals: u64,
    idle_since: Instant,
}

impl Channel {
    /// Starts a channel on the current thread.
    pub(super) fn start_one(id: ChannelId, shared: Shared) -> ChannelHandle {
        let channel = Self {
            id,
            attached: HashMap::new(),
            workers: Vec::new(),
            posters: Slab::new(),
            tail: Tail::new(shared.node_bytes.clone()),
            shared,
            reads: Reads::default(),
            arrivals: 0,
            idle_since: Instant::now(),
        };
        ChannelHandle::new(id, channel.start())
    }

    /// Lets a socket hear the channel from here on, after `first`.
    fn go_live(&mut self, key: SessionKey, first: Vec<bytes::Bytes>, was_behind: bool) {
        let Some(attached) = self.attached.get_mut(&key).filter(|attached| !attached.is_live) else { return };
        attached.is_live = true;
        attached.outbox.join(self.id, first, was_behind);
        let relay = attached.outbox.relay();
        match self.workers.iter_mut().find(|worker| worker.relay.worker() == relay.worker()) {
            Some(worker) => worker.sockets += 1,
            None => self.workers.push(Worker { relay: relay.clone(), sockets: 1 }),
        }
    }

    fn remove(&mut self, key: SessionKey) {
        self.idle_since = Instant::now();
        // What it waited for is not for the next one of this key.
        self.reads.forget(key);
        let Some(gone) = self.attached.remove(&key).filter(|gone| gone.is_live) else { return };
        let worker_of = |worker: &Worker| worker.relay.worker() == gone.outbox.relay().worker();
        if let Some(at) = self.workers.iter().position(worker_of) {
            self.workers[at].sockets -= 1;
            if self.workers[at].sockets == 0 {
                self.workers.swap_remove(at);
            }
        }
    }

    /// Asks the registry to let this channel go, if nobody needs it.
    fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.attached.is_empty() || !self.posters.is_empty() || self.idle_since.elapsed() < IDLE {
            return;
        }
        let ask = self.shared.registry.send(Retire { channel_id: self.id, arrivals: self.arrivals });
        ctx.spawn(ask.into_actor(self).map(|answer, _, ctx| {
            if matches!(answer, Ok(true)) {
                ctx.stop();
            }
        }));
    }

    /// What was committed before `seq` has not all been announced here (another node made it, or a channel that
    /// panicked): whoever is attached comes back and is told all of it. Never a silent hole.
    fn end_if_behind(&mut self, seq: i64) {
        if self.tail.head().is_none_or(|head| seq == head + 1) || self.attached.is_empty() {
            return;
        }
        tracing::warn!(channel_id = %self.id, seq, "the log went on without this node: its sockets resume");
        let (settling, _) = tokio::sync::mpsc::channel(1);
        let keys = self.attached.keys().copied().collect();
        self.end(keys, Why::Restart, &settling);
    }

    /// Ends what `keys` have of this channel: the socket, or a gateway's subscription.
    fn end(&mut self, keys: Vec<SessionKey>, why: Why, settling: &super::relay::Settling) {
        let mut by_worker: HashMap<(u32, bool), (RelayHandle, Vec<SessionKey>)> = HashMap::new();
        for key in keys {
            let Some(attached) = self.attached.get(&key) else { continue };
            let relay = attached.outbox.relay();
            let is_gateway = attached.outbox.kind() == Kind::Gateway;
            by_worker.entry((relay.worker(), is_gateway)).or_insert_with(|| (relay.clone(), Vec::new())).1.push(key);
            self.remove(key);
        }
        for ((_, is_gateway), (relay, keys)) in by_worker {
            if is_gateway {
                let last = encode(&Frame::Unsubscribed { channel_id: self.id, reason: Some(why.into()) });
                relay.unseat(keys, Topic::Channel(self.id), last, settling.clone());
            } else {
                relay.end(keys, why.into(), settling.clone());
            }
        }
    }
}

impl From<Why> for End {
    fn from(why: Why) -> Self {
        match why {
            Why::Left => Self::REVOKED,
            Why::Deleted => Self::GONE,
            Why::Restart => Self::RESTART,
        }
    }
}

impl From<Why> for Revoked {
    fn from(why: Why) -> Self {
        match why {
            Why::Left => Self::NotAMember,
            Why::Deleted => Self::ChannelNotFound,
            Why::Restart => Self::Restart,
        }
    }
}

impl Actor for Channel {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(IDLE / 2, Self::retire_if_idle);
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(channel_id = %self.id, "a channel panicked: its sockets are ended and may resume");
            let (settling, _) = tokio::sync::mpsc::channel(1);
            let keys = self.attached.keys().copied().collect();
            self.end(keys, Why::Restart, &settling);
        }
    }
}

impl Handler<Attach> for Channel {
    type Result = ();

    fn handle(&mut self, attach: Attach, ctx: &mut Self::Context) {
        self.arrivals += 1;
        let Attach { access, outbox, start } = attach;
        let (key, kind) = (outbox.key(), outbox.kind());
        self.attached.insert(key, Attached { author: access.into(), outbox: outbox.clone(), is_live: false });
        match (kind, start) {
            (Kind::Channel, Start::Live) => self.go_live(key, Vec::new(), false),
            (Kind::Channel, Start::After(after)) => {
                outbox.open();
                self.resume(key, after, ctx);
            }
            (Kind::Gateway, start) => self.subscribe(key, start, ctx),
        }
    }
}

impl Handler<Detach> for Channel {
    type Result = ();

    fn handle(&mut self, detach: Detach, _: &mut Self::Context) {
        let Some(attached) = self.attached.get(&detach.key) else { return };
        if let Some((last, settling)) = detach.unsubscribed {
            attached.outbox.relay().unseat(vec![detach.key], Topic::Channel(self.id), last, settling);
        }
        self.remove(detach.key);
    }
}

impl Handler<More> for Channel {
    type Result = ();

    fn handle(&mut self, more: More, ctx: &mut Self::Context) {
        self.resume(more.key, more.after, ctx);
    }
}

impl Handler<Forget> for Channel {
    type Result = ();

    fn handle(&mut self, _: Forget, _: &mut Self::Context) {
        self.tail.clear();
        self.reads.clear();
    }
}

impl Handler<Post> for Channel {
    type Result = ();

    fn handle(&mut self, post: Post, ctx: &mut Self::Context) {
        let Posting { message, poster } = post.posting;
        let author = match (post.author, &poster) {
            (Some(author), _) => {
                self.arrivals += 1;
                self.idle_since = Instant::now();
                Some(author)
            }
            // A socket whose right has ended is no longer attached.
            (None, Poster::Socket(outbox)) => self.attached.get(&outbox.key()).map(|from| from.author.clone()),
            (None, _) => None,
        };
        let nonce = message.nonce.clone();
        let about = About { nonce: nonce.as_ref().map(|nonce| nonce.as_str()), channel_id: Some(self.id) };
        let Some(author) = author else {
            return poster.refuse(crate::domain::access::Denied::NotMember.into(), about);
        };
        if self.workers.iter().any(|worker| worker.relay.is_behind()) {
            return poster.refuse(Error::Busy, about);
        }
        let draft = Arc::new(Draft::new(author, message));
        let ticket = self.posters.insert(poster);
        if let Err(refused) = self.shared.writer.persist(draft, ticket, ctx.address().recipient()) {
            self.posters.remove(ticket).refuse(refused.into(), about);
        }
    }
}

impl Handler<Settled> for Channel {
    type Result = ();

    fn handle(&mut self, settled: Settled, ctx: &mut Self::Context) {
        // Before the events: who sees its own message may send the next.
        for (_, ticket, outcome) in &settled.drafts {
            if let Some(Poster::Socket(outbox)) = self.posters.get(*ticket).filter(|_| outcome.is_final()) {
                outbox.end_send();
            }
        }
        let mut frames = Vec::with_capacity(settled.drafts.len());
        for (draft, _, outcome) in &settled.drafts {
            if let Outcome::Committed(place) = outcome {
                self.end_if_behind(place.seq);
                let frame = created(draft, place, None);
                self.tail.push(place.seq, frame.clone());
                frames.push(frame);
            }
        }
        if !frames.is_empty() {
            let frames: Arc<[_]> = frames.into();
            for worker in &self.workers {
                worker.relay.deliver(Topic::Channel(self.id), Arc::clone(&frames));
            }
        }
        // After the events: who is acknowledged has seen them.
        for (draft, ticket, outcome) in &settled.drafts {
            if let Some(poster) = self.posters.get_mut(*ticket) {
                poster.answer(draft, *outcome);
            }
            if outcome.is_final() {
                self.posters.try_remove(*ticket);
            }
        }
        self.announced(ctx);
    }
}

impl Handler<Revoke> for Channel {
    type Result = ();

    fn handle(&mut self, revoke: Revoke, _: &mut Self::Context) {
        let is_meant = |user: UserId| match revoke.whose {
            Whose::User(whose) => user == whose,
            Whose::All => true,
        };
        let meant = self.attached.iter().filter(|(_, attached)| is_meant(attached.author.caller().id()));
        let keys = meant.map(|(key, _)| *key).collect();
        self.end(keys, revoke.why, &revoke.settling);
    }
}

#[cfg(test)]
mod tests;
