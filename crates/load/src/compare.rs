//! An earlier run, as `--json` wrote it, and what of it can stand beside a new one.

use super::LoadError;
use super::report::{Comparison, ERROR, Environment, FORMAT, Latency, Report, Row};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// As much of a report as is compared.
#[derive(Debug, Deserialize)]
pub struct Earlier {
    #[serde(skip)]
    file: PathBuf,
    version: String,
    url: String,
    started_at: String,
    environment: Environment,
    settings: Vec<(String, String)>,
    end: End,
    limited: u64,
    figures: Vec<Figure>,
    latencies: Vec<Times>,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct End {
    how: String,
}

#[derive(Debug, Deserialize)]
struct Figure {
    name: String,
    /// What is not a number is `null` there.
    value: Option<f64>,
    unit: String,
}

#[derive(Debug, Deserialize)]
struct Times {
    name: String,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
}

#[derive(Debug, Deserialize)]
struct Check {
    violations: u64,
}

/// What is looked at before the rest: another format has other names.
#[derive(Deserialize)]
struct Header {
    format: u32,
    scenario: String,
}

impl Earlier {
    /// Reads the report of a run of the same scenario.
    ///
    /// # Errors
    /// When it is not one, or cannot be read.
    pub fn read(path: &Path, scenario: &str) -> Result<Self, LoadError> {
        let unusable = |why: String| LoadError::Input(format!("--compare {}: {why}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let other = |error: serde_json::Error| unusable(format!("this is not what --json writes ({error})"));
        let header: Header = serde_json::from_str(&text).map_err(other)?;
        if header.format != FORMAT {
            return Err(unusable(format!(
                "it has format {}, and this version compares format {FORMAT}; make that run again",
                header.format
            )));
        }
        if header.scenario != scenario {
            let other = header.scenario.chars().take(20).collect::<String>();
            return Err(unusable(format!(
                "it is of `{other}`, and this run of `{scenario}`; only like can be compared"
            )));
        }
        Ok(Self { file: path.to_owned(), ..serde_json::from_str(&text).map_err(other)? })
    }

    /// Puts it beside a new one.
    pub fn beside(&self, report: &Report) -> Comparison {
        Comparison {
            file: self.file.display().to_string(),
            started_at: self.started_at.clone(),
            rows: self.figures(report).into_iter().chain(self.times(report)).collect(),
            differences: self.differences(report),
        }
    }

    fn figures(&self, report: &Report) -> Vec<Row> {
        // An error that did not come has no figure, but is known: there was none.
        let none = |name: &str| name.starts_with(ERROR).then_some(0.0);
        let then = |name: &str, unit: &str| self.figures.iter().find(|known| known.name == name && known.unit == unit);
        let now = report.figures.iter().map(|figure| Row {
            name: figure.name.clone(),
            then: then(&figure.name, figure.unit).map_or_else(|| none(&figure.name), |then| then.value),
            now: Some(figure.value),
            unit: figure.unit,
        });
        let is_gone = |figure: &&Figure| {
            figure.name.starts_with(ERROR) && report.figures.iter().all(|known| known.name != figure.name)
        };
        let gone = self.figures.iter().filter(is_gone);
        let gone = gone.map(|figure| Row { name: figure.name.clone(), then: figure.value, now: Some(0.0), unit: "" });
        now.chain(gone).collect()
    }

    fn times(&self, report: &Report) -> Vec<Row> {
        let both = report.latencies.iter().filter_map(|now| {
            let then = self.latencies.iter().find(|then| then.name == now.name)?;
            Some((then, now))
        });
        let rows = |(then, now): (&Times, &Latency)| {
            [("p50", then.p50_us, now.p50_us), ("p99", then.p99_us, now.p99_us), ("max", then.max_us, now.max_us)]
                .map(|(what, then, now)| (what, Some(then as f64), Some(now as f64)))
        };
        let named = both.flat_map(|both| {
            rows(both).map(|(what, then, now)| Row { name: format!("{} {what}", both.1.name), then, now, unit: "µs" })
        });
        named.collect()
    }

    fn differences(&self, report: &Report) -> Vec<String> {
        let mut differences = Vec::new();
        match self.end.how.as_str() {
            "completed" => {}
            how => differences.push(format!("the earlier run was not completed, but {how}")),
        }
        if self.limited > 0 {
            differences.push("the earlier run was limited by its node".into());
        }
        if self.checks.iter().any(|check| check.violations > 0) {
            differences.push("in the earlier run not everything held".into());
        }
        let (then, now) = (shape(&self.settings), shape(&report.settings));
        let value = |of: &[(&str, String)], name: &str| {
            of.iter().find(|(known, _)| *known == name).map_or("none".to_owned(), |(_, value)| value.clone())
        };
        let mut tell = |name: &str, then: String, now: String| {
            if then != now {
                differences.push(format!("{name}: {then} then, {now} now"));
            }
        };
        let only_then = then.iter().filter(|(name, _)| now.iter().all(|(known, _)| known != name));
        for (name, _) in now.iter().chain(only_then) {
            tell(name, value(&then, name), value(&now, name));
        }
        tell("madang", self.version.clone(), report.version.to_owned());
        for ((name, then), (_, now)) in self.environment.facts().into_iter().zip(report.environment.facts()) {
            tell(name, then, now);
        }
        // A node that the tool starts has another address each time.
        if self.environment.node.is_empty() && report.environment.node.is_empty() {
            tell("node", self.url.clone(), report.url.clone());
        }
        differences
    }
}

/// What makes the load what it is: not how it was written down.
fn shape(settings: &[(String, String)]) -> Vec<(&str, String)> {
    let shape = settings.iter().filter(|(name, _)| name != "command" && name != "run");
    shape.map(|(name, value)| (name.as_str(), value.clone())).collect()
}

#[cfg(test)]
mod tests;
