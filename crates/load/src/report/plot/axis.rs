//! Axes: how far they go, where their ticks stand, and what the ticks say.

use crate::report::number::{clock, memory_kib, quantity, time_us};

/// How values become places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps are equally far apart.
    Linear,
    /// Equal ratios are equally far apart; what is not above zero has no place.
    Log,
}

/// What the values are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// Numbers with this unit, which stands with the axis's label; may be empty.
    Number(&'static str),
    /// Whole numbers.
    Count,
    /// Seconds since a beginning, shown as seconds, minutes or hours.
    Elapsed,
    /// Microseconds, shown as µs, ms or s.
    Time,
    /// KiB, shown as KiB, MiB or GiB.
    Memory,
}

/// One axis of a plot.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What is shown along it.
    pub label: String,
    /// What its values are.
    pub unit: Unit,
    /// How values become places.
    pub scale: Scale,
}

/// From where to where an axis goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub from: f64,
    pub to: f64,
    pub scale: Scale,
}

const ELAPSED_STEPS: [f64; 21] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    10_800.0, 21_600.0, 43_200.0, 86_400.0,
];
const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
/// A time axis up to here counts in seconds,
const ELAPSED_IN_SECONDS: f64 = 2.0 * MINUTE;
/// and up to here in minutes.
const ELAPSED_IN_MINUTES: f64 = 2.0 * HOUR;
/// Beyond so many decades only the powers of ten have ticks.
const FINE_DECADES: f64 = 3.0;

impl Axis {
    /// The range of a horizontal axis: as far as the values go, and time from its beginning.
    pub(super) fn tight(&self, values: impl Iterator<Item = f64>) -> Option<Range> {
        let (low, high) = extremes(values, self.scale)?;
        let low = if self.unit == Unit::Elapsed && self.scale == Scale::Linear { low.min(0.0) } else { low };
        let (from, to) = match self.scale {
            Scale::Linear if high > low => (low, high),
            Scale::Linear => (low - 0.5, low + 0.5),
            Scale::Log if high > low => (low / (high / low).powf(0.03), high * (high / low).powf(0.03)),
            Scale::Log => (low / 2.0, low * 2.0),
        };
        Some(Range { from, to, scale: self.scale })
    }

    /// The range of a vertical axis: it ends at ticks, and a linear one shows zero.
    pub(super) fn rounded(&self, values: impl Iterator<Item = f64>) -> Option<Range> {
        let (low, high) = extremes(values, self.scale)?;
        let (from, to) = match self.scale {
            Scale::Log => {
                let (from, to) = (nice(low, f64::le), nice(high, f64::ge));
                if from < to { (from, to) } else { (from, from * 10.0) }
            }
            Scale::Linear => {
                let (low, high) = (low.min(0.0), if low < 0.0 { high.max(0.0) } else { high });
                let high = if high > low { high } else { low + 1.0 };
                let step = self.step(high - low, high, 4.0);
                ((low / step).floor() * step, (high / step - 1e-9).ceil() * step)
            }
        };
        Some(Range { from, to, scale: self.scale })
    }

    /// Where ticks stand, at most about `most` of them.
    pub(super) fn ticks(&self, range: Range, most: f64) -> Vec<f64> {
        let (slack_down, slack_up) = match range.scale {
            Scale::Linear => (range.from - (range.to - range.from) * 1e-9, range.to + (range.to - range.from) * 1e-9),
            Scale::Log => (range.from * (1.0 - 1e-9), range.to * (1.0 + 1e-9)),
        };
        let all = match range.scale {
            Scale::Linear => {
                let step = self.step(range.to - range.from, range.to, most);
                let first = (range.from / step - 1e-9).ceil();
                let count = ((range.to - range.from) / step).floor().clamp(0.0, 1_000.0) as u32;
                (0..=count).map(|place| (first + f64::from(place)) * step).collect()
            }
            Scale::Log => log_ticks(range, most),
        };
        all.into_iter().filter(|tick| (slack_down..=slack_up).contains(tick)).collect()
    }

    /// What a tick says.
    pub(super) fn tick_label(&self, tick: f64, range: Range) -> String {
        match self.unit {
            Unit::Number(_) | Unit::Count => trimmed(&quantity(tick)),
            Unit::Elapsed => elapsed(tick, range.to),
            Unit::Time => trimmed(&time_us(tick).to_string()),
            Unit::Memory => trimmed(&memory_kib(tick).to_string()),
        }
    }

    /// What a point's readout says.
    pub(super) fn value_label(&self, value: f64) -> String {
        match self.unit {
            Unit::Number("") | Unit::Count => quantity(value),
            Unit::Number(unit) => format!("{} {unit}", quantity(value)),
            Unit::Elapsed => clock(value),
            Unit::Time => time_us(value).to_string(),
            Unit::Memory => memory_kib(value).to_string(),
        }
    }

    /// The distance of ticks: one, two or five of what people count in.
    fn step(&self, span: f64, highest: f64, most: f64) -> f64 {
        let wanted = span / most.max(1.0);
        match self.unit {
            Unit::Elapsed if wanted > 0.05 => {
                // Whole minutes and hours where the labels are such.
                let least = if highest > ELAPSED_IN_MINUTES {
                    HOUR
                } else if highest > ELAPSED_IN_SECONDS {
                    MINUTE
                } else {
                    0.0
                };
                let known = ELAPSED_STEPS.into_iter().find(|step| *step >= wanted.max(least));
                known.unwrap_or_else(|| (wanted / DAY).ceil() * DAY)
            }
            Unit::Count => nice(wanted, f64::ge).max(1.0),
            Unit::Memory => {
                let unit = match highest {
                    kib if kib < 1_024.0 => 1.0,
                    kib if kib < 1_024.0 * 1_024.0 => 1_024.0,
                    _ => 1_024.0 * 1_024.0,
                };
                nice(wanted / unit, f64::ge) * unit
            }
            Unit::Number(_) | Unit::Elapsed | Unit::Time => nice(wanted, f64::ge),
        }
    }
}

impl Range {
    /// Where a value stands, from 0 to 1.
    pub fn place(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Log if value > 0.0 => (value / self.from).ln() / (self.to / self.from).ln(),
            Scale::Log => return None,
        };
        place.is_finite().then_some(place)
    }
}

fn extremes(values: impl Iterator<Item = f64>, scale: Scale) -> Option<(f64, f64)> {
    let shown = values.filter(|value| value.is_finite() && (scale == Scale::Linear || *value > 0.0));
    shown.fold(None, |known, value| {
        let (low, high) = known.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    })
}

/// The nearest of 1, 2, 5 times a power of ten that is at most, or at least, this.
fn nice(value: f64, holds: fn(&f64, &f64) -> bool) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = value.log10().floor() as i32;
    let near = (power - 1..=power + 1).flat_map(|power| [1.0, 2.0, 5.0].map(|one| one * 10_f64.powi(power)));
    let fitting = near.filter(|nice| holds(nice, &value) || (nice / value - 1.0).abs() < 1e-9);
    let nearest = fitting.min_by(|a, b| (a / value).ln().abs().total_cmp(&(b / value).ln().abs()));
    nearest.unwrap_or(value)
}

fn log_ticks(range: Range, most: f64) -> Vec<f64> {
    let (first, last) = (range.from.log10().floor() as i32, range.to.log10().ceil() as i32);
    let decades = (range.to / range.from).log10();
    let ones: &[f64] = if decades <= FINE_DECADES && decades * 3.0 <= most * 1.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let every = (decades / most.max(1.0)).ceil().max(1.0) as usize;
    let powers = (first..=last).step_by(every);
    powers.flat_map(|power| ones.iter().map(move |one| one * 10_f64.powi(power))).collect()
}

/// Ticks are round: their zeros after the point say nothing.
fn trimmed(text: &str) -> String {
    let (number, unit) = text.split_once(' ').map_or((text, None), |(number, unit)| (number, Some(unit)));
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    unit.map_or_else(|| number.to_owned(), |unit| format!("{number} {unit}"))
}

fn elapsed(seconds: f64, highest: f64) -> String {
    match highest {
        _ if seconds == 0.0 => "0".to_owned(),
        high if high <= ELAPSED_IN_SECONDS => format!("{} s", trimmed(&quantity(seconds))),
        high if high <= ELAPSED_IN_MINUTES => format!("{} min", trimmed(&quantity(seconds / MINUTE))),
        _ => format!("{} h", trimmed(&quantity(seconds / HOUR))),
    }
}
