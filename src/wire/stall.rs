//! An answer that a peer does not take.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// As long as a peer may take for [`BYTES_MIN`] of an answer that waits for it.
const STALL_MAX: Duration = Duration::from_secs(10);
/// As much as a peer has to take in that time.
const BYTES_MIN: usize = 4 * 1024;

/// How long a peer has kept the node waiting.
#[derive(Default)]
pub(super) struct Stall {
    /// Since it has last taken enough; none while all that there is has been taken.
    timer: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl Stall {
    /// The peer has taken some of what waits.
    pub(super) fn took(&mut self, bytes: usize) {
        if self.timer.is_some() {
            self.taken += bytes;
            if self.taken >= BYTES_MIN {
                self.over();
            }
        }
    }

    /// Nothing waits.
    pub(super) fn over(&mut self) {
        (self.timer, self.taken) = (None, 0);
    }

    /// The peer takes nothing now; ready when it has been given all of its time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_MAX)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}
