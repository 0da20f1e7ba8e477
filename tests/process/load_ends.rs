//! How runs of `madang load` end when something gets in their way, and what they leave behind: nothing.

use super::client::Api;
use super::load::{figure, refusal, report, text, tool, under_way, violated};
use super::node::{Node, Signal, furnished_folder, signal};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn latency<'a>(report: &'a Value, name: &str) -> &'a Value {
    let latencies = report["latencies"].as_array().expect("latencies");
    latencies.iter().find(|latency| latency["name"] == name).expect("it was timed")
}

/// Coordinated omission: what was due while the node stood still counts, although nobody could send it.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_stands_still_at_the_end_shows_in_the_times() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let words = format!("fanout --sockets 3 --rate 500 --duration 3s --url {}", node.url);
    let run = under_way(&folder, &words).await;
    node.signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(4)).await;
    node.signal(Signal::CONT);
    let output = run.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = report(&folder);
    let times = latency(&report, "acknowledgement");
    assert!(times["count"].as_u64() >= Some(1_500), "each message that was due: {report}");
    assert!(times["p90_us"].as_u64().expect("a time") > 2_000_000, "{times}");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn tokens_that_expire_are_renewed_and_nothing_is_alarmed() {
    let (folder, other) = (furnished_folder(), furnished_folder());
    let node = Node::start_with(&folder, &[("ACCESS_TOKEN_EXPIRE_MINUTES", "1")]).await;
    let idle = format!("connect --sockets 20 --duration 65s --url {}", node.url);
    let busy = format!("soak --channels 2 --members 3 --connections 2 --rate 20 --duration 65s --url {}", node.url);
    let (mut idle, mut busy) = (tool(&folder, &idle), tool(&other, &busy));
    let (idle, busy) = tokio::join!(idle.output(), busy.output());
    for (output, folder) in [(idle, &folder), (busy, &other)] {
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let errors = report(folder)["figures"].to_string();
        assert!(errors.contains("token expired") || errors.contains("closed with 4401"), "{errors}");
    }
    node.stop().await;
    let _ = (std::fs::remove_dir_all(&folder), std::fs::remove_dir_all(&other));
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_that_fails_or_is_stopped_while_it_begins_leaves_no_server() {
    let folder = furnished_folder();
    let node = Node::start_with(&folder, &[("RATE_LIMIT", "on")]).await;
    let said = refusal(&folder, &format!("fanout --sockets 3 --rate 5000 --run fails --url {}", node.url)).await;
    assert!(said.contains("RATE_LIMIT=off"), "{said}");
    assert_eq!(Api::new(&node.url).servers_of_run("fails").await, 0);
    node.stop().await;

    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let words = format!("rooms --channels 2000 --members 1 --run stopped --url {}", node.url);
    let mut run = tool(&folder, &words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(run.stderr.take().expect("it has one")).lines();
    while let Some(line) = lines.next_line().await.expect("it speaks") {
        if line.starts_with("channels: 200/") {
            signal(&run.id().expect("it runs").to_string(), Signal::INT);
        }
    }
    assert_eq!(run.wait().await.expect("it ends").code(), Some(130));
    assert_eq!(api.servers_of_run("stopped").await, 0);
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// The child of a process, once it has one.
async fn child_of(pid: u32) -> u32 {
    loop {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("it runs");
        if let Some(child) = children.split_whitespace().next() {
            return child.parse().expect("a number");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_gone(pid: u32) {
    let gone = async {
        while Path::new(&format!("/proc/{pid}")).exists() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(super::node::PATIENCE, gone).await.expect("it ends");
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_of_its_own_ends_with_the_tool_however_that_ends() {
    for (first, leaves_folder) in [(Signal::KILL, true), (Signal::HUP, false), (Signal::INT, false)] {
        let folder = furnished_folder();
        let mut command = tool(&folder, "fanout --self --sockets 3 --duration 1h");
        let mut run =
            command.env("TMPDIR", &folder).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut lines = BufReader::new(run.stderr.take().expect("it has one")).lines();
        while !lines.next_line().await.expect("it speaks").expect("a line").starts_with("load: 1/") {}
        let pid = run.id().expect("it runs");
        let node = child_of(pid).await;
        signal(&pid.to_string(), first);
        if first == Signal::INT {
            // Twice is at once.
            while !lines.next_line().await.expect("it speaks").expect("a line").starts_with("interrupted") {}
            signal(&pid.to_string(), Signal::INT);
        }
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let status = run.wait().await.expect("it ends");
        assert_eq!(status.code(), if first == Signal::KILL { None } else { Some(130) }, "{first:?}");
        until_gone(node).await;
        let left = std::fs::read_dir(&folder).expect("it is there").flatten();
        let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("madang-load-")).count();
        assert_eq!(left, usize::from(leaves_folder), "{first:?}");
        let _ = std::fs::remove_dir_all(&folder);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_reads_only_the_beginning_gets_the_files_all_the_same() {
    let folder = furnished_folder();
    let own = env!("CARGO_BIN_EXE_madang");
    let line = format!("'{own}' load fanout --self --sockets 3 --duration 1s --json report.json 2>&1 | head -n 1");
    let output = Command::new("sh").args(["-c", &line]).current_dir(&folder).output().await.expect("it runs");
    assert!(!text(&output).contains("panicked"), "{}", text(&output));
    let report = report(&folder);
    assert_eq!((&report["end"]["how"], violated(&report).len()), (&"completed".into(), 0));
    assert!(figure(&report, "messages acknowledged") > 0.0);
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
