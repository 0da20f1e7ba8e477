use super::*;
use crate::report::End as Ended;
use crate::report::samples::report;

/// What a run would be read as by a later one.
fn earlier(report: &Report) -> Earlier {
    serde_json::from_str(&serde_json::to_string(report).expect("JSON")).expect("it is read")
}

#[test]
fn a_run_beside_itself_differs_in_nothing() {
    let run = report(5);
    let comparison = earlier(&run).beside(&run);
    assert!(comparison.differences.is_empty(), "{:?}", comparison.differences);
    assert_eq!(comparison.rows.len(), run.figures.len() + 3 * run.latencies.len());
    assert!(comparison.rows.iter().all(|row| row.ratio() == Some(1.0)), "{:?}", comparison.rows);
}

#[test]
fn what_has_changed_is_named_with_its_ratio() {
    let then = report(5);
    let mut now = report(5);
    now.figures[1].value /= 2.0;
    now.latencies[0].p99_us *= 3;
    now.figures.push(crate::report::Figure { name: format!("{ERROR}busy"), value: 4.0, unit: "" });
    let rows = earlier(&then).beside(&now).rows;
    let row = |rows: &[Row], name: &str| rows.iter().find(|row| row.name == name).expect("a row").clone();
    assert_eq!(row(&rows, "messages a second").ratio(), Some(0.5));
    assert_eq!(row(&rows, "delivery p99").ratio(), Some(3.0));
    assert_eq!((row(&rows, "errors: busy").then, row(&rows, "errors: busy").ratio()), (Some(0.0), None));
    let rows = earlier(&now).beside(&then).rows;
    assert_eq!((row(&rows, "errors: busy").then, row(&rows, "errors: busy").now), (Some(4.0), Some(0.0)));
}

#[test]
fn what_may_be_why_is_told() {
    let (mut then, mut now) = (report(5), report(5));
    then.end = Ended::Interrupted;
    then.limited = 1;
    then.checks[0].violations = 1;
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    then.settings.extend([setting("rate", "200"), setting("window", "16")]);
    now.settings.extend([setting("rate", "400"), setting("bytes", "100")]);
    now.environment.system = "linux 7.0".into();
    now.environment.node[1].1 = "12".into();
    assert_eq!(
        earlier(&then).beside(&now).differences,
        [
            "the earlier run was not completed, but interrupted",
            "the earlier run was limited by its node",
            "in the earlier run not everything held",
            "rate: 200 then, 400 now",
            "bytes: none then, 100 now",
            "window: 16 then, none now",
            "machine of the tool: 2 × EPYC 7B13, 24 GiB, linux 6.18.44 then, 2 × EPYC 7B13, 24 GiB, linux 7.0 now",
            "settings of the node: RATE_LIMIT=off BCRYPT_COST=4 then, RATE_LIMIT=off BCRYPT_COST=12 now",
        ]
    );
}

#[test]
fn a_figure_that_was_no_number_is_read() {
    let mut then = report(5);
    then.figures[0].value = f64::NAN;
    let comparison = earlier(&then).beside(&report(5));
    assert_eq!((comparison.rows[0].then, comparison.rows[0].ratio()), (None, None));
}
