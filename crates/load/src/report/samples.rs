//! Reports for the tests of whatever shows them.

use super::times::{DELIVERY, Scheduled, span};
use super::{Check, End, Environment, FORMAT, Figure, Latency, Report, Sample};

pub fn latency(name: &str, p50_us: u64) -> Latency {
    Latency {
        name: name.into(),
        span: span(name, Scheduled { messages: true, calls: false }),
        count: 35_697,
        min_us: p50_us / 4,
        mean_us: p50_us as f64 * 1.1,
        p50_us,
        p90_us: p50_us * 2,
        p99_us: p50_us * 4,
        p999_us: p50_us * 9,
        max_us: p50_us * 45,
    }
}

pub fn check(name: &str, looked_at: u64, examples: &[&str]) -> Check {
    let examples: Vec<String> = examples.iter().map(|example| (*example).into()).collect();
    Check { name: name.into(), looked_at, violations: examples.len() as u64, examples }
}

/// A second of a run that gets slower for a while and stands still once.
pub fn sample(second: u64) -> Sample {
    let wave = ((second as f64 / 9.0).sin() * 0.4 + 1.0) * if second % 83 > 70 { 3.0 } else { 1.0 };
    let time = |us: f64| (second % 120 != 60).then_some((us * wave) as u64);
    Sample {
        at_s: second as f64 + 1.0,
        acknowledged: 9_000.0 / wave,
        deliveries: 90_000.0 / wave,
        calls: 0.0,
        opened: 0.0,
        errors: u64::from(second % 97 == 50) * 3,
        sockets: 1_000.min(second * 100),
        cut_off: if second % 60 == 59 { 1_000 } else { 0 },
        lost: if second % 97 == 50 { 3 } else { 0 },
        p50_us: time(1_500.0),
        p99_us: time(5_700.0),
        p999_us: time(13_000.0 * wave),
        node_kib: Some(64_000 + second * 20),
        node_cpu_percent: Some(110.0 + 30.0 * wave),
    }
}

pub fn environment() -> Environment {
    Environment {
        commit: "e93c513".into(),
        build: "release".into(),
        processor: "EPYC 7B13".into(),
        processors: 2,
        memory_kib: Some(24 << 20),
        system: "linux 6.18.44".into(),
        postgres: Some("17.6".into()),
        node: vec![("RATE_LIMIT".into(), "off".into()), ("BCRYPT_COST".into(), "4".into())],
    }
}

pub fn report(seconds: u64) -> Report {
    let figure = |name: &str, value, unit| Figure { name: name.into(), value, unit };
    Report {
        format: FORMAT,
        version: "0.1.0",
        scenario: "fanout".into(),
        url: "http://127.0.0.1:45225".into(),
        started_at: "2026-11-23T05:22:39.502785119Z".into(),
        took_s: seconds as f64 + 3.2,
        environment: environment(),
        settings: vec![
            ("command".into(), "madang load fanout --sockets 1000 --duration 2m --html run.html".into()),
            ("run".into(), "8a8ccbec".into()),
        ],
        end: End::Completed,
        limited: 0,
        thresholds: Vec::new(),
        figures: vec![
            figure("messages", 1_069_840.0, ""),
            figure("messages a second", 8_915.4, "/s"),
            figure("deliveries a second", 89_154.2, "/s"),
            figure("CPU of the node process per delivery", 1.774, "µs"),
            figure("memory of the node process per socket", 1.913, "KiB"),
            figure("CPU of the node process (not PostgreSQL)", 158.2, "%"),
        ],
        latencies: vec![
            latency("delivery", 1_519),
            latency("acknowledgement", 1_210),
            latency("handshake", 310),
            latency("GET /channels/{channel_id}/messages", 2_060),
        ],
        main: DELIVERY,
        samples: (0..seconds).map(sample).collect(),
        checks: vec![
            check("every seq is one more than the last", 1_069_840_000, &[]),
            check("every message that was acknowledged is in the history", 1_069_840, &[]),
            check("nobody hears a message twice", 1_069_840_000, &[]),
        ],
        comparison: None,
    }
}

/// Something in every text that must stay text.
pub fn hostile() -> Report {
    let evil = "</script><script>alert('x')</script>\"><img src=x onerror=alert(1)>\x1b[2J\0";
    let mut report = report(5);
    report.scenario = evil.into();
    report.url = evil.into();
    report.started_at = evil.into();
    report.environment.processor = evil.into();
    report.environment.node = vec![(evil.into(), evil.into())];
    report.settings = vec![("command".into(), evil.into()), (evil.into(), evil.into())];
    report.end = End::Failed { why: evil.into() };
    report.figures.push(Figure { name: evil.into(), value: 1.0, unit: "" });
    report.latencies.push(latency(evil, 100));
    report.checks.push(check(evil, 10, &[evil]));
    report
}

/// A run of which nothing is known, or nothing sensible.
pub fn senseless() -> Report {
    let mut report = report(3);
    for (figure, value) in report.figures.iter_mut().zip([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].iter().cycle()) {
        figure.value = *value;
    }
    report.took_s = f64::NAN;
    for latency in &mut report.latencies {
        latency.mean_us = f64::NAN;
        latency.count = 0;
    }
    for sample in &mut report.samples {
        sample.acknowledged = f64::NAN;
        sample.deliveries = f64::INFINITY;
        sample.node_cpu_percent = Some(f64::NAN);
    }
    report
}
