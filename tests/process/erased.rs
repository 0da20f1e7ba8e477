//! Answers of PostgreSQL that come after an erasure had its own, and have the name that was erased.

use super::client::{Account, Api, Socket};
use super::late::say_many;
use super::node::Node;
use super::proxy::{DELAY_ANSWER, Fate};
use super::scene::Scene;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

const NOBODY: &str = "deleted user";
/// What reads the end of a log.
const READS_LOG: &str = "seq > c.last_seq - $2";

/// What reads a page that is further back than what a node reads at first.
const READS_FAR_BACK: &str = "sum(octet_length(content)) over";

/// A server of Mina's that June has joined, and a channel in it.
async fn courtyard(node: &Node) -> (Account, Account, i64) {
    let api = Api::new(&node.url);
    let (mina, june) = (api.account("mina").await, api.account("june").await);
    let channel = api.channel(&mina).await;
    api.post(&format!("/servers/{}/join", mina.server), &june.token, json!({})).await;
    (mina, june, channel)
}

async fn erase(node: &Node, user: &Account) {
    // Who owns a server cannot be erased.
    let url = |path: &str| format!("{}{path}", node.url);
    let delete = |path: &str| Client::new().delete(url(path)).bearer_auth(&user.token);
    assert_eq!(
        delete(&format!("/servers/{}", user.server)).send().await.expect("an answer").status(),
        StatusCode::NO_CONTENT
    );
    let password = json!({ "password": "correct horse battery" });
    let erased = delete("/users/me").json(&password).send().await.expect("an answer");
    assert_eq!(erased.status(), StatusCode::NO_CONTENT);
}

fn is_told(event: &Value, content: &str, name: &str) -> bool {
    event["content"] == content && event["author_username"] == name
}

/// It is committed before the erasure, and announced after it.
#[tokio::test(flavor = "current_thread")]
async fn a_message_that_is_announced_after_an_erasure_does_not_have_the_name() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let (mina, june, channel) = courtyard(&node).await;
    let mut minas = Socket::open(&node.address, channel, &mina).await;
    let mut junes = Socket::open(&node.address, channel, &june).await;
    // The writer is connected by then: no other answer of its is delayed.
    minas.send("first").await;
    assert!(is_told(&minas.read_event().await, "first", "mina"));
    scene.proxy.once(DELAY_ANSWER);
    junes.send("my last").await;
    scene.proxy.held().await;
    erase(&node, &june).await;
    scene.proxy.give_answer();
    let told = minas.read_event().await;
    assert!(is_told(&told, "my last", NOBODY), "{told}");
    let mut again = Socket::open_at(&node.address, &format!("/ws/{channel}?after=1"), &mina).await;
    let told = again.read_event().await;
    assert!(is_told(&told, "my last", NOBODY), "{told}");
    node.stop().await;
    scene.stop().await;
}

/// The end of the log is read before the erasure, and its rows come after it.
#[tokio::test(flavor = "current_thread")]
async fn the_end_of_a_log_that_comes_after_an_erasure_does_not_have_the_name() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let (mina, june, channel) = courtyard(&node).await;
    let mut junes = Socket::open(&node.address, channel, &june).await;
    junes.send("once").await;
    junes.read_event().await;
    node.stop().await;
    // This one knows nothing of the log.
    let node = Node::start_on(&scene.proxy.url()).await;
    scene.proxy.next_call(READS_LOG, Fate::Delay);
    let mut minas = Socket::open_at(&node.address, &format!("/ws/{channel}?after=0"), &mina).await;
    scene.proxy.held().await;
    erase(&node, &june).await;
    scene.proxy.give_answer();
    let told = minas.read_event().await;
    assert!(is_told(&told, "once", NOBODY), "{told}");
    node.stop().await;
    scene.stop().await;
}

/// As above, for what is read page by page.
#[tokio::test(flavor = "current_thread")]
async fn a_page_that_comes_after_an_erasure_does_not_have_the_name() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let (mina, june, channel) = courtyard(&node).await;
    let mut junes = Socket::open(&node.address, channel, &june).await;
    junes.send("once").await;
    junes.read_event().await;
    let mut minas = Socket::open(&node.address, channel, &mina).await;
    say_many(&mut minas, 300).await;
    node.stop().await;
    // This one reads the end of the log, and then what is far back.
    let node = Node::start_on(&scene.proxy.url()).await;
    let mut late = Socket::open_at(&node.address, &format!("/ws/{channel}?after=301"), &mina).await;
    assert_eq!(late.read_event().await["type"], "replay.done");
    scene.proxy.next_call(READS_FAR_BACK, Fate::Delay);
    let mut minas = Socket::open_at(&node.address, &format!("/ws/{channel}?after=0"), &mina).await;
    scene.proxy.held().await;
    erase(&node, &june).await;
    scene.proxy.give_answer();
    let told = minas.read_event().await;
    assert!(is_told(&told, "once", NOBODY), "{told}");
    node.stop().await;
    scene.stop().await;
}
