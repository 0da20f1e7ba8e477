//! How sockets leave a channel. Each way out of [`Channel::attached`] gives the seat back that the relay has given: no socket hears
//! a channel that does not know of it.

use super::handle::{Detach, LogIsAt, ReadAgain, Revoke, RevokeScope};
use super::{Attached, Channel, RevokeReason, Worker};
use crate::actors::relay::{Completion, Hears, Kind, RelayHandle, SessionKey, Topic};
use crate::domain::close::End;
use crate::domain::frame::{Frame, Revoked};
use crate::domain::{Seq, UserId};
use crate::websocket::encode;
use actix::{Context, Handler};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

impl Channel {
    /// Takes a socket out, without a word. One that ends with its session has lost its seat already; a gateway lives on.
    pub(super) fn remove(&mut self, key: SessionKey) {
        if let Some(gone) = self.take_out(key)
            && gone.outbox.kind() == Kind::Gateway
        {
            gone.outbox.relay().unsubscribe_silently(key, Topic::Channel(self.id));
        }
    }

    /// Takes a socket out; its seat is the caller's to end.
    fn take_out(&mut self, key: SessionKey) -> Option<Attached> {
        self.idle_since = Instant::now();
        // What it waited for is not for the next one of this key.
        self.reads.forget(key);
        let gone = self.attached.remove(&key)?;
        if gone.is_live {
            let worker_of = |worker: &Worker| worker.relay.worker() == gone.outbox.relay().worker();
            if let Some(at) = self.workers.iter().position(worker_of) {
                self.workers[at].sockets -= 1;
                if self.workers[at].sockets == 0 {
                    self.workers.swap_remove(at);
                }
            }
        }
        Some(gone)
    }

    /// Ends what `keys` have of this channel: the socket, or a gateway's subscription.
    pub(super) fn end(&mut self, keys: Vec<SessionKey>, why: RevokeReason, completion: &Completion) {
        let mut by_worker: HashMap<(u32, bool), (RelayHandle, Vec<SessionKey>)> = HashMap::new();
        for key in keys {
            let Some(gone) = self.take_out(key) else { continue };
            let relay = gone.outbox.relay();
            let is_gateway = gone.outbox.kind() == Kind::Gateway;
            by_worker.entry((relay.worker(), is_gateway)).or_insert_with(|| (relay.clone(), Vec::new())).1.push(key);
            if is_gateway && why == RevokeReason::Restart {
                self.restarted.insert(key);
            }
        }
        for ((_, is_gateway), (relay, keys)) in by_worker {
            if is_gateway {
                let last = encode::json(&Frame::Unsubscribed { channel_id: self.id, reason: Some(why.into()) });
                relay.unsubscribe(keys, Topic::Channel(self.id), last, completion.clone());
            } else {
                relay.end(keys, why.into(), completion.clone());
            }
        }
    }
}

impl From<RevokeReason> for End {
    fn from(why: RevokeReason) -> Self {
        match why {
            RevokeReason::Left => Self::REVOKED,
            RevokeReason::Gone => Self::GONE,
            RevokeReason::Restart => Self::RESTART,
        }
    }
}

impl From<RevokeReason> for Revoked {
    fn from(why: RevokeReason) -> Self {
        match why {
            RevokeReason::Left => Self::NotAMember,
            RevokeReason::Gone => Self::ChannelNotFound,
            RevokeReason::Restart => Self::Restart,
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(channel_id = %self.id, "a channel panicked: its sockets are ended and may resume");
            // What it has given to the writer is told by nobody: the next one has to notice that the log has gone on.
            self.shared.leave_head(self.id, self.sequence.head(), self.history);
            self.shared.pages.forget_from(self.id, Seq(1));
            let completion = Completion::ignored();
            let keys = self.attached.keys().copied().collect();
            self.end(keys, RevokeReason::Restart, &completion);
        }
    }
}

impl Handler<Detach> for Channel {
    type Result = ();

    fn handle(&mut self, detach: Detach, _: &mut Self::Context) {
        let Some((last, completion)) = detach.unsubscribed else { return self.remove(detach.key) };
        if let Some(gone) = self.take_out(detach.key) {
            gone.outbox.relay().unsubscribe(vec![detach.key], Topic::Channel(self.id), last, completion);
        }
    }
}

impl Handler<LogIsAt> for Channel {
    type Result = ();

    /// What was committed for this channel's own drafts has been announced if none of them is on its way: all else is not its own.
    fn handle(&mut self, log: LogIsAt, ctx: &mut Context<Self>) {
        if !self.posters.is_empty() && !self.shared.lease.is_limited() {
            return;
        }
        if self.sequence.head().is_some() {
            self.sequence.reaches(log.last_seq);
            self.follow(ctx);
        } else if !self.attached.is_empty() {
            self.sequence.begin(log.last_seq);
            self.end_is_known_here();
            self.announced(ctx);
        }
    }
}

impl Handler<ReadAgain> for Channel {
    type Result = bool;

    /// Nothing is written meanwhile: what was announced beyond the end of the log is lost, and whoever has it is told.
    fn handle(&mut self, log: ReadAgain, ctx: &mut Context<Self>) -> bool {
        self.history = self.shared.history();
        self.tail.clear();
        self.newest.forget();
        self.read_end_again(ctx);
        let head = self.sequence.head();
        let is_lost = self.sequence.restart(log.last_seq);
        if is_lost {
            tracing::error!(channel_id = %self.id, last_seq = log.last_seq.0, head = head.map(|head| head.0), "the database has lost the end of a log");
            let epoch = self.shared.epoch.clone();
            let resync = Frame::Resync { channel_id: self.id, seq: log.last_seq, epoch };
            let resync: Arc<[_]> = Arc::new([encode::json(&resync)]);
            for worker in &self.workers {
                worker.relay.deliver(Topic::Channel(self.id), Arc::clone(&resync), Hears::Messages);
            }
        }
        self.answer_released();
        self.follow(ctx);
        is_lost
    }
}

impl Handler<Revoke> for Channel {
    type Result = ();

    fn handle(&mut self, revoke: Revoke, _: &mut Self::Context) {
        let is_meant = |user: UserId| match revoke.whose {
            RevokeScope::User(whose) => user == whose,
            RevokeScope::All => true,
        };
        let meant = self.attached.iter().filter(|(_, attached)| is_meant(attached.participant.id()));
        let keys = meant.map(|(key, _)| *key).collect();
        self.end(keys, revoke.why, &revoke.completion);
    }
}
