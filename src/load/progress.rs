//! What is shown while a run goes on: a bar on a terminal, plain lines otherwise; always on standard error.

use super::report::Sample;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// Plain lines come each second at first, then this often.
const PLAIN_EVERY_S: u64 = 10;

/// Says something on standard error. Who started the run may have gone: it goes on all the same.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One step of a run: setting up, connecting, the load itself.
pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    title: String,
    length: u64,
    told: Cell<u64>,
}

impl Progress {
    /// Begins a step of `length` parts.
    pub fn begin(title: &str, length: u64) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix:12} {bar:24} {pos:>6}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(title.to_owned());
        if !is_terminal {
            tell(&format!("{title}: 0/{length}"));
        }
        Self { bar, is_terminal, title: title.to_owned(), length, told: Cell::new(0) }
    }

    /// Says how far it is.
    pub fn at(&self, position: u64) {
        self.bar.set_position(position);
        // Every tenth is enough for a log.
        let tenth = position * 10 / self.length.max(1);
        if !self.is_terminal && tenth > self.told.replace(tenth) {
            tell(&format!("{}: {position}/{}", self.title, self.length));
        }
    }

    /// Says what one second was like.
    pub fn second(&self, position: u64, sample: &Sample) {
        self.bar.set_position(position);
        let line = line(sample);
        if self.is_terminal {
            self.bar.set_message(line);
        } else if position <= PLAIN_EVERY_S || position.is_multiple_of(PLAIN_EVERY_S) {
            tell(&format!("{}: {position}/{} s  {line}", self.title, self.length));
        }
    }

    /// Ends the step.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

fn line(sample: &Sample) -> String {
    let time = |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.1}", us as f64 / 1_000.0));
    let memory = sample.node_kib.map_or(String::new(), |kib| format!("  node {} MiB", kib / 1_024));
    format!(
        "{:.0}/s  {:.0} deliveries/s  p50 {} p99 {} ms  errors {}  sockets {}{memory}",
        sample.acknowledged,
        sample.deliveries,
        time(sample.p50_us),
        time(sample.p99_us),
        sample.errors,
        sample.sockets,
    )
}
