//! What waits for a writer, and the answers to it.

use super::{
    BATCH_BYTES, BATCH_ROWS, Outcome, QUEUE_BYTES, QUEUE_ROWS, Refused, Settled, SharedDraft, Ticket, WAIT_MAX,
};
use crate::domain::ChannelId;
use actix::Recipient;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use tokio::sync::Notify;

/// A draft that waits to be written.
pub struct Waiting {
    pub draft: SharedDraft,
    pub ticket: Ticket,
    pub reply: Recipient<Settled>,
    pub since: Instant,
    /// Whether its sender knows that the outcome is in doubt.
    pub told: Cell<bool>,
}

/// The drafts that wait, oldest first, and how many are in flight.
#[derive(Default)]
pub struct Queue {
    waiting: RefCell<VecDeque<Waiting>>,
    bytes: Cell<usize>,
    in_flight: Cell<usize>,
    arrived: Notify,
}

impl Queue {
    /// Takes a draft, or refuses it at the bound.
    pub fn push(&self, waiting: Waiting) {
        let size = waiting.draft.content().len();
        let mut queue = self.waiting.borrow_mut();
        if queue.len() >= QUEUE_ROWS || self.bytes.get() + size > QUEUE_BYTES {
            drop(queue);
            return settle([(waiting, Outcome::Refused(Refused::Busy))]);
        }
        self.bytes.set(self.bytes.get() + size);
        queue.push_back(waiting);
        self.arrived.notify_one();
    }

    /// Drafts that wait or are being written.
    pub fn unsettled(&self) -> usize {
        self.waiting.borrow().len() + self.in_flight.get()
    }

    /// Drafts that wait.
    pub fn len(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Waits until something waits.
    pub async fn not_empty(&self) {
        while self.waiting.borrow().is_empty() {
            self.arrived.notified().await;
        }
    }

    /// The next batch.
    pub fn take(&self) -> Vec<Waiting> {
        let mut queue = self.waiting.borrow_mut();
        let mut bytes = 0;
        let mut batch = Vec::with_capacity(queue.len().min(BATCH_ROWS));
        while batch.len() < BATCH_ROWS
            && let Some(next) =
                queue.pop_front_if(|next| batch.is_empty() || bytes + next.draft.content().len() <= BATCH_BYTES)
        {
            bytes += next.draft.content().len();
            batch.push(next);
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
            self.bytes.set(self.bytes.get() + waiting.draft.content().len());
            queue.push_front(waiting);
        }
        self.arrived.notify_one();
    }

    /// Refuses what has waited too long.
    pub fn expire(&self) {
        let mut expired = Vec::new();
        let mut queue = self.waiting.borrow_mut();
        while let Some(old) = queue.pop_front_if(|waiting| waiting.since.elapsed() >= WAIT_MAX) {
            self.bytes.set(self.bytes.get() - old.draft.content().len());
            expired.push((old, Outcome::Refused(Refused::Unavailable)));
        }
        drop(queue);
        settle(expired);
    }
}

/// Answers drafts, one message a channel, in order.
pub fn settle(outcomes: impl IntoIterator<Item = (Waiting, Outcome)>) {
    let mut by_channel: HashMap<ChannelId, (Recipient<Settled>, Settled)> = HashMap::new();
    for (waiting, outcome) in outcomes {
        let Waiting { draft, ticket, reply, .. } = waiting;
        let of_channel =
            by_channel.entry(draft.channel_id()).or_insert_with(|| (reply, Settled { drafts: Vec::new() }));
        of_channel.1.drafts.push((draft, ticket, outcome));
    }
    for (reply, settled) in by_channel.into_values() {
        // As many answers as posts were taken: the mailbox's bound has been paid on the way in.
        reply.do_send(settled);
    }
}

/// Tells the senders of a batch that its outcome is not known yet, once.
pub fn tell_unconfirmed(batch: &[Waiting]) {
    settle(batch.iter().filter(|waiting| !waiting.told.replace(true)).map(|waiting| {
        let copy = Waiting {
            draft: waiting.draft.clone(),
            ticket: waiting.ticket,
            reply: waiting.reply.clone(),
            since: waiting.since,
            told: Cell::new(true),
        };
        (copy, Outcome::Refused(Refused::Unconfirmed))
    }));
}
