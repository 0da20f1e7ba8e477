//! What happened over time.

use crate::report::plot::{Axis, Band, Plot, Scale, Series, Size, Unit};
use crate::report::slowest::slowest;
use crate::report::text::escaped;
use crate::report::thin::{Keep, points, samples_a_point};
use crate::report::{Report, Sample};

type Value = fn(&Sample) -> Option<f64>;

/// All plots for which something was measured.
pub(super) fn section(report: &Report) -> String {
    let samples = report.samples.as_slice();
    if samples.is_empty() {
        return String::new();
    }
    let plots =
        [latency(report), throughput(samples), memory(samples), cpu(samples), sockets(samples), errors(samples)];
    let plots: Vec<Plot> = plots.into_iter().flatten().collect();
    let figures: String = plots.iter().enumerate().map(|(place, plot)| figure(plot, place, plots.len())).collect();
    format!(
        "<section aria-labelledby=\"time\"><h2 id=\"time\">Over time</h2>\n{}<div class=\"plots\">\n{figures}</div></section>\n",
        notes(report)
    )
}

/// When it was slowest; and what a point is, where it is more than one second.
fn notes(report: &Report) -> String {
    let slowest = slowest(report)
        .map_or(String::new(), |slowest| format!("<p class=\"note\">{}</p>\n", escaped(&super::sentence(&slowest))));
    slowest + &thinned(&report.samples)
}

fn thinned(samples: &[Sample]) -> String {
    let seconds = |keep| samples_a_point(samples.len(), keep);
    match (seconds(Keep::Highest), seconds(Keep::Both)) {
        (1, 1) => String::new(),
        (highest, both) => format!(
            "<p class=\"note\">A long run: a point of latency is the highest of {highest} seconds; \
             the other lines show the lowest and the highest of every {both} seconds.</p>\n"
        ),
    }
}

/// The first has a row to itself, and so has a last one that would stand alone.
fn figure(plot: &Plot, place: usize, count: usize) -> String {
    let is_row = place == 0 || (place + 1 == count && count.is_multiple_of(2));
    let (class, size) = if is_row { ("plot row", Size::PAGE) } else { ("plot", Size::HALF) };
    let picture = |size, kind: &str| {
        format!("<div class=\"{kind}\">{}</div>", plot.inline_svg(size, &format!("plot-{place}-{kind}")))
    };
    format!(
        "<figure class=\"{class}\">{}{}<script type=\"application/json\">{}</script></figure>\n",
        picture(size, "wide"),
        picture(Size::NARROW, "narrow"),
        plot.readout_json()
    )
}

fn plot(title: &str, y: Axis, samples: &[Sample], keep: Keep, lines: &[(&str, Value)]) -> Option<Plot> {
    let lines = lines.iter().map(|(name, value)| Series { name: (*name).into(), points: points(samples, keep, value) });
    let series: Vec<Series> = lines.collect();
    let is_known = series.iter().any(|series| series.points.iter().any(|point| point.1.is_some()));
    let x = Axis { label: "time since the load began".into(), unit: Unit::Elapsed, scale: Scale::Linear };
    is_known.then(|| Plot { title: title.into(), x, y, series, bands: bands(samples), is_numbered: false })
}

/// When sockets were cut off or lost: each second in which one was.
fn bands(samples: &[Sample]) -> Vec<Band> {
    let band = |name: &str, number: fn(&Sample) -> u64| {
        let before = std::iter::once(0.0).chain(samples.iter().map(|sample| sample.at_s));
        let seconds = before.zip(samples).filter(|(_, sample)| number(sample) > 0);
        Band { name: name.into(), spans: seconds.map(|(before, sample)| (before, sample.at_s)).collect() }
    };
    let bands =
        [band("sockets cut off by the tool", |sample| sample.cut_off), band("sockets lost", |sample| sample.lost)];
    bands.into_iter().filter(|band| !band.spans.is_empty()).collect()
}

fn axis(label: &str, unit: Unit, scale: Scale) -> Axis {
    Axis { label: label.into(), unit, scale }
}

fn latency(report: &Report) -> Option<Plot> {
    // A log axis has no place for zero, and nothing takes no time.
    fn time(us: Option<u64>) -> Option<f64> {
        us.map(|us| us.max(1) as f64)
    }
    let lines: [(&str, Value); 3] = [
        ("p50", |sample| time(sample.p50_us)),
        ("p99", |sample| time(sample.p99_us)),
        ("p99.9", |sample| time(sample.p999_us)),
    ];
    let span = report.latencies.iter().find(|latency| latency.name == report.main).map_or("", |latency| latency.span);
    let y = axis(&format!("{}, {span}", report.main), Unit::Time, Scale::Log);
    plot("Latency", y, &report.samples, Keep::Highest, &lines)
}

fn throughput(samples: &[Sample]) -> Option<Plot> {
    let lines: [(&str, Value); 4] = [
        ("messages", |sample| Some(sample.acknowledged)),
        ("deliveries", |sample| Some(sample.deliveries)),
        ("calls", |sample| Some(sample.calls)),
        ("sockets opened", |sample| Some(sample.opened)),
    ];
    let happens = |value: &Value| samples.iter().any(|sample| value(sample).is_some_and(|rate| rate > 0.0));
    let shown: Vec<(&str, Value)> = lines.into_iter().filter(|(_, value)| happens(value)).collect();
    plot("Throughput", axis("a second", Unit::Number(""), Scale::Linear), samples, Keep::Both, &shown)
}

fn memory(samples: &[Sample]) -> Option<Plot> {
    let lines: [(&str, Value); 1] = [("resident memory", |sample| sample.node_kib.map(|kib| kib as f64))];
    plot(
        "Memory of the node process",
        axis("resident memory", Unit::Memory, Scale::Linear),
        samples,
        Keep::Both,
        &lines,
    )
}

fn cpu(samples: &[Sample]) -> Option<Plot> {
    let lines: [(&str, Value); 1] = [("CPU", |sample| sample.node_cpu_percent)];
    let y = axis("of one processor, without PostgreSQL", Unit::Number("%"), Scale::Linear);
    plot("CPU of the node process", y, samples, Keep::Both, &lines)
}

fn sockets(samples: &[Sample]) -> Option<Plot> {
    let lines: [(&str, Value); 1] = [("open", |sample| Some(sample.sockets as f64))];
    let has_sockets = samples.iter().any(|sample| sample.sockets > 0);
    let y = axis("open sockets", Unit::Count, Scale::Linear);
    plot("Sockets", y, samples, Keep::Both, &lines).filter(|_| has_sockets)
}

fn errors(samples: &[Sample]) -> Option<Plot> {
    let lines: [(&str, Value); 1] = [("errors", |sample| Some(sample.errors as f64))];
    let has_errors = samples.iter().any(|sample| sample.errors > 0);
    let y = axis("errors in a second", Unit::Count, Scale::Linear);
    plot("Errors", y, samples, Keep::Both, &lines).filter(|_| has_errors)
}
