use super::*;
use crate::report::samples::{check, hostile, report, senseless};
use crate::report::{End, Figure};

#[test]
fn numbers_stand_under_each_other() {
    let text = table(&report(5));
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| *line == "LATENCY").expect("latencies");
    let ends = |line: &str| line.chars().count();
    assert!(lines[at + 1].ends_with("max"));
    assert!(lines[at + 1..=at + 5].iter().all(|line| ends(line) == ends(lines[at + 1])), "{text}");
    assert!(text.contains("35,697") && text.contains("1.52 ms") && text.contains("8,915 /s"), "{text}");
}

#[test]
fn no_line_is_wider_than_a_terminal() {
    let mut wide = report(5);
    wide.url = "http://".to_owned() + &"a".repeat(300);
    wide.figures.push(Figure { name: "n".repeat(300), value: 1e9, unit: "/s" });
    wide.latencies[0].name = "긴 이름 ".repeat(40);
    wide.checks.push(check(&"c".repeat(60), 1, &[&"word ".repeat(60), &"w".repeat(250)]));
    for line in table(&wide).lines() {
        assert!(line.chars().count() <= WIDTH, "{}: {line}", line.chars().count());
    }
}

#[test]
fn the_verdict_comes_last_and_says_what_did_not_hold() {
    let last = |report: &Report| {
        let text = table(report);
        let lines: Vec<&str> = text.lines().rev().skip(1).take_while(|line| !line.starts_with(['─', '═'])).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" ")
    };
    let mut run = report(5);
    assert_eq!(last(&run), "✓ Everything held: 3 checks, looked at 2,140,749,840 times");
    run.end = End::Interrupted;
    assert!(last(&run).starts_with("· Interrupted: no violation; "), "{}", last(&run));
    run.end = End::Completed;
    run.checks.push(check("seq is dense", 7, &["channel 5: 8 came after 6"]));
    run.checks[3].violations = 12;
    assert!(last(&run).starts_with("✗ NOT EVERYTHING HELD: 12 violations in 1 of 4 checks"), "{}", last(&run));
    let text = table(&run);
    assert!(text.contains("        channel 5: 8 came after 6\n        … and 11 more\n"), "{text}");
    run.end = End::Failed { why: "the node is gone".into() };
    assert!(last(&run).starts_with("✗ THE RUN FAILED: the node is gone; 12 violations"), "{}", last(&run));
    run.end = End::Completed;
    run.checks.pop();
    run.limited = 3;
    assert!(last(&run).starts_with("✗ LIMITED BY THE NODE: the node refused 3 calls because of its"), "{}", last(&run));
    for helps in ["RATE_LIMIT=off", "more --users", "--sockets", "--channels and --members"] {
        assert!(last(&run).contains(helps), "{}", last(&run));
    }
    assert!(!run.all_held());
    run.limited = 0;
    let of = "p99 of delivery".to_owned();
    let p99 = Threshold { option: "--max-p99", of, wanted: 50.0, measured: Some(75.0), unit: "ms", is_ceiling: true };
    run.thresholds = vec![p99];
    let missed = "✗ A THRESHOLD WAS MISSED: p99 of delivery was 75 ms, 25 ms (50 %) over --max-p99 50; ";
    assert!(last(&run).starts_with(missed), "{}", last(&run));
    assert!(!run.all_held() && table(&run).contains("THRESHOLDS\n  ✗ p99 of delivery"), "{}", table(&run));
    run.thresholds[0].wanted = 100.0;
    assert!(last(&run).starts_with("✓ Everything held") && run.all_held(), "{}", last(&run));
    run.checks.clear();
    assert!(last(&run).starts_with("· Completed, but nothing was checked"), "{}", last(&run));
}

#[test]
fn an_earlier_run_stands_beside_this_one_with_what_differs() {
    let mut run = report(5);
    let row = |name: &str, then, unit| Row { name: name.into(), then, now: Some(3_000.0), unit };
    run.comparison = Some(Comparison {
        file: "before.json".into(),
        started_at: "2026-11-23T05:22:39Z".into(),
        rows: vec![row("delivery p99", Some(2_000.0), "µs"), row("messages a second", None, "/s")],
        differences: vec!["rate: 200 then, 400 now".into()],
    });
    let text = table(&run);
    let section: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("COMPARED")).take(6).collect();
    assert_eq!(
        section,
        [
            "COMPARED WITH before.json, 2026-11-23 05:22:39 UTC",
            "                     then       now  ratio",
            "  delivery p99       2 ms      3 ms   1.50",
            "  messages a second     –  3,000 /s      –",
            "  ! These differ, and may be why:",
            "    rate: 200 then, 400 now",
        ]
    );
}

#[test]
fn a_terminal_is_told_nothing_by_what_came_from_outside() {
    let text = table(&hostile());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

#[test]
fn a_run_of_nothing_still_has_a_table() {
    let mut nothing = report(0);
    nothing.figures.clear();
    nothing.latencies.clear();
    nothing.checks.clear();
    nothing.settings.clear();
    nothing.environment.node.clear();
    assert_eq!(table(&nothing).lines().count(), 7, "{}", table(&nothing));
    let text = table(&senseless());
    assert!(!text.contains("NaN") && !text.contains("inf") && text.contains(UNKNOWN), "{text}");
}

#[test]
fn json_has_everything_and_nothing_that_is_not_json() {
    let json: serde_json::Value = serde_json::to_value(report(5)).expect("JSON");
    assert_eq!(json["end"]["how"], "completed");
    assert_eq!(json["samples"].as_array().map(Vec::len), Some(5));
    assert_eq!(json["latencies"][0]["p999_us"], 13_671);
    assert_eq!(json["checks"][0]["looked_at"], 1_069_840_000_u64);
    let text = serde_json::to_string(&senseless()).expect("JSON");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(json["figures"][0]["value"].is_null() && json["took_s"].is_null());
}
