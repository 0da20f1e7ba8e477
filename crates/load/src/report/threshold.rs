//! What a run had to reach, as somebody asked for it, and what it did.

use super::number::quantity;
use serde::Serialize;

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Threshold {
    /// `--max-p99` or `--min-rate`.
    pub option: &'static str,
    /// What it is of: `p99 of delivery (due → read by a socket)`.
    pub of: String,
    /// What was asked for.
    pub wanted: f64,
    /// What came of it; `None` where there was nothing to measure.
    pub measured: Option<f64>,
    /// `ms` or `/s`.
    pub unit: &'static str,
    /// Whether more is worse.
    pub is_ceiling: bool,
}

impl Threshold {
    /// Whether it was reached; what was not measured was not.
    pub fn is_met(&self) -> bool {
        self.measured.is_some_and(|measured| match self.is_ceiling {
            true => measured <= self.wanted,
            false => measured >= self.wanted,
        })
    }

    /// Which, what came of it, and by how much it was missed.
    pub fn sentence(&self) -> String {
        let Self { option, of, wanted, unit, .. } = self;
        let asked = format!("{option} {}", quantity(*wanted));
        let Some(measured) = self.measured else {
            return format!("{of}: nothing was measured ({asked})");
        };
        let (found, far) = (quantity(measured), (measured - wanted).abs());
        if self.is_met() {
            return format!("{of} was {found} {unit} ({asked})");
        }
        let way = if self.is_ceiling { "over" } else { "below" };
        let percent = quantity((far / wanted * 100.0).round());
        format!("{of} was {found} {unit}, {} {unit} ({percent} %) {way} {asked}", quantity(far))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p99(measured: Option<f64>) -> Threshold {
        let of = "p99 of delivery".into();
        Threshold { option: "--max-p99", of, wanted: 50.0, measured, unit: "ms", is_ceiling: true }
    }

    #[test]
    fn a_threshold_says_which_it_is_and_by_how_much_it_was_missed() {
        let rate = Threshold {
            option: "--min-rate",
            of: "messages acknowledged a second".into(),
            wanted: 200.0,
            measured: Some(150.0),
            unit: "/s",
            is_ceiling: false,
        };
        for (threshold, is_met, says) in [
            (p99(Some(72.5)), false, "p99 of delivery was 72.5 ms, 22.5 ms (45 %) over --max-p99 50"),
            (p99(Some(50.0)), true, "p99 of delivery was 50 ms (--max-p99 50)"),
            (p99(None), false, "p99 of delivery: nothing was measured (--max-p99 50)"),
            (rate, false, "messages acknowledged a second was 150 /s, 50 /s (25 %) below --min-rate 200"),
        ] {
            assert_eq!((threshold.is_met(), threshold.sentence().as_str()), (is_met, says));
        }
    }
}
