use super::*;

fn axis(unit: Unit, scale: Scale) -> Axis {
    Axis { label: "what".into(), unit, scale }
}

fn ticks(unit: Unit, scale: Scale, values: &[f64]) -> Vec<String> {
    let axis = axis(unit, scale);
    let range = axis.rounded(values.iter().copied()).expect("a range");
    axis.ticks(range, 6.0).into_iter().map(|tick| axis.tick_label(tick, range)).collect()
}

fn plot(points: Vec<(f64, Option<f64>)>, scale: Scale) -> Plot {
    Plot {
        title: "Latency".into(),
        x: axis(Unit::Elapsed, Scale::Linear),
        y: axis(Unit::Time, scale),
        series: vec![Series { name: "p99".into(), points }],
        bands: Vec::new(),
        is_numbered: false,
    }
}

#[test]
fn linear_ticks_are_one_two_five_and_end_at_zero_and_above_the_highest() {
    assert_eq!(ticks(Unit::Number(""), Scale::Linear, &[3.0, 9.7]), ["0", "2", "4", "6", "8", "10"]);
    assert_eq!(ticks(Unit::Number("%"), Scale::Linear, &[130.0]), ["0", "50", "100", "150"]);
    assert_eq!(ticks(Unit::Number(""), Scale::Linear, &[0.0]), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
    assert_eq!(ticks(Unit::Number(""), Scale::Linear, &[0.000_37]), ["0", "0.0001", "0.0002", "0.0003", "0.0004"]);
    assert_eq!(ticks(Unit::Number(""), Scale::Linear, &[-3.0, 4.0]), ["-4", "-2", "0", "2", "4"]);
}

#[test]
fn ticks_have_the_units_that_people_count_in() {
    assert_eq!(ticks(Unit::Count, Scale::Linear, &[3.0]), ["0", "1", "2", "3"]);
    assert_eq!(ticks(Unit::Memory, Scale::Linear, &[180_000.0]), ["0 KiB", "50 MiB", "100 MiB", "150 MiB", "200 MiB"]);
    assert_eq!(ticks(Unit::Time, Scale::Linear, &[1_900.0]), ["0 µs", "500 µs", "1 ms", "1.5 ms", "2 ms"]);
    assert_eq!(ticks(Unit::Time, Scale::Log, &[310.0, 9e6]), ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
    assert_eq!(ticks(Unit::Time, Scale::Log, &[310.0, 3_000.0]), ["200 µs", "500 µs", "1 ms", "2 ms", "5 ms"]);
    let elapsed = axis(Unit::Elapsed, Scale::Linear);
    for (end, last) in [(4.0, "4 s"), (59.0, "50 s"), (600.0, "10 min"), (4.0 * 3_600.0, "4 h"), (2.5e6, "600 h")] {
        let range = elapsed.tight([0.0, end].into_iter()).expect("a range");
        let ticks = elapsed.ticks(range, 6.0);
        assert!((3..=8).contains(&ticks.len()), "{end}: {ticks:?}");
        assert_eq!(ticks.last().map(|tick| elapsed.tick_label(*tick, range)).as_deref(), Some(last), "{ticks:?}");
    }
}

#[test]
fn a_log_axis_gives_no_place_to_what_is_not_above_zero() {
    let range = axis(Unit::Time, Scale::Log).rounded([0.0, -1.0, 30.0, 700.0].into_iter()).expect("a range");
    assert_eq!((range.from, range.to), (20.0, 1_000.0));
    assert_eq!([range.place(0.0), range.place(-5.0)], [None, None]);
    assert_eq!(range.place(1_000.0), Some(1.0));
    assert_eq!(axis(Unit::Time, Scale::Log).rounded([0.0].into_iter()), None);
}

#[test]
fn a_line_breaks_where_nothing_is_known_and_a_point_alone_is_seen() {
    let svg = plot(vec![(0.0, Some(1e3)), (1.0, Some(2e3)), (2.0, None), (3.0, Some(1e3))], Scale::Log)
        .standalone_svg(Size::WIDE);
    let line = svg.lines().find(|line| line.contains("class=\"line line-1\" d=\"M") && line.contains('L'));
    let line = line.expect("the line");
    assert_eq!((line.matches('M').count(), line.matches('L').count(), line.matches("<circle").count()), (2, 1, 1));
}

#[test]
fn whatever_is_not_a_number_never_reaches_the_picture() {
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for scale in [Scale::Linear, Scale::Log] {
        let mut points: Vec<_> = bad.iter().map(|bad| (1.0, Some(*bad))).collect();
        points.extend(bad.iter().map(|bad| (*bad, Some(1.0))));
        points.extend([(0.0, Some(1.0)), (5.0, Some(1e300)), (9.0, Some(-3.0)), (10.0, Some(0.0))]);
        let plot = plot(points, scale);
        for text in [plot.standalone_svg(Size::WIDE), plot.inline_svg(Size::NARROW, "a"), plot.readout_json()] {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }
}

#[test]
fn what_happened_is_marked_behind_the_lines_and_named() {
    let mut plot = plot((0..60).map(|at| (f64::from(at), Some(1e3))).collect(), Scale::Linear);
    assert!(!plot.standalone_svg(Size::WIDE).contains("class=\"band"));
    plot.bands = vec![Band { name: "sockets cut off".into(), spans: vec![(10.0, 11.0), (30.0, 31.0)] }];
    let svg = plot.standalone_svg(Size::WIDE);
    let band = svg
        .lines()
        .find(|line| line.starts_with("<path class=\"band band-1\"") && !line.contains("<text"))
        .expect("a band");
    assert_eq!(band.matches('M').count(), 2, "{band}");
    assert!(svg.find("class=\"band") < svg.find("class=\"line"), "it is behind");
    assert!(svg.contains(">sockets cut off</text>") && svg.contains("Marked: sockets cut off, 2 times."));
    let readout: serde_json::Value = serde_json::from_str(&plot.readout_json()).expect("JSON");
    assert_eq!((&readout["labels"][11], &readout["labels"][12]), (&"0:11, sockets cut off".into(), &"0:12".into()));
}

#[test]
fn a_plot_of_nothing_says_so() {
    for points in [vec![], vec![(0.0, None), (1.0, Some(f64::NAN))]] {
        assert!(plot(points, Scale::Linear).standalone_svg(Size::WIDE).contains("nothing was measured"));
    }
    let bare = Plot { series: Vec::new(), ..plot(vec![], Scale::Log) };
    assert!(bare.inline_svg(Size::WIDE, "x").contains("nothing was measured"));
}

#[test]
fn names_cannot_become_markup() {
    let evil = r#"</title><script>alert("x")</script>"#;
    let mut plot = plot(vec![(0.0, Some(1.0))], Scale::Linear);
    plot.title = evil.into();
    plot.x.label = evil.into();
    plot.y.label = evil.into();
    plot.series[0].name = evil.into();
    plot.bands = vec![Band { name: evil.into(), spans: vec![(0.0, 1.0)] }];
    for text in [plot.standalone_svg(Size::WIDE), plot.inline_svg(Size::WIDE, "\"><script>"), plot.readout_json()] {
        assert!(!text.contains("<script") && !text.contains("</script"), "{text}");
    }
}

#[test]
fn a_picture_of_its_own_has_its_colours_and_fetches_nothing() {
    let svg = plot(vec![(0.0, Some(1.0)), (1.0, Some(2.0))], Scale::Linear).standalone_svg(Size::WIDE);
    assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<desc"));
    let links = svg.replace("http://www.w3.org/2000/svg", "");
    assert!(!links.contains("http") && !links.contains("url(") && !links.contains("@import"));
}
