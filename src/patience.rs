//! Waits that a pause of this process does not use up: SIGSTOP, a paused machine, swap. What has arrived meanwhile is looked at
//! before anybody is late.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A timer that fires so much too late tells of a pause, not of whoever was waited for.
pub const PAUSE_MIN: Duration = Duration::from_millis(500);

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

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
}
