//! Channels with life on this node: started by their first socket or post, let go when they are idle.

use super::{Registry, Retire, RunningChannel, decide_channel};
use crate::actors::channel::{Channel, ChannelHandle, Poster, Posting, Start};
use crate::actors::relay::About;
use crate::actors::relay::Outbox;
use crate::domain::access::{Facts, Participant, SendMessages, ViewChannel};
use crate::domain::log::MessageChange;
use crate::domain::{ChannelId, Seq, ServerId};
use crate::error::{Error, Result};
use crate::store::changes::ChangeDraft;
use crate::store::channels;
use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

/// Channels whose logs are looked at by one statement.
const WATCHED_AT_ONCE: usize = 1_000;

impl Registry {
    /// Decides and attaches in one turn: whatever is applied later finds the socket attached.
    pub(super) fn attach(
        &mut self,
        facts: Facts,
        id: ChannelId,
        outbox: Outbox,
        start: Start,
    ) -> Result<ChannelHandle> {
        let access = decide_channel::<ViewChannel>(facts, id)?;
        let handle = self.live(id, access.server_id());
        handle.attach(access, outbox, start);
        Ok(handle)
    }

    /// Decides and posts in one turn: posts keep the order in which they were asked for.
    pub(super) fn post(&mut self, facts: Facts, id: ChannelId, posting: Posting) {
        match decide_channel::<SendMessages>(facts, id) {
            Ok(access) => {
                let handle = self.live(id, access.server_id());
                if let Err(not_taken) = handle.post_as(access.into(), posting) {
                    let (posting, error) = not_taken.into_refusal();
                    refuse(posting, id, error);
                    self.not_arrived(id);
                }
            }
            Err(error) => refuse(posting, id, error),
        }
    }

    /// Decides and changes in one turn, as [`post`](Self::post) does.
    pub(super) fn change(&mut self, facts: Facts, id: ChannelId, change: MessageChange, poster: Poster) {
        let decided = decide_channel::<ViewChannel>(facts, id).and_then(|access| {
            let server_id = access.server_id();
            let maker = Participant::from(access);
            change.allow(&maker)?;
            Ok((server_id, maker))
        });
        match decided {
            Ok((server_id, maker)) => {
                let handle = self.live(id, server_id);
                if let Err((poster, error)) = handle.change(ChangeDraft::new(maker, change), poster) {
                    refuse_change(poster, id, error);
                    self.not_arrived(id);
                }
            }
            Err(error) => refuse_change(poster, id, error),
        }
    }

    /// The channel, with one more arrival on its way.
    pub(super) fn live(&mut self, id: ChannelId, server_id: ServerId) -> ChannelHandle {
        if self.live.get(&id).is_some_and(|live| !live.handle.is_alive()) {
            self.live.remove(&id);
            self.shared.let_go(id);
        }
        let shared = &self.shared;
        let live = self.live.entry(id).or_insert_with(|| RunningChannel {
            handle: Channel::start_one(id, shared.clone()),
            server_id,
            arrivals: 0,
        });
        live.arrivals += 1;
        live.handle.clone()
    }

    /// Tells each channel how far its log goes: what somebody else has committed (a statement that came late, a second node) is
    /// noticed though nobody here speaks.
    pub(super) fn watch_logs(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_watching, true) {
            self.has_to_watch = true;
            return;
        }
        let ids: Vec<ChannelId> = self.live.keys().copied().collect();
        let (db, slots) = (self.db.clone(), self.slots.clone());
        let read = async move {
            let mut ends = Vec::with_capacity(ids.len());
            for some in ids.chunks(WATCHED_AT_ONCE) {
                let _slot = slots.at_last().await;
                // What cannot be read now is read the next time.
                ends.extend(channels::last_seqs(&db, some).await.unwrap_or_default());
            }
            ends
        };
        let history = self.shared.history();
        ctx.spawn(read.into_actor(self).map(move |ends, registry, ctx| {
            registry.is_watching = false;
            registry.logs_are_at(ends, history);
            if std::mem::take(&mut registry.has_to_watch) {
                registry.watch_logs(ctx);
            }
        }));
    }

    /// What was read of a history that the database no longer has is not told: it would come back as the end of the log.
    pub(super) fn logs_are_at(&self, ends: Vec<(ChannelId, Seq)>, history: u64) {
        if history != self.shared.history() {
            return;
        }
        for (id, last_seq) in ends {
            if let Some(live) = self.live.get(&id) {
                live.handle.log_is_at(last_seq);
            }
        }
    }

    fn not_arrived(&mut self, id: ChannelId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.arrivals -= 1;
        }
    }
}

/// Tells the poster that nothing was posted.
pub(super) fn refuse(posting: Posting, id: ChannelId, error: Error) {
    let nonce = posting.message.nonce.as_deref();
    posting.poster.refuse(error, About { nonce, channel_id: Some(id) });
}

/// Tells the poster that nothing was changed.
pub(super) fn refuse_change(poster: Poster, id: ChannelId, error: Error) {
    let nonce = if let Poster::Command(_, nonce) = &poster { nonce.clone() } else { None };
    let nonce = nonce.as_deref();
    poster.refuse(error, About { nonce, channel_id: Some(id) });
}

impl Handler<Retire> for Registry {
    type Result = bool;

    fn handle(&mut self, retire: Retire, _: &mut Self::Context) -> bool {
        let is_idle = self.live.get(&retire.channel_id).is_some_and(|live| live.arrivals == retire.arrivals);
        if is_idle {
            self.live.remove(&retire.channel_id);
            self.shared.let_go(retire.channel_id);
        }
        is_idle
    }
}
