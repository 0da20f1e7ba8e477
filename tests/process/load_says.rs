//! What `madang load` says of a run, and of how it compares: thresholds, limits, an earlier run, what it was made on.

use super::client::Api;
use super::load::{figure, refusal, report, text, tool};
use super::node::{Node, furnished_folder};
use serde_json::Value;
use std::path::Path;

/// Runs the tool, and answers with its exit code and what it printed.
async fn run(folder: &Path, words: &str) -> (Option<i32>, String) {
    let output = tool(folder, words).output().await.expect("it runs");
    (output.status.code(), text(&output))
}

/// The names of the times in the order of the report, each with what it is from and to.
fn times(report: &Value) -> Vec<(&str, &str)> {
    let latencies = report["latencies"].as_array().expect("latencies").iter();
    latencies.map(|each| (each["name"].as_str().expect("a name"), each["span"].as_str().expect("a span"))).collect()
}

/// How many there were of what the samples have the rate of.
fn all(report: &Value, rate: &str) -> f64 {
    let mut before_s = 0.0;
    let samples = report["samples"].as_array().expect("samples").iter();
    let counts = samples.map(|sample| {
        let at_s = sample["at_s"].as_f64().expect("a time");
        sample[rate].as_f64().expect("a rate") * (at_s - std::mem::replace(&mut before_s, at_s))
    });
    counts.sum()
}

#[tokio::test(flavor = "current_thread")]
async fn a_missed_threshold_is_in_the_exit_code_and_named() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    for (scenario, p99, rate) in [
        (
            "fanout --sockets 5 --rate 50 --duration 2s",
            "p99 of delivery (due → read by a socket)",
            "the rate of messages acknowledged",
        ),
        ("rest --connections 2 --duration 1s", "p99 of any call (sent → answered)", "the rate of calls answered"),
        ("connect --sockets 20 --duration 1s", "p99 of handshake (connect → 101)", "the rate of sockets opened"),
    ] {
        let at = format!("{scenario} --url {}", node.url);
        let (code, said) = run(&folder, &format!("{at} --max-p99 60000 --min-rate 0.1")).await;
        assert!(code == Some(0) && said.contains("✓ Everything held") && said.contains("THRESHOLDS"), "{said}");
        let (code, said) = run(&folder, &format!("{at} --max-p99 0.01 --min-rate 0.1")).await;
        let last = said.replace('\n', " ");
        assert!(code == Some(1) && last.contains("✗ A THRESHOLD WAS MISSED: ") && last.contains(p99), "{said}");
        assert!(last.contains("over --max-p99 0.01") && last.contains(&format!("✓ {rate} was")), "{said}");
        let (code, said) = run(&folder, &format!("{at} --min-rate 9000000")).await;
        assert!(code == Some(1) && said.contains("below --min-rate 9,000,000") && said.contains(rate), "{said}");
        let json = report(&folder);
        assert_eq!((&json["thresholds"][0]["wanted"], &json["end"]["how"]), (&9e6.into(), &"completed".into()));
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_that_met_the_nodes_limits_does_not_say_that_everything_held() {
    let folder = furnished_folder();
    let node = Node::start_with(&folder, &[("RATE_LIMIT", "on")]).await;
    let words = format!("rest --connections 8 --users 1 --duration 4s --run limited --url {}", node.url);
    let (code, said) = run(&folder, &words).await;
    let json = report(&folder);
    assert_eq!((code, json["end"]["how"].as_str()), (Some(1), Some("completed")), "{said}");
    assert!(json["limited"].as_u64() > Some(0) && figure(&json, "errors: rate_limited") > 0.0, "{json}");
    assert!(said.contains("✗ LIMITED BY THE NODE") && !said.contains("Everything held"), "{said}");
    assert!(said.replace('\n', " ").contains("start it with RATE_LIMIT=off"), "{said}");
    assert_eq!(Api::new(&node.url).servers_of_run("limited").await, 0);
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn an_earlier_run_stands_beside_a_new_one_or_is_refused_with_the_reason() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let fanout = format!("fanout --sockets 5 --rate 50 --duration 1s --url {}", node.url);
    assert_eq!(run(&folder, &fanout).await.0, Some(0));
    let earlier = folder.join("earlier.json");
    std::fs::copy(folder.join("report.json"), &earlier).expect("a copy");
    let (code, said) = run(&folder, &format!("{fanout} --compare earlier.json --html page.html")).await;
    assert!(code == Some(0) && said.contains("COMPARED WITH earlier.json, "), "{said}");
    assert!(said.contains("delivery p99") && !said.contains("These differ"), "{said}");
    assert!(std::fs::read_to_string(folder.join("page.html")).expect("it was written").contains("Compared with"));
    let other = format!("fanout --sockets 6 --rate 80 --duration 1s --url {}", node.url);
    let (code, said) = run(&folder, &format!("{other} --compare earlier.json")).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("sockets: 5 then, 6 now") && said.contains("rate: 50 then, 80 now"), "{said}");
    assert!(!said.contains("processor: "), "{said}");

    std::fs::write(folder.join("old.json"), r#"{"format":0,"scenario":"fanout"}"#).expect("it can be written");
    std::fs::write(folder.join("text.json"), "hello").expect("it can be written");
    for (words, says) in [
        (format!("{fanout} --compare none.json"), "--compare none.json: No such file"),
        (format!("{fanout} --compare text.json"), "this is not what --json writes"),
        (format!("{fanout} --compare old.json"), "it has format 0, and this version compares format 1"),
        (format!("rest --url {} --compare earlier.json", node.url), "it is of `fanout`, and this run of `rest`"),
    ] {
        let said = refusal(&folder, &words).await;
        assert!(said.contains(says), "{words}: {said}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn rows_stand_in_their_order_and_say_what_they_are_of() {
    let folder = furnished_folder();
    let words = "soak --self --channels 2 --members 3 --connections 2 --duration 3s --cut-every 1s";
    let mut soak = tool(&folder, words);
    let output = soak.env("TMPDIR", &folder).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let json = report(&folder);
    let times = times(&json);
    let first = [
        ("delivery", "due → read by a socket"),
        ("acknowledgement", "due → own event read"),
        ("back after a cut", "cut → replay.done"),
        ("handshake", "connect → 101"),
        ("sent late by this tool", "due → sent"),
        ("any call", "sent → answered"),
    ];
    assert_eq!(times[..6], first);
    let paths: Vec<&str> = times[6..].iter().map(|(name, _)| name.split_once(' ').expect("a call").1).collect();
    assert!(paths.is_sorted() && paths.len() > 3, "{paths:?}");
    let said = text(&output);
    assert!(said.contains("CPU of the node process (not PostgreSQL)"), "{said}");
    assert!(said.contains("CPU of the load tool (one thread)") && said.contains("slowest at 0:0"), "{said}");
    let acknowledgements = json["latencies"][1]["count"].as_f64().expect("a count");
    assert!(all(&json, "calls") >= 1.0 && figure(&json, "messages acknowledged") <= acknowledgements, "{json}");
    assert!((1.0..=acknowledgements + 1.0).contains(&all(&json, "acknowledged")), "calls are no messages: {json}");

    let environment = &json["environment"];
    assert!(environment["postgres"].as_str().is_some_and(|version| version.contains(['.', 'b'])), "{environment}");
    assert_eq!(environment["node"][3], serde_json::json!(["RATE_LIMIT", "off"]), "{environment}");
    assert!(environment["processor"].as_str().is_some_and(|model| !model.is_empty()), "{environment}");
    assert!(!environment.to_string().contains("SECRET") && environment["processors"].as_u64() > Some(0));
    let settings = json["settings"].as_array().expect("settings");
    assert!(settings.contains(&serde_json::json!(["rate", "200"])), "a default, too: {settings:?}");
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
