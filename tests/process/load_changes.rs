//! `madang load` with edits, reactions and deletions among the messages.

use super::client::Api;
use super::load::{figure, refusal, report, text, tool, under_way, violated};
use super::node::{Node, Signal, furnished_folder};
use serde_json::Value;

const PERCENT: &str = "--edits 15 --reactions 15 --deletions 10";
const CHANGES: [&str; 3] = ["edit", "reaction", "deletion"];

/// How many times were measured of something, and from what to what they are.
fn times<'a>(report: &'a Value, name: &str) -> (f64, &'a str) {
    let latencies = report["latencies"].as_array().expect("latencies");
    let times = latencies.iter().find(|times| times["name"] == name).unwrap_or_else(|| panic!("no {name}: {report}"));
    (times["count"].as_f64().expect("a count"), times["span"].as_str().expect("a span"))
}

#[tokio::test(flavor = "current_thread")]
async fn changes_are_sent_measured_and_held_in_every_scenario_that_sends() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    for (scenario, span) in [
        ("fanout --sockets 10 --senders 2 --rate 150 --duration 2s", "due → answered"),
        ("rooms --channels 4 --members 3 --senders 2 --window 8 --duration 1s", "sent → answered"),
        ("resume --sockets 10 --senders 2 --cuts 3 --rate 150 --duration 4s", "due → answered"),
        ("soak --channels 2 --members 3 --connections 2 --rate 100 --cut-every 1s --duration 4s", "due → answered"),
    ] {
        let words = format!("{scenario} {PERCENT} --url {} --html page.html", node.url);
        let output = tool(&folder, &words).output().await.expect("it runs");
        let said = text(&output);
        assert_eq!(output.status.code(), Some(0), "{scenario}: {said}");
        let report = report(&folder);
        let page = std::fs::read_to_string(folder.join("page.html")).expect("it was written");
        for name in CHANGES {
            let acknowledged = figure(&report, &format!("{name}s acknowledged"));
            let (count, from_to) = times(&report, name);
            // Some are answered after the end.
            assert!(acknowledged > 0.0 && count >= acknowledged && from_to == span, "{name}: {report}");
            let row = format!("{name}: {span}");
            assert!(said.contains(&row) && page.contains(name), "{name}: {said}");
        }
        assert!(figure(&report, "deliveries of changes") > 0.0);
        let looked_at = report["checks"].as_array().expect("checks").iter().all(|check| check["looked_at"] != 0);
        assert!(looked_at, "each check of {scenario} was looked at: {report}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// What a run sends is what it says, and thresholds are of messages.
#[tokio::test(flavor = "current_thread")]
async fn the_percentages_are_of_all_that_is_sent() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let words = format!(
        "fanout --sockets 3 --rate 400 --duration 3s --edits 20 --reactions 10 --deletions 10 --min-rate 300 --url {}",
        node.url
    );
    let output = tool(&folder, &words).output().await.expect("it runs");
    // Of 400 a second, 240 are messages.
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = report(&folder);
    assert!(violated(&report).is_empty() && text(&output).contains("below --min-rate 300"), "{}", text(&output));
    let (messages, changes) = (times(&report, "acknowledgement").0, CHANGES.map(|name| times(&report, name).0));
    let all = messages + changes.iter().sum::<f64>();
    for (count, percent) in [messages].into_iter().chain(changes).zip([60.0, 20.0, 10.0, 10.0]) {
        // Five deviations of such a choice.
        let room = 5.0 * (all * percent / 100.0 * (1.0 - percent / 100.0)).sqrt() + 2.0;
        assert!((count - all * percent / 100.0).abs() < room, "{count} of {all} should be {percent} %");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// What was answered is there after a crash, and what was not is made once.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_is_killed_and_comes_back_keeps_each_change_once() {
    let folder = furnished_folder();
    let mut node = Node::start(&folder).await;
    let port = node.url.rsplit(':').next().expect("a port").to_owned();
    let words = format!("fanout --sockets 6 --senders 3 --rate 150 --duration 8s {PERCENT} --url {}", node.url);
    let run = under_way(&folder, &words).await;
    node.signal(Signal::KILL);
    node.ended().await;
    let node = Node::start_with(&folder, &[("PORT", &port)]).await;
    let output = run.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = report(&folder);
    assert!(figure(&report, "errors: connection lost") >= 6.0 && violated(&report).is_empty(), "{report}");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn shards_change_messages_side_by_side() {
    let (folder, other) = (furnished_folder(), furnished_folder());
    let node = Node::start(&folder).await;
    let words = |shard: &str| {
        let run = format!("--run beside --shard {shard} --url {}", node.url);
        format!("resume --sockets 6 --senders 2 --cuts 2 --rate 80 --duration 4s {PERCENT} {run}")
    };
    let (mut second, mut first) = (tool(&other, &words("2/2")), tool(&folder, &words("1/2")));
    let (second, first) = tokio::join!(second.output(), first.output());
    for (output, folder) in [(first, &folder), (second, &other)] {
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let report = report(folder);
        assert!(CHANGES.iter().all(|name| figure(&report, &format!("{name}s acknowledged")) > 0.0), "{report}");
    }
    node.stop().await;
    let _ = (std::fs::remove_dir_all(&folder), std::fs::remove_dir_all(&other));
}

/// Without the options a run sends messages, and says no more than before.
#[tokio::test(flavor = "current_thread")]
async fn nothing_is_changed_unless_it_is_asked_for() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let words = format!("fanout --sockets 3 --rate 50 --duration 1s --run plain --keep --url {}", node.url);
    let output = tool(&folder, &words).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = report(&folder);
    for list in ["figures", "latencies", "checks", "settings"] {
        let said = report[list].to_string();
        assert!(
            !["edit", "reaction", "deletion", "change", "deleted"].iter().any(|word| said.contains(word)),
            "{said}"
        );
    }
    let api = Api::new(&node.url);
    let token = api.owner_of_run("plain").await;
    let server = api.get("/servers/", &token).await[0]["id"].as_i64().expect("an id");
    let channel = api.get(&format!("/servers/{server}"), &token).await["channels"][0]["id"].as_i64().expect("an id");
    let log = api.get(&format!("/channels/{channel}/events"), &token).await;
    let events = log["events"].as_array().expect("a list");
    assert!(events.len() > 10 && events.iter().all(|event| event["type"] == "message.created"), "{log}");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn what_cannot_be_mixed_in_is_refused() {
    let folder = furnished_folder();
    for (words, why) in [
        ("fanout --edits 50 --deletions 41", "are 91 per cent together; 90 at most"),
        ("fanout --edits 101", "101 is not in 0..=100"),
        ("fanout --reactions some", "invalid value 'some'"),
        ("rest --edits 5", "rest has no senders"),
        ("connect --reactions 5", "connect has no senders"),
    ] {
        let line = refusal(&folder, words).await;
        assert!(line.contains(why), "{words}: {line}");
        let output = tool(&folder, words).output().await.expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{words}");
    }
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
