//! Many sockets in one channel.

use super::client::{Api, Socket};
use super::node::{Node, furnished_folder, raise_descriptor_limit};
use serde_json::Value;

const SOCKETS: usize = 1_000;
const SENDERS: usize = 10;
const EACH: usize = 20;

#[tokio::test(flavor = "current_thread")]
async fn a_thousand_sockets_get_every_message_once_in_the_order_of_the_history() {
    raise_descriptor_limit();
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("crowd").await;
    let channel = api.channel(&account).await;
    let mut tasks = Vec::new();
    // Each answers pings as soon as it is open; who sends comes last, so that nobody misses anything.
    for (count, sends) in [(90, 0); (SOCKETS - SENDERS) / 90].into_iter().chain([(SENDERS, EACH)]) {
        for socket in Socket::open_many(&node.address, channel, &account, count).await {
            tasks.push(tokio::spawn(take_part(socket, tasks.len(), sends)));
        }
    }
    assert_eq!(tasks.len(), SOCKETS);
    let views = futures_util::future::join_all(tasks).await;
    let history = api.history(&account, channel).await;
    let log: Vec<(i64, String)> = history.iter().map(entry).collect();
    assert_eq!(log.len(), SENDERS * EACH);
    assert!(log.iter().zip(1..).all(|((seq, _), expected)| *seq == expected), "the log is dense");
    for view in views {
        assert_eq!(view.expect("it took part"), log);
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Sends its share one after another, and hears everything.
async fn take_part(mut socket: Socket, number: usize, sends: usize) -> Vec<(i64, String)> {
    let mut view = Vec::with_capacity(SENDERS * EACH);
    let mut sent = 0;
    let mut waits = false;
    while view.len() < SENDERS * EACH {
        if sent < sends && !waits {
            socket.send(&format!("{number}:{sent}")).await;
            waits = true;
        }
        let event = entry(&socket.read_event().await);
        if waits && event.1 == format!("{number}:{sent}") {
            sent += 1;
            waits = false;
        }
        view.push(event);
    }
    view
}

fn entry(message: &Value) -> (i64, String) {
    (message["seq"].as_i64().expect("a seq"), message["content"].as_str().expect("a content").to_owned())
}
