//! One PostgreSQL whose commits wait for a standby, and the standby is away: what it alone has is told nobody and shown nobody.

use super::client::{Account, Api, Socket, frame};
use super::late::say_many;
use super::node::{Node, Signal, signal};
use super::proxy::CUT_ANSWER_AND_DELAY_CLAIM;
use super::scene;
use super::settings::{madang, refusal};
use reqwest::{Client, Method};
use std::time::Duration;

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;
/// The node asks for a commit of nothing, and waits for it.
const ASKS: &str = "pg_stat_activity where wait_event = 'SyncRep' and application_name like 'madang%'
    and query like '%emit_message%'";

struct Scene {
    storage: scene::Scene,
    node: Node,
    api: Api,
    owner: Account,
    channel: i64,
    socket: Socket,
}

async fn set_standbys(storage: &scene::Scene, names: &str) {
    let set = format!("alter system set synchronous_standby_names = '{names}'");
    for statement in [&set, "select pg_reload_conf()"] {
        storage.client.batch_execute(statement).await.expect("good SQL");
    }
    if !names.is_empty() {
        storage.until_commits_wait().await;
    }
}

async fn until_there_is(storage: &scene::Scene, rows: &str) {
    let wait = async {
        while storage.count(&format!("select count(*) from {rows}")).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never there: {rows}"));
}

impl Scene {
    async fn start() -> Self {
        let storage = scene::Scene::start().await;
        let node = Node::start_on(&storage.proxy.url()).await;
        let api = Api::new(&node.url);
        let owner = api.account("owner").await;
        let channel = api.channel(&owner).await;
        let mut socket = Socket::open(&node.address, channel, &owner).await;
        say_many(&mut socket, 1).await;
        Self { storage, node, api, owner, channel, socket }
    }

    async fn contents(&self) -> Vec<String> {
        let history = self.api.history(&self.owner, self.channel).await;
        history.iter().map(|message| message["content"].as_str().expect("text").to_owned()).collect()
    }

    /// It would have been told before whatever is asked now.
    async fn nothing_was_told(&mut self) {
        self.socket.send_bytes(&frame(0x89, b"told?")).await.expect("it is sent");
        assert_eq!(self.socket.next_frame().await.expect("it lives").0, 0x8A, "nothing but the answer to the ping");
    }

    async fn status(&self, method: Method, path: &str, account: &Account) -> u16 {
        let call = Client::new().request(method, format!("{}{path}", self.node.url)).bearer_auth(&account.token);
        call.send().await.expect("an answer").status().as_u16()
    }

    async fn stop(self) {
        self.node.stop().await;
        self.storage.stop().await;
    }
}

/// The node gives the connection up after a while. The process behind it is not ended: that would show the message.
#[tokio::test(flavor = "current_thread")]
async fn a_message_that_waits_for_a_standby_is_in_no_history() {
    let mut scene = Scene::start().await;
    set_standbys(&scene.storage, "nobody").await;
    scene.socket.send("not yet").await;
    assert_eq!(scene.socket.read_event().await["code"], "unconfirmed");
    until_there_is(&scene.storage, ASKS).await;
    scene.nothing_was_told().await;
    assert_eq!(scene.contents().await, ["more 0"]);
    let events = format!("/channels/{}/events?after=0", scene.channel);
    assert_eq!(scene.api.get(&events, &scene.owner.token).await["last_seq"], 1);
    set_standbys(&scene.storage, "").await;
    assert_eq!(scene.socket.read_event().await["content"], "not yet");
    assert_eq!(scene.contents().await, ["more 0", "not yet"]);
    scene.stop().await;
}

/// The standby leaves between the look and what would be told of it.
#[tokio::test(flavor = "current_thread")]
async fn what_is_found_is_not_told_before_a_commit_is_answered() {
    let mut scene = Scene::start().await;
    scene.storage.proxy.once(CUT_ANSWER_AND_DELAY_CLAIM);
    scene.socket.send("found").await;
    scene.storage.proxy.held().await;
    set_standbys(&scene.storage, "nobody").await;
    scene.storage.proxy.give_answer();
    assert_eq!(scene.socket.read_event().await["code"], "unconfirmed");
    until_there_is(&scene.storage, ASKS).await;
    scene.nothing_was_told().await;
    set_standbys(&scene.storage, "").await;
    assert_eq!(scene.socket.read_event().await["content"], "found");
    scene.stop().await;
}

/// Somebody else ends the process: then the message is there for all who ask PostgreSQL, and is not acknowledged all the same.
#[tokio::test(flavor = "current_thread")]
async fn a_message_that_only_the_primary_shows_is_not_acknowledged() {
    let mut scene = Scene::start().await;
    set_standbys(&scene.storage, "nobody").await;
    let writer = scene.storage.writer().await;
    scene.socket.send("not yet").await;
    until_there_is(&scene.storage, &format!("pg_stat_activity where pid = {writer} and wait_event = 'SyncRep'")).await;
    scene.storage.count(&format!("select pg_terminate_backend({writer})::integer::bigint")).await;
    until_there_is(&scene.storage, "messages where content = 'not yet'").await;
    assert_eq!(scene.socket.read_event().await["code"], "unconfirmed");
    until_there_is(&scene.storage, ASKS).await;
    scene.nothing_was_told().await;
    set_standbys(&scene.storage, "").await;
    assert_eq!(scene.socket.read_event().await["content"], "not yet");
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_change_that_waits_for_a_standby_is_seen_by_nobody_and_others_are_not_begun() {
    let scene = Scene::start().await;
    let june = scene.api.account("june").await;
    let (join, servers) = (format!("/servers/{}/join", scene.owner.server), "/servers/".to_owned());
    let history = format!("/channels/{}/messages", scene.channel);
    set_standbys(&scene.storage, "nobody").await;
    assert_eq!(scene.status(Method::POST, &join, &june).await, 503);
    until_there_is(&scene.storage, ASKS).await;
    assert_eq!(scene.status(Method::GET, &history, &june).await, 403, "she is no member yet");
    let waiting =
        "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and application_name like 'madang%'";
    // Those that were begun before it was noticed are as many as there are connections.
    while scene.api.post(&servers, &june.token, serde_json::json!({ "name": "more" })).await["code"] != "unavailable" {}
    let before = scene.storage.count(waiting).await;
    for _ in 0..5 {
        let refused = scene.api.post(&servers, &june.token, serde_json::json!({ "name": "more" })).await;
        assert_eq!(refused["code"], "unavailable", "{refused}");
        assert_eq!(scene.status(Method::GET, &history, &scene.owner).await, 200, "reads go on");
    }
    assert!(scene.storage.count(waiting).await <= before + 1, "each try leaves a process behind");
    set_standbys(&scene.storage, "").await;
    while scene.status(Method::GET, &history, &june).await != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.stop().await;
}

/// What an earlier node has left is ended, which shows what waited for a standby: nothing is served before the standby has it.
#[tokio::test(flavor = "current_thread")]
async fn a_node_does_not_begin_over_what_no_standby_has() {
    let Scene { storage, node, api, owner, channel, socket } = Scene::start().await;
    let writer = storage.writer().await;
    let first = storage.lock_holder().await;
    signal(&writer, Signal::STOP);
    drop((node, api, socket));
    let mut second = madang(&storage.folder);
    second.env("DATABASE_URL", storage.proxy.url()).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let start = tokio::spawn(refusal(second));
    let of_second = format!(
        "pg_locks l join pg_stat_activity a using (pid) where l.locktype = 'advisory' and l.granted
            and a.application_name like 'madang node %' and l.pid <> {first}"
    );
    until_there_is(&storage, &of_second).await;
    set_standbys(&storage, "nobody").await;
    signal(&writer, Signal::CONT);
    let (code, said) = tokio::time::timeout(PATIENCE, start).await.expect("it does not serve").expect("it ends");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is a standby away"), "{said}");
    set_standbys(&storage, "").await;
    let node = Node::start_on(&storage.proxy.url()).await;
    assert_eq!(Api::new(&node.url).history(&owner, channel).await.len(), 1);
    node.stop().await;
    storage.stop().await;
}
