//! What waits for a writer, and the answers to it.

use super::{
    BATCH_BYTES, BATCH_ROWS, EXPIRY_TICK, Outcome, QUEUE_BYTES, QUEUE_ROWS, Refused, Settled, SharedWrite, Ticket,
    UNSENT_MAX, WAIT_MAX,
};
use crate::domain::{ChannelId, UserId};
use crate::patience::Clock;
use crate::store::log::LogWrite;
use actix::Recipient;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Before a channel whose row someone else holds is tried again.
const HELD_FOR: Duration = Duration::from_millis(20);

/// A draft that waits to be written.
pub struct Waiting {
    pub write: SharedWrite,
    pub ticket: Ticket,
    pub reply: Recipient<Settled>,
    /// By the queue's clock.
    pub since: Instant,
    /// Whether its sender knows that the outcome is in doubt.
    pub told: Cell<bool>,
}

impl Waiting {
    fn size(&self) -> usize {
        self.write.bytes()
    }

    /// Whether it has waited so long that there is no time left for its answer.
    pub fn is_given_up(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= UNSENT_MAX
    }

    fn is_overdue(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= WAIT_MAX
    }
}

/// The drafts that wait, oldest first, and how many are in flight.
pub struct Queue {
    waiting: RefCell<VecDeque<Waiting>>,
    held: RefCell<Held>,
    /// Of those that wait and those that are held.
    bytes: Cell<usize>,
    in_flight: Cell<usize>,
    arrived: Notify,
    /// A pause of the process is not the database's: it is looked at by [`expire`](Self::expire), every [`EXPIRY_TICK`].
    pub clock: Clock,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            waiting: RefCell::default(),
            held: RefCell::default(),
            bytes: Cell::default(),
            in_flight: Cell::default(),
            arrived: Notify::default(),
            clock: Clock::new(EXPIRY_TICK),
        }
    }
}

/// Drafts of channels or authors whose rows someone else holds: they hold up nobody else's.
#[derive(Default)]
struct Held {
    drafts: Vec<Waiting>,
    channels: HashSet<ChannelId>,
    authors: HashSet<UserId>,
    until: Option<Instant>,
}

/// Whose row someone else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The channel's: whoever sends to it waits.
    Channel,
    /// The author's, who alone waits, in whichever channel.
    Author,
}

impl Held {
    fn has(&self, write: &LogWrite) -> bool {
        self.channels.contains(&write.channel_id()) || self.authors.contains(&write.user_id())
    }
}

impl Queue {
    /// Takes a draft, or refuses it at the bound.
    pub fn push(&self, waiting: Waiting) {
        if self.len() >= QUEUE_ROWS || self.bytes.get() + waiting.size() > QUEUE_BYTES {
            return settle([(waiting, Outcome::Refused(Refused::Busy))]);
        }
        self.add_bytes(&waiting);
        self.waiting.borrow_mut().push_back(waiting);
        self.arrived.notify_one();
    }

    /// Drafts that wait or are being written.
    pub fn unsettled(&self) -> usize {
        self.len() + self.in_flight.get()
    }

    /// Drafts that wait.
    pub fn len(&self) -> usize {
        self.waiting.borrow().len() + self.held.borrow().drafts.len()
    }

    /// Whether waiting for more would make no larger batch.
    pub fn fills_a_batch(&self) -> bool {
        self.len() >= BATCH_ROWS || self.bytes.get() >= BATCH_BYTES
    }

    /// Waits until something can be taken.
    pub async fn not_empty(&self) {
        while self.waiting.borrow().is_empty() {
            let until = self.held.borrow().until;
            let due = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.arrived.notified() => {}
                () = due => return,
            }
        }
    }

    /// Waits until so many drafts wait.
    pub async fn reaches(&self, drafts: usize) {
        while self.len() < drafts {
            self.arrived.notified().await;
        }
    }

    /// The next batch.
    pub fn take(&self) -> Vec<Waiting> {
        self.expire();
        self.release();
        let mut queue = self.waiting.borrow_mut();
        let mut held = self.held.borrow_mut();
        let mut bytes = 0;
        let mut batch = Vec::with_capacity(queue.len().min(BATCH_ROWS));
        let mut rows = 0;
        while rows < BATCH_ROWS
            && let Some(next) = queue.pop_front_if(|next| batch.is_empty() || bytes + next.size() <= BATCH_BYTES)
        {
            if held.has(&next.write) {
                held.drafts.push(next);
            } else {
                bytes += next.size();
                rows += next.write.weight();
                batch.push(next);
            }
        }
        self.bytes.set(self.bytes.get() - bytes);
        self.in_flight.set(batch.len());
        batch
    }

    /// Says that the batch is settled.
    pub fn landed(&self) {
        self.in_flight.set(0);
    }

    /// Puts drafts back that have not been written, before all others.
    pub fn put_back(&self, batch: Vec<Waiting>) {
        let mut queue = self.waiting.borrow_mut();
        for waiting in batch.into_iter().rev() {
            self.add_bytes(&waiting);
            queue.push_front(waiting);
        }
        self.arrived.notify_one();
    }

    /// What is left of a part without the drafts that wait for others of their channel or author.
    pub fn without_held(&self, part: Vec<Waiting>) -> Vec<Waiting> {
        let mut held = self.held.borrow_mut();
        if held.drafts.is_empty() {
            return part;
        }
        let (behind, free): (Vec<_>, _) = part.into_iter().partition(|waiting| held.has(&waiting.write));
        behind.iter().for_each(|waiting| self.add_bytes(waiting));
        held.drafts.extend(behind);
        free
    }

    /// Keeps drafts, and what follows them in their channels or by their authors, for a moment.
    pub fn hold(&self, drafts: Vec<Waiting>, holder: Holder) {
        if drafts.is_empty() {
            return;
        }
        let mut held = self.held.borrow_mut();
        held.until.get_or_insert_with(|| Instant::now() + HELD_FOR);
        match holder {
            Holder::Channel => held.channels.extend(drafts.iter().map(|waiting| waiting.write.channel_id())),
            Holder::Author => held.authors.extend(drafts.iter().map(|waiting| waiting.write.user_id())),
        }
        drafts.iter().for_each(|waiting| self.add_bytes(waiting));
        held.drafts.extend(drafts);
    }

    fn release(&self) {
        let mut held = self.held.borrow_mut();
        if held.until.is_some_and(|until| until <= Instant::now()) {
            let mut queue = self.waiting.borrow_mut();
            let Held { drafts, .. } = std::mem::take(&mut *held);
            drafts.into_iter().rev().for_each(|waiting| queue.push_front(waiting));
        }
    }

    /// Refuses what has waited too long.
    pub fn expire(&self) {
        let now = self.clock.now();
        let is_given_up = |waiting: &Waiting| waiting.is_given_up(now);
        let mut expired = Vec::new();
        let mut queue = self.waiting.borrow_mut();
        if queue.iter().any(is_given_up) {
            let (old, young): (VecDeque<_>, _) = queue.drain(..).partition(is_given_up);
            *queue = young;
            expired.extend(old);
        }
        expired.extend(self.held.borrow_mut().drafts.extract_if(.., |waiting| is_given_up(waiting)));
        drop(queue);
        self.bytes.set(self.bytes.get() - expired.iter().map(Waiting::size).sum::<usize>());
        settle(expired.into_iter().map(|waiting| (waiting, Outcome::Refused(Refused::Unavailable))));
    }

    fn add_bytes(&self, waiting: &Waiting) {
        self.bytes.set(self.bytes.get() + waiting.size());
    }
}

/// Answers drafts, one message a channel, in order.
pub fn settle(outcomes: impl IntoIterator<Item = (Waiting, Outcome)>) {
    let mut by_channel: HashMap<ChannelId, (Recipient<Settled>, Settled)> = HashMap::new();
    for (waiting, outcome) in outcomes {
        let Waiting { write, ticket, reply, .. } = waiting;
        let of_channel =
            by_channel.entry(write.channel_id()).or_insert_with(|| (reply, Settled { writes: Vec::new() }));
        of_channel.1.writes.push((write, ticket, outcome));
    }
    for (reply, settled) in by_channel.into_values() {
        // As many answers as posts were taken: the mailbox's bound has been paid on the way in.
        reply.do_send(settled);
    }
}

/// Waits for what becomes of a batch, and tells each sender whose time is over meanwhile, once, that it is not known yet.
pub async fn until_known<T>(clock: &Clock, batch: &[Waiting], mut outcome: impl Future<Output = T> + Unpin) -> T {
    loop {
        let untold = batch.iter().filter(|waiting| !waiting.told.get());
        let now = clock.now();
        let waited = |waiting: &Waiting| now.saturating_duration_since(waiting.since);
        let Some(patience) = untold.map(|waiting| WAIT_MAX.saturating_sub(waited(waiting))).min() else {
            return outcome.await;
        };
        match tokio::time::timeout(patience, &mut outcome).await {
            Ok(outcome) => return outcome,
            Err(_) => tell_unconfirmed(clock.now(), batch),
        }
    }
}

fn tell_unconfirmed(now: Instant, batch: &[Waiting]) {
    let overdue = batch.iter().filter(|waiting| waiting.is_overdue(now) && !waiting.told.replace(true));
    settle(overdue.map(|waiting| {
        let copy = Waiting {
            write: waiting.write.clone(),
            ticket: waiting.ticket,
            reply: waiting.reply.clone(),
            since: waiting.since,
            told: Cell::new(true),
        };
        (copy, Outcome::Refused(Refused::Unconfirmed))
    }));
}
