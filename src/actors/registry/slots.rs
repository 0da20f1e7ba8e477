//! So many loads at once; whoever waits for a turn is told so when the database hangs, not when there is a long line.

use crate::error::{Error, Result};
use crate::patience::timeout;
use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// See the module.
pub struct Slots {
    free: Semaphore,
    /// As long as a load may wait for its turn while none of those before it ends.
    standstill_max: Duration,
    /// When a load has ended last.
    moved: Cell<Instant>,
}

/// A load's turn, until it is dropped.
pub struct Slot<'a> {
    slots: &'a Slots,
    _permit: SemaphorePermit<'a>,
}

impl Slots {
    /// So many, and how long one waits for them while nothing moves.
    pub fn new(count: usize, standstill_max: Duration) -> Self {
        Self { free: Semaphore::new(count), standstill_max, moved: Cell::new(Instant::now()) }
    }

    /// Waits for a turn, for as long as others have theirs one after another.
    ///
    /// # Errors
    /// [`Error::Unavailable`] at a standstill.
    pub async fn in_time(&self) -> Result<Slot<'_>> {
        let mut turn = pin!(self.free.acquire());
        loop {
            match timeout(self.standstill_max, turn.as_mut()).await {
                Some(permit) => return permit.map(|permit| self.slot(permit)).map_err(|_| Error::Unavailable),
                None if self.moved.get().elapsed() < self.standstill_max => {}
                None => return Err(Error::Unavailable),
            }
        }
    }

    /// Waits for a turn, however long that takes; `None` when the node ends.
    pub async fn at_last(&self) -> Option<Slot<'_>> {
        self.free.acquire().await.ok().map(|permit| self.slot(permit))
    }

    fn slot<'a>(&'a self, permit: SemaphorePermit<'a>) -> Slot<'a> {
        Slot { slots: self, _permit: permit }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.slots.moved.set(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    const STANDSTILL_MAX: Duration = Duration::from_secs(1);

    /// One after another, for longer in all than any of them would wait at a standstill.
    #[tokio::test]
    async fn in_a_long_line_that_moves_everyone_has_a_turn() {
        let slots = Slots::new(1, STANDSTILL_MAX);
        let load = async || {
            let slot = slots.in_time().await;
            tokio::time::sleep(STANDSTILL_MAX * 6 / 10).await;
            slot.is_ok()
        };
        assert_eq!(join_all((0..4).map(|_| load())).await, [true; 4]);
    }

    #[tokio::test]
    async fn at_a_standstill_nobody_waits_on() {
        let slots = Slots::new(1, STANDSTILL_MAX);
        let hangs = slots.in_time().await;
        assert!(hangs.is_ok() && matches!(slots.in_time().await, Err(Error::Unavailable)));
    }
}
