//! What a node does to be one of several on one database (`CLUSTER=on`).
//!
//! PostgreSQL is all that they need of each other. Whoever changes what nodes remember writes that into one dense log in the same
//! transaction (`rights`, by triggers); whoever writes messages notes each batch in the ledger (`write_batches`). A node reads both every
//! [`FOLLOW_EVERY`](crate::times::FOLLOW_EVERY): it applies what has been changed, and has its channels read what their logs have beside its own. It
//! renews its [lease](super::lease) by a commit that says how far it has applied the log; without one it tells nothing that it remembers,
//! and after [`WITHOUT_MAX`] it ends its sockets, which go on at another node.
//!
//! Where there is a bus ([`nats`]) the same comes sooner; nothing depends on it.
//!
//! A change is answered when every other node has applied it, or when their leases are over: [`Cluster::agree`].
//!
//! Why it is built like this: `docs/adr/0019-*`, and the search through what may happen, `tests/model`.

mod entries;
mod follow;
mod known;
mod members;
mod nats;

use super::AbortOnPanic;
use super::bus::{Bus, Key};
use super::lease::{DRIFT_MAX, LEASE, Lease};
use super::registry::RegistryHandle;
use super::relay::Relays;
use crate::config::NatsSettings;
use crate::domain::close::End;
use crate::store::nodes::{self, Lost, NodeRow, NodesLink, PROTOCOL, Registration};
use crate::store::{Db, Target};
use crate::times::{Times, WallClock};
use follow::Follower;
use known::Known;
use nats::Nats;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// As long as a node without a lease keeps its sockets.
pub const WITHOUT_MAX: Duration = Duration::from_secs(10);
/// As often as it is looked whether that is over.
const WATCH_EVERY: Duration = Duration::from_millis(250);
/// How often it is looked whether the other nodes have applied a change: at first, and later.
const AGREE_EVERY_MIN: Duration = Duration::from_millis(5);
const AGREE_EVERY_MAX: Duration = Duration::from_millis(40);
/// What a node's clock may differ from the database's.
const CLOCK_MAX: Duration = Duration::from_secs(30);
/// As long as a node waits for another one with another key to be gone, and for an answer.
const JOIN_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// As long as a stop waits until the others know of it.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// Why a node may not be one of those on its database.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// PostgreSQL does not answer.
    #[error("the other nodes could not be looked for: {0}; check that the database runs")]
    Database(String),
    /// Its tokens would be good for nobody else.
    #[error("the node {0} on this database has another SECRET_KEY; give all nodes the same one")]
    OtherKey(String),
    /// They would not understand each other.
    #[error(
        "the node {0} on this database speaks version {1} of what nodes tell each other, this one {PROTOCOL}; start both with one version"
    )]
    OtherProtocol(String, i32),
    /// Tokens are judged by it.
    #[error("this machine's clock is {0} s {1} the database's; set both by NTP, then start again")]
    Clock(u64, &'static str),
    /// What is wrong with it does not pass.
    #[error("NATS_URL: {0}")]
    Bus(String),
}

/// How the rest of a node knows the others; that of a node which is alone knows none.
#[derive(Clone, Default)]
pub struct Cluster(Option<Arc<Known>>);

/// Ends with the node.
pub struct Membership {
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Cluster {
    /// That of one of several nodes, which may answer nobody yet.
    pub fn of_several(has_bus: bool) -> Self {
        Self(Some(Arc::new(Known::new(if has_bus { Bus::to_be_connected() } else { Bus::default() }))))
    }

    /// What the others are told early.
    pub fn bus(&self) -> Bus {
        self.0.as_ref().map_or_else(Bus::default, |known| known.bus.clone())
    }

    /// Something has been committed that other nodes remember: they may look now.
    pub fn tell_of_change(&self) {
        if let Some(known) = &self.0 {
            known.bus.tell_of_change();
        }
    }

    /// Whether what this node remembers may be told.
    pub fn lease(&self) -> Lease {
        self.0.as_ref().map_or_else(Lease::unlimited, |known| known.lease.clone())
    }

    /// Returns when what has been committed before is known to every node, or to none that tells what it remembers.
    pub async fn agree(&self, db: &Db) {
        let Some(known) = &self.0 else { return };
        known.changed.notify_one();
        let until = Instant::now() + LEASE + DRIFT_MAX;
        let (mut wanted, mut pause) = (None, AGREE_EVERY_MIN);
        loop {
            let mut late = Vec::new();
            if let Ok(found) = nodes::applied(db, known.id.load(Ordering::Relaxed)).await {
                let wanted = *wanted.get_or_insert(found.last_seq);
                late.extend(found.by_others.iter().filter(|(_, applied)| *applied < wanted).map(|(node, _)| *node));
                if late.is_empty() {
                    return;
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if let Some(wanted) = wanted.filter(|_| !late.is_empty()) {
                if tokio::time::timeout(pause.min(left), known.have_applied(&late, wanted)).await.is_ok() {
                    return;
                }
            } else {
                tokio::time::sleep(pause.min(left)).await;
            }
            pause = (2 * pause).min(AGREE_EVERY_MAX);
        }
    }

    /// Becomes one of the nodes, and begins to follow the others, on the current thread.
    ///
    /// # Errors
    /// One line that says what to do.
    pub async fn join(
        &self,
        target: &Target,
        registration: Registration,
        sockets: (RegistryHandle, Relays),
        times: Times,
        bus: Option<(NatsSettings, Key)>,
    ) -> Result<Option<Membership>, JoinError> {
        let Some(known) = &self.0 else { return Ok(None) };
        let carried = match bus {
            Some((settings, key)) => Some(Nats::connect(settings, key, Arc::clone(known)).await?),
            None => None,
        };
        let link = first_link(target).await?;
        fits(&link, &registration, times.clock).await?;
        let lease = known.lease.clone();
        let mut follower = Follower::new(Arc::clone(known), target.clone(), registration, sockets.clone(), times);
        let lost = |Lost(error)| JoinError::Database(error);
        follower.begin(&link).await.map_err(lost)?;
        let (stop, stopped) = oneshot::channel();
        let registry = sockets.0.clone();
        let carrying = async move {
            match carried {
                Some(nats) => nats.carry(registry).await,
                None => std::future::pending().await,
            }
        };
        let ended = actix::spawn(async move {
            let _vital = AbortOnPanic("cluster");
            tokio::select! {
                () = follower.follow(link) => {}
                () = end_sockets_without(lease, sockets) => {}
                () = carrying => {}
                _ = stopped => {}
            }
            follower.leave().await;
        });
        Ok(Some(Membership { stop, ended }))
    }
}

impl Membership {
    /// Ends being one of the nodes: nobody waits for this one any more.
    pub async fn leave(self) {
        drop(self.stop);
        let _ = tokio::time::timeout(LEAVE_MAX, self.ended).await;
    }
}

async fn first_link(target: &Target) -> Result<NodesLink, JoinError> {
    let until = Instant::now() + JOIN_MAX;
    loop {
        match NodesLink::open(target).await {
            Ok(link) => return Ok(link),
            Err(Lost(error)) if Instant::now() >= until => return Err(JoinError::Database(error)),
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Whether this node may be one of those that live. One that says nothing is removed, and keeps nobody out.
async fn fits(link: &NodesLink, registration: &Registration, clock: WallClock) -> Result<(), JoinError> {
    let until = Instant::now() + JOIN_MAX;
    let mut members = members::Members::default();
    loop {
        let nodes = link.list().await.map_err(|Lost(error)| JoinError::Database(error))?;
        let Some(other) = nodes.iter().find_map(|node| stranger(node, registration)) else {
            return nodes.first().map_or(Ok(()), |node| judge_clock(node.now_s, clock));
        };
        let has_spoken = members.look(&nodes);
        if has_spoken.contains(&other.0) || Instant::now() >= until {
            return Err(other.1);
        }
        for silent in members.silent() {
            link.bury(silent.id, silent.beat).await.map_err(|Lost(error)| JoinError::Database(error))?;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Why a node does not go with this one.
fn stranger(node: &NodeRow, registration: &Registration) -> Option<(i64, JoinError)> {
    if node.key_proof != registration.key_proof {
        return Some((node.id, JoinError::OtherKey(node.host.clone())));
    }
    (node.protocol != PROTOCOL).then(|| (node.id, JoinError::OtherProtocol(node.host.clone(), node.protocol)))
}

fn judge_clock(database_s: f64, clock: WallClock) -> Result<(), JoinError> {
    let ahead_s = clock.now_s() as f64 - database_s;
    if ahead_s.abs() <= CLOCK_MAX.as_secs_f64() {
        return Ok(());
    }
    Err(JoinError::Clock(ahead_s.abs() as u64, if ahead_s > 0.0 { "ahead of" } else { "behind" }))
}

/// Ends the sockets of a node that has not known for long whether what it remembers is true; they go on at a node that does, once there is one.
async fn end_sockets_without(lease: Lease, (registry, relays): (RegistryHandle, Relays)) {
    let mut is_ended = false;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        if lease.over_for() < WITHOUT_MAX {
            is_ended = false;
        } else if !std::mem::replace(&mut is_ended, true) {
            tracing::warn!(
                "this node does not know what others have changed: its sockets end, and go on at a node that does"
            );
            registry.end_all(&relays, End::RESTART).await;
        }
    }
}
