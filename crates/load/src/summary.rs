//! A run's report: put together, and written to files.

use super::LoadError;
use super::environment::environment;
use super::node::OwnNode;
use super::options::Options;
use super::report::{End, FORMAT, Report, page};
use super::run::Run;
use super::thresholds::thresholds;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the run has measured.
pub fn report(options: &Options, run: &Run, name: &str, own: Option<&OwnNode>) -> Report {
    let took_s = run.clock.elapsed_s();
    let started = OffsetDateTime::now_utc() - Duration::from_secs_f64(took_s);
    let end = match run.failure() {
        Some(why) => End::Failed { why },
        None if run.is_interrupted() => End::Interrupted,
        None => End::Completed,
    };
    let (figures, latencies) = (run.figures(), run.meter.latencies(options.scheduled()));
    let mut settings = vec![("command".into(), command()), ("run".into(), name.into())];
    settings.extend(options.shape());
    Report {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        scenario: options.scenario.name().into(),
        url: run.target.url.clone(),
        started_at: started.format(&Rfc3339).unwrap_or_default(),
        took_s,
        environment: environment(own),
        settings,
        end,
        limited: run.meter.limited.get(),
        thresholds: thresholds(options, &figures, &latencies),
        figures,
        latencies,
        main: options.scenario.main(),
        samples: run.samples.take(),
        checks: run.checks.report(),
        comparison: None,
    }
}

/// The command line, without the key.
fn command() -> String {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut is_secret = false;
    for word in &mut words {
        if std::mem::take(&mut is_secret) {
            *word = "…".into();
        } else if word.starts_with("--secret-key=") {
            *word = "--secret-key=…".into();
        } else {
            is_secret = word == "--secret-key";
        }
    }
    format!("madang {}", words.join(" "))
}

/// Writes the files that were asked for.
///
/// # Errors
/// Which one cannot be written.
pub fn write(options: &Options, report: &Report) -> Result<(), LoadError> {
    let written = |path: &std::path::Path, text: &str| {
        std::fs::write(path, text).map_err(|error| LoadError::Input(format!("{}: {error}", path.display())))
    };
    if let Some(path) = &options.common.json {
        let json = serde_json::to_string_pretty(report).map_err(|error| LoadError::Input(error.to_string()))?;
        written(path, &json)?;
    }
    if let Some(path) = &options.common.html {
        written(path, &page(report))?;
    }
    Ok(())
}
