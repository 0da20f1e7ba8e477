//! What other nodes write to a channel's log, and what this one may not tell for a while.

use super::Channel;
use super::handle::{LeaseIsBack, LogGoesOn};
use super::reads::Want;
use crate::actors::relay::SessionKey;
use crate::domain::Seq;
use crate::domain::frame::Frame;
use crate::error::Result;
use crate::store::channels;
use crate::websocket::encode;
use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

impl Handler<LogGoesOn> for Channel {
    type Result = ();

    fn handle(&mut self, log: LogGoesOn, ctx: &mut Self::Context) {
        self.sequence.reaches(log.last_seq);
        self.follow(ctx);
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
    /// A socket asks for what follows an entry that is not known here: another node may have written it.
    pub(super) fn ask_for_end(&mut self, key: SessionKey, after: Seq, ctx: &mut Context<Self>) {
        let (db, slots, id) = (self.shared.db.clone(), self.shared.read_slots.clone(), self.id);
        let read = async move {
            let _slot = slots.acquire().await;
            channels::last_seqs(&db, &[id]).await
        };
        let history = self.shared.history();
        ctx.spawn(read.into_actor(self).map(move |ends, channel, ctx| {
            // A read of an earlier history says nothing of this one.
            let ends = if history == channel.shared.history() { Some(ends) } else { None };
            channel.end_was_asked(key, after, ends, ctx);
        }));
    }

    fn end_was_asked(
        &mut self,
        key: SessionKey,
        after: Seq,
        ends: Option<Result<Vec<(super::ChannelId, Seq)>>>,
        ctx: &mut Context<Self>,
    ) {
        let Some(Ok(ends)) = ends else { return self.resume_later(key, after, ctx) };
        let last_seq = ends.first().map_or(Seq(0), |(_, last_seq)| *last_seq);
        let head = self.sequence.head().unwrap_or_default();
        if head >= after {
            return self.resume(key, after, ctx);
        }
        if last_seq >= after {
            self.sequence.reaches(last_seq);
            self.reads.wait(key, Want::Resume(after));
            return self.follow(ctx);
        }
        if self.attached.get(&key).is_some_and(|attached| !attached.is_live) {
            let resync = encode::json(&Frame::Resync { channel_id: self.id, seq: head });
            self.go_live(key, vec![resync], true);
        }
    }
}
