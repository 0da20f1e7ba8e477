//! Whether everything held, in words.

use super::number::count;
use super::{Check, ERROR, End, Figure, Report, Threshold};

const MISSED: &str = "A threshold was missed";
/// What to do where a node limits a run.
pub const UNLIMITED: &str = "start it with RATE_LIMIT=off, or ask less of it for each person: a lower --rate, --window or \
                             --connections, fewer sockets (--sockets, or --channels and --members), or more --users";

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything held.
    Held,
    /// What was seen held, but not all was seen.
    Unfinished,
    /// Something did not hold, or the run could not go on.
    Broken,
}

/// The first thing to know of a run.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How bad it is.
    pub outcome: Outcome,
    /// A few words.
    pub headline: String,
    /// A sentence more.
    pub detail: String,
}

/// What is to be said of a run before anything else.
pub fn verdict(report: &Report) -> Verdict {
    let broken: Vec<&Check> = report.checks.iter().filter(|check| check.violations > 0).collect();
    let looked_at = report.checks.iter().fold(0_u64, |all, check| all.saturating_add(check.looked_at));
    let violations = broken.iter().fold(0_u64, |all, check| all.saturating_add(check.violations));
    let checked = match report.checks.len() {
        0 => "nothing was checked".to_owned(),
        checks => format!("{}, looked at {} times", plural(checks as u64, "check"), count(looked_at)),
    };
    let missed = report.thresholds.iter().filter(|threshold| !threshold.is_met()).count();
    let (outcome, headline) = match (&report.end, broken.len()) {
        (End::Failed { .. }, _) => (Outcome::Broken, "The run failed"),
        (_, 1..) => (Outcome::Broken, "Not everything held"),
        (End::Interrupted, 0) => (Outcome::Unfinished, "Interrupted"),
        (End::Completed, 0) if missed > 0 && report.limited == 0 => (Outcome::Broken, MISSED),
        (End::Completed, 0) if report.limited > 0 => (Outcome::Broken, "Limited by the node"),
        (End::Completed, 0) if looked_at == 0 => (Outcome::Unfinished, "Completed, but nothing was checked"),
        (End::Completed, 0) => (Outcome::Held, "Everything held"),
    };
    let mut sentences = Vec::new();
    if let End::Failed { why } = &report.end {
        sentences.push(why.clone());
    } else if report.limited > 0 {
        let calls = plural(report.limited, "call");
        sentences.push(format!(
            "the node refused {calls} because of its limits by rate, so the figures are of these limits; {UNLIMITED}"
        ));
    }
    sentences.extend(report.thresholds.iter().filter(|threshold| !threshold.is_met()).map(Threshold::sentence));
    if broken.is_empty() {
        sentences.push(if outcome == Outcome::Held { checked } else { format!("no violation; {checked}") });
    } else {
        let of = format!("{} of {}", count(broken.len() as u64), plural(report.checks.len() as u64, "check"));
        sentences.push(format!("{} in {of}, looked at {} times", plural(violations, "violation"), count(looked_at)));
    }
    let is_error = |figure: &&Figure| figure.name.starts_with(ERROR);
    let errors = report.figures.iter().filter(is_error).map(|figure| figure.value).sum::<f64>();
    if errors >= 1.0 {
        sentences.push(format!("{} on the way, each kind among the figures", plural(errors as u64, "error")));
    }
    if matches!(report.end, End::Interrupted) {
        sentences.push("the figures are of what had been done".to_owned());
    }
    Verdict { outcome, headline: headline.to_owned(), detail: sentences.join("; ") }
}

fn plural(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}
