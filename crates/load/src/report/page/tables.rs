//! The page's tables: latencies, checks, and how to run it again.

use crate::report::number::{UNKNOWN, count, date, shown, time_us};
use crate::report::text::escaped;
use crate::report::{Check, Comparison, Latency, Report, Row, Threshold};

/// Every time that was taken, and beside it how it is spread on an axis that all rows share.
pub(super) fn latencies(latencies: &[Latency]) -> String {
    let known: Vec<&Latency> = latencies.iter().filter(|latency| latency.count > 0).collect();
    if latencies.is_empty() {
        return String::new();
    }
    let lowest = known.iter().map(|latency| latency.p50_us.max(1)).min().unwrap_or(1) as f64;
    let highest = known.iter().map(|latency| latency.max_us.max(1)).max().unwrap_or(1) as f64;
    let rows: String = latencies.iter().map(|latency| latency_row(latency, lowest, highest)).collect();
    format!(
        "<section aria-labelledby=\"latency\"><h2 id=\"latency\">Latency</h2>\n<div class=\"scroll\"><table>\n\
         <thead><tr><th scope=\"col\">Of</th><th>Count</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>Max</th>\
         <th class=\"spread\">p50 to p99, then to max</th></tr></thead>\n<tbody>\n{rows}</tbody></table></div></section>\n"
    )
}

fn latency_row(latency: &Latency, lowest: f64, highest: f64) -> String {
    let times = [latency.p50_us, latency.p90_us, latency.p99_us, latency.p999_us, latency.max_us];
    let cell = |(us, name): (u64, &str)| match latency.count {
        0 => format!("<td data-name=\"{name}\">{UNKNOWN}</td>"),
        _ => format!("<td data-name=\"{name}\">{}</td>", time_us(us as f64)),
    };
    let cells: String = times.into_iter().zip(["p50", "p90", "p99", "p99.9", "max"]).map(cell).collect();
    let spread = if latency.count > 0 { spread(latency, lowest, highest) } else { String::new() };
    format!(
        "<tr><th scope=\"row\">{} <small>{}</small></th><td data-name=\"count\">{}</td>{cells}<td class=\"spread\">{spread}</td></tr>\n",
        escaped(&latency.name),
        escaped(latency.span),
        count(latency.count)
    )
}

fn spread(latency: &Latency, lowest: f64, highest: f64) -> String {
    const LENGTH: f64 = 150.0;
    let decades = (highest / lowest).ln().max(f64::EPSILON);
    let place = |us: u64| 5.0 + ((us.max(1) as f64 / lowest).ln() / decades).clamp(0.0, 1.0) * LENGTH;
    let [p50, p99, max] = [latency.p50_us, latency.p99_us, latency.max_us].map(place);
    format!(
        "<svg viewBox=\"0 0 160 14\" aria-hidden=\"true\"><path class=\"far\" d=\"M{p99:.1} 7H{max:.1}\"/>\
         <path class=\"near\" d=\"M{p50:.1} 7H{p99:.1}\"/><circle cx=\"{p50:.1}\" cy=\"7\" r=\"4\"/></svg>"
    )
}

/// What the run had to reach.
pub(super) fn thresholds(thresholds: &[Threshold]) -> String {
    if thresholds.is_empty() {
        return String::new();
    }
    let row = |threshold: &Threshold| {
        let (class, mark) = if threshold.is_met() { ("held", "✓") } else { ("broken", "✗") };
        format!(
            "<tr class=\"{class}\"><th scope=\"row\"><span class=\"mark\">{mark}</span>{}</th></tr>\n",
            escaped(&threshold.sentence())
        )
    };
    let rows: String = thresholds.iter().map(row).collect();
    format!(
        "<section aria-labelledby=\"thresholds\"><h2 id=\"thresholds\">Thresholds</h2>\n\
         <div class=\"scroll\"><table class=\"checks\">\n<tbody>\n{rows}</tbody></table></div></section>\n"
    )
}

/// An earlier run beside this one.
pub(super) fn comparison(comparison: &Comparison) -> String {
    let number =
        |row: &Row, value: Option<f64>| value.map_or(UNKNOWN.into(), |value| shown(value, row.unit).to_string());
    let row = |row: &Row| {
        let ratio = row.ratio().map_or(UNKNOWN.into(), |ratio| format!("{ratio:.2}"));
        format!(
            "<tr><th scope=\"row\">{}</th><td data-name=\"then\">{}</td><td data-name=\"now\">{}</td>\
             <td data-name=\"ratio\">{ratio}</td></tr>\n",
            escaped(&row.name),
            number(row, row.then),
            number(row, row.now)
        )
    };
    let rows: String = comparison.rows.iter().map(row).collect();
    let differences: Vec<String> = comparison.differences.iter().map(|each| escaped(each)).collect();
    let note = match differences.is_empty() {
        true => String::new(),
        false => format!("<p class=\"note\">These differ, and may be why: {}.</p>\n", differences.join("; ")),
    };
    format!(
        "<section aria-labelledby=\"compared\"><h2 id=\"compared\">Compared with {}, {}</h2>\n{note}\
         <div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Of</th><th>Then</th><th>Now</th><th>Ratio</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div></section>\n",
        escaped(&comparison.file),
        escaped(&date(&comparison.started_at))
    )
}

/// What was checked, how often, and what did not hold.
pub(super) fn checks(checks: &[Check]) -> String {
    if checks.is_empty() {
        return String::new();
    }
    let rows: String = checks.iter().map(check_row).collect();
    format!(
        "<section aria-labelledby=\"checks\"><h2 id=\"checks\">Checks</h2>\n<div class=\"scroll\"><table class=\"checks\">\n\
         <thead><tr><th scope=\"col\">What must hold</th><th>Looked at</th><th>Violations</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div></section>\n"
    )
}

fn check_row(check: &Check) -> String {
    let (class, mark, words) = match check {
        Check { violations: 1.., .. } => ("broken", "✗", "violated"),
        Check { looked_at: 0, .. } => ("unfinished", "·", "never looked at"),
        Check { .. } => ("held", "✓", "held"),
    };
    let examples: String = check.examples.iter().map(|example| format!("<li>{}</li>", escaped(example))).collect();
    let untold = check.violations.saturating_sub(check.examples.len() as u64);
    let more = match untold {
        0 => String::new(),
        untold if check.examples.is_empty() => format!("<li class=\"more\">{} without an example</li>", count(untold)),
        untold => format!("<li class=\"more\">and {} more</li>", count(untold)),
    };
    let list = if check.violations > 0 { format!("<ul>{examples}{more}</ul>") } else { String::new() };
    format!(
        "<tr class=\"{class}\"><th scope=\"row\"><span class=\"mark\" role=\"img\" aria-label=\"{words}\">{mark}</span>{}{list}</th>\
         <td data-name=\"looked at\">{}</td><td data-name=\"violations\">{}</td></tr>\n",
        escaped(&check.name),
        count(check.looked_at),
        count(check.violations)
    )
}

/// With what it was run, and on what.
pub(super) fn again(report: &Report) -> String {
    let command = report.settings.iter().find(|(name, _)| name == "command");
    let command = command.map_or_else(String::new, |(_, command)| {
        format!("<p>The same run again:</p>\n<pre><code>{}</code></pre>\n", escaped(command))
    });
    let others = report.settings.iter().filter(|(name, _)| name != "command");
    let facts = report.environment.facts();
    let rows: String = others
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain([("madang", report.version)])
        .chain(facts.iter().map(|(name, value)| (*name, value.as_str())))
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(name), escaped(value)))
        .collect();
    format!(
        "<section aria-labelledby=\"again\"><h2 id=\"again\">How it was run</h2>\n{command}<dl class=\"settings\">\n{rows}</dl></section>\n"
    )
}
