//! What a run has measured and whether all held, as data; [`mod@table`], [`mod@page`] and serde show it.

mod comparison;
mod environment;
pub mod number;
mod page;
pub mod plot;
#[cfg(test)]
pub(super) mod samples;
mod slowest;
mod table;
mod text;
mod thin;
mod threshold;
pub mod times;
mod verdict;

pub use comparison::{Comparison, Row};
pub use environment::Environment;
pub use page::page;
pub use slowest::why;
pub use table::table;
pub use threshold::Threshold;
pub use verdict::UNLIMITED;

use serde::Serialize;

/// The format of the JSON. Names may be added; where one goes or means something else, this grows.
pub const FORMAT: u32 = 1;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the tool.
    pub version: &'static str,
    /// `fanout`, `rooms`, …
    pub scenario: String,
    /// Where the node is.
    pub url: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How long it ran, set-up and final checks included.
    pub took_s: f64,
    /// On what it was made.
    pub environment: Environment,
    /// The command, the name of the run, and what it was asked to do, defaults filled in.
    pub settings: Vec<(String, String)>,
    /// How it ended.
    pub end: End,
    /// How often the node refused something because of its limits by rate: they are what was measured then.
    pub limited: u64,
    /// What it had to reach.
    pub thresholds: Vec<Threshold>,
    /// The headline figures.
    pub figures: Vec<Figure>,
    /// Times, each from a histogram.
    pub latencies: Vec<Latency>,
    /// Which of them the samples' percentiles are of.
    pub main: &'static str,
    /// One a second.
    pub samples: Vec<Sample>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// An earlier run beside it, which has a file of its own.
    #[serde(skip)]
    pub comparison: Option<Comparison>,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum End {
    /// It did all that it was asked to.
    Completed,
    /// Somebody pressed Ctrl-C; the figures are of what had been done.
    Interrupted,
    /// It could not go on.
    Failed {
        /// One line.
        why: String,
    },
}

/// How the name of a figure begins that counts errors.
pub const ERROR: &str = "errors: ";

/// A number with its unit.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// `durable messages a second`, `memory a socket`, …
    pub name: String,
    /// The number.
    pub value: f64,
    /// `/s`, `KiB`, `µs`, `%`, or nothing for a count.
    pub unit: &'static str,
}

/// The spread of a time, in microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// `delivery`, `acknowledgement`, `handshake`, `GET /users/me`, …
    pub name: String,
    /// From what to what, as [`times::span`] has it.
    pub span: &'static str,
    /// How many times were taken.
    pub count: u64,
    /// The least.
    pub min_us: u64,
    /// The mean.
    pub mean_us: f64,
    /// Percentiles.
    pub p50_us: u64,
    /// See above.
    pub p90_us: u64,
    /// See above.
    pub p99_us: u64,
    /// See above.
    pub p999_us: u64,
    /// The most.
    pub max_us: u64,
}

/// What happened in one second.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sample {
    /// Seconds since the load began.
    pub at_s: f64,
    /// Messages that were acknowledged in it, a second.
    pub acknowledged: f64,
    /// Calls that were answered in it, a second.
    pub calls: f64,
    /// Sockets that were opened in it, a second, where that is what is measured.
    pub opened: f64,
    /// Events that reached a socket in it, a second.
    pub deliveries: f64,
    /// Errors in it.
    pub errors: u64,
    /// Sockets that are open.
    pub sockets: u64,
    /// Sockets that the tool has cut off in it.
    pub cut_off: u64,
    /// Sockets that the node or the network has ended in it.
    pub lost: u64,
    /// Latency of the scenario's main time in this second; `None` if nothing came.
    pub p50_us: Option<u64>,
    /// See above.
    pub p99_us: Option<u64>,
    /// See above.
    pub p999_us: Option<u64>,
    /// Resident memory of the node, where it can be seen.
    pub node_kib: Option<u64>,
    /// CPU of the node in this second: 100 is one processor.
    pub node_cpu_percent: Option<f64>,
}

/// Something that a run checks.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// `every seq is one more than the last`, …
    pub name: String,
    /// How often it was looked at.
    pub looked_at: u64,
    /// How often it did not hold.
    pub violations: u64,
    /// The first few violations, each a line for a person.
    pub examples: Vec<String>,
}

impl Report {
    /// Whether the run did what it was asked to, the node let it, everything held, and it reached what it had to.
    pub fn all_held(&self) -> bool {
        let has_looked = self.checks.iter().any(|check| check.looked_at > 0);
        let is_met = self.limited == 0 && self.thresholds.iter().all(Threshold::is_met);
        let has_held = has_looked && self.checks.iter().all(|check| check.violations == 0);
        matches!(self.end, End::Completed) && has_held && is_met
    }
}
