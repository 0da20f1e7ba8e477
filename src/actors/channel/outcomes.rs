//! What became of writes: announced to all who hear the channel, answered to who made them. What lies behind a gap of the log waits
//! until that is read, and so does what is answered behind it.

use super::Channel;
use super::announce::created;
use super::tail::Entry;
use crate::actors::relay::{Hears, Topic};
use crate::actors::writer::{Outcome, Settled, SharedWrite, Ticket};
use crate::domain::log::{LogEntry, MadeChange};
use crate::store::log::LogWrite;
use actix::Handler;
use bytes::Bytes;
use std::sync::Arc;

/// A write, what the channel named it, and its outcome.
pub type Answer = (SharedWrite, Ticket, Outcome);

/// Entries that are announced now, encoded, and who hears each.
pub type Frames = Vec<(Bytes, Hears)>;

impl Handler<Settled> for Channel {
    type Result = ();

    fn handle(&mut self, settled: Settled, ctx: &mut Self::Context) {
        let frames = self.place(&settled);
        let answers = if self.sequence.is_behind() || !self.answers.is_empty() {
            self.hold_back(settled.writes)
        } else {
            settled.writes
        };
        self.tell(&frames, &answers);
        self.announced(ctx);
    }
}

impl Channel {
    /// Puts what has been committed into its order. Returns what is announced now.
    fn place(&mut self, settled: &Settled) -> Frames {
        let mut frames = Vec::with_capacity(settled.writes.len());
        let may_tell = self.may_tell();
        for (write, _, outcome) in &settled.writes {
            let entry = match (&**write, outcome) {
                (LogWrite::Message(draft), Outcome::Committed(place)) => {
                    Entry::new(&created(draft, self.shared.name_of(draft), place, None))
                }
                (LogWrite::Change(draft), Outcome::Changed(made)) => {
                    let made = self.shared.without_erased_name(draft.user_id(), made);
                    self.retell(&made);
                    Entry::new(&made.entry)
                }
                // It was made before, and perhaps told nobody here (a channel that has failed).
                (LogWrite::Change(draft), Outcome::Unchanged) => {
                    self.newest.forget_these(draft.change().message_ids());
                    if draft.change().is_deletion() {
                        self.forget_texts(draft.change().message_ids());
                    }
                    continue;
                }
                _ => {
                    if let Some(seq) = outcome.seq() {
                        self.sequence.reaches(seq);
                    }
                    continue;
                }
            };
            self.shared.bus.tell(&entry.told(self.id, write.user_id()));
            if !may_tell {
                self.sequence.postpone(entry);
            } else if let Some(entry) = self.sequence.arrive(entry) {
                match outcome {
                    Outcome::Committed(place) => self.newest.append(place.id, &entry.frame),
                    _ => self.newest.forget(),
                }
                self.keep(entry, &mut frames);
            }
        }
        while may_tell && let Some(entry) = self.sequence.next_held() {
            self.newest.forget();
            self.keep(entry, &mut frames);
        }
        if self.sequence.head().is_some() {
            self.end_is_known_here();
        }
        frames
    }

    /// Where others write too, what comes to a channel is known here a moment later than it is true.
    pub(super) fn end_is_known_here(&mut self) {
        if !self.shared.lease.is_limited() {
            self.newest.open();
        }
    }

    /// Keeps an entry that is announced now for those who come back.
    pub(super) fn keep(&mut self, entry: Entry, frames: &mut Frames) {
        frames.push((entry.frame.clone(), entry.to));
        self.tail.push(entry);
    }

    /// Answers that lie behind a gap wait, and those that come after them. Returns those that do not.
    fn hold_back(&mut self, answers: Vec<Answer>) -> Vec<Answer> {
        // Not yet known is no answer: it has no place in the order.
        let (known, mut now): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, _, outcome)| outcome.is_final());
        self.answers.extend(known);
        now.extend(self.release());
        now
    }

    /// The answers that wait no longer.
    pub(super) fn release(&mut self) -> Vec<Answer> {
        let (head, is_behind) = (self.sequence.head(), self.sequence.is_behind());
        let is_free = |answer: &mut Answer| !is_behind || answer.2.seq().is_none_or(|seq| Some(seq) <= head);
        std::iter::from_fn(|| self.answers.pop_front_if(is_free)).collect()
    }

    /// Gives the answers that wait no longer.
    pub(super) fn answer_released(&mut self) {
        let answers = self.release();
        self.tell(&[], &answers);
    }

    /// Tells everyone who hears the channel what is announced now, and answers those who wrote.
    pub(super) fn tell(&mut self, frames: &[(Bytes, Hears)], answers: &[Answer]) {
        // Before the entries: who sees its own message may send the next.
        for (_, ticket, outcome) in answers {
            if let Some(poster) = self.posters.get_mut(*ticket).filter(|_| outcome.is_final()) {
                poster.finish();
            }
        }
        for run in frames.chunk_by(|one, next| one.1 == next.1) {
            let to = run.first().map_or(Hears::Messages, |(_, to)| *to);
            let frames: Arc<[Bytes]> = run.iter().map(|(frame, _)| frame.clone()).collect();
            for worker in &self.workers {
                worker.relay.deliver(Topic::Channel(self.id), Arc::clone(&frames), to);
            }
        }
        // After the entries: who is acknowledged has seen them.
        for (write, ticket, outcome) in answers {
            if let Some(poster) = self.posters.get_mut(*ticket) {
                let name = if let LogWrite::Message(draft) = &**write { self.shared.name_of(draft) } else { "" };
                poster.answer(write, name, outcome);
            }
            if outcome.is_final() {
                self.posters.try_remove(*ticket);
            }
        }
    }

    /// Forgets what is held of the log; a read that is under way is made again.
    fn forget_log(&mut self) {
        self.tail.clear();
        self.newest.forget();
        self.reads.clear();
        self.sequence.drop_held();
        self.shared.pages.clear();
    }

    /// What is held of the log tells no text any more that was changed or taken away.
    fn retell(&mut self, made: &MadeChange) {
        let Some(retold) = &made.retold else { return self.forget_log() };
        if let Some(first) = retold.iter().map(LogEntry::seq).min() {
            self.shared.pages.forget_from(self.id, first);
            self.sequence.drop_held();
        }
        for message in retold {
            self.tail.retell(message);
            if let Some(id) = message.message_id() {
                self.reads.retell(id);
            }
        }
    }
}
