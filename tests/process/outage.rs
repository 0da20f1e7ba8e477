//! PostgreSQL is killed under load, again and again, and comes back.

use super::client::{Api, Socket};
use super::node::{Node, Signal, furnished_folder, signal};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const SENDERS: usize = 8;
/// The last message of all.
const LAST: &str = "the end";

/// What the senders and the one who breaks things tell each other.
#[derive(Default)]
struct Scene {
    acknowledged: AtomicUsize,
    is_over: AtomicBool,
    something_happened: Notify,
}

impl Scene {
    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let wait = async {
            while !what(self) {
                // A send is never without an answer, so there is always a next one.
                let _ = tokio::time::timeout(Duration::from_millis(50), self.something_happened.notified()).await;
            }
        };
        tokio::time::timeout(super::node::PATIENCE, wait).await.expect("the node goes on");
    }

    async fn after_more_acknowledged(&self, more: usize) {
        let from = self.acknowledged.load(Ordering::Relaxed);
        self.until(|scene| scene.acknowledged.load(Ordering::Relaxed) >= from + more).await;
    }
}

/// What a sender knows of its own messages.
#[derive(Default)]
struct Account {
    acknowledged: Vec<(i64, String)>,
    refused: HashSet<String>,
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_acknowledged_is_there_once_in_order_and_nothing_that_was_refused() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("outage").await;
    let channel = api.channel(&account).await;
    let scene = Arc::new(Scene::default());
    let listener = tokio::spawn(listen(Socket::open(&node.address, channel, &account).await));
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let socket = Socket::open(&node.address, channel, &account).await;
        senders.push(tokio::spawn(send(socket, number, Arc::clone(&scene))));
    }
    for _ in 0..3 {
        scene.after_more_acknowledged(50).await;
        signal(&node.postmaster().expect("it runs"), Signal::KILL);
    }
    scene.after_more_acknowledged(50).await;
    let late = tokio::select! {
        () = hold_down(&node) => unreachable!("it is held down until something is refused"),
        late = until_refused(&node, channel, &account) => late,
    };
    scene.after_more_acknowledged(200).await;
    scene.is_over.store(true, Ordering::Relaxed);

    let Account { mut acknowledged, mut refused } = late.settle().await;
    assert!(!refused.is_empty(), "something was refused");
    for sender in senders {
        let account = sender.await.expect("it sent to the end");
        assert!(account.acknowledged.is_sorted(), "a sender's messages keep their order");
        acknowledged.extend(account.acknowledged);
        refused.extend(account.refused);
    }
    let mut last = Socket::open(&node.address, channel, &account).await;
    last.send(LAST).await;
    acknowledged.push((answer(&mut last, LAST).await.expect("all is well"), LAST.to_owned()));
    acknowledged.sort_unstable();
    let log: Vec<(i64, String)> = api
        .history(&account, channel)
        .await
        .iter()
        .map(|message| (message["seq"].as_i64().expect("a seq"), message["content"].as_str().expect("text").to_owned()))
        .collect();
    assert!(log.iter().zip(1..).all(|((seq, _), expected)| *seq == expected), "the log is dense");
    assert!(log.iter().all(|(_, content)| !refused.contains(content)), "nothing that was refused is there");
    assert_eq!(acknowledged, log, "everything that was acknowledged is there once, and nothing else");
    assert_eq!(listener.await.expect("it listened to the end"), log, "who only listens sees the same");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Everything that comes, until the last message.
async fn listen(mut socket: Socket) -> Vec<(i64, String)> {
    let mut view: Vec<(i64, String)> = Vec::new();
    while view.last().is_none_or(|(_, content)| content != LAST) {
        let event = socket.read_event().await;
        view.push((event["seq"].as_i64().expect("a seq"), event["content"].as_str().expect("text").to_owned()));
    }
    view
}

/// Kills PostgreSQL whenever it comes back.
async fn hold_down(node: &Node) {
    loop {
        if let Some(pid) = node.postmaster() {
            signal(&pid, Signal::KILL);
        }
        tokio::task::yield_now().await;
    }
}

/// What was sent while PostgreSQL was held down.
#[derive(Default)]
struct Late {
    /// Sends that were in the middle of their commit: their outcome follows.
    in_doubt: Vec<JoinHandle<(String, Option<i64>)>>,
    settled: Account,
}

/// Sends from ever new sockets until one is told that its message was not saved.
async fn until_refused(node: &Node, channel: i64, account: &super::client::Account) -> Late {
    let mut late = Late::default();
    for count in 0.. {
        let mut socket = Socket::open(&node.address, channel, account).await;
        let content = format!("late:{count}");
        socket.send(&content).await;
        loop {
            let event = socket.read_event().await;
            match (event["code"].as_str(), event["content"] == content) {
                (Some("unavailable"), _) => {
                    late.settled.refused.insert(content);
                    return late;
                }
                (Some("unconfirmed"), _) => {
                    late.in_doubt.push(tokio::spawn(async move {
                        let outcome = answer(&mut socket, &content).await;
                        (content, outcome)
                    }));
                    break;
                }
                (None, true) => {
                    late.settled.acknowledged.push((event["seq"].as_i64().expect("a seq"), content));
                    break;
                }
                (None, false) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    late
}

impl Late {
    /// Waits for the outcomes that were in doubt.
    async fn settle(self) -> Account {
        let mut account = self.settled;
        for in_doubt in self.in_doubt {
            match in_doubt.await.expect("it has an outcome") {
                (content, Some(seq)) => account.acknowledged.push((seq, content)),
                (content, None) => drop(account.refused.insert(content)),
            }
        }
        account
    }
}

/// Sends one message after another; each has its answer before the next.
async fn send(mut socket: Socket, number: usize, scene: Arc<Scene>) -> Account {
    let mut account = Account::default();
    for count in 0.. {
        if scene.is_over.load(Ordering::Relaxed) {
            break;
        }
        let content = format!("{number}:{count}");
        socket.send(&content).await;
        match answer(&mut socket, &content).await {
            Some(seq) => {
                account.acknowledged.push((seq, content));
                scene.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            None => drop(account.refused.insert(content)),
        }
        scene.something_happened.notify_waiters();
    }
    account
}

/// The `seq` of one's own message, or `None` when it was refused.
async fn answer(socket: &mut Socket, content: &str) -> Option<i64> {
    loop {
        let event = tokio::time::timeout(super::node::PATIENCE, socket.read_event()).await.expect("an answer");
        match (event["type"].as_str(), event["code"].as_str()) {
            (Some("message.created"), _) if event["content"] == content => return event["seq"].as_i64(),
            (Some("message.created"), _) => {}
            // The outcome follows.
            (Some("error"), Some("unconfirmed")) => {}
            (Some("error"), Some("unavailable")) => return None,
            other => panic!("{other:?}"),
        }
    }
}

/// A disk that is not mounted any more, and then is again.
#[tokio::test(flavor = "current_thread")]
async fn a_folder_that_is_gone_is_said_to_be_and_the_node_goes_on_when_it_is_back() {
    let folder = furnished_folder();
    let node = Node::start_logging(&folder, &[]).await;
    let api = Api::new(&node.url);
    let account = api.account("folder").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    socket.send("before").await;
    assert_eq!(socket.read_event().await["content"], "before");
    std::fs::rename(folder.join("postgres"), folder.join("away")).expect("it can be moved");
    let said = async |text: &str| {
        let wait = async {
            while !std::fs::read_to_string(folder.join("log")).expect("a log").contains(text) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(super::node::PATIENCE, wait).await.unwrap_or_else(|_| panic!("never said: {text}"));
    };
    said("is gone from DATA_DIR").await;
    loop {
        socket.send("meanwhile").await;
        // Until PostgreSQL is stopped it takes what it is sent.
        if socket.read_event().await["code"] == "unavailable" {
            break;
        }
    }
    std::fs::rename(folder.join("away"), folder.join("postgres")).expect("it can be moved back");
    said("folder is back").await;
    loop {
        socket.send("after").await;
        let answer = socket.read_event().await;
        if answer["content"] == "after" {
            break;
        }
        assert!(["unavailable", "unconfirmed"].contains(&answer["code"].as_str().unwrap_or_default()), "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
