//! The relay: one per worker thread, owner of that thread's sockets.
//!
//! It takes one message per event and worker, and writes the shared bytes straight to its sockets, once its mailbox is
//! drained, so that queued events share a system call. A socket that blocks is left to its session.
//!
//! Order: what a channel sends arrives in that order. Bound: a channel stops taking posts while a relay has
//! [`BACKLOG_MAX`] events of it to come. A panic ends the node.

mod close_frame;
mod drain;
mod error_frame;
mod handle;
mod room;
mod socket;
mod table;

pub use error_frame::{About, error_frame};
pub use handle::{Completion, Hears, Kind, OpenSend, Outbox, RelayHandle, Relays, SessionKey, UNACKED_MAX};
pub use socket::{Notice, Socket};
pub use table::{RelayPort, Topic};

use super::AbortOnPanic;
use crate::domain::UserId;
use crate::domain::auth_session::Ended;
use crate::domain::close::End;
use crate::patience::worker_now;
use crate::times::Times;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use bytes::Bytes;
use drain::{DRAIN_EVERY, Drain};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use table::Table;
use tokio::time::Instant;

/// Events on their way to one relay before channels answer `busy`.
pub const BACKLOG_MAX: usize = 10_000;
/// Room after a second's start, so that a sweep never comes just before it.
const AFTER_SECOND: Duration = Duration::from_millis(2);

#[derive(Message)]
#[rtype(result = "()")]
struct Deliver {
    topic: Topic,
    frames: Arc<[Bytes]>,
    to: Hears,
}

/// News for every socket that hears the topic.
#[derive(Message)]
#[rtype(result = "()")]
struct DeliverNews {
    topic: Topic,
    frame: Bytes,
    _completion: Completion,
}

/// News for every socket that hears one of the topics, and for these others.
#[derive(Message)]
#[rtype(result = "()")]
struct DeliverOnce {
    topics: Arc<[Topic]>,
    others: Vec<SessionKey>,
    frame: Bytes,
    _completion: Completion,
}

/// Something about one socket.
#[derive(Message)]
#[rtype(result = "()")]
struct ToSocket {
    key: SessionKey,
    what: SocketCommand,
}

enum SocketCommand {
    /// Answer the handshake.
    Open,
    /// Write these, then hear the topic.
    Join { topic: Topic, first: Vec<Bytes>, notice: Option<Notice> },
    /// Write these; tell the session how far they go.
    Replay { frames: Vec<Bytes>, notice: Notice },
    /// Write this.
    Send(Bytes),
}

/// These sockets no longer hear the topic.
#[derive(Message)]
#[rtype(result = "()")]
struct Unsubscribe {
    keys: Vec<SessionKey>,
    topic: Topic,
    last: Bytes,
    _completion: Completion,
}

/// This socket no longer hears the topic.
#[derive(Message)]
#[rtype(result = "()")]
struct UnsubscribeSilently {
    key: SessionKey,
    topic: Topic,
}

/// Nobody hears the topic any more.
#[derive(Message)]
#[rtype(result = "()")]
struct CloseTopic {
    topic: Topic,
    last: Bytes,
    _completion: Completion,
}

/// Which sockets end.
enum EndScope {
    These(Vec<SessionKey>),
    User(UserId, Ended),
    All,
}

#[derive(Message)]
#[rtype(result = "()")]
struct EndSockets {
    whom: EndScope,
    end: End,
    _completion: Completion,
}

/// The sockets that are open now end one after another.
#[derive(Message)]
#[rtype(result = "()")]
struct DrainSockets {
    over: Duration,
    completion: Completion,
}

#[derive(Message)]
#[rtype(result = "usize")]
struct CountOpen;

/// The actor itself; see the module.
pub struct Relay {
    worker: u32,
    table: Rc<RefCell<Table>>,
    backlog: Arc<AtomicUsize>,
    flush_is_due: bool,
    _vital: AbortOnPanic,
}

impl Relay {
    /// Starts the relay of the current thread.
    pub fn start_here(worker: usize, times: Times) -> RelayPort {
        let backlog = Arc::new(AtomicUsize::new(0));
        let table = Rc::new(RefCell::new(Table::new(times)));
        let worker = u32::try_from(worker).unwrap_or(u32::MAX);
        let relay = Self {
            worker,
            table: table.clone(),
            backlog: backlog.clone(),
            flush_is_due: false,
            _vital: AbortOnPanic("relay"),
        };
        RelayPort::new(RelayHandle::new(worker, relay.start(), backlog), table)
    }

    /// Futures of a context are polled after its mailbox is empty: the flush comes after all that waits.
    fn schedule_flush(&mut self, ctx: &mut Context<Self>) {
        if !self.flush_is_due {
            self.flush_is_due = true;
            ctx.spawn(async {}.into_actor(self).map(|(), relay, _| {
                relay.flush_is_due = false;
                relay.table.borrow_mut().flush();
            }));
        }
    }

    fn go_on_draining(mut drain: Drain, began: Instant, ctx: &mut Context<Self>) {
        if drain.is_over() {
            return;
        }
        ctx.run_later(DRAIN_EVERY, move |relay, ctx| {
            let ended = drain.take(worker_now().saturating_duration_since(began));
            relay.table.borrow_mut().end(&ended, End::DRAINED);
            Self::go_on_draining(drain, began, ctx);
        });
    }

    /// Tokens expire at whole seconds of the wall clock: the sweeps are just after them.
    fn schedule_sweep(ctx: &mut Context<Self>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let to_second = Duration::from_secs(1) - Duration::from_nanos(u64::from(now.subsec_nanos()));
        ctx.run_later(to_second + AFTER_SECOND, |relay, ctx| {
            // Its clock is told that time passes.
            worker_now();
            relay.table.borrow_mut().sweep();
            Self::schedule_sweep(ctx);
        });
    }
}

impl Actor for Relay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        Self::schedule_sweep(ctx);
    }
}

impl Handler<Deliver> for Relay {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Self::Context) {
        self.backlog.fetch_sub(deliver.frames.len(), Ordering::Relaxed);
        self.table.borrow_mut().deliver(deliver.topic, &deliver.frames, deliver.to);
        self.schedule_flush(ctx);
    }
}

impl Handler<DeliverNews> for Relay {
    type Result = ();

    fn handle(&mut self, news: DeliverNews, ctx: &mut Self::Context) {
        self.backlog.fetch_sub(1, Ordering::Relaxed);
        self.table.borrow_mut().deliver(news.topic, &[news.frame], Hears::Messages);
        self.schedule_flush(ctx);
    }
}

impl Handler<DeliverOnce> for Relay {
    type Result = ();

    fn handle(&mut self, deliver: DeliverOnce, ctx: &mut Self::Context) {
        self.backlog.fetch_sub(1, Ordering::Relaxed);
        self.table.borrow_mut().deliver_once(&deliver.topics, &deliver.others, &deliver.frame);
        self.schedule_flush(ctx);
    }
}

impl Handler<ToSocket> for Relay {
    type Result = ();

    fn handle(&mut self, to: ToSocket, ctx: &mut Self::Context) {
        let mut table = self.table.borrow_mut();
        match to.what {
            SocketCommand::Open => table.open(to.key),
            SocketCommand::Join { topic, first, notice } => table.join(to.key, topic, first, notice),
            SocketCommand::Replay { frames, notice } => table.replay(to.key, frames, notice),
            SocketCommand::Send(frame) => {
                table.send(to.key, frame);
                drop(table);
                self.schedule_flush(ctx);
            }
        }
    }
}

impl Handler<Unsubscribe> for Relay {
    type Result = ();

    fn handle(&mut self, message: Unsubscribe, _: &mut Self::Context) {
        self.table.borrow_mut().unsubscribe(&message.keys, message.topic, &message.last);
    }
}

impl Handler<UnsubscribeSilently> for Relay {
    type Result = ();

    fn handle(&mut self, message: UnsubscribeSilently, _: &mut Self::Context) {
        self.table.borrow_mut().unsubscribe_silently(message.key, message.topic);
    }
}

impl Handler<CloseTopic> for Relay {
    type Result = ();

    fn handle(&mut self, message: CloseTopic, _: &mut Self::Context) {
        self.table.borrow_mut().close(message.topic, message.last);
    }
}

impl Handler<EndSockets> for Relay {
    type Result = ();

    fn handle(&mut self, message: EndSockets, _: &mut Self::Context) {
        let mut table = self.table.borrow_mut();
        match message.whom {
            EndScope::These(keys) => table.end(&keys, message.end),
            EndScope::User(user, ended) => table.end_user(user, &ended, message.end),
            EndScope::All => table.end_all(message.end),
        }
    }
}

impl Handler<DrainSockets> for Relay {
    type Result = ();

    fn handle(&mut self, message: DrainSockets, ctx: &mut Self::Context) {
        let sockets = self.table.borrow().opened(self.worker);
        Self::go_on_draining(Drain::new(sockets, message.over, message.completion), worker_now(), ctx);
    }
}

impl Handler<CountOpen> for Relay {
    type Result = usize;

    fn handle(&mut self, _: CountOpen, _: &mut Self::Context) -> usize {
        self.table.borrow().len()
    }
}

#[cfg(test)]
mod tests;
