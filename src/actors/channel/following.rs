//! What other nodes write to a channel's log, and what this one may not tell for a while.

use super::Channel;
use super::handle::{Heard, LeaseIsBack, LogGoesOn};
use super::reads::Want;
use super::tail::Entry;
use crate::actors::relay::SessionKey;
use crate::domain::{ChannelId, Seq};
use crate::store::channels;
use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

impl Handler<LogGoesOn> for Channel {
    type Result = ();

    fn handle(&mut self, log: LogGoesOn, ctx: &mut Self::Context) {
        self.sequence.reaches(log.last_seq);
        self.follow(ctx);
    }
}

impl Handler<Heard> for Channel {
    type Result = ();

    /// What cannot be told as it came is read.
    fn handle(&mut self, heard: Heard, ctx: &mut Self::Context) {
        let mut frames = Vec::with_capacity(heard.entries.len());
        for entry in heard.entries {
            if entry.retells && Some(entry.seq) > self.sequence.head() {
                self.forget_older();
            }
            let is_told_as_it_came = self.may_tell()
                && self.sequence.head().is_some()
                && !self.sequence.may_be_retold(entry.seq)
                && !self.shared.is_erased(entry.user_id);
            if !is_told_as_it_came {
                self.sequence.reaches(entry.seq);
            } else if let Some(entry) = self.sequence.arrive(Entry::heard(entry)) {
                self.keep(entry, &mut frames);
                while let Some(entry) = self.sequence.next_held() {
                    self.keep(entry, &mut frames);
                }
            }
        }
        let answers = self.release();
        self.tell(&frames, &answers);
        self.announced(ctx);
    }
}

impl Handler<LeaseIsBack> for Channel {
    type Result = ();

    fn handle(&mut self, _: LeaseIsBack, ctx: &mut Self::Context) {
        if !self.may_tell() {
            return;
        }
        let mut frames = Vec::new();
        while let Some(entry) = self.sequence.next_held() {
            self.keep(entry, &mut frames);
        }
        let answers = self.release();
        self.tell(&frames, &answers);
        self.announced(ctx);
    }
}

impl Channel {
    /// Asks where the log ends, once for all who came before it is asked.
    pub(super) fn ask_for_end(&mut self, key: SessionKey, after: Seq, ctx: &mut Context<Self>) {
        self.reads.asking.push((key, after));
        if !self.reads.is_asking {
            self.ask(ctx);
        }
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        self.reads.is_asking = true;
        let (db, slots, id) = (self.shared.db.clone(), self.shared.read_slots.clone(), self.id);
        self.reads.asked = std::mem::take(&mut self.reads.asking);
        let read = async move {
            let _slot = slots.acquire().await;
            channels::last_seqs(&db, &[id]).await
        };
        let history = self.shared.history();
        ctx.spawn(read.into_actor(self).map(move |ends, channel, ctx| {
            // A read of an earlier history says nothing of this one.
            channel.end_was_asked(ends.ok().filter(|_| history == channel.shared.history()), ctx);
        }));
    }

    fn end_was_asked(&mut self, ends: Option<Vec<(ChannelId, Seq)>>, ctx: &mut Context<Self>) {
        self.reads.is_asking = false;
        let asked = std::mem::take(&mut self.reads.asked);
        if let Some(ends) = ends {
            let last_seq = ends.first().map_or(Seq(0), |(_, last_seq)| *last_seq);
            self.sequence.reaches(last_seq);
            for (key, after) in asked {
                self.resume_at(key, after, last_seq, ctx);
            }
            self.follow(ctx);
        } else {
            asked.into_iter().for_each(|(key, after)| self.resume_later(key, after, ctx));
        }
        if !self.reads.asking.is_empty() {
            self.ask(ctx);
        }
    }

    /// Serves who asked when the log went up to here, once all of that is announced.
    pub(super) fn resume_at(&mut self, key: SessionKey, after: Seq, last_seq: Seq, ctx: &mut Context<Self>) {
        match self.sequence.head().filter(|head| *head >= last_seq && self.may_tell()) {
            Some(head) => self.serve(key, after, head, ctx),
            None => self.reads.wait(key, Want::ResumeAt(after, last_seq)),
        }
    }
}
