//! A channel with life on this node: who is attached, what they have sent and not yet seen, and the order of its log.
//!
//! The registry starts it with the first socket and lets it go after [`IDLE`] without one. It takes posts, gives them to
//! the writer, and tells its relays what has been committed, in `seq` order: the writer answers a channel's drafts in
//! the order in which they were given. Bounds, each ending in `busy`: [`MAILBOX`] messages to come, [`UNACKED_MAX`]
//! sends of one socket that are not yet committed, the writer's queue, a relay that is behind. A panic ends the
//! channel: its sockets close with `1012`, and the next attach starts it anew from the database.

mod announce;

use super::registry::{Registry, Retire};
use super::relay::{End, Outbox, RelayHandle, SessionKey, Settling};
use super::tell;
use super::writer::{Outcome, Refused, Settled, Writer};
use crate::domain::ChannelId;
use crate::domain::access::{Author, ChannelAccess, Member};
use crate::domain::text::Content;
use crate::store::messages::Draft;
use actix::{Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, WrapFuture};
use announce::{created, refusal};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Posts on their way to a channel before `busy`.
const MAILBOX: usize = 1_024;
/// Sends of one socket that are not yet committed before `busy`.
pub const UNACKED_MAX: u32 = 64;
/// A channel ends when it has had no socket for so long.
const IDLE: Duration = Duration::from_secs(60);

/// How a session reaches its channel.
#[derive(Clone)]
pub struct ChannelHandle {
    addr: Addr<Channel>,
}

/// Why a post was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// The channel has too much to do; later it has not.
    Busy,
    /// The channel has ended.
    Gone,
}

impl ChannelHandle {
    /// Posts a message; the author's own `message.created` is the acknowledgement.
    pub fn post(&self, from: SessionKey, content: Content) -> Result<(), NotTaken> {
        self.addr.try_send(Post { from, content }).map_err(|error| match error {
            actix::prelude::SendError::Full(_) => NotTaken::Busy,
            actix::prelude::SendError::Closed(_) => NotTaken::Gone,
        })
    }

    /// Says that a socket is gone.
    pub fn detach(&self, key: SessionKey) {
        tell(&self.addr, Detach { key });
    }

    pub(super) fn attach(&self, access: ChannelAccess<Member>, outbox: Outbox) {
        tell(&self.addr, Attach { access, outbox });
    }

    pub(super) fn revoke(&self, whose: Whose, end: End, settling: Settling) {
        tell(&self.addr, Revoke { whose, end, settling });
    }

    pub(super) fn is_alive(&self) -> bool {
        self.addr.connected()
    }
}

/// Whose right ends.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// One user's, on all of the user's sockets.
    User(crate::domain::UserId),
    /// Everybody's.
    All,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Attach {
    access: ChannelAccess<Member>,
    outbox: Outbox,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Detach {
    key: SessionKey,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Post {
    from: SessionKey,
    content: Content,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Revoke {
    whose: Whose,
    end: End,
    settling: Settling,
}

struct Attached {
    author: Author,
    outbox: Outbox,
    unacked: u32,
}

/// A relay, and how many of its sockets are attached.
struct Worker {
    relay: RelayHandle,
    sockets: usize,
}

/// The actor itself; see the module.
pub struct Channel {
    id: ChannelId,
    registry: Addr<Registry>,
    writer: Writer,
    attached: HashMap<SessionKey, Attached>,
    workers: Vec<Worker>,
    /// How many attaches have been seen: the registry compares before it lets a channel go.
    attaches: u64,
    empty_since: Instant,
}

impl Channel {
    /// Starts a channel on the current thread.
    pub(super) fn start_one(id: ChannelId, registry: Addr<Registry>, writer: Writer) -> ChannelHandle {
        let channel = Self {
            id,
            registry,
            writer,
            attached: HashMap::new(),
            workers: Vec::new(),
            attaches: 0,
            empty_since: Instant::now(),
        };
        ChannelHandle { addr: channel.start() }
    }

    fn add(&mut self, access: ChannelAccess<Member>, outbox: Outbox) {
        match self.workers.iter_mut().find(|worker| worker.relay.worker() == outbox.relay.worker()) {
            Some(worker) => worker.sockets += 1,
            None => self.workers.push(Worker { relay: outbox.relay.clone(), sockets: 1 }),
        }
        outbox.join(self.id);
        let key = outbox.key;
        self.attached.insert(key, Attached { author: access.into(), outbox, unacked: 0 });
    }

    fn remove(&mut self, key: SessionKey) {
        let Some(gone) = self.attached.remove(&key) else { return };
        if let Some(at) = self.workers.iter().position(|worker| worker.relay.worker() == gone.outbox.relay.worker()) {
            self.workers[at].sockets -= 1;
            if self.workers[at].sockets == 0 {
                self.workers.swap_remove(at);
            }
        }
        self.empty_since = Instant::now();
    }

    /// Asks the registry to let this channel go, if nobody needs it.
    fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.attached.is_empty() || self.empty_since.elapsed() < IDLE {
            return;
        }
        let ask = self.registry.send(Retire { channel_id: self.id, attaches: self.attaches });
        ctx.spawn(ask.into_actor(self).map(|answer, _, ctx| {
            if matches!(answer, Ok(true)) {
                ctx.stop();
            }
        }));
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
            for (key, attached) in &self.attached {
                attached.outbox.relay.end(vec![*key], End::RESTART, settling.clone());
            }
        }
    }
}

impl Handler<Attach> for Channel {
    type Result = ();

    fn handle(&mut self, attach: Attach, _: &mut Self::Context) {
        self.attaches += 1;
        self.add(attach.access, attach.outbox);
    }
}

impl Handler<Detach> for Channel {
    type Result = ();

    fn handle(&mut self, detach: Detach, _: &mut Self::Context) {
        self.remove(detach.key);
    }
}

impl Handler<Post> for Channel {
    type Result = ();

    fn handle(&mut self, post: Post, ctx: &mut Self::Context) {
        // A socket whose right has ended is no longer attached: what it still sends is nobody's.
        let Some(from) = self.attached.get_mut(&post.from) else { return };
        if from.unacked >= UNACKED_MAX || self.workers.iter().any(|worker| worker.relay.is_behind()) {
            return from.outbox.send(refusal(Refused::Busy));
        }
        let draft = Draft::new(from.author.clone(), post.content);
        match self.writer.persist(draft, post.from, ctx.address().recipient()) {
            Ok(()) => from.unacked += 1,
            Err(refused) => from.outbox.send(refusal(refused)),
        }
    }
}

impl Handler<Settled> for Channel {
    type Result = ();

    fn handle(&mut self, settled: Settled, _: &mut Self::Context) {
        let mut frames = Vec::with_capacity(settled.drafts.len());
        for (draft, from, outcome) in &settled.drafts {
            match outcome {
                Outcome::Committed(place) => frames.extend(created(draft, place)),
                Outcome::Refused(refused) => {
                    if let Some(from) = self.attached.get(from) {
                        from.outbox.send(refusal(*refused));
                    }
                }
            }
            if outcome.is_final()
                && let Some(from) = self.attached.get_mut(from)
            {
                from.unacked = from.unacked.saturating_sub(1);
            }
        }
        if frames.is_empty() {
            return;
        }
        let frames: Arc<[_]> = frames.into();
        for worker in &self.workers {
            worker.relay.deliver(self.id, Arc::clone(&frames));
        }
    }
}

impl Handler<Revoke> for Channel {
    type Result = ();

    fn handle(&mut self, revoke: Revoke, _: &mut Self::Context) {
        let is_meant = |attached: &Attached| match revoke.whose {
            Whose::User(user) => attached.author.caller().id() == user,
            Whose::All => true,
        };
        let mut by_worker: HashMap<usize, (RelayHandle, Vec<SessionKey>)> = HashMap::new();
        for (key, attached) in self.attached.iter().filter(|(_, attached)| is_meant(attached)) {
            let relay = &attached.outbox.relay;
            by_worker.entry(relay.worker()).or_insert_with(|| (relay.clone(), Vec::new())).1.push(*key);
        }
        for (relay, keys) in by_worker.into_values() {
            keys.iter().for_each(|key| self.remove(*key));
            relay.end(keys, revoke.end, revoke.settling.clone());
        }
    }
}

#[cfg(test)]
mod tests;
