//! What a run has measured: rows of a table, each with its rounds, its floor and the figure to reach.

use load::report::plot::Plot;
use serde::Serialize;
use std::fmt::Display;

/// A figure to reach.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Goal {
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
    /// Only to be known.
    None,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// `fan-out`, `memory`, `sending`, `calls`, `history`, `connects`, `start`, `growth`.
    pub part: &'static str,
    /// What was measured, with its scale: `1,000 sockets, one message at a time`.
    pub name: String,
    /// `µs CPU a delivery`, `KiB a socket`, `messages a second`, …
    pub unit: &'static str,
    /// Each round's value; the median counts.
    pub rounds: Vec<f64>,
    /// Each round's value of the floor, measured between the rounds above; empty where there is none.
    pub floor: Vec<f64>,
    /// What is to be reached.
    pub goal: Goal,
}

/// All that a run has measured, in order.
#[derive(Debug, Default)]
pub struct Results {
    pub rows: Vec<Row>,
    pub charts: Vec<Chart>,
}

/// A plot of some rows.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Whose rows they are.
    pub part: &'static str,
    /// The file's name, without its ending.
    pub file: &'static str,
    pub plot: Plot,
}

impl Results {
    /// Keeps a row, and prints it at once.
    pub fn push(&mut self, row: Row) {
        let floor = row.floor_median().map(|floor| format!("  floor {floor:.3}  ratio {:.2}", row.value() / floor));
        say(
            &format!("{}: {}", row.part, row.name),
            format_args!("{:.3} {}{}", row.value(), row.unit, floor.unwrap_or_default()),
        );
        self.rows.push(row);
    }
}

impl Row {
    /// The median of the rounds.
    pub fn value(&self) -> f64 {
        median(&self.rounds)
    }

    /// The median of the floor's rounds.
    pub fn floor_median(&self) -> Option<f64> {
        (!self.floor.is_empty()).then(|| median(&self.floor))
    }

    /// Whether the goal was reached.
    pub fn is_reached(&self) -> Option<bool> {
        match self.goal {
            Goal::None => None,
            Goal::AtMost(most) => Some(self.value() <= most),
            Goal::AtLeast(least) => Some(self.value() >= least),
            Goal::TimesFloor(times) => self.floor_median().map(|floor| self.value() <= times * floor),
        }
    }
}

/// The middle of some values.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints a line as soon as it is known.
pub fn say(name: &str, value: impl Display) {
    println!("{name:<90} {value}");
}
