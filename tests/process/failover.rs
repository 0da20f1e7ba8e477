//! A primary with its standby: it dies, hangs, is deposed, or loses something.

use super::client::{Account, Api, Socket, frame};
use super::node::Node;
use super::pair::Pair;
use super::proxy::{DELAY_ANSWER, Proxy};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;

struct Scene {
    pair: Pair,
    node: Node,
    api: Api,
    account: Account,
    channel: i64,
    socket: Socket,
}

impl Scene {
    /// A node that has the standby's name before the primary's.
    async fn start(is_synchronous: bool) -> Self {
        let pair = Pair::start(is_synchronous).await;
        let node = Node::start_on(&pair.url(&pair.standby, &pair.primary)).await;
        let api = Api::new(&node.url);
        let account = api.account("failover").await;
        let channel = api.channel(&account).await;
        let socket = Socket::open(&node.address, channel, &account).await;
        let mut scene = Self { pair, node, api, account, channel, socket };
        assert_eq!(scene.say("first").await["seq"], 1);
        scene
    }

    /// Says something, once.
    async fn say(&mut self, content: &str) -> Value {
        self.socket.send(content).await;
        self.socket.read_event().await
    }

    /// Says something until it is in the log, as clients do.
    async fn say_until_it_is_there(&mut self, content: &str) -> Value {
        let say = async {
            let mut answer = self.say(content).await;
            loop {
                answer = match answer["code"].as_str() {
                    None => return answer,
                    Some("unconfirmed") => self.socket.read_event().await,
                    Some("unavailable") => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        self.say(content).await
                    }
                    Some(other) => panic!("{other}"),
                };
            }
        };
        tokio::time::timeout(PATIENCE, say).await.expect("PostgreSQL serves again")
    }

    async fn until_ready(&self, is_ready: bool) {
        let wait = async {
            let is = async || self.api.get("/readyz", "").await["status"] == "ready";
            while is().await != is_ready {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("ready: never {is_ready}"));
    }

    async fn contents(&self) -> Vec<String> {
        let history = self.api.history(&self.account, self.channel).await;
        let seqs: Vec<i64> = history.iter().map(|message| message["seq"].as_i64().expect("a seq")).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "the log is dense");
        history.iter().map(|message| message["content"].as_str().expect("text").to_owned()).collect()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn sends_go_on_where_the_standby_was_promoted_and_no_socket_ends() {
    let mut scene = Scene::start(true).await;
    scene.until_ready(true).await;
    scene.pair.primary.kill();
    scene.until_ready(false).await;
    assert_eq!(scene.say("too early").await["code"], "unavailable");
    scene.pair.standby.promote().await;
    // Nothing waits for a standby that there is none of now.
    scene.pair.standby.sql("alter system set synchronous_standby_names = ''").await;
    scene.pair.standby.sql("select pg_reload_conf()").await;
    let second = scene.say_until_it_is_there("second").await;
    assert_eq!((&second["content"], &second["seq"]), (&"second".into(), &2.into()), "the same socket, and no hole");
    scene.until_ready(true).await;
    assert_eq!(scene.contents().await, ["first", "second"]);
    assert!(scene.api.channel(&scene.account).await > scene.channel, "calls change things there too");
    scene.node.stop().await;
}

/// It accepts connections and says nothing; later it goes on, believes that it is the primary, and can commit nothing.
#[tokio::test(flavor = "current_thread")]
async fn a_primary_that_hangs_is_left_and_not_come_back_to_when_it_goes_on() {
    let mut scene = Scene::start(true).await;
    scene.pair.primary.pause();
    scene.until_ready(false).await;
    scene.pair.standby.promote().await;
    scene.pair.standby.sql("alter system set synchronous_standby_names = ''").await;
    scene.pair.standby.sql("select pg_reload_conf()").await;
    assert_eq!(scene.say_until_it_is_there("second").await["seq"], 2);
    scene.pair.primary.go_on();
    for number in 3..20 {
        assert_eq!(scene.say(&format!("{number}")).await["seq"], number);
    }
    assert!(scene.api.channel(&scene.account).await > scene.channel);
    scene.until_ready(true).await;
    assert_eq!(scene.contents().await.len(), 19);
    assert_eq!(scene.pair.standby.count("select count(*) from messages").await, 19);
    scene.node.stop().await;
}

/// The primary has a commit that its standby has not; a crash of one process makes it visible there; then its machine dies.
#[tokio::test(flavor = "current_thread")]
async fn what_only_a_dead_primary_had_was_never_acknowledged() {
    let mut scene = Scene::start(true).await;
    scene.pair.caught_up().await;
    scene.pair.standby.kill();
    assert_eq!(scene.say("lost").await["code"], "unconfirmed");
    scene.pair.primary.kill_backend("madang writer").await;
    scene.pair.primary.until("select count(*) from messages where content = 'lost'").await;
    // The node looks for what became of it, and is told nothing as long as no standby has it.
    scene.pair.primary.until("select count(*) from pg_stat_activity where wait_event = 'SyncRep'").await;
    scene.socket.send_bytes(&frame(0x89, b"told?")).await.expect("it is sent");
    assert_eq!(scene.socket.next_frame().await.expect("it lives").0, 0x8A, "nothing but the answer to the ping");
    scene.pair.primary.kill();
    scene.pair.standby.start_again().await;
    scene.pair.standby.promote().await;
    scene.pair.standby.sql("alter system set synchronous_standby_names = ''").await;
    scene.pair.standby.sql("select pg_reload_conf()").await;
    assert_eq!(scene.socket.read_event().await["code"], "unavailable", "it was not, and never will be");
    let second = scene.say_until_it_is_there("second").await;
    assert_eq!((&second["content"], &second["seq"]), (&"second".into(), &2.into()));
    assert_eq!(scene.contents().await, ["first", "second"]);
    scene.node.stop().await;
}

/// Commits wait for no standby, and the last ones are lost with the primary.
#[tokio::test(flavor = "current_thread")]
async fn who_has_what_a_failover_has_lost_is_told_so() {
    let mut scene = Scene::start(false).await;
    scene.pair.caught_up().await;
    scene.pair.standby.kill();
    assert_eq!(scene.say("lost").await["seq"], 2);
    assert_eq!(scene.contents().await, ["first", "lost"]);
    scene.pair.primary.kill();
    scene.pair.standby.start_again().await;
    scene.pair.standby.promote().await;
    let told = scene.socket.read_event().await;
    assert_eq!((&told["type"], &told["seq"]), (&"resync".into(), &1.into()), "{told}");
    assert_eq!(scene.socket.read_close().await, 1012);
    assert_eq!(scene.contents().await, ["first"]);
    let path = format!("/ws/{}?after=2", scene.channel);
    scene.socket = Socket::open_at(&scene.node.address, &path, &scene.account).await;
    let told = scene.socket.read_event().await;
    assert_eq!((&told["type"], &told["seq"]), (&"resync".into(), &1.into()), "{told}");
    assert_eq!(scene.say("second").await["seq"], 2);
    assert_eq!(scene.contents().await, ["first", "second"]);
    scene.node.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_database_that_becomes_read_only_is_said_to_be_not_ready_and_used_again_without_a_restart() {
    let mut scene = Scene::start(false).await;
    scene.pair.primary.sql("alter system set default_transaction_read_only = on").await;
    scene.pair.primary.sql("select pg_reload_conf()").await;
    scene.until_ready(false).await;
    assert_eq!(scene.say("refused").await["code"], "unavailable");
    scene.pair.primary.sql("alter system reset default_transaction_read_only").await;
    scene.pair.primary.sql("select pg_reload_conf()").await;
    assert_eq!(scene.say_until_it_is_there("second").await["seq"], 2);
    scene.until_ready(true).await;
    assert!(scene.api.channel(&scene.account).await > scene.channel);
    scene.node.stop().await;
}

/// Whatever is changed while no standby is there waits with its connection until that is noticed; what is read goes on.
#[tokio::test(flavor = "current_thread")]
async fn reads_go_on_while_the_standby_is_away_and_changes_are_not_begun() {
    let mut scene = Scene::start(true).await;
    // As many as there are connections, and none waits for another.
    let mut people = Vec::new();
    for number in 0..16 {
        people.push(scene.api.account(&format!("person{number}")).await);
    }
    scene.pair.caught_up().await;
    scene.pair.standby.kill();
    let token = &scene.account.token;
    let change = |who: &Account| {
        let (api, token) = (&scene.api, who.token.clone());
        async move { api.post("/servers/", &token, json!({ "name": "more" })).await }
    };
    for answer in join_all(people.iter().map(change)).await {
        assert!(matches!(answer["code"].as_str(), Some("unconfirmed" | "unavailable")), "{answer}");
    }
    scene.until_ready(false).await;
    let path = format!("/channels/{}/messages", scene.channel);
    for _ in 0..3 {
        assert_eq!(change(&people[0]).await["code"], "unavailable");
        for answer in join_all((0..32).map(|_| scene.api.get(&path, token))).await {
            assert_eq!(answer[0]["content"], "first", "{answer}");
        }
    }
    scene.pair.standby.start_again().await;
    scene.until_ready(true).await;
    assert!(scene.api.channel(&scene.account).await > scene.channel);
    assert_eq!(scene.say("second").await["seq"], 2, "the same socket");
    scene.node.stop().await;
}

/// Nobody stops the primary that has been deposed: what it has committed is not in the database any more when it says so.
#[tokio::test(flavor = "current_thread")]
async fn what_a_deposed_primary_says_late_is_acknowledged_only_where_it_is_true() {
    let pair = Pair::start(false).await;
    let proxy = Proxy::start(pair.primary.folder.join(format!(".s.PGSQL.{}", pair.primary.port))).await;
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", proxy.port, pair.standby.port);
    let url = format!("postgresql://madang@{hosts}/madang?sslmode=disable");
    let node = Node::start_on_with(&url, &[("WRITERS", "2")]).await;
    let api = Api::new(&node.url);
    let account = api.account("deposed").await;
    let (channel, other) = (api.channel(&account).await, api.channel(&account).await);
    let mut socket = Socket::open(&node.address, channel, &account).await;
    let aside = Socket::open(&node.address, other, &account).await;
    socket.send("first").await;
    assert_eq!(socket.read_event().await["seq"], 1);
    pair.caught_up().await;
    pair.standby.sql("alter system set primary_conninfo = ''").await;
    pair.standby.sql("select pg_reload_conf()").await;
    pair.primary.until("select (count(*) = 0)::int::bigint from pg_stat_replication").await;
    proxy.once(DELAY_ANSWER);
    socket.send("lost").await;
    proxy.held().await;
    pair.standby.promote().await;
    pair.primary.sql("alter system set default_transaction_read_only = on").await;
    pair.primary.sql("select pg_reload_conf()").await;
    let mut scene = Scene { pair, node, api, account, channel, socket: aside };
    scene.say_until_it_is_there("the other writer goes on").await;
    proxy.give_answer();
    let mut answer = answer_of(&mut socket).await;
    if answer["code"] == "unconfirmed" {
        answer = answer_of(&mut socket).await;
    }
    // Whose sender did not know of the doubt yet is written again.
    let expected: &[&str] = if answer["content"] == "lost" { &["first", "lost"] } else { &["first"] };
    assert_eq!(scene.contents().await, expected, "{answer}");
    scene.node.stop().await;
}

async fn answer_of(socket: &mut Socket) -> Value {
    tokio::time::timeout(PATIENCE, socket.read_event()).await.expect("an answer")
}

/// It has the same timeline, and the same number for the database.
#[tokio::test(flavor = "current_thread")]
async fn a_dump_that_was_restored_into_another_cluster_is_another_history() {
    let mut scene = Scene::start(false).await;
    let mut restored = scene.pair.restored().await;
    let number = "select oid::bigint from pg_database where datname = 'madang'";
    assert_eq!(restored.count(number).await, scene.pair.primary.count(number).await);
    assert_eq!(scene.say("lost").await["seq"], 2);
    restored.kill();
    scene.pair.primary.kill();
    restored.port = scene.pair.primary.port;
    restored.start_again().await;
    let told = answer_of(&mut scene.socket).await;
    assert_eq!((&told["type"], &told["seq"]), (&"resync".into(), &1.into()), "{told}");
    assert_eq!(scene.socket.read_close().await, 1012);
    assert_eq!(scene.contents().await, ["first"]);
    scene.node.stop().await;
    restored.kill();
}
