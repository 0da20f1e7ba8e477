//! When a run was slowest, and what happened then.

use super::number::{clock, count, time_us};
use super::{Report, Sample};

/// Where the highest p99 was, with the sockets that were cut off or lost then; `None` where no time was taken.
pub fn slowest(report: &Report) -> Option<String> {
    let timed = report.samples.iter().filter_map(|sample| Some((sample.p99_us?, sample)));
    let (p99_us, sample) = timed.max_by_key(|(p99_us, _)| *p99_us)?;
    let found = format!("slowest at {}: p99 of {} {}", clock(sample.at_s), report.main, time_us(p99_us as f64));
    Some([Some(found), why(sample)].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// What happened to sockets in one sample.
pub fn why(sample: &Sample) -> Option<String> {
    let cut = (sample.cut_off > 0).then(|| format!("{} sockets cut off by the tool", count(sample.cut_off)));
    let lost = (sample.lost > 0).then(|| format!("{} sockets lost", count(sample.lost)));
    let both: Vec<String> = cut.into_iter().chain(lost).collect();
    (!both.is_empty()).then(|| both.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::report;

    #[test]
    fn the_slowest_time_is_named_with_what_happened_then() {
        let mut run = report(30);
        run.samples[6].p99_us = Some(312_000);
        assert_eq!(slowest(&run).as_deref(), Some("slowest at 0:07: p99 of delivery 312 ms"));
        (run.samples[6].cut_off, run.samples[6].lost) = (1_000, 3);
        let said = "slowest at 0:07: p99 of delivery 312 ms; 1,000 sockets cut off by the tool, 3 sockets lost";
        assert_eq!(slowest(&run).as_deref(), Some(said));
        assert_eq!(slowest(&report(0)), None);
    }
}
