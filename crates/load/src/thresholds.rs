//! What a run has to reach so that its exit code says that all is well: `--max-p99` and `--min-rate`.

use super::options::{Options, Scenario};
use super::report::{Figure, Latency, Threshold};

/// Those that were asked for, held against what was measured.
pub fn thresholds(options: &Options, figures: &[Figure], latencies: &[Latency]) -> Vec<Threshold> {
    let main = options.scenario.main();
    let p99 = options.common.max_p99.map(|wanted| {
        let latency = latencies.iter().find(|latency| latency.name == main);
        let span = latency.map_or(String::new(), |latency| format!(" ({})", latency.span));
        Threshold {
            option: "--max-p99",
            of: format!("p99 of {main}{span}"),
            wanted,
            measured: latency.map(|latency| latency.p99_us as f64 / 1_000.0),
            unit: "ms",
            is_ceiling: true,
        }
    });
    let rate = options.common.min_rate.map(|wanted| {
        let (figure, of) = rate(&options.scenario);
        // Where nothing happened there is no figure.
        let measured = figures.iter().find(|known| known.name == figure).map_or(0.0, |figure| figure.value);
        let (measured, of) = (Some(measured), format!("the rate of {of}"));
        Threshold { option: "--min-rate", of, wanted, measured, unit: "/s", is_ceiling: false }
    });
    p99.into_iter().chain(rate).collect()
}

/// The figure that says how much a scenario gets done, and what it counts.
fn rate(scenario: &Scenario) -> (&'static str, &'static str) {
    match scenario {
        Scenario::Fanout { .. } | Scenario::Rooms { .. } | Scenario::Resume { .. } | Scenario::Soak { .. } => {
            ("messages acknowledged a second", "messages acknowledged")
        }
        Scenario::Connect { .. } => ("connects a second", "sockets opened"),
        Scenario::Rest { .. } => ("calls a second", "calls answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Meter;
    use crate::report::times::Scheduled;
    use clap::Parser;

    #[test]
    fn each_scenario_is_judged_by_what_it_is_about() {
        let meter = Meter::new().expect("a meter");
        for (name, us) in [("delivery", 40_000), ("acknowledgement", 90_000), ("any call", 7_000), ("handshake", 900)] {
            meter.times(name).note(us);
        }
        let latencies = meter.latencies(Scheduled::default());
        let figure = |name: &str, value| Figure { name: name.into(), value, unit: "/s" };
        let figures = [
            figure("messages acknowledged a second", 100.0),
            figure("deliveries a second", 900.0),
            figure("calls a second", 300.0),
        ];
        for (scenario, p99, rate) in
            [("fanout", 40.0, 100.0), ("soak", 40.0, 100.0), ("rest", 7.0, 300.0), ("connect", 0.9, 0.0)]
        {
            let words = ["load", scenario, "--max-p99", "20.5", "--min-rate", "200"];
            let options = Options::try_parse_from(words).expect("it is read");
            let thresholds = thresholds(&options, &figures, &latencies);
            let measured: Vec<f64> = thresholds.iter().map(|each| each.measured.expect("it was measured")).collect();
            assert!((measured[0] / p99 - 1.0).abs() < 0.02 && measured[1] == rate, "{scenario}: {measured:?}");
            assert_eq!([thresholds[0].is_met(), thresholds[1].is_met()], [p99 < 20.0, rate > 200.0], "{scenario}");
        }
        let options = Options::try_parse_from(["load", "fanout"]).expect("it is read");
        assert!(thresholds(&options, &figures, &latencies).is_empty());
    }
}
