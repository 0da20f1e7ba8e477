//! Moments that are counted, so that what was observed can be ordered without a clock.

use std::sync::atomic::{AtomicU64, Ordering};

static LAST: AtomicU64 = AtomicU64::new(0);

/// A moment later than all before it.
pub fn next() -> u64 {
    LAST.fetch_add(1, Ordering::SeqCst) + 1
}
