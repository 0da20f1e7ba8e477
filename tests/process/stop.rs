//! Stopping: asked to, and not.

use super::client::{Api, Socket};
use super::node::{Node, Signal, furnished_folder};

#[tokio::test(flavor = "current_thread")]
async fn a_stop_closes_sockets_with_1012_after_what_was_sent_and_exits_with_0() {
    let folder = furnished_folder();
    let mut node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("stop").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    socket.send("the last one").await;
    assert_eq!(socket.read_event().await["content"], "the last one");
    let postmaster = node.postmaster().expect("it runs");
    node.signal(Signal::TERM);
    assert_eq!(socket.read_close().await, 1012);
    assert!(node.ended().await.success());
    assert!(!is_running(&postmaster), "the embedded database is stopped with the node");
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_was_killed_starts_again_with_all_that_was_acknowledged() {
    let folder = furnished_folder();
    let mut node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("kill").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    for number in 0..10 {
        socket.send(&format!("{number}")).await;
        assert_eq!(socket.read_event().await["seq"], number + 1);
    }
    node.signal(Signal::KILL);
    assert!(!node.ended().await.success());
    let node = Node::start(&folder).await;
    // The token still holds: the key was kept.
    let history = Api::new(&node.url).history(&account, channel).await;
    let contents: Vec<_> = history.iter().map(|message| message["content"].as_str().expect("text")).collect();
    assert_eq!(contents, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_second_signal_ends_a_stop_that_takes_its_time() {
    let folder = furnished_folder();
    let mut node = Node::start_with(&folder, &[("DRAIN_SECONDS", "600")]).await;
    let api = Api::new(&node.url);
    let account = api.account("patience").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    node.signal(Signal::TERM);
    while api.get("/readyz", "").await["status"] == "ready" {}
    socket.send("in no hurry").await;
    assert_eq!(socket.read_event().await["content"], "in no hurry");
    node.signal(Signal::INT);
    assert_eq!(socket.read_close().await, 1012);
    assert!(node.ended().await.success());
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

fn is_running(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid).exists()
}
