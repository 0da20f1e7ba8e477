use super::*;
use crate::report::samples::{check, hostile, report, senseless};
use crate::report::{End, Sample};

#[test]
fn the_page_is_one_file_and_fetches_nothing() {
    let page = page(&report(90));
    let own = page.replace("http://127.0.0.1:45225", "").replace("http://www.w3.org/2000/svg", "");
    for reference in ["http:", "https:", "url(", "@import", " src=", "<iframe", "fetch("] {
        assert!(!own.contains(reference), "{reference}");
    }
    for title in ["Latency", "Throughput", "Memory of the node process", "CPU of the node process", "Sockets", "Errors"]
    {
        assert!(page.contains(&format!("<text class=\"title\" x=\"16\" y=\"27\">{title}</text>")), "{title}");
    }
    assert!(page.contains("Everything held") && page.contains("madang load fanout --sockets 1000"));
}

#[test]
fn what_came_from_outside_stays_text() {
    let page = page(&hostile());
    assert!(!page.contains("<img") && !page.contains("<script>alert"), "{page}");
    // One a plot, and the page's own.
    assert_eq!(page.matches("<script").count(), page.matches("<figure").count() + 1);
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    assert!(page.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(&#39;x&#39;)"));
}

#[test]
fn a_violation_is_on_the_page_with_its_examples() {
    let mut run = report(5);
    run.checks.push(check("seq is dense", 700, &["channel 5: 8 came after 6 <b>"]));
    run.checks[3].violations = 12;
    let page = page(&run);
    assert!(page.contains("class=\"verdict broken\"") && page.contains("<title>Not everything held"));
    assert!(page.contains("12 violations in 1 of 4 checks"));
    assert!(page.contains("<li>channel 5: 8 came after 6 &lt;b&gt;</li><li class=\"more\">and 11 more</li>"));
}

#[test]
fn a_run_without_samples_has_a_page_without_plots() {
    let mut nothing = report(0);
    nothing.end = End::Failed { why: "no node at this address".into() };
    nothing.figures.clear();
    nothing.latencies.clear();
    nothing.checks.clear();
    nothing.settings.clear();
    let page = page(&nothing);
    assert!(!page.contains("<figure") && !page.contains("<table") && page.contains("No node at this address"));
}

#[test]
fn a_line_of_which_nothing_is_known_has_no_plot() {
    let mut run = report(20);
    run.samples = (0..20).map(|at| Sample { at_s: f64::from(at), acknowledged: 5.0, ..Sample::default() }).collect();
    let page = page(&run);
    assert_eq!(page.matches("<figure").count(), 1);
    assert!(page.contains("messages: first 5") && !page.contains("deliveries: "));
}

#[test]
fn whatever_is_not_a_number_never_reaches_the_page() {
    let page = page(&senseless());
    assert!(!page.contains("NaN") && !page.contains(">inf") && !page.contains("Infinity") && !page.contains(" inf"));
    assert!(page.contains(crate::report::number::UNKNOWN));
}

#[test]
fn a_soak_of_hours_gives_a_page_that_a_browser_likes() {
    let mut run = report(9 * 3_600);
    run.samples[20_000].p999_us = Some(4_321_000);
    let page = page(&run);
    assert!(page.len() < 600_000, "{}", page.len());
    assert!(page.contains("4.32 s") && page.contains("the highest of 54 seconds"));
}
