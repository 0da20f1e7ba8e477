//! Late statements: PostgreSQL comes to them when the node has long given them up. What was refused is not there, what was
//! acknowledged is there once, whatever comes.

use super::client::{Account, Api, Socket};
use super::node::{Node, Signal, data_folder, signal};
use super::proxy::{KEEP_QUESTION, Proxy};
use madang::store::embedded::{self, Embedded};
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::NoTls;

/// More batches than a writer writes before it clears its ledger.
const BATCHES: i64 = 300;

struct Scene {
    folder: PathBuf,
    database: Embedded,
    proxy: Proxy,
    client: tokio_postgres::Client,
}

impl Scene {
    async fn start() -> Self {
        let folder = data_folder();
        let database = embedded::start(&folder, None).await.expect("PostgreSQL starts");
        let proxy = Proxy::start(folder.join("postgres-run/.s.PGSQL.5432")).await;
        let (client, connection) = database.config().connect(NoTls).await.expect("it runs");
        tokio::spawn(connection);
        Self { folder, database, proxy, client }
    }

    async fn count(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.expect("a count").get(0)
    }

    async fn until(&self, sql: &str) {
        while self.count(sql).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A setting that was read again takes effect a little later.
    async fn until_commits_wait(&self) {
        loop {
            let (client, connection) = self.database.config().connect(NoTls).await.expect("it runs");
            tokio::spawn(connection);
            let commit = "select pg_logical_emit_message(true, 'test', '')";
            let probe = tokio::spawn(async move { client.batch_execute(commit).await });
            while !probe.is_finished() {
                if self.count("select count(*) from pg_stat_activity where wait_event = 'SyncRep'").await > 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    async fn writer(&self) -> String {
        let sql = "select pid::text from pg_stat_activity where application_name = 'madang writer'";
        self.client.query_one(sql, &[]).await.expect("one").get(0)
    }

    async fn stop(self) {
        self.database.stop().await.expect("it stops");
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

/// One message a batch.
async fn say_many(socket: &mut Socket, count: i64) {
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
    scene
        .until(&format!(
            "select count(*) from (values (1)) v where not exists
        (select from pg_stat_activity where pid = {writer})"
        ))
        .await;
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
    let told = tokio::time::timeout(Duration::from_millis(500), socket.read_event()).await;
    assert!(told.is_err(), "{told:?}");
    drop(standbys("").await);
    assert_eq!(socket.read_event().await["content"], "not yet");
    node.stop().await;
    scene.stop().await;
}
