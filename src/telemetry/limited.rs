//! Lines of the library that reads HTTP: about what strangers send, as often as they like.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Whose lines they are.
const STRANGERS: &str = "actix_http";
/// What that library calls an error, and is a request that a stranger has put together badly: written only where debug lines are.
const GARBAGE: &str = "stream error: request parse error";
/// So many a second are written of each kind: of one line of its code.
const LINES_PER_SECOND: u64 = 10;
const KINDS: usize = 64;

static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// How many lines have been left out since this was last asked.
pub fn take_left_out() -> u64 {
    LEFT_OUT.swap(0, Ordering::Relaxed)
}

/// A format that leaves out what is too much.
pub(super) struct Limited<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for Limited<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        static WRITTEN: [Written; KINDS] = [const { Written(AtomicU64::new(0)) }; KINDS];
        let metadata = event.metadata();
        if metadata.target().starts_with(STRANGERS) {
            if LevelFilter::current() < LevelFilter::DEBUG && is_garbage(event) {
                return Ok(());
            }
            let now_s = now_s();
            let kind = metadata.line().unwrap_or(0) as usize % KINDS;
            if !WRITTEN.get(kind).is_none_or(|written| written.has_room(now_s)) {
                LEFT_OUT.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
        self.0.format_event(context, writer, event)
    }
}

fn is_garbage(event: &Event<'_>) -> bool {
    struct Found(bool);
    impl Visit for Found {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0 |= field.name() == "message" && format!("{value:?}").starts_with(GARBAGE);
        }
    }
    let mut found = Found(false);
    event.record(&mut found);
    found.0
}

/// What may happen more often than it is worth a line.
pub struct Often {
    second: AtomicU64,
    count: AtomicU64,
}

impl Often {
    /// Of what has not happened yet.
    #[must_use]
    pub const fn never() -> Self {
        Self { second: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    /// It has happened: how often since the last line, if it is worth one again, which is once a second.
    pub fn happened(&self) -> Option<u64> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let now_s = now_s();
        (self.second.swap(now_s, Ordering::Relaxed) != now_s).then(|| self.count.swap(0, Ordering::Relaxed))
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A second, and how many lines it has had.
struct Written(AtomicU64);

impl Written {
    /// Counts one more, if there is room for it.
    fn has_room(&self, now_s: u64) -> bool {
        let count = |written: u64| if written >> 8 == now_s { written & 0xFF } else { 0 };
        let one_more = |written| (count(written) < LINES_PER_SECOND).then(|| now_s << 8 | (count(written) + 1));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_often_has_a_line_a_second_and_none_is_forgotten() {
        let often = Often::never();
        let counts: Vec<u64> = (0..1_000).filter_map(|_| often.happened()).collect();
        assert!(counts.len() <= 3 && counts[0] == 1, "{counts:?}");
        assert_eq!(counts.iter().sum::<u64>() + often.count.into_inner(), 1_000);
    }

    #[test]
    fn each_second_has_room_for_so_many_lines() {
        let written = Written(AtomicU64::new(0));
        for now_s in [1_000, 1_001, 2_000] {
            let lines = (0..1_000).filter(|_| written.has_room(now_s)).count() as u64;
            assert_eq!(lines, LINES_PER_SECOND);
        }
    }
}
