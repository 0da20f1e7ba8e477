//! Numbers as people read them: thousands set apart, three digits that count, the unit that fits.

use std::fmt;

/// What stands where a number is not known.
pub const UNKNOWN: &str = "–";

const US: f64 = 1.0;
const MS: f64 = 1_000.0 * US;
const S: f64 = 1_000.0 * MS;
const MIN: u64 = 60;
const HOUR: u64 = 60 * MIN;
/// From here on a number is written with its power of ten.
const HUGE: f64 = 1e15;

/// A number and its unit, as they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// With the thousands set apart.
    pub number: String,
    /// May be empty.
    pub unit: &'static str,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            "" => f.pad(&self.number),
            unit => f.pad(&format!("{} {unit}", self.number)),
        }
    }
}

/// A count, all of its digits.
pub fn count(number: u64) -> String {
    thousands(&number.to_string())
}

/// Three digits that count; all of those before the point.
pub fn quantity(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return UNKNOWN.into();
    }
    if size < 1e-9 {
        return "0".into();
    }
    if size >= HUGE {
        return format!("{value:.2e}");
    }
    let is_whole = value.fract() == 0.0;
    // 9.996 has three digits that count as 10.0, not as 10.00.
    let magnitude = (size * 1.0005).log10().floor();
    let decimals = if is_whole { 0 } else { (2.0 - magnitude).clamp(0.0, 12.0) as usize };
    thousands(&format!("{value:.decimals$}"))
}

/// A value in the unit of a [`super::Figure`].
pub fn shown(value: f64, unit: &'static str) -> Shown {
    match unit {
        _ if !value.is_finite() => Shown { number: UNKNOWN.into(), unit: "" },
        "µs" => time_us(value),
        "KiB" => memory_kib(value),
        unit => Shown { number: quantity(value), unit },
    }
}

/// Microseconds in the unit that fits.
pub fn time_us(us: f64) -> Shown {
    let (value, unit) = match us.abs() {
        size if !size.is_finite() => return Shown { number: UNKNOWN.into(), unit: "" },
        size if size < 999.5 * US => (us, "µs"),
        size if size < 999.5 * MS => (us / MS, "ms"),
        size if size < 120.0 * S => (us / S, "s"),
        _ => return long_time((us / S).round() as u64),
    };
    Shown { number: quantity(value), unit }
}

fn long_time(seconds: u64) -> Shown {
    match seconds {
        0..HOUR => Shown { number: format!("{} min {}", seconds / MIN, seconds % MIN), unit: "s" },
        _ => Shown { number: format!("{} h {}", count(seconds / HOUR), seconds % HOUR / MIN), unit: "min" },
    }
}

/// KiB in the unit that fits.
pub fn memory_kib(kib: f64) -> Shown {
    let (value, unit) = match kib.abs() {
        size if !size.is_finite() => return Shown { number: UNKNOWN.into(), unit: "" },
        size if size < 1_024.0 => (kib, "KiB"),
        size if size < 1_024.0 * 1_024.0 => (kib / 1_024.0, "MiB"),
        _ => (kib / (1_024.0 * 1_024.0), "GiB"),
    };
    Shown { number: quantity(value), unit }
}

/// Seconds as a clock that runs: `0:05`, `12:30`, `1:02:10`.
pub fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return UNKNOWN.into();
    }
    let seconds = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (seconds / HOUR, seconds % HOUR / MIN, seconds % MIN);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// RFC 3339 as people read it: `2026-11-23 05:22:39 UTC`; anything else stays as it is.
pub fn date(rfc3339: &str) -> String {
    let is_utc = rfc3339.ends_with('Z') && rfc3339.as_bytes().get(10) == Some(&b'T');
    match rfc3339.get(..19).filter(|_| is_utc) {
        Some(moment) => format!("{} UTC", moment.replace('T', " ")),
        None => rfc3339.to_owned(),
    }
}

fn thousands(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_count_and_their_thousands_apart() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (63.910_3, "63.9"),
            (9.996, "10.0"),
            (99.96, "100"),
            (999.6, "1,000"),
            (8_915.4, "8,915"),
            (-1_234_567.8, "-1,234,568"),
            (0.012_345, "0.0123"),
            (3.399_9, "3.40"),
            (1e18, "1.00e18"),
        ] {
            assert_eq!(quantity(value), text, "{value}");
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
    }

    #[test]
    fn times_and_memory_find_their_unit() {
        let time = |us| time_us(us).to_string();
        assert_eq!(
            [time(0.0), time(519.0), time(999.6), time(5_695.0), time(68_607.0), time(1.5e6), time(125e6), time(7.5e9)],
            ["0 µs", "519 µs", "1.00 ms", "5.70 ms", "68.6 ms", "1.50 s", "2 min 5 s", "2 h 5 min"]
        );
        let memory = |kib| memory_kib(kib).to_string();
        assert_eq!([memory(3.4), memory(1_536.0), memory(2_621_440.0)], ["3.40 KiB", "1.50 MiB", "2.50 GiB"]);
        assert_eq!([clock(5.4), clock(750.0), clock(3_730.0)], ["0:05", "12:30", "1:02:10"]);
    }

    #[test]
    fn what_is_not_a_number_is_shown_as_unknown() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for unit in ["", "µs", "KiB", "%", "/s"] {
                assert_eq!(shown(bad, unit).to_string(), UNKNOWN);
            }
            assert_eq!([quantity(bad), clock(bad), time_us(bad).to_string()], [UNKNOWN; 3]);
        }
    }

    #[test]
    fn a_date_is_made_readable_only_when_it_is_one() {
        assert_eq!(date("2026-11-23T05:22:39.502785119Z"), "2026-11-23 05:22:39 UTC");
        assert_eq!(
            ["", "yesterday", "2026-11-23T05:22:39+09:00"].map(date),
            ["", "yesterday", "2026-11-23T05:22:39+09:00"]
        );
    }
}
