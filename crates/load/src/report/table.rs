//! A run as text for a terminal.

use super::number::{UNKNOWN, count, date, shown, time_us};
use super::slowest::slowest;
use super::text::plain;
use super::verdict::{Outcome, Verdict, verdict};
use super::{Check, Comparison, Latency, Report, Row, Threshold};

/// No line is longer.
const WIDTH: usize = 100;
/// Names are cut here, so that their numbers stay in their columns.
const NAME_MAX: usize = 44;
/// Checks have fewer columns.
const CHECK_MAX: usize = 60;
const INDENT: &str = "  ";

/// The whole of it, for the end of a run. The verdict stands last, where a terminal leaves off.
pub fn table(report: &Report) -> String {
    let mut lines = heading(report);
    lines.extend(figures(report));
    lines.extend(latencies(report));
    lines.extend(checks(&report.checks));
    lines.extend(report.comparison.iter().flat_map(comparison));
    lines.extend(thresholds(&report.thresholds));
    lines.extend(closing(&verdict(report)));
    let mut text = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn heading(report: &Report) -> Vec<String> {
    let command = report.settings.iter().find(|(name, _)| name == "command");
    let mut lines = wrapped(&format!("madang load {} on {}", plain(&report.scenario), plain(&report.url)), "");
    let facts = [
        plain(&date(&report.started_at)),
        time_us(report.took_s * 1e6).to_string(),
        format!("madang {}", report.version),
        format!("{} build, commit {}", plain(&report.environment.build), plain(&report.environment.commit)),
        plain(&report.environment.machine()),
    ];
    lines.extend(wrapped(&facts.join(", "), ""));
    lines.extend(node(report).iter().flat_map(|node| wrapped(node, "")));
    lines.extend(command.into_iter().flat_map(|(_, command)| wrapped(&format!("$ {}", plain(command)), "")));
    lines
}

/// The node that the tool has started, if it did.
fn node(report: &Report) -> Option<String> {
    let environment = &report.environment;
    let postgres = environment.postgres.as_deref().map_or("not known".to_owned(), plain);
    (!environment.node.is_empty()).then(|| format!("node: PostgreSQL {postgres}, {}", plain(&environment.node())))
}

fn figures(report: &Report) -> Vec<String> {
    let shown: Vec<_> =
        report.figures.iter().map(|figure| (cut(&figure.name, NAME_MAX), shown(figure.value, figure.unit))).collect();
    let names = widest(shown.iter().map(|(name, _)| name.as_str()));
    let numbers = widest(shown.iter().map(|(_, shown)| shown.number.as_str()));
    let line = |(name, shown): &(String, super::number::Shown)| {
        format!("{INDENT}{name:<names$}  {:>numbers$} {}", shown.number, shown.unit)
    };
    section("FIGURES", shown.iter().map(line).collect())
}

fn latencies(report: &Report) -> Vec<String> {
    let latencies = &report.latencies;
    let headings = ["", "count", "p50", "p90", "p99", "p99.9", "max"].map(str::to_owned);
    let row = |latency: &Latency| {
        let times = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us];
        let [p50, p90, p99, p999, max] = times.map(|us| match latency.count {
            0 => UNKNOWN.to_owned(),
            _ => time_us(us as f64).to_string(),
        });
        // Each call's own would be the same as that of any call.
        let is_call = latency.name.contains('/');
        let name = if is_call { latency.name.clone() } else { format!("{}: {}", latency.name, latency.span) };
        [cut(&name, NAME_MAX), count(latency.count), p50, p90, p99, p999, max]
    };
    let rows: Vec<_> = latencies.iter().map(row).collect();
    let mut lines = if rows.is_empty() { Vec::new() } else { aligned(&headings, &rows) };
    lines.extend(slowest(report).iter().filter(|_| !rows.is_empty()).flat_map(|line| wrapped(line, INDENT)));
    section("LATENCY", lines)
}

fn checks(checks: &[Check]) -> Vec<String> {
    let headings = ["", "looked at", "violations"].map(str::to_owned);
    let row = |check: &Check| {
        let mark = match check {
            Check { violations: 1.., .. } => "✗",
            Check { looked_at: 0, .. } => "·",
            Check { .. } => "✓",
        };
        [format!("{mark} {}", cut(&check.name, CHECK_MAX)), count(check.looked_at), count(check.violations)]
    };
    let rows: Vec<_> = checks.iter().map(row).collect();
    let mut lines = aligned(&headings, &rows).into_iter();
    let mut all: Vec<String> = lines.next().into_iter().filter(|_| !rows.is_empty()).collect();
    for (line, check) in lines.zip(checks) {
        all.push(line);
        all.extend(check.examples.iter().flat_map(|example| wrapped(&plain(example), "        ")));
        let untold = check.violations.saturating_sub(check.examples.len() as u64);
        if untold > 0 && !check.examples.is_empty() {
            all.push(format!("        … and {} more", count(untold)));
        }
    }
    section("CHECKS", all)
}

fn comparison(comparison: &Comparison) -> Vec<String> {
    let headings = ["", "then", "now", "ratio"].map(str::to_owned);
    let number =
        |row: &Row, value: Option<f64>| value.map_or(UNKNOWN.into(), |value| shown(value, row.unit).to_string());
    let row = |row: &Row| {
        let ratio = row.ratio().map_or(UNKNOWN.into(), |ratio| format!("{ratio:.2}"));
        [cut(&row.name, NAME_MAX), number(row, row.then), number(row, row.now), ratio]
    };
    let rows: Vec<_> = comparison.rows.iter().map(row).collect();
    let mut lines = aligned(&headings, &rows);
    if !comparison.differences.is_empty() {
        lines.push(format!("{INDENT}! These differ, and may be why:"));
        lines.extend(comparison.differences.iter().flat_map(|difference| wrapped(&plain(difference), "    ")));
    }
    let title = format!("COMPARED WITH {}, {}", plain(&comparison.file), plain(&date(&comparison.started_at)));
    section(&wrapped(&title, "").join("\n"), lines)
}

fn thresholds(thresholds: &[Threshold]) -> Vec<String> {
    let line = |threshold: &Threshold| {
        let mark = if threshold.is_met() { "✓" } else { "✗" };
        wrapped(&format!("{mark} {}", threshold.sentence()), INDENT)
    };
    section("THRESHOLDS", thresholds.iter().flat_map(line).collect())
}

fn closing(verdict: &Verdict) -> Vec<String> {
    let (mark, rule) = match verdict.outcome {
        Outcome::Held => ("✓", "─"),
        Outcome::Unfinished => ("·", "─"),
        Outcome::Broken => ("✗", "═"),
    };
    let headline = match verdict.outcome {
        Outcome::Broken => verdict.headline.to_uppercase(),
        Outcome::Held | Outcome::Unfinished => verdict.headline.clone(),
    };
    let rule = rule.repeat(WIDTH);
    let mut lines = vec![String::new(), rule.clone()];
    lines.extend(wrapped(&format!("{mark} {headline}: {}", plain(&verdict.detail)), ""));
    lines.push(rule);
    lines
}

fn section(title: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    [String::new(), title.to_owned()].into_iter().chain(lines).collect()
}

/// The first column to the left, the others to the right; the first line is the headings.
fn aligned<const N: usize>(headings: &[String; N], rows: &[[String; N]]) -> Vec<String> {
    let all: Vec<&[String; N]> = std::iter::once(headings).chain(rows).collect();
    let column = |place: usize| widest(all.iter().filter_map(|row| row.get(place)).map(String::as_str));
    let widths: Vec<usize> = (0..N).map(column).collect();
    let cell = |(place, (text, width)): (usize, (&String, &usize))| match place {
        0 => format!("{INDENT}{text:<width$}"),
        _ => format!("{text:>width$}"),
    };
    let line = |row: &&[String; N]| row.iter().zip(&widths).enumerate().map(cell).collect::<Vec<_>>().join("  ");
    all.iter().map(line).collect()
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn cut(name: &str, most: usize) -> String {
    let name = plain(name);
    if name.chars().count() <= most {
        return name;
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// Lines of at most [`WIDTH`] characters, broken between words where there are any.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let room = WIDTH - indent.chars().count();
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let last = lines.last_mut();
            let used = last.as_ref().map_or(0, |line| line.chars().count());
            let space = usize::from(used > 0);
            match last {
                Some(line) if used + space + rest.len() <= room || used == 0 => {
                    line.extend(std::iter::repeat_n(' ', space));
                    line.extend(rest.drain(..rest.len().min(room)));
                }
                _ => lines.push(String::new()),
            }
        }
    }
    lines.into_iter().map(|line| format!("{indent}{line}")).collect()
}

#[cfg(test)]
mod tests;
