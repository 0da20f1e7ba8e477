//! An answer that a peer does not take, or takes too slowly.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// As long as a peer may take nothing,
const STALL_MAX: Duration = Duration::from_secs(10);
/// and the least rate at which it takes what waits, over all of the time beyond that, until nothing waits any more.
const BYTES_PER_SECOND_MIN: u64 = 8 * 1024;

/// How long a peer has kept the node waiting.
#[derive(Default)]
pub(super) struct Stall {
    /// Since an answer first had to wait; none while all that there is has been taken.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    taken: u64,
}

impl Stall {
    /// The peer has taken some of what waits.
    pub(super) fn took(&mut self, bytes: usize) {
        if self.since.is_some() {
            self.taken += bytes as u64;
        }
    }

    /// Nothing waits.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }

    /// The peer takes nothing now; ready when it has been given all of its time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let until = since + time_for(self.taken);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
        if timer.deadline().into_std() != until {
            timer.as_mut().reset(until.into());
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

/// As long as a peer may keep the node waiting that has taken so much.
fn time_for(taken: u64) -> Duration {
    STALL_MAX + Duration::from_millis(taken.saturating_mul(1_000) / BYTES_PER_SECOND_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_does_not_hold_a_whole_answer_for_long() {
        assert_eq!(time_for(0), STALL_MAX);
        // 4 KiB each ten seconds: its time is over with the second pause.
        assert!(time_for(4 * 1024) < 2 * STALL_MAX);
        assert_eq!(time_for(1_500 * 1024), STALL_MAX + Duration::from_millis(187_500));
    }
}
