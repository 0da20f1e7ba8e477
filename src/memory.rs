//! Memory that a storm has left free goes back to the system: the allocator would keep it.

use std::sync::Once;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_secs(5);
const LOOK_EVERY_IN_USE: Duration = Duration::from_secs(30);
/// As much more than the node has had is worth a try,
const GROWN_BYTES: u64 = 32 << 20;
/// and as much that goes back, worth the next one soon.
const GAIN_BYTES_MIN: u64 = 4 << 20;

static LOOKING: Once = Once::new();

/// Looks from time to time, on a thread of its own, for as long as the program runs. Memory is the process's, so one looks for
/// all the nodes that are started in it.
pub fn keep_trimmed() {
    LOOKING.call_once(|| {
        if let Err(error) = std::thread::Builder::new().name("memory".to_owned()).spawn(look) {
            tracing::warn!(%error, "freed memory is not given back to the system");
        }
    });
}

fn look() {
    let (mut floor, mut pause) = (resident_bytes(), LOOK_EVERY);
    loop {
        std::thread::sleep(pause);
        let before = resident_bytes();
        floor = floor.min(before);
        pause = LOOK_EVERY;
        if before > floor + GROWN_BYTES {
            os::memory::trim();
            let after = resident_bytes();
            floor = floor.min(after);
            if before.saturating_sub(after) < GAIN_BYTES_MIN {
                // It is in use; to look costs something.
                pause = LOOK_EVERY_IN_USE;
            }
        }
    }
}

/// 0 where the system does not say.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
