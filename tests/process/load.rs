//! `madang load` as somebody runs it: what it says, how it exits.

use super::client::Api;
use super::node::{Node, Signal, data_folder, furnished_folder, signal};
use serde_json::Value;
use std::path::Path;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The tool with these words; what it reports is read from a file in `folder`.
pub fn tool(folder: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.arg("load").args(words.split(' ')).arg("--json").arg(folder.join("report.json"));
    command.env_remove("SECRET_KEY").current_dir(folder).kill_on_drop(true);
    command
}

/// Its report.
pub fn report(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("report.json")).expect("it was written");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The names of the checks that did not hold.
pub fn violated(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().expect("checks").iter();
    checks.filter(|check| check["violations"] != 0).map(|check| check["name"].as_str().expect("a name")).collect()
}

pub fn figure(report: &Value, name: &str) -> f64 {
    let figures = report["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["name"] == name);
    figure.unwrap_or_else(|| panic!("no figure {name}: {report}"))["value"].as_f64().expect("a number")
}

/// What each second of a run had of something.
fn samples(report: &Value, name: &str) -> Vec<u64> {
    report["samples"].as_array().expect("samples").iter().map(|sample| sample[name].as_u64().expect(name)).collect()
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The line in which the tool says why it refuses.
pub async fn refusal(folder: &Path, words: &str) -> String {
    let output = tool(folder, words).output().await.expect("it runs");
    assert!(!output.status.success(), "{}", text(&output));
    let said = String::from_utf8(output.stderr).expect("text");
    let line = said.lines().rfind(|line| line.starts_with("madang load: ") || line.starts_with("error: "));
    line.unwrap_or_else(|| panic!("no reason: {said}")).to_owned()
}

#[tokio::test(flavor = "current_thread")]
async fn every_scenario_runs_and_holds_and_leaves_nothing() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let pid = node.pid();
    for (scenario, figure_name) in [
        ("fanout --sockets 20 --senders 2 --duration 1s", "deliveries a second"),
        ("rooms --channels 5 --members 3 --rate 100 --duration 1s", "messages acknowledged a second"),
        ("connect --sockets 100 --duration 1s", "connects a second"),
        ("resume --sockets 20 --cuts 2 --duration 3s", "deliveries a second"),
        (
            "rest --connections 4 --duration 1s --mix server=5,messages=5,post=1,server-life=2,channel-life=2",
            "calls a second",
        ),
        ("soak --channels 2 --members 3 --connections 2 --duration 3s --cut-every 1s", "calls a second"),
    ] {
        let words = format!("{scenario} --url {} --pid {pid} --html page.html", node.url);
        let output = tool(&folder, &words).output().await.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{scenario}: {}", text(&output));
        let report = report(&folder);
        assert_eq!(report["end"]["how"], "completed");
        assert!(figure(&report, figure_name) > 0.0);
        if scenario.starts_with("resume") {
            assert_eq!(figure(&report, "cuts"), 2.0);
            // Who is not back yet cannot be cut off.
            let cut_off = samples(&report, "cut_off").iter().sum::<u64>();
            assert!((20..=40).contains(&cut_off) && text(&output).contains("sockets cut off by the tool"), "{report}");
        }
        assert!(report["samples"][0]["node_kib"].as_u64().is_some_and(|kib| kib > 1_000), "{report}");
        let looked_at = report["checks"].as_array().expect("checks").iter().all(|check| check["looked_at"] != 0);
        assert!(looked_at, "each check of {scenario} was looked at: {report}");
        let page = std::fs::read_to_string(folder.join("page.html")).expect("it was written");
        assert!(
            page.contains("<svg")
                && !page.contains("http://cdn")
                && page.contains(scenario.split(' ').next().expect("a word"))
        );
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn what_cannot_be_done_is_refused_in_one_line() {
    let folder = furnished_folder();
    let node =
        Node::start_with(&folder, &[("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"), ("RATE_LIMIT", "on")]).await;
    let at = |words: &str| format!("{words} --url {}", node.url);
    for (words, says) in [
        ("fanout --url nonsense".to_owned(), "write it as http://"),
        ("fanout --url http://mina:secret@127.0.0.1:8000".to_owned(), "without user, password or query"),
        ("resume --cuts 3 --duration 3s".to_owned(), "--duration must be at least 4s"),
        ("fanout --url http://127.0.0.1:1".to_owned(), "connection refused: no node listens at http://127.0.0.1:1"),
        ("fanout --url http://127.0.0.1:1".to_owned(), "use --self, which starts one"),
        (at("fanout --html no/such/folder"), "no/such/folder: No such file"),
        (at("fanout --secret-key another-secret-another-secret-32 --user-ids 1-3"), "it must be the node's SECRET_KEY"),
        (at("fanout --user-ids 1-3"), "required arguments were not provided"),
        ("fanout --self --shard 1/2 --run x".to_owned(), "cannot be used with"),
        (at("fanout --shard 1/2"), "required arguments were not provided"),
        (at("rest --mix me=1,nobody=2"), "`nobody=2`; the calls and their default weights"),
        (at("fanout --sockets 1 --pid 2147483647"), "no such process"),
        (at("fanout --sockets 3 --duration 5s --rate 5000"), "RATE_LIMIT=off"),
        (at("fanout --sockets 900000"), "use several processes with --shard"),
    ] {
        let said = refusal(&folder, &words).await;
        assert!(said.contains(says), "{words}: {said}");
        assert!(!said.contains("secret@"));
    }
    let narrow = format!("ulimit -n 64; exec '{}' load fanout --url {}", env!("CARGO_BIN_EXE_madang"), node.url);
    let output = Command::new("sh").args(["-c", &narrow]).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("1000 sockets need 1100 file descriptors, and this process may have 64"),
        "{}",
        text(&output)
    );
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Starts a run, waits until it has measured for a second, and hands it over.
pub async fn under_way(folder: &Path, words: &str) -> tokio::process::Child {
    let mut run = tool(folder, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(run.stderr.take().expect("it has one")).lines();
    while let Some(line) = lines.next_line().await.expect("it speaks") {
        if line.starts_with("load: 1/") {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return run;
        }
    }
    panic!("it did not begin");
}

#[tokio::test(flavor = "current_thread")]
async fn an_interrupted_run_prints_what_it_measured() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let run = under_way(&folder, &format!("fanout --sockets 5 --duration 1h --url {}", node.url)).await;
    signal(&run.id().expect("it runs").to_string(), Signal::INT);
    let output = run.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let report = report(&folder);
    assert_eq!((&report["end"]["how"], violated(&report).len()), (&"interrupted".into(), 0));
    assert!(figure(&report, "messages acknowledged a second") > 0.0);
    assert!(text(&output).contains("delivery"), "{}", text(&output));
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_goes_away_ends_the_run_with_what_was_measured() {
    let folder = furnished_folder();
    let mut node = Node::start(&folder).await;
    let run = under_way(&folder, &format!("fanout --sockets 5 --duration 1h --url {}", node.url)).await;
    node.signal(Signal::KILL);
    node.ended().await;
    let ended = tokio::time::timeout(super::node::PATIENCE, run.wait_with_output()).await;
    let output = ended.expect("it does not wait for ever").expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let report = report(&folder);
    let why = report["end"]["why"].as_str().expect("a reason");
    assert!(why.contains("went away") && report["end"]["how"] == "failed", "{why}");
    assert!(figure(&report, "messages acknowledged a second") > 0.0);
    assert!(violated(&report).is_empty(), "what never came is not lost: {report}");
    assert_eq!(samples(&report, "lost").iter().sum::<u64>(), 5, "each socket, once: {report}");
    let _ = std::fs::remove_dir_all(&folder);
}

#[tokio::test(flavor = "current_thread")]
async fn shards_share_a_run_and_each_sees_all_of_it() {
    let (folder, other) = (furnished_folder(), furnished_folder());
    let node = Node::start(&folder).await;
    let words = |shard: &str| {
        format!(
            "fanout --sockets 5 --senders 2 --rate 50 --duration 2s --run together --shard {shard} --url {}",
            node.url
        )
    };
    // The second time nothing of the first is in the way.
    for _ in 0..2 {
        let (mut second, mut first) = (tool(&other, &words("2/2")), tool(&folder, &words("1/2")));
        let (second, first) = tokio::join!(second.output(), first.output());
        for (output, folder) in [(first, &folder), (second, &other)] {
            let output = output.expect("it runs");
            assert_eq!(output.status.code(), Some(0), "{}", text(&output));
            assert!(figure(&report(folder), "deliveries") >= 5.0 * figure(&report(folder), "messages acknowledged"));
        }
    }
    assert_eq!(Api::new(&node.url).servers_of_run("together").await, 0);
    node.stop().await;
    let _ = (std::fs::remove_dir_all(&folder), std::fs::remove_dir_all(&other));
}

#[tokio::test(flavor = "current_thread")]
async fn known_accounts_need_no_password() {
    let folder = furnished_folder();
    let key = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let node = Node::start_with(&folder, &[("SECRET_KEY", key)]).await;
    for (words, log_ins) in [("--users 3", true), ("--user-ids 1-3", false)] {
        let words = format!("rest --connections 2 --duration 1s --secret-key {key} {words} --url {}", node.url);
        let output = tool(&folder, &words).output().await.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert_eq!(text(&output).contains("accounts: 3/3"), log_ins);
        assert!(
            !std::fs::read_to_string(folder.join("report.json")).expect("it is there").contains(key),
            "the key is nobody's"
        );
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_of_its_own_is_started_and_gone_afterwards() {
    let folder = data_folder();
    let output = tool(&folder, "fanout --self --sockets 5 --duration 1s")
        .env("TMPDIR", &folder)
        .output()
        .await
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let left: Vec<_> =
        std::fs::read_dir(&folder).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["report.json"]);
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
