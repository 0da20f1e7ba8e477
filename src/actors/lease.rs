//! How long a node may tell what it remembers.
//!
//! A node that shares its database remembers rights that another node may end. So it tells only while it has a lease: until 2 s after it
//! has begun to ask what has been changed, and has applied all of the answer. Whoever ends a right waits until every node has applied that,
//! or for longer than any lease lasts ([`cluster`](super::cluster)). A node that has its database for itself needs none.
//!
//! The clock goes on while the machine sleeps, and nobody sets it; no clock of another machine is compared with it. After Gray and
//! Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file cache consistency" (1989).

use os::clock::since_boot;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// As long as a lease lasts, from the moment at which its node began to ask.
pub const LEASE: Duration = Duration::from_secs(2);
/// What two clocks may differ by while a lease lasts: a holder takes it from its lease, who waits for its end waits longer.
pub const DRIFT_MAX: Duration = Duration::from_millis(50);

/// A node's lease, as all of its threads see it.
#[derive(Clone, Default)]
pub struct Lease(Option<Arc<State>>);

#[derive(Default)]
struct State {
    /// By [`since_boot`], in microseconds.
    until_us: AtomicU64,
    renewed: Notify,
}

impl Lease {
    /// That of a node which has its database for itself.
    pub fn unlimited() -> Self {
        Self(None)
    }

    /// One that is over.
    pub fn over() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether what is remembered may be told now.
    #[inline]
    pub fn is_held(&self) -> bool {
        self.0.as_ref().is_none_or(|state| now_us() < state.until_us.load(Ordering::Acquire))
    }

    /// Whether other nodes change what is remembered.
    pub fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Returns when it is held.
    pub async fn held(&self) {
        let Some(state) = &self.0 else { return };
        loop {
            let mut renewed = std::pin::pin!(state.renewed.notified());
            // From here on no renewal is missed.
            renewed.as_mut().enable();
            if self.is_held() {
                return;
            }
            renewed.await;
        }
    }

    /// It lasts for [`LEASE`] from the moment at which its node began to ask. Answers whether it was over.
    pub(super) fn renew(&self, asked_at: Duration) -> bool {
        let Some(state) = &self.0 else { return false };
        let was_over = !self.is_held();
        state.until_us.store(micros(asked_at + LEASE - DRIFT_MAX), Ordering::Release);
        state.renewed.notify_waiters();
        was_over
    }

    /// It is over: the node is not one of those that are waited for any more.
    pub(super) fn end(&self) {
        if let Some(state) = &self.0 {
            state.until_us.store(0, Ordering::Release);
        }
    }

    /// For how long it has been over.
    pub(super) fn over_for(&self) -> Duration {
        let until_us = self.0.as_ref().map_or(u64::MAX, |state| state.until_us.load(Ordering::Acquire));
        Duration::from_micros(now_us().saturating_sub(until_us))
    }
}

fn now_us() -> u64 {
    micros(since_boot())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_from_the_question_and_not_from_the_answer() {
        let lease = Lease::over();
        assert!(!lease.is_held());
        assert!(lease.renew(since_boot()) && lease.is_held(), "asked just now");
        assert!(!lease.renew(since_boot().saturating_sub(LEASE)) && !lease.is_held(), "answered too late");
        assert!(lease.renew(since_boot()) && lease.is_held());
        lease.end();
        assert!(!lease.is_held() && lease.over_for() > Duration::ZERO);
    }

    #[tokio::test]
    async fn who_waits_for_it_goes_on_with_the_next_renewal() {
        let lease = Lease::over();
        let waiting = tokio::spawn({
            let lease = lease.clone();
            async move { lease.held().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        lease.renew(since_boot());
        waiting.await.expect("it goes on");
    }

    #[test]
    fn alone_a_node_needs_none() {
        let lease = Lease::unlimited();
        assert!(lease.is_held() && !lease.is_limited() && lease.over_for() == Duration::ZERO);
    }
}
