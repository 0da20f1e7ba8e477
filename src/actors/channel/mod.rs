//! A channel with life on this node: who is attached, what they have sent and not yet seen, and the order of its log.
//!
//! The registry starts it with the first socket or post and lets it go after [`Times::idle`](crate::times::Times::idle) without one. It takes posts, gives
//! them to the writer, and tells its relays what has been committed ([`outcomes`]), in `seq` order ([`sequence`]): the writer
//! answers a channel's drafts in the order in which they were given, and what the log has beside them is read ([`gaps`]). What it
//! announces it keeps for a while ([`tail`]), so that whoever comes back is served from memory ([`replay`]). Bounds, each ending in
//! `busy`: [`MAILBOX`] messages to come, the unacknowledged sends of a socket, the writer's queue, a relay that is behind,
//! [`ANSWERS_MAX`] answers that wait for a gap. A panic ends the channel: its sockets close with `1012`, and the next attach starts
//! it anew from the database.

mod announce;
mod endings;
mod following;
mod gaps;
mod handle;
mod newest;
mod outcomes;
mod pages;
mod reads;
mod replay;
mod rights;
mod sequence;
mod shared;
mod tail;

pub use announce::Posted;
pub use handle::{Attachment, ChannelHandle, NotTaken, Poster, Posting, RevokeReason, Start};
pub use newest::NewestPages;
pub use shared::{Logs, Shared};

use super::registry::Retire;
use super::relay::{Kind, Outbox, RelayHandle, SessionKey};
use crate::actors::relay::About;
use crate::domain::access::{Denied, Participant, ServerRights};
use crate::domain::{ChannelId, Seq};
use crate::error::Error;
use crate::store::log::LogWrite;
use crate::store::messages::Draft;
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use bytes::Bytes;
use handle::{Attach, Change, Forget, More, Post};
use newest::Newest;
use outcomes::Answer;
use reads::{Reads, Want};
use sequence::Sequence;
use slab::Slab;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;
use tail::{Entry, Tail};

/// Posts on their way to a channel before `busy`.
const MAILBOX: usize = 1_024;
/// Answers that wait until what comes before them in the log has been read, before `busy`.
const ANSWERS_MAX: usize = 1_024;

struct Attached {
    participant: Participant,
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
    /// What the server's roles give, as those who are attached were decided about last.
    rights: Option<Arc<ServerRights>>,
    workers: Vec<Worker>,
    /// Who waits for the outcome of a draft.
    posters: Slab<Poster>,
    /// What is announced, and in which order.
    sequence: Sequence<Entry>,
    /// What became of writes that lie behind a gap, or were answered behind one that does.
    answers: VecDeque<Answer>,
    tail: Tail,
    newest: Newest,
    reads: Reads,
    /// How many attaches and posts the registry has sent: it compares before it lets a channel go.
    arrivals: u64,
    idle_since: Instant,
    /// Since when what follows an entry is waited for.
    awaited: Option<(Option<Seq>, Instant)>,
    /// In which history of the database it has announced its log.
    history: u64,
    /// Gateways whose subscription has been ended so that they come back: what they send meanwhile is not refused for good.
    restarted: HashSet<SessionKey>,
}

impl Channel {
    /// Starts a channel on the current thread.
    pub(super) fn start_one(id: ChannelId, shared: Shared) -> ChannelHandle {
        let left = shared.heads.borrow_mut().remove(&id);
        let mut newest = shared.newest.begin(id);
        if left.is_some() && !shared.lease.is_limited() {
            newest.open();
        }
        let channel = Self {
            id,
            attached: HashMap::new(),
            rights: None,
            workers: Vec::new(),
            posters: Slab::new(),
            sequence: Sequence::new(left),
            answers: VecDeque::new(),
            tail: Tail::new(shared.node_bytes.clone()),
            newest,
            awaited: None,
            history: shared.history(),
            shared,
            reads: Reads::default(),
            arrivals: 0,
            idle_since: Instant::now(),
            restarted: HashSet::new(),
        };
        ChannelHandle::new(id, channel.start())
    }

    /// Lets a socket hear the channel from here on, after `first`.
    fn go_live(&mut self, key: SessionKey, first: Vec<Bytes>, was_behind: bool) {
        let Some(attached) = self.attached.get_mut(&key).filter(|attached| !attached.is_live) else { return };
        attached.is_live = true;
        attached.outbox.join(self.id, first, was_behind);
        let relay = attached.outbox.relay();
        match self.workers.iter_mut().find(|worker| worker.relay.worker() == relay.worker()) {
            Some(worker) => worker.sockets += 1,
            None => self.workers.push(Worker { relay: relay.clone(), sockets: 1 }),
        }
    }

    /// Asks the registry to let this channel go, if nobody needs it.
    fn retire_if_idle(&mut self, ctx: &mut Context<Self>) {
        self.restarted.clear();
        self.newest.forget_unused();
        if !self.attached.is_empty() || !self.posters.is_empty() || self.idle_since.elapsed() < self.shared.times.idle {
            return;
        }
        let ask = self.shared.registry.send(Retire { channel_id: self.id, arrivals: self.arrivals });
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
        ctx.run_interval(self.shared.times.idle / 2, Self::retire_if_idle);
    }
}

impl Handler<Attach> for Channel {
    type Result = ();

    fn handle(&mut self, attach: Attach, ctx: &mut Self::Context) {
        self.arrivals += 1;
        let Attach { access, arriving, start } = attach;
        let Some(outbox) = arriving.arrive() else { return };
        let (key, kind) = (outbox.key(), outbox.kind());
        self.remove(key);
        self.restarted.remove(&key);
        // The registry decides in order: this is no older than what was known here.
        self.rights = Some(access.rights());
        self.attached.insert(key, Attached { participant: access.into(), outbox: outbox.clone(), is_live: false });
        match (kind, start) {
            // Others write as well: what it hears begins where the log ends now.
            (Kind::Channel, Start::Live) if self.shared.lease.is_limited() && self.sequence.head().is_none() => {
                self.wait_for_head(key, Want::Live, ctx);
            }
            (Kind::Channel, Start::Live) => {
                self.go_live(key, Vec::new(), false);
                self.learn_head(ctx);
            }
            (Kind::Channel, Start::After(after)) => {
                outbox.open();
                self.resume(key, after, ctx);
            }
            (Kind::Gateway, start) => self.subscribe(key, start, ctx),
        }
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
        self.newest.forget();
        self.reads.clear();
        self.sequence.drop_held();
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
                Ok(author)
            }
            // A socket whose right has ended is no longer attached.
            (None, Poster::Socket(send)) => {
                let from = self.attached.get(&send.outbox().key());
                from.map_or(Err(Denied::NotMember), |from| from.participant.author())
            }
            (None, _) => Err(Denied::NotMember),
        };
        let is_coming_back = matches!(&poster, Poster::Socket(send) if self.restarted.contains(&send.outbox().key()));
        let nonce = message.nonce.clone();
        let about = About { nonce: nonce.as_deref(), channel_id: Some(self.id) };
        let author = match author {
            Ok(author) => author,
            Err(_) if is_coming_back => return poster.refuse(Error::Unavailable, about),
            Err(denied) => return poster.refuse(denied.into(), about),
        };
        if !self.may_tell() {
            return poster.refuse(Error::Unavailable, about);
        }
        if self.is_congested() {
            return poster.refuse(Error::Busy, about);
        }
        self.persist(LogWrite::Message(Draft::new(author, message)), poster, about, ctx);
    }
}

impl Handler<Change> for Channel {
    type Result = ();

    fn handle(&mut self, change: Change, ctx: &mut Self::Context) {
        self.arrivals += 1;
        self.idle_since = Instant::now();
        let Change { draft, poster } = change;
        let nonce = if let Poster::Command(_, nonce) = &poster { nonce.clone() } else { None };
        let about = About { nonce: nonce.as_deref(), channel_id: Some(self.id) };
        if self.is_congested() {
            return poster.refuse(Error::Busy, about);
        }
        self.persist(LogWrite::Change(draft), poster, about, ctx);
    }
}

impl Channel {
    /// Whether what is known of rights here is true.
    fn may_tell(&self) -> bool {
        self.shared.lease.is_held()
    }

    /// Whether those who hear the log, or wait for answers, have to come after it first.
    fn is_congested(&self) -> bool {
        self.answers.len() >= ANSWERS_MAX || self.workers.iter().any(|worker| worker.relay.is_behind())
    }

    fn persist(&mut self, write: LogWrite, poster: Poster, about: About<'_>, ctx: &mut Context<Self>) {
        let ticket = self.posters.insert(poster);
        if let Err(refused) = self.shared.writer.persist(Arc::new(write), ticket, ctx.address().recipient()) {
            self.posters.remove(ticket).refuse(refused.into(), about);
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
