//! Writers: each owns one PostgreSQL connection and has one batch in flight.
//!
//! What waits is written in two transactions (first its messages, then its changes of messages; at most [`BATCH_ROWS`] rows or
//! [`BATCH_BYTES`]), then answered in order; a
//! channel always goes to the same writer, so its log keeps the order of its posts. Bounds: the queue
//! ([`QUEUE_ROWS`] or [`QUEUE_BYTES`], then [`Refused::Busy`]) and the wait ([`UNSENT_MAX`] before a batch, then
//! [`Refused::Unavailable`]; [`WAIT_MAX`] with the batch, then [`Refused::Unconfirmed`]).
//! A commit whose answer was lost is looked up in the ledger. A panic ends the node.

mod became;
mod link;
mod queue;
mod run;

use crate::actors::AbortOnPanic;
use crate::domain::log::{ChangeRefused, MadeChange};
use crate::domain::{ChannelId, Seq};
use crate::store::Target;
use crate::store::log::LogWrite;
use crate::store::messages::{Known, Place};
use crate::times::Times;
use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Recipient, WrapFuture};
use queue::{Queue, Waiting};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The most rows of a batch.
pub const BATCH_ROWS: usize = 1_000;
/// The most bytes of content in a batch.
pub const BATCH_BYTES: usize = 1 << 20;
/// The most drafts that wait for one writer.
pub const QUEUE_ROWS: usize = 10_000;
/// The most bytes of content that wait for one writer.
pub const QUEUE_BYTES: usize = 16 << 20;
/// As long as a draft waits to be given to PostgreSQL: later there is no time left for its answer.
pub const UNSENT_MAX: Duration = Duration::from_millis(800);
/// As long as a sender waits for an answer, less the time that it takes to arrive.
pub const WAIT_MAX: Duration = Duration::from_millis(900);
const EXPIRY_TICK: Duration = Duration::from_millis(50);
/// How many notes of its own a writer leaves in the ledger before it removes those that nobody can ask for.
const PRUNE_AFTER: i64 = 256;

/// The way to a node's writers.
#[derive(Clone)]
pub struct Writer {
    writers: Vec<Addr<WriterActor>>,
    ids: Arc<[i64]>,
    is_closed: Arc<AtomicBool>,
}

/// What became of a write.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The message is in the log.
    Committed(Place),
    /// Its nonce was in the log already, with the same content.
    Duplicate(Place),
    /// Its nonce was in the log already, with a message that has been changed since.
    Known(Box<Known>),
    /// The change is this entry of the log.
    Changed(Box<MadeChange>),
    /// All was as the change would have made it.
    Unchanged,
    /// It is not, or nobody can say yet.
    Refused(Refused),
}

impl Outcome {
    /// Whether nothing more will be said of the draft.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Refused(Refused::Unconfirmed))
    }

    /// Where in the log it is, made now or before.
    pub fn seq(&self) -> Option<Seq> {
        match self {
            Self::Committed(place) | Self::Duplicate(place) => Some(place.seq),
            Self::Known(known) => Some(known.place.seq),
            Self::Changed(made) => Some(made.entry.seq()),
            Self::Unchanged | Self::Refused(_) => None,
        }
    }
}

/// Why a draft is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too much waits.
    Busy,
    /// PostgreSQL is away; the draft has not been written and never will be.
    Unavailable,
    /// PostgreSQL went away in the middle of the commit: the outcome follows when it is back.
    Unconfirmed,
    /// The channel no longer exists.
    Gone,
    /// Its nonce is in the log with other content.
    NonceConflict,
    /// It answers a message that the channel does not have.
    ReplyToNothing,
    /// PostgreSQL refuses the values.
    Invalid,
    /// The message does not allow the change.
    Change(ChangeRefused),
}

/// What became of writes of one channel, in the order in which they were given.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Settled {
    /// Each write, what the channel named it, and its outcome.
    pub writes: Vec<(SharedWrite, Ticket, Outcome)>,
}

/// A channel's own name for a write on its way.
pub type Ticket = usize;

/// A write is shared by the batch and by the answers about it.
pub type SharedWrite = Arc<LogWrite>;

impl Writer {
    /// Starts `count` writers on the current thread.
    pub fn start(count: usize, database: &Target, times: Times) -> Self {
        let is_closed = Arc::<AtomicBool>::default();
        let ids: Arc<[i64]> = (0..count.max(1)).map(|_| rand::random()).collect();
        let start = |id: &i64| WriterActor::new(*id, database.clone(), is_closed.clone(), times.send_patience).start();
        Self { writers: ids.iter().map(start).collect(), ids, is_closed }
    }

    /// What the ledger calls them.
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Gives a write to the channel's writer, which answers to `reply`.
    ///
    /// # Errors
    /// [`Refused::Busy`] when the writer's mailbox is full, [`Refused::Unavailable`] when the node stops.
    pub fn persist(&self, write: SharedWrite, ticket: Ticket, reply: Recipient<Settled>) -> Result<(), Refused> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(Refused::Unavailable);
        }
        let writer = self.of(write.channel_id()).ok_or(Refused::Unavailable)?;
        writer.try_send(Persist { write, ticket, reply }).map_err(|_| Refused::Busy)
    }

    /// Takes nothing more.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Waits until everything that was taken is written or refused.
    pub async fn drain(&self) {
        for writer in &self.writers {
            while matches!(writer.send(CountWaiting).await, Ok(1..)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    fn of(&self, channel: ChannelId) -> Option<&Addr<WriterActor>> {
        let at = usize::try_from(channel.0).unwrap_or_default() % self.writers.len();
        self.writers.get(at)
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Persist {
    write: SharedWrite,
    ticket: Ticket,
    reply: Recipient<Settled>,
}

#[derive(Message)]
#[rtype(result = "usize")]
struct CountWaiting;

/// The actor itself; see the module.
pub struct WriterActor {
    id: i64,
    queue: Rc<Queue>,
    database: Target,
    is_closed: Arc<AtomicBool>,
    send_patience: Duration,
    _vital: AbortOnPanic,
}

impl WriterActor {
    fn new(id: i64, database: Target, is_closed: Arc<AtomicBool>, send_patience: Duration) -> Self {
        Self { id, queue: Rc::default(), database, is_closed, send_patience, _vital: AbortOnPanic("writer") }
    }
}

impl Actor for WriterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(QUEUE_ROWS);
        ctx.run_interval(EXPIRY_TICK, |writer, _| writer.queue.expire());
        let (queue, database, is_closed) = (Rc::clone(&self.queue), self.database.clone(), self.is_closed.clone());
        ctx.spawn(run::run(queue, self.id, database, is_closed, self.send_patience).into_actor(self));
    }
}

impl Handler<Persist> for WriterActor {
    type Result = ();

    fn handle(&mut self, persist: Persist, _: &mut Self::Context) {
        self.queue.push(Waiting {
            write: persist.write,
            ticket: persist.ticket,
            reply: persist.reply,
            since: self.queue.clock.now() + self.send_patience,
            told: Cell::new(false),
        });
    }
}

impl Handler<CountWaiting> for WriterActor {
    type Result = usize;

    fn handle(&mut self, _: CountWaiting, _: &mut Self::Context) -> usize {
        self.queue.unsettled()
    }
}

#[cfg(test)]
mod tests;
