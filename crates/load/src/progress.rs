//! What is shown while a run goes on: a bar on a terminal, plain lines otherwise; always on standard error.

use super::report::{Sample, why};
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
    pub fn second(&self, position: u64, sample: &Sample, main: &str) {
        self.bar.set_position(position);
        let line = line(sample, main);
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

/// A second in short; `main` is what the times are of.
fn line(sample: &Sample, main: &str) -> String {
    let time = |us: Option<u64>| us.map_or("-".to_owned(), |us| format!("{:.1}", us as f64 / 1_000.0));
    let rates = [
        (sample.acknowledged, "messages/s"),
        (sample.deliveries, "deliveries/s"),
        (sample.calls, "calls/s"),
        (sample.opened, "opened/s"),
    ];
    let rates = rates.iter().filter(|(rate, _)| *rate > 0.0).map(|(rate, of)| format!("{rate:.0} {of}"));
    let times = format!("{main} p50 {} p99 {} ms", time(sample.p50_us), time(sample.p99_us));
    let parts = [times, format!("errors {}", sample.errors), format!("sockets {}", sample.sockets)];
    let memory = sample.node_kib.map(|kib| format!("node process {} MiB", kib / 1_024));
    rates.chain(parts).chain(why(sample)).chain(memory).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_its_numbers_are_of() {
        let second = Sample { p50_us: Some(1_500), p99_us: Some(20_000), sockets: 3, ..Sample::default() };
        let talk = Sample { acknowledged: 200.0, deliveries: 600.0, node_kib: Some(61_440), ..second.clone() };
        assert_eq!(
            line(&talk, "delivery"),
            "200 messages/s  600 deliveries/s  delivery p50 1.5 p99 20.0 ms  errors 0  sockets 3  node process 60 MiB"
        );
        let cut = Sample { cut_off: 3, lost: 2, ..second.clone() };
        assert!(line(&cut, "delivery").ends_with("sockets 3  3 sockets cut off by the tool, 2 sockets lost"));
        let rest = Sample { calls: 950.4, errors: 2, p99_us: None, ..second };
        assert_eq!(line(&rest, "any call"), "950 calls/s  any call p50 1.5 p99 - ms  errors 2  sockets 3");
    }
}
