//! Waits that a pause of this process does not use up: SIGSTOP, a paused machine, swap. What has arrived meanwhile is looked at
//! before anybody is late.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A timer that fires so much too late tells of a pause, not of whoever was waited for.
pub const PAUSE_MIN: Duration = Duration::from_millis(500);

/// As often as a relay sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Waits for `work` for so long; `None` when it was not done by then. A wait in which this process stood still begins anew.
pub async fn timeout<T>(length: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        let until = Instant::now() + length;
        match timeout_at(until, work.as_mut()).await {
            Ok(done) => return Some(done),
            Err(_) if until.elapsed() < PAUSE_MIN => return None,
            Err(_) => tracing::debug!("this process has stood still"),
        }
    }
}

/// Time without the pauses of this process. Its owner looks at it every so often; what is longer than that was a pause.
#[derive(Debug)]
pub struct Clock {
    every: Duration,
    seen: Cell<Instant>,
    still: Cell<Duration>,
}

impl Clock {
    /// One that is looked at at least as often as this.
    pub fn new(every: Duration) -> Self {
        Self { every, seen: Cell::new(Instant::now()), still: Cell::default() }
    }

    /// A moment that only others of the same clock compare with.
    pub fn now(&self) -> Instant {
        let now = Instant::now();
        let unseen = now.saturating_duration_since(self.seen.replace(now));
        if unseen >= self.every + PAUSE_MIN {
            self.still.set(self.still.get() + unseen.saturating_sub(self.every));
        }
        now.checked_sub(self.still.get()).unwrap_or(now)
    }
}

thread_local! {
    /// A worker's, which its relay looks at with every sweep.
    static WORKER: Clock = Clock::new(SWEEP_EVERY);
}

/// A moment on a worker's thread, that only others of the same thread compare with.
pub fn worker_now() -> Instant {
    WORKER.with(Clock::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_does_not_come_in_time_is_late() {
        assert_eq!(timeout(LENGTH, std::future::pending::<()>()).await, None);
        assert_eq!(timeout(100 * LENGTH, tokio::time::sleep(LENGTH)).await, Some(()));
    }

    /// Everything stands still once, for longer than the wait; what is waited for comes only after that.
    #[tokio::test]
    async fn a_pause_does_not_make_anybody_late() {
        let turns = Cell::new(0);
        let work = async {
            while turns.get() < 3 {
                tokio::time::sleep(LENGTH / 5).await;
                if turns.replace(turns.get() + 1) == 0 {
                    std::thread::sleep(PAUSE_MIN + 2 * LENGTH);
                }
            }
        };
        assert_eq!(timeout(LENGTH, work).await, Some(()));
    }

    #[test]
    fn a_pause_is_no_time() {
        let clock = Clock::new(LENGTH);
        let before = clock.now();
        std::thread::sleep(PAUSE_MIN + 2 * LENGTH);
        assert!(clock.now() - before <= LENGTH);
    }

    #[test]
    fn what_is_looked_at_is_time() {
        let clock = Clock::new(LENGTH);
        let (began, before) = (Instant::now(), clock.now());
        for _ in 0..5 {
            std::thread::sleep(LENGTH / 2);
            clock.now();
        }
        assert!(clock.now() - before <= began.elapsed());
        assert!(clock.now() > before);
    }
}
