//! Memory that a storm has left free goes back to the system: the allocator would keep it.

use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// As much more than after the last time is worth it.
const GROWN_BYTES: u64 = 32 << 20;

/// Looks from time to time, on a thread of its own, for as long as the program runs.
pub fn keep_trimmed() {
    let look = || {
        let mut after = resident_bytes();
        loop {
            std::thread::sleep(LOOK_EVERY);
            let now = resident_bytes();
            if now > after + GROWN_BYTES {
                trim::trim();
                after = resident_bytes();
            } else {
                after = after.min(now);
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("memory".to_owned()).spawn(look) {
        tracing::warn!(%error, "freed memory is not given back to the system");
    }
}

/// 0 where the system does not say.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
