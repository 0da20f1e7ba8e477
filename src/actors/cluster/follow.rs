//! The task that follows the other nodes.

use super::Known;
use super::members::Members;
use crate::actors::registry::{Change, RegistryHandle};
use crate::actors::relay::Relays;
use crate::domain::close::End;
use crate::domain::{ChannelId, Seq};
use crate::store::Target;
use crate::store::nodes::{Lost, NodesLink, Note, Polled, Registration, Renewed, RightsEntry};
use crate::times::Times;
use os::clock::since_boot;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use time::OffsetDateTime;

/// A lease is renewed as often, and whenever something has been changed.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// As often as it is looked how the nodes are, and whenever there are others.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const PRUNE_EVERY: Duration = Duration::from_secs(60);
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(320);

/// See the module.
pub struct Follower {
    known: Arc<Known>,
    target: Target,
    registration: Registration,
    registry: RegistryHandle,
    relays: Relays,
    times: Times,
    /// How much of what has been changed is applied here.
    applied: i64,
    /// When the last of it was written, once that is known.
    applied_at: Option<OffsetDateTime>,
    /// Something has been changed that has not been looked at.
    has_changed: bool,
    polled_at: Duration,
    renewed_at: Duration,
    looked_at: Duration,
    pruned_at: Duration,
    /// Writers of other nodes, and which of their batches was taken last.
    followed: BTreeMap<i64, i64>,
    /// Nodes that are there no more, whose connections may still write: each by its mark, with its writers.
    gone: HashMap<i64, Vec<i64>>,
    /// The others, by their marks.
    others: HashMap<i64, Vec<i64>>,
    /// The numbers of all when they were looked at.
    nodes: Vec<i64>,
    members: Members,
}

impl Follower {
    pub fn new(
        known: Arc<Known>,
        target: Target,
        registration: Registration,
        (registry, relays): (RegistryHandle, Relays),
        times: Times,
    ) -> Self {
        Self {
            known,
            target,
            registration,
            registry,
            relays,
            times,
            applied: 0,
            applied_at: None,
            has_changed: false,
            polled_at: Duration::ZERO,
            renewed_at: Duration::ZERO,
            looked_at: Duration::ZERO,
            pruned_at: since_boot(),
            followed: BTreeMap::new(),
            gone: HashMap::new(),
            others: HashMap::new(),
            nodes: Vec::new(),
            members: Members::default(),
        }
    }

    /// Becomes one of the nodes. Only then is looked how far the log of changes goes: what has been changed before is in what is read
    /// later, what is changed after is waited for.
    pub async fn begin(&mut self, link: &NodesLink) -> Result<(), Lost> {
        let id = rand::random();
        link.register(id, &self.registration).await?;
        self.known.id.store(id, Ordering::Relaxed);
        self.applied = link.head().await?;
        self.look(link).await?;
        self.renew(link).await
    }

    /// Follows for as long as the node runs, over this connection first.
    pub async fn follow(&mut self, first: NodesLink) {
        let mut link = Some(first);
        let mut pause = BACKOFF_MIN;
        loop {
            let Some(open) = link.take_if(|link| !link.is_closed()) else {
                match NodesLink::open(&self.target).await {
                    Ok(open) => link = Some(open),
                    Err(Lost(error)) => {
                        tracing::debug!(error, "no connection to hear of other nodes over");
                        tokio::time::sleep(pause).await;
                        pause = (2 * pause).min(BACKOFF_MAX);
                    }
                }
                continue;
            };
            match self.turn(&open).await {
                Ok(()) => {
                    pause = BACKOFF_MIN;
                    link = Some(open);
                    let pause = self.poll_every().min(RENEW_EVERY);
                    self.has_changed |= tokio::time::timeout(pause, self.known.changed.notified()).await.is_ok();
                }
                Err(Lost(error)) => {
                    tracing::warn!(error, "what other nodes do could not be read");
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Is one of the nodes no more.
    pub async fn leave(&mut self) {
        self.known.lease.end();
        if let Ok(link) = NodesLink::open(&self.target).await {
            let _ = link.remove(self.known.id.load(Ordering::Relaxed)).await;
        }
    }

    async fn turn(&mut self, link: &NodesLink) -> Result<(), Lost> {
        let now = since_boot();
        self.known.bus.set_history(Some(link.history()));
        if link.is_closed() {
            // Meanwhile there may be another one.
            self.known.bus.set_history(None);
        }
        if now.saturating_sub(self.looked_at) >= LOOK_EVERY {
            self.look(link).await?;
        }
        if self.has_changed || now.saturating_sub(self.polled_at) >= self.poll_every() {
            self.polled_at = now;
            self.poll(link).await?;
        }
        if now.saturating_sub(self.renewed_at) >= RENEW_EVERY {
            self.renew(link).await?;
        }
        if now.saturating_sub(self.pruned_at) >= PRUNE_EVERY {
            self.pruned_at = now;
            link.prune().await?;
        }
        Ok(())
    }

    fn poll_every(&self) -> Duration {
        if self.known.bus.is_connected() { self.times.follow_with_bus_every } else { self.times.follow_every }
    }

    /// Looks what others have written and changed.
    async fn poll(&mut self, link: &NodesLink) -> Result<(), Lost> {
        let (writers, last): (Vec<i64>, Vec<i64>) = self.followed.iter().map(|(writer, last)| (*writer, *last)).unzip();
        self.has_changed = false;
        let Polled { head, nodes, notes } =
            link.poll(&writers, &last).await.inspect_err(|_| self.has_changed = true)?;
        self.take(notes);
        if nodes != self.nodes {
            self.look(link).await?;
        }
        if head < self.applied {
            tracing::warn!("the database has lost what nodes have changed");
            return self.begin_anew(link).await;
        }
        if head != self.applied { self.renew(link).await } else { Ok(()) }
    }

    /// Says that this node lives, applies what others have changed, and may tell what it remembers for a while. Until nothing new comes, so that
    /// others know of all that is applied.
    async fn renew(&mut self, link: &NodesLink) -> Result<(), Lost> {
        loop {
            let asked_at = since_boot();
            let id = self.known.id.load(Ordering::Relaxed);
            let Some(Renewed { news, applied_at }) = link.renew(id, self.applied).await? else {
                return self.begin_anew(link).await;
            };
            if self.applied_at.is_some_and(|known| applied_at.is_some_and(|now| now != known)) {
                tracing::warn!("the database has lost what this node has applied, and has something else in its place");
                return self.begin_anew(link).await;
            }
            self.applied_at = self.applied_at.or(applied_at);
            if news.first().is_some_and(|first| first.seq != self.applied + 1) {
                tracing::warn!("this node has missed what others have changed");
                return self.begin_anew(link).await;
            }
            self.apply(&news).await;
            self.renewed_at = asked_at;
            if self.known.lease.renew(asked_at) {
                self.registry.lease_is_back().await;
            }
            if news.is_empty() {
                return Ok(());
            }
        }
    }

    async fn apply(&mut self, news: &[RightsEntry]) {
        let Some(last) = news.last() else { return };
        let own = self.registration.origin;
        if news.iter().any(|entry| entry.what.is_none()) {
            tracing::warn!(
                "a later version has changed what this one does not know: all that is remembered is read again"
            );
            self.registry.read_again(&self.relays).await;
        }
        let changes = news.iter().filter_map(|entry| Some((Change::from(entry.what?), entry.origin == Some(own))));
        self.registry.apply_all(changes.collect()).await;
        (self.applied, self.applied_at) = (last.seq, Some(last.written_at));
        self.known.bus.tell_applied(self.applied);
    }

    /// This node was not waited for: nothing that it remembers counts any more, and what its sockets have heard may be too much.
    async fn begin_anew(&mut self, link: &NodesLink) -> Result<(), Lost> {
        tracing::warn!("this node is not one of those on its database any more, and begins anew: its sockets end");
        self.known.lease.end();
        link.remove(self.known.id.load(Ordering::Relaxed)).await?;
        self.registry.end_all(&self.relays, End::RESTART).await;
        let id = rand::random();
        link.register(id, &self.registration).await?;
        self.known.id.store(id, Ordering::Relaxed);
        (self.applied, self.applied_at) = (link.head().await?, None);
        // What was read meanwhile may be older than that.
        self.registry.read_again(&self.relays).await;
        Ok(())
    }

    /// Looks which nodes there are, removes those that are silent, and follows the others.
    async fn look(&mut self, link: &NodesLink) -> Result<(), Lost> {
        self.looked_at = since_boot();
        let mut nodes = link.list().await?;
        self.nodes = nodes.iter().map(|node| node.id).collect();
        nodes.retain(|node| node.origin != self.registration.origin);
        self.members.look(&nodes);
        for silent in self.members.silent() {
            if link.bury(silent.id, silent.beat).await? {
                let host = nodes.iter().find(|node| node.id == silent.id).map(|node| node.host.as_str());
                tracing::warn!(host, "a node says nothing any more, and is removed");
            }
        }
        self.known.meet(nodes.iter().map(|node| node.id).collect());
        let now: HashMap<i64, Vec<i64>> = nodes.into_iter().map(|node| (node.origin, node.writers)).collect();
        let gone = std::mem::replace(&mut self.others, now)
            .into_iter()
            .filter(|(origin, _)| !self.others.contains_key(origin));
        self.gone.extend(gone.collect::<Vec<_>>());
        self.gone.retain(|origin, _| !self.others.contains_key(origin));
        self.follow_new_ones(link).await?;
        self.forget_dead_ones(link).await
    }

    /// What a writer has written before it was followed, every channel with life here finds by its log.
    async fn follow_new_ones(&mut self, link: &NodesLink) -> Result<(), Lost> {
        let writers: BTreeSet<i64> = self.others.values().flatten().copied().collect();
        let new: Vec<i64> = writers.into_iter().filter(|writer| !self.followed.contains_key(writer)).collect();
        if !new.is_empty() {
            let last = link.last_numbers(&new).await?;
            self.followed.extend(new.into_iter().zip(last));
            self.registry.watch_logs();
        }
        Ok(())
    }

    /// A node that is gone may still have a statement that commits, however late: it is followed until nothing of it is left, and once more.
    async fn forget_dead_ones(&mut self, link: &NodesLink) -> Result<(), Lost> {
        let gone: Vec<i64> = self.gone.keys().copied().collect();
        for origin in gone {
            if !link.end_connections(origin).await? {
                continue;
            }
            let writers = self.gone.remove(&origin).unwrap_or_default();
            let last: Vec<i64> = writers.iter().map(|writer| self.followed.get(writer).copied().unwrap_or(0)).collect();
            let polled = link.poll(&writers, &last).await?;
            self.take(polled.notes);
            self.followed.retain(|writer, _| !writers.contains(writer));
        }
        Ok(())
    }

    /// Has channels read what others have written to their logs.
    fn take(&mut self, notes: Vec<Note>) {
        let mut ends: BTreeMap<ChannelId, Seq> = BTreeMap::new();
        let mut has_hole = false;
        for note in notes {
            let Some(last) = self.followed.get_mut(&note.writer) else { continue };
            // What lies between was forgotten, or lost by a failover: each channel compares its log.
            has_hole |= note.prev.is_some_and(|prev| prev != *last);
            *last = note.number;
            for (channel, end) in note.ends {
                let known = ends.entry(channel).or_default();
                *known = end.max(*known);
            }
        }
        if !ends.is_empty() {
            self.registry.logs_go_on(ends.into_iter().collect());
        }
        if has_hole {
            self.registry.watch_logs();
        }
    }
}
