//! An answer that a peer does not take, or takes too slowly.

use crate::patience::PAUSE_MIN;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// As long as a peer may take nothing of an answer,
const STALL_MAX: Duration = Duration::from_secs(10);
/// or nothing more, however much it has taken. What it reads is seen here in steps: the kernels on the way hold some hundred KiB, and
/// move on when there is much room.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The least rate at which it takes an answer: over the whole of it, and all of the time in which the node waited for the peer.
pub const BYTES_PER_SECOND_MIN: u64 = 8 * 1024;

/// How long a peer has kept the node waiting with an answer.
pub(super) struct Stall {
    account: Account,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(super) fn new() -> Self {
        Self { account: Account::new(0), timer: None }
    }

    /// Something is to be written, of the answer to this call or to one before it.
    pub(super) fn begin(&mut self, call: u64) {
        self.account.begin(call);
    }

    /// The peer has taken some of it.
    pub(super) fn took(&mut self, bytes: usize) {
        self.account.took(bytes, Instant::now());
    }

    /// Nothing waits to be taken.
    pub(super) fn over(&mut self) {
        self.account.over(Instant::now());
        self.timer = None;
    }

    /// Whether something waits to be taken.
    pub(super) fn is_open(&self) -> bool {
        self.account.is_open
    }

    /// The peer takes nothing now; ready when it has been given all of its time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let until = self.account.until(Instant::now());
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
            if timer.deadline().into_std() != until {
                timer.as_mut().reset(until.into());
            }
            ready!(timer.as_mut().poll(cx));
            if !self.account.stood_still(Instant::now()) {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
        }
    }
}

/// What a peer has taken of an answer, and how long it has let the node wait for that.
struct Account {
    /// Whose answer it is.
    call: u64,
    taken: u64,
    waited: Duration,
    /// The peer takes nothing since then, and has until then.
    since: Option<(Instant, Instant)>,
    /// Whether something waits to be taken.
    is_open: bool,
}

impl Account {
    fn new(call: u64) -> Self {
        Self { call, taken: 0, waited: Duration::ZERO, since: None, is_open: false }
    }

    fn begin(&mut self, call: u64) {
        // Nobody gets more time by making another call while the last answer waits.
        if !self.is_open && self.call != call {
            *self = Self::new(call);
        }
    }

    fn took(&mut self, bytes: usize, now: Instant) {
        self.stood_still(now);
        self.taken += bytes as u64;
        self.waited += self.since.take().map_or(Duration::ZERO, |(since, _)| now.saturating_duration_since(since));
    }

    /// Whether this process was not there when the time was over; then the wait begins anew.
    fn stood_still(&mut self, now: Instant) -> bool {
        let has = self.since.is_some_and(|(_, until)| now.saturating_duration_since(until) >= PAUSE_MIN);
        if has {
            self.since = None;
        }
        has
    }

    fn over(&mut self, now: Instant) {
        self.took(0, now);
        self.is_open = false;
    }

    fn until(&mut self, now: Instant) -> Instant {
        self.is_open = true;
        let time = STALL_MAX + Duration::from_millis(self.taken.saturating_mul(1_000) / BYTES_PER_SECOND_MIN);
        self.since.get_or_insert((now, now + time.saturating_sub(self.waited).min(PAUSE_MAX))).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_peer_that_takes_nothing_has_ten_seconds() {
        let (mut account, now) = (Account::new(0), Instant::now());
        account.begin(1);
        assert_eq!(account.until(now), now + STALL_MAX);
        assert_eq!(account.until(now + SECOND), now + STALL_MAX, "it is asked again");
    }

    #[test]
    fn who_has_taken_much_may_not_stop_for_all_the_time_that_it_has_won() {
        let (mut account, now) = (Account::new(0), Instant::now());
        account.begin(1);
        account.took(6 << 20, now);
        assert_eq!(account.until(now), now + PAUSE_MAX);
    }

    /// This process stood still for a minute: the peer may have taken all of it long ago.
    #[test]
    fn a_pause_of_the_process_is_not_the_peers() {
        let (mut account, mut now) = (Account::new(0), Instant::now());
        account.begin(1);
        account.until(now);
        now += 60 * SECOND;
        account.took(1, now);
        assert!(account.until(now) >= now + STALL_MAX);
        now += 60 * SECOND;
        assert!(account.stood_still(now) && account.until(now) >= now + STALL_MAX);
        assert!(!account.stood_still(now + STALL_MAX));
    }

    /// In each of many parts of an answer the peer takes a little just in time.
    #[test]
    fn a_trickle_does_not_hold_an_answer_for_long_however_many_parts_it_has() {
        let (mut account, mut now) = (Account::new(0), Instant::now());
        let began = now;
        for part in 0.. {
            account.begin(1);
            let until = account.until(now);
            if until < now + 9 * SECOND {
                assert_eq!(part, 1, "it had {:?}", now - began);
                break;
            }
            now += 9 * SECOND;
            account.took(4 * 1024, now);
            account.over(now);
        }
    }

    #[test]
    fn who_reads_at_the_least_rate_gets_all_of_it_and_the_time_that_the_node_takes_is_not_counted() {
        let (mut account, mut now) = (Account::new(0), Instant::now());
        for _ in 0..1_000 {
            account.begin(1);
            assert!(account.until(now) > now + SECOND);
            now += SECOND;
            account.took(8 * 1024, now);
            account.over(now);
            now += 60 * SECOND;
        }
    }

    #[test]
    fn the_next_answer_has_its_own_time_and_only_once_the_last_one_has_been_taken() {
        let (mut account, now) = (Account::new(0), Instant::now());
        account.begin(1);
        account.until(now);
        account.took(1, now + 9 * SECOND);
        account.begin(2);
        assert!(account.until(now + 9 * SECOND) < now + 11 * SECOND, "the first one still waits");
        account.over(now + 9 * SECOND);
        account.begin(2);
        assert_eq!(account.until(now + 9 * SECOND), now + 9 * SECOND + STALL_MAX);
    }
}
