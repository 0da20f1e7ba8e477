//! The load scripts for other tools, as far as they can be tried without these tools: what prepares a node for them, and their text.

use super::client::{Account, Api, Socket};
use super::node::{Node, furnished_folder};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::process::Command;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/load")
}

/// Runs `prepare.py` in a folder; answers how it ended and what it said.
async fn prepare(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("python3");
    command.arg("-B").arg(scripts().join("prepare.py")).args(arguments).current_dir(folder);
    let output = command.output().await.expect("python3 runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn has_python() -> bool {
    let is_there = std::process::Command::new("python3").arg("--version").output().is_ok();
    if !is_there {
        eprintln!("python3 is not installed: the scripts are not tried");
    }
    is_there
}

/// The accounts that were prepared: name, channel, token.
fn people(folder: &Path) -> Vec<(String, i64, String)> {
    let text = std::fs::read_to_string(folder.join("people.csv")).expect("people");
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        Some((fields.first()?.to_string(), fields.get(1)?.parse().ok()?, fields.get(2)?.to_string()))
    };
    text.lines().filter_map(row).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn people_are_prepared_counted_refreshed_and_removed() {
    if !has_python() {
        return;
    }
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let url = ["--url", node.url.as_str()];
    let (is_good, said) = prepare(&folder, &[&["make", "--people", "3", "--channels", "2"], &url[..]].concat()).await;
    assert!(is_good, "{said}");
    let made = people(&folder);
    assert_eq!(made.len(), 3, "{said}");
    for file in ["people.csv", "people.json"] {
        let mode = std::fs::metadata(folder.join(file)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} holds tokens");
    }
    let (_, channel, token) = made[0].clone();
    let account = Account { token, server: 0 };
    let mut socket = Socket::open(&node.address, channel, &account).await;
    socket.send("hello").await;
    assert_eq!(socket.read_event().await["content"], "hello");
    let (is_good, said) = prepare(&folder, &[&["count"], &url[..]].concat()).await;
    assert!(is_good && said.contains("1 messages in 2 channels"), "{said}");
    let (is_good, said) = prepare(&folder, &[&["refresh"], &url[..]].concat()).await;
    let refreshed = people(&folder);
    assert!(is_good && refreshed.iter().zip(&made).all(|(new, old)| new.0 == old.0 && new.2 != old.2), "{said}");
    let api = Api::new(&node.url);
    assert!(api.get("/users/me", &refreshed[2].2).await["id"].is_i64());
    let (is_good, said) = prepare(&folder, &[&["clean"], &url[..]].concat()).await;
    assert!(is_good && !folder.join("people.csv").exists() && !folder.join("people.json").exists(), "{said}");
    assert_eq!(api.get("/users/me", &refreshed[2].2).await["code"], "invalid_token");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// With its limits on, a node makes 20 accounts for an address: the script says what to do, and leaves nothing behind.
#[tokio::test(flavor = "current_thread")]
async fn a_limited_node_is_said_to_be_one() {
    if !has_python() {
        return;
    }
    let folder = furnished_folder();
    let node = Node::start_with(&folder, &[("RATE_LIMIT", "on")]).await;
    let (is_good, said) = prepare(&folder, &["make", "--people", "21", "--url", &node.url]).await;
    assert!(!is_good && said.contains("RATE_LIMIT=off"), "{said}");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[test]
fn the_scripts_are_there_and_name_frames_that_there_are() {
    let document = std::fs::read_to_string("docs/LOAD.md").expect("text");
    let named: Vec<&str> = document.split("examples/load/").skip(1).collect();
    assert!(named.len() > 5, "{}", named.len());
    for rest in named {
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "._".contains(*c)).collect();
        let name = name.trim_end_matches('.');
        assert!(scripts().join(name).exists(), "there is no examples/load/{name}");
    }
    let frames = ["identify", "subscribe", "message.send"];
    for script in ["locust_gateways.py", "artillery.js", "k6.js"] {
        let text = std::fs::read_to_string(scripts().join(script)).expect("text");
        assert!(frames.iter().all(|frame| text.contains(frame)), "{script}");
    }
}
