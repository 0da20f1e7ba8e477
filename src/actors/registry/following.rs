//! What a node hears of others on its database ([`cluster`](crate::actors::cluster)).

use super::{ApplyAll, Change, Registry, RegistryHandle};
use crate::actors::bus::{Body, BusEntry};
use crate::actors::relay::Completion;
use crate::actors::tell;
use crate::domain::{ChannelId, Seq};
use actix::{Handler, Message};
use bytes::Bytes;
use std::collections::HashMap;

/// The node may tell again what it remembers.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LeaseIsBack;

/// Others have written to logs: up to here at least.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LogsGoOn(Vec<(ChannelId, Seq)>);

/// Entries that another node has written, in this history of the database.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Hear {
    history: u64,
    body: Bytes,
}

/// Others may have written to any log.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct WatchLogs;

impl RegistryHandle {
    /// Makes true here what other nodes have changed, in its order, and forgets what this one has (it knows). Returns when every later question
    /// is answered by it, and no later event reaches a socket whose right it ended, however long that takes.
    pub async fn apply_all(&self, changes: Vec<(Change, bool)>) {
        let (completion, mut settled) = Completion::awaited();
        if self.addr.send(ApplyAll { changes, completion }).await.is_ok() {
            settled.recv().await;
        }
    }

    /// Has channels tell what they could not without a lease.
    pub async fn lease_is_back(&self) {
        let _ = self.addr.send(LeaseIsBack).await;
    }

    /// Has channels read what others have written to their logs.
    pub fn logs_go_on(&self, ends: Vec<(ChannelId, Seq)>) {
        tell(&self.addr, LogsGoOn(ends));
    }

    /// Brings what the bus has brought to the channels that have life here; returns when they have it to do.
    pub async fn hear(&self, history: u64, body: Bytes) {
        let _ = self.addr.send(Hear { history, body }).await;
    }

    /// Has all channels look how far their logs go.
    pub fn watch_logs(&self) {
        tell(&self.addr, WatchLogs);
    }
}

impl Handler<LeaseIsBack> for Registry {
    type Result = ();

    fn handle(&mut self, _: LeaseIsBack, _: &mut Self::Context) {
        self.live.values().for_each(|live| live.handle.lease_is_back());
    }
}

impl Handler<LogsGoOn> for Registry {
    type Result = ();

    fn handle(&mut self, LogsGoOn(ends): LogsGoOn, _: &mut Self::Context) {
        for (id, last_seq) in ends {
            if let Some(live) = self.live.get(&id) {
                live.handle.log_goes_on(last_seq);
            }
        }
    }
}

impl Handler<Hear> for Registry {
    type Result = ();

    fn handle(&mut self, Hear { history, body }: Hear, _: &mut Self::Context) {
        if self.shared.bus().history() != Some(history) {
            return;
        }
        let mut by_channel: HashMap<ChannelId, Vec<BusEntry<Bytes>>> = HashMap::new();
        for entry in Body::new(&body).filter(|entry| self.live.contains_key(&entry.channel_id)) {
            by_channel.entry(entry.channel_id).or_default().push(entry.into_owned());
        }
        for (id, entries) in by_channel {
            if let Some(live) = self.live.get(&id) {
                live.handle.hear(entries);
            }
        }
    }
}

impl Handler<WatchLogs> for Registry {
    type Result = ();

    fn handle(&mut self, _: WatchLogs, ctx: &mut Self::Context) {
        self.watch_logs(ctx);
    }
}
