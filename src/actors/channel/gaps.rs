//! Entries that the log has and this channel was not told of: another node wrote them, or a channel that has failed. They are read
//! and announced like all others. Only where that cannot be are the channel's sockets ended with `1012`, and come back for all of it:
//! more than [`GAP_MAX`](super::sequence::GAP_MAX) entries, a read that fails or takes longer than [`Times::gap_read_max`](crate::times::Times::gap_read_max), a log with a hole.

use super::Channel;
use super::handle::RevokeReason;
use super::pages::PAGE;
use super::sequence::{Gap, Step};
use super::tail::{Entry, PART_BYTES_MAX};
use crate::actors::relay::Completion;
use crate::domain::Seq;
use crate::domain::access::Participant;
use crate::error::Result;
use crate::store::log::{Log, events};
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use std::time::{Duration, Instant};

/// As long as an entry is waited for that other nodes have on the bus: two of them may cross.
pub const BUS_PATIENCE: Duration = Duration::from_millis(20);

/// What was read, if it was; and of which generation of the pages and time of the reads it is.
type GapRead = Option<(Result<Option<Log>>, (u64, u64))>;

impl Channel {
    /// Does what the order of the log asks for.
    pub(super) fn follow(&mut self, ctx: &mut Context<Self>) {
        if !self.sequence.is_behind() || !self.may_tell() || self.is_on_its_way(ctx) {
            return;
        }
        match self.sequence.next_step() {
            Step::Nothing => {}
            Step::GiveUp => self.give_up(ctx),
            // Any of those who are attached may read the log.
            Step::Read(gap) => match self.attached.values().next().map(|attached| attached.participant.clone()) {
                Some(reader) => self.read_gap(gap, reader, ctx),
                None => self.give_up(ctx),
            },
        }
    }

    /// Whether what is missing may still come by itself: by the bus, where there is one, it soon does.
    fn is_on_its_way(&mut self, ctx: &mut Context<Self>) -> bool {
        if !self.shared.bus.is_connected() {
            return false;
        }
        let head = self.sequence.head();
        match self.awaited {
            Some((awaited, since)) if awaited == head => since.elapsed() < BUS_PATIENCE,
            _ => {
                self.awaited = Some((head, Instant::now()));
                ctx.run_later(BUS_PATIENCE, Self::follow);
                true
            }
        }
    }

    fn read_gap(&mut self, gap: Gap, reader: Participant, ctx: &mut Context<Self>) {
        let (db, slots, pages) = (self.shared.db.clone(), self.shared.read_slots.clone(), self.shared.pages.clone());
        let (clock, author) = (self.reads.begin_gap(), reader.clone());
        let read = async move {
            let _slot = slots.acquire().await;
            let at = (pages.generation(), clock.get());
            let limit = PAGE.min(gap.upto - gap.after);
            (events(&db, &author, gap.after, limit, PART_BYTES_MAX as i64).await, at)
        };
        ctx.spawn(tokio::time::timeout(self.shared.times.gap_read_max, read).into_actor(self).map(
            move |part, channel, ctx| {
                channel.gap_was_read(gap, reader, part.ok(), ctx);
            },
        ));
    }

    fn gap_was_read(&mut self, gap: Gap, reader: Participant, part: GapRead, ctx: &mut Context<Self>) {
        let is_old = part.as_ref().is_some_and(|(log, (generation, since))| {
            self.shared.pages.generation() != *generation || self.reads.has_old_text(log, *since)
        });
        self.reads.end_gap();
        // With another history the channel is about to be told where its log is.
        if !self.sequence.is_reading(gap) || self.history != self.shared.history() {
            return;
        }
        if !self.may_tell() {
            return self.sequence.drop_read(gap);
        }
        match part {
            _ if is_old => self.read_gap(gap, reader, ctx),
            Some((Ok(Some(log)), _)) => self.fill(gap, &log, ctx),
            _ => self.give_up(ctx),
        }
    }

    /// Announces what was read, and what was held behind it.
    pub(super) fn fill(&mut self, gap: Gap, log: &Log, ctx: &mut Context<Self>) {
        let Ok(entries) = self.sequence.fill(gap, log.entries.iter().map(Entry::new).collect(), log.last_seq) else {
            return self.give_up(ctx);
        };
        // Somebody else's change has taken texts away that are still here.
        if log.entries.iter().any(|entry| entry.seq() <= gap.upto && entry.retells()) {
            self.forget_older();
        }
        self.newest.forget();
        let mut frames = Vec::with_capacity(entries.len());
        entries.into_iter().for_each(|entry| self.keep(entry, &mut frames));
        let answers = self.release();
        self.tell(&frames, &answers);
        self.announced(ctx);
    }

    /// What was not announced is not announced here any more: whoever is attached comes back and is told all of it. Never a silent hole.
    fn give_up(&mut self, ctx: &mut Context<Self>) {
        self.sequence.skip();
        self.forget_older();
        if !self.attached.is_empty() {
            let seq = self.sequence.head().unwrap_or_default();
            tracing::warn!(channel_id = %self.id, %seq, "the log went on without this node: its sockets resume");
            let completion = Completion::ignored();
            let keys = self.attached.keys().copied().collect();
            self.end(keys, RevokeReason::Restart, &completion);
        }
        self.answer_released();
        self.announced(ctx);
    }

    /// What went on may have taken any text away that is held of the log, or read.
    pub(super) fn forget_older(&mut self) {
        self.tail.clear();
        self.newest.forget();
        self.reads.outdate();
        self.shared.pages.forget_from(self.id, Seq(1));
    }
}
