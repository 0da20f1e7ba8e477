//! Late statements: PostgreSQL comes to them when the node has long given them up. What was refused is not there, what was
//! acknowledged is there once, whatever comes.

use super::client::{Account, Api, Socket, frame};
use super::node::{Node, Signal, signal};
use super::proxy::KEEP_QUESTION;
use super::scene::Scene;
use std::time::Duration;
use tokio_postgres::NoTls;

/// More batches than a writer writes before it clears its ledger.
const BATCHES: i64 = 300;

/// One message a batch.
pub async fn say_many(socket: &mut Socket, count: i64) {
    for number in 0..count {
        let content = format!("more {number}");
        socket.send(&content).await;
        assert_eq!(socket.read_event().await["content"], content.as_str());
    }
}

async fn times_in_history(api: &Api, account: &Account, channel: i64, content: &str) -> usize {
    let history = api.history(account, channel).await;
    let seqs: Vec<i64> = history.iter().map(|message| message["seq"].as_i64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "the log is dense");
    history.iter().filter(|message| message["content"] == content).count()
}

#[tokio::test(flavor = "current_thread")]
async fn a_batch_that_comes_late_is_not_written_twice() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let account = api.account("late").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    say_many(&mut socket, 1).await;
    scene.proxy.once(KEEP_QUESTION);
    socket.send("once").await;
    assert_eq!(socket.read_event().await["content"], "once");
    say_many(&mut socket, BATCHES).await;
    assert_eq!(scene.count("select count(*) from write_batches where is_claim").await, 1, "a claim stays");
    assert!(scene.count("select count(*) from write_batches where not is_claim").await < BATCHES, "notes do not");
    scene.proxy.give().await;
    assert_eq!(times_in_history(&api, &account, channel, "once").await, 1);
    say_many(&mut socket, 1).await;
    node.stop().await;
    scene.stop().await;
}

/// The process of PostgreSQL that has the batch is stopped: it can be told to end, and does not.
#[tokio::test(flavor = "current_thread")]
async fn what_was_refused_never_comes_though_its_process_goes_on() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let account = api.account("stopped").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    say_many(&mut socket, 1).await;
    let writer = scene.writer().await;
    signal(&writer, Signal::STOP);
    socket.send("never").await;
    assert_eq!(socket.read_event().await["code"], "unconfirmed");
    assert_eq!(socket.read_event().await["code"], "unavailable");
    say_many(&mut socket, BATCHES).await;
    signal(&writer, Signal::CONT);
    scene.until_none(&format!("pg_stat_activity where pid = {writer}")).await;
    assert_eq!(times_in_history(&api, &account, channel, "never").await, 0);
    say_many(&mut socket, 1).await;
    node.stop().await;
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_begins_when_nothing_of_the_one_before_can_come_any_more() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let account = api.account("before").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    say_many(&mut socket, 1).await;
    scene.proxy.once(KEEP_QUESTION);
    // Killed at once: it has no time to look for what became of the batch.
    socket.send("never").await;
    drop(node);
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let mut socket = Socket::open(&node.address, channel, &account).await;
    scene.proxy.give().await;
    say_many(&mut socket, 1).await;
    let history = api.history(&account, channel).await;
    let is_acknowledged = history.iter().any(|message| message["content"] == "never");
    // The first node may have written it again before it died; late it is not.
    assert!(history.len() == if is_acknowledged { 3 } else { 2 }, "{history:?}");
    node.stop().await;
    scene.stop().await;
}

/// A standby that commits wait for is away, and PostgreSQL starts anew: it has the batch, and may still lose it.
#[tokio::test(flavor = "current_thread")]
async fn a_commit_that_no_standby_has_is_not_acknowledged() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let account = api.account("standby").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    say_many(&mut socket, 1).await;
    let standbys = async |names: &str| {
        let (client, connection) = loop {
            match scene.database.config().connect(NoTls).await {
                Ok(connected) => break connected,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let connection = tokio::spawn(connection);
        client.batch_execute(&format!("alter system set synchronous_standby_names = '{names}'")).await.expect("set");
        client.batch_execute("select pg_reload_conf()").await.expect("read again");
        let waits =
            "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and query like '%emit_message%'";
        (client, waits, connection)
    };
    drop(standbys("nobody").await);
    scene.until_commits_wait().await;
    let writer = scene.writer().await;
    socket.send("not yet").await;
    assert_eq!(socket.read_event().await["code"], "unconfirmed");
    signal(&writer, Signal::KILL);
    // PostgreSQL throws everyone out before it starts anew.
    while !scene.client.is_closed() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (client, waits, _connection) = standbys("nobody").await;
    while client.query_one(waits, &[]).await.expect("a count").get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let is_there = "select count(*) from messages where content = 'not yet'";
    assert_eq!(client.query_one(is_there, &[]).await.expect("a count").get::<_, i64>(0), 1, "PostgreSQL shows it");
    // It would have been told before whatever is asked now.
    socket.send_bytes(&frame(0x89, b"told?")).await.expect("it is sent");
    assert_eq!(socket.next_frame().await.expect("it lives").0, 0x8A, "nothing but the answer to the ping");
    drop(standbys("").await);
    assert_eq!(socket.read_event().await["content"], "not yet");
    node.stop().await;
    scene.stop().await;
}
