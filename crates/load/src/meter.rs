//! Counts and times of a run, and what they were in each second.

use super::LoadError;
use super::node::NodeProcess;
use super::report::times::{Scheduled, order, span};
use super::report::{ERROR, Figure, Latency, Sample};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Longer times are counted as this.
const LONGEST_US: u64 = 120_000_000;

/// The times of one thing: since the start, and since the last sample.
pub struct Times {
    name: String,
    all: RefCell<Histogram<u64>>,
    second: RefCell<Histogram<u64>>,
}

impl Times {
    fn new(name: &str, empty: &Histogram<u64>) -> Self {
        let histogram = || RefCell::new(Histogram::new_from(empty));
        Self { name: name.into(), all: histogram(), second: histogram() }
    }

    /// What they are of.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes one.
    pub fn note(&self, us: u64) {
        self.second.borrow_mut().saturating_record(us.max(1));
    }

    fn end_second(&self) {
        let mut second = self.second.borrow_mut();
        if !second.is_empty() {
            let _ = self.all.borrow_mut().add(&*second);
            second.reset();
        }
    }

    /// The spread of all of them.
    pub fn latency(&self, scheduled: Scheduled) -> Option<Latency> {
        self.end_second();
        let all = self.all.borrow();
        let at = |percent: f64| all.value_at_percentile(percent);
        (!all.is_empty()).then(|| Latency {
            name: self.name.clone(),
            span: span(&self.name, scheduled),
            count: all.len(),
            min_us: all.min(),
            mean_us: all.mean(),
            p50_us: at(50.0),
            p90_us: at(90.0),
            p99_us: at(99.0),
            p999_us: at(99.9),
            max_us: all.max(),
        })
    }
}

/// What is counted.
pub struct Meter {
    /// Messages that are in the log.
    pub acknowledged: Cell<u64>,
    /// Sockets that were opened, where that is what is measured.
    pub opened: Cell<u64>,
    /// Calls that were answered.
    pub calls: Cell<u64>,
    /// Events that reached a socket.
    pub deliveries: Cell<u64>,
    /// Edits, reactions and deletions that were answered.
    pub changes: [Cell<u64>; 3],
    /// Entries of the log that reached a socket and are no messages.
    pub change_deliveries: Cell<u64>,
    /// What the node refused because of its limits by rate.
    pub limited: Cell<u64>,
    /// Sockets that the tool has cut off.
    pub cut_off: Cell<u64>,
    /// Sockets that the node or the network has ended.
    pub lost: Cell<u64>,
    /// Sockets that are open.
    pub sockets: Cell<u64>,
    errors: RefCell<BTreeMap<String, u64>>,
    times: RefCell<Vec<Rc<Times>>>,
    empty: Histogram<u64>,
    last: Cell<Last>,
}

#[derive(Clone, Copy, Default)]
struct Last {
    at_s: f64,
    acknowledged: u64,
    calls: u64,
    opened: u64,
    deliveries: u64,
    cut_off: u64,
    lost: u64,
    errors: u64,
    cpu_us: u64,
}

/// Adds one.
pub fn count(counter: &Cell<u64>, more: u64) {
    counter.set(counter.get() + more);
}

impl Meter {
    /// Counts nothing yet.
    ///
    /// # Errors
    /// When the histograms' bounds are wrong, which they are not.
    pub fn new() -> Result<Self, LoadError> {
        // Two digits: within 1 %, and small enough for one of each kind of call.
        let empty =
            Histogram::new_with_bounds(1, LONGEST_US, 2).map_err(|error| LoadError::Input(error.to_string()))?;
        Ok(Self {
            acknowledged: Cell::default(),
            opened: Cell::default(),
            calls: Cell::default(),
            deliveries: Cell::default(),
            changes: Default::default(),
            change_deliveries: Cell::default(),
            limited: Cell::default(),
            cut_off: Cell::default(),
            lost: Cell::default(),
            sockets: Cell::default(),
            errors: RefCell::default(),
            times: RefCell::default(),
            empty,
            last: Cell::default(),
        })
    }

    /// The times of this name.
    pub fn times(&self, name: &str) -> Rc<Times> {
        let mut times = self.times.borrow_mut();
        if let Some(known) = times.iter().find(|known| known.name == name) {
            return Rc::clone(known);
        }
        let new = Rc::new(Times::new(name, &self.empty));
        times.push(Rc::clone(&new));
        new
    }

    /// Notes an error of a kind.
    pub fn error(&self, kind: &str) {
        let mut errors = self.errors.borrow_mut();
        match errors.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(errors.insert(kind.chars().take(60).collect(), 1)),
        }
    }

    /// How many errors there were.
    pub fn errors(&self) -> u64 {
        self.errors.borrow().values().sum()
    }

    /// Counting begins now: what the set-up took is not the run's.
    pub fn begin(&self, at_s: f64, node: Option<&NodeProcess>) {
        let _ = self.sample(at_s, &self.times("nothing"), node);
    }

    /// What has happened since the last sample; `main` gives its percentiles.
    pub fn sample(&self, at_s: f64, main: &Times, node: Option<&NodeProcess>) -> Sample {
        let last = self.last.get();
        let now = Last {
            at_s,
            acknowledged: self.acknowledged.get(),
            calls: self.calls.get(),
            opened: self.opened.get(),
            deliveries: self.deliveries.get(),
            cut_off: self.cut_off.get(),
            lost: self.lost.get(),
            errors: self.errors(),
            cpu_us: node.and_then(NodeProcess::cpu_us).unwrap_or(0),
        };
        self.last.set(now);
        let seconds = (at_s - last.at_s).max(1e-6);
        let (p50_us, p99_us, p999_us) = {
            let second = main.second.borrow();
            let at = |percent: f64| (!second.is_empty()).then(|| second.value_at_percentile(percent));
            (at(50.0), at(99.0), at(99.9))
        };
        self.times.borrow().iter().for_each(|times| times.end_second());
        let has_cpu = now.cpu_us > 0 && last.cpu_us > 0;
        let rate = |now: u64, last: u64| now.saturating_sub(last) as f64 / seconds;
        Sample {
            at_s,
            acknowledged: rate(now.acknowledged, last.acknowledged),
            calls: rate(now.calls, last.calls),
            opened: rate(now.opened, last.opened),
            deliveries: rate(now.deliveries, last.deliveries),
            errors: now.errors - last.errors,
            sockets: self.sockets.get(),
            cut_off: now.cut_off - last.cut_off,
            lost: now.lost - last.lost,
            p50_us,
            p99_us,
            p999_us,
            node_kib: node.and_then(NodeProcess::resident_kib),
            node_cpu_percent: has_cpu.then(|| now.cpu_us.saturating_sub(last.cpu_us) as f64 / seconds / 10_000.0),
        }
    }

    /// The spread of everything that was timed, in the order in which it is read.
    pub fn latencies(&self, scheduled: Scheduled) -> Vec<Latency> {
        let times = self.times.borrow();
        let mut latencies: Vec<Latency> = times.iter().filter_map(|times| times.latency(scheduled)).collect();
        latencies.sort_by(|one, other| order(&one.name).cmp(&order(&other.name)));
        latencies
    }

    /// Each kind of error.
    pub fn error_figures(&self) -> Vec<Figure> {
        let errors = self.errors.borrow();
        let figure =
            |(kind, count): (&String, &u64)| Figure { name: format!("{ERROR}{kind}"), value: *count as f64, unit: "" };
        errors.iter().map(figure).collect()
    }
}
