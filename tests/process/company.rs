//! A second node on the database of another.

use super::client::{Account, Api, Socket};
use super::node::{Node, Signal};
use super::scene::Scene;
use super::settings::{madang, refusal};
use std::future::Future;
use std::time::Duration;
use tokio::process::Command;
use tokio_postgres::NoTls;

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;
/// The node's.
const LOCK: i64 = 0x6d61_6461_6e67_0001;

pub fn second(scene: &Scene) -> Command {
    let mut command = madang(&scene.folder);
    command.env("DATABASE_URL", scene.proxy.url()).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    command
}

async fn in_time<T>(event: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("never: {event}"))
}

async fn say(node: &Node, channel: i64, account: &Account, content: &str) {
    let mut socket = Socket::open(&node.address, channel, account).await;
    socket.send(content).await;
    assert_eq!(in_time("an event", socket.read_event()).await["content"], content);
}

#[tokio::test(flavor = "current_thread")]
async fn the_second_node_is_told_who_is_there_and_the_first_goes_on() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let account = api.account("first").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    for _ in 0..2 {
        let (code, said) = refusal(second(&scene)).await;
        assert_eq!(code, Some(1), "{said}");
        let named = format!("/{} ", node.pid());
        assert!(said.contains("another node uses this database") && said.contains(&named), "{said}");
        assert!(said.contains("DATABASE_URL"), "{said}");
    }
    socket.send("still here").await;
    assert_eq!(socket.read_event().await["content"], "still here");
    node.stop().await;
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_lock_does_not_outlive_a_node_that_is_killed() {
    let scene = Scene::start().await;
    let log = scene.folder.join("log");
    let mut account = None;
    for round in 0..5 {
        let node = Node::start_on_logging(&scene.proxy.url(), &log).await;
        let api = Api::new(&node.url);
        if account.is_none() {
            let made = api.account("killed").await;
            account = Some((api.channel(&made).await, made));
        }
        let (channel, account) = account.as_ref().expect("it is there");
        say(&node, *channel, account, &format!("round {round}")).await;
        node.signal(Signal::KILL);
        // It is written at once: what a warning says.
        let said = std::fs::read_to_string(&log).expect("a log");
        assert!(!said.contains("says nothing"), "nobody had to be ended: {said}");
    }
    scene.stop().await;
}

/// It is stopped: its connections are there, and say nothing. When it goes on, another has the database.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_stands_still_is_taken_over_and_ends_when_it_goes_on() {
    let scene = Scene::start().await;
    let mut first = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&first.url);
    let account = api.account("still").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&first.address, channel, &account).await;
    first.signal(Signal::STOP);
    // It lies before the first node when that goes on.
    socket.send("too late").await;
    let node = Node::start_on(&scene.proxy.url()).await;
    say(&node, channel, &account, "in time").await;
    first.signal(Signal::CONT);
    assert_eq!(first.ended().await.code(), Some(1));
    say(&node, channel, &account, "afterwards").await;
    let history = Api::new(&node.url).history(&account, channel).await;
    let contents: Vec<&str> = history.iter().filter_map(|message| message["content"].as_str()).collect();
    assert_eq!(contents, ["in time", "afterwards"]);
    node.stop().await;
    scene.stop().await;
}

/// It is stopped, another node takes its place, changes what the first one remembers, and is gone before the first one goes on.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_goes_on_after_another_has_come_and_gone_ends_too() {
    let scene = Scene::start().await;
    let log = scene.folder.join("log");
    let mut first = Node::start_on_logging(&scene.proxy.url(), &log).await;
    let api = Api::new(&first.url);
    let owner = api.account("owner").await;
    let channel = api.channel(&owner).await;
    let guest = api.account("guest").await;
    api.join(owner.server, &guest).await;
    let mut socket = Socket::open(&first.address, channel, &guest).await;
    first.signal(Signal::STOP);
    let second = Node::start_on(&scene.proxy.url()).await;
    Api::new(&second.url).leave(owner.server, &guest).await;
    say(&second, channel, &owner, "not for the guest").await;
    second.stop().await;
    first.signal(Signal::CONT);
    assert_eq!(in_time("a close frame", socket.read_close()).await, 1012);
    assert_eq!(first.ended().await.code(), Some(1));
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(said.lines().last().unwrap_or_default().contains("another node has served this database"), "{said}");
    let third = Node::start_on(&scene.proxy.url()).await;
    say(&third, channel, &owner, "afterwards").await;
    third.stop().await;
    scene.stop().await;
}

/// The connection of the lock is cut, and nothing else: nobody else has it, and the node takes it again.
#[tokio::test(flavor = "current_thread")]
async fn a_lock_whose_connection_is_cut_is_taken_again() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let api = Api::new(&node.url);
    let account = api.account("cut").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    for round in 0..3 {
        let pid = scene.lock_holder().await;
        scene.count(&format!("select pg_terminate_backend({pid}::integer)::integer::bigint")).await;
        scene.until_none(&format!("pg_stat_activity where pid = {pid}")).await;
        let content = format!("round {round}");
        let say = async {
            loop {
                socket.send(&content).await;
                let answer = socket.read_event().await;
                if answer["content"] == content.as_str() {
                    break;
                }
                assert_eq!(answer["code"], "unavailable", "{answer}");
            }
        };
        in_time("it is said", say).await;
        assert_ne!(scene.lock_holder().await, pid);
    }
    assert_eq!(refusal(second(&scene)).await.0, Some(1));
    node.stop().await;
    scene.stop().await;
}

fn as_role(scene: &Scene, role: &str) -> String {
    format!("postgresql://{role}@127.0.0.1:{}/madang?sslmode=disable", scene.proxy.port)
}

/// It may not see what the one that holds the lock says, nor when that one began.
#[tokio::test(flavor = "current_thread")]
async fn a_second_node_with_another_role_is_told_which_role_the_first_one_has() {
    let scene = Scene::start().await;
    let node = Node::start_on(&scene.proxy.url()).await;
    let role = "create role guest login; create schema authorization guest";
    scene.client.batch_execute(role).await.expect("it is made");
    let mut command = second(&scene);
    command.env("DATABASE_URL", as_role(&scene, "guest"));
    let (code, said) = refusal(command).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("as madang") && said.contains("which this role may not look at"), "{said}");
    node.stop().await;
    scene.stop().await;
}

/// What it is silent about is not taken for silence.
#[tokio::test(flavor = "current_thread")]
async fn a_node_of_which_postgresql_keeps_no_account_is_left_alone() {
    let scene = Scene::start().await;
    let mut config = scene.database.config();
    config.application_name("madang node elsewhere/1 000000").options("-c track_activities=off");
    let (holder, connection) = config.connect(NoTls).await.expect("it runs");
    tokio::spawn(connection);
    holder.batch_execute(&format!("select pg_advisory_lock({LOCK})")).await.expect("it is held");
    let (code, said) = refusal(second(&scene)).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("elsewhere/1") && said.contains("track_activities"), "{said}");
    holder.batch_execute("select 1").await.expect("it lives");
    scene.stop().await;
}

/// The role of the node is changed, and the one with the earlier role stands still.
#[tokio::test(flavor = "current_thread")]
async fn what_a_node_with_another_role_has_open_is_ended_too() {
    let scene = Scene::start_empty().await;
    let role = "create role chat login; grant create, usage on schema public to chat";
    scene.client.batch_execute(role).await.expect("it is made");
    let mut first = Node::start_on(&as_role(&scene, "chat")).await;
    let account = Api::new(&first.url).account("rotated").await;
    let channel = Api::new(&first.url).channel(&account).await;
    let mut socket = Socket::open(&first.address, channel, &account).await;
    first.signal(Signal::STOP);
    socket.send("too late").await;
    let node = Node::start_on(&scene.proxy.url()).await;
    assert_eq!(scene.count("select count(*) from pg_stat_activity where usename = 'chat'").await, 0);
    first.signal(Signal::CONT);
    assert_eq!(first.ended().await.code(), Some(1));
    let history = Api::new(&node.url).history(&account, channel).await;
    assert!(history.is_empty(), "{history:?}");
    node.stop().await;
    scene.stop().await;
}

/// The processes of the earlier node are a superuser's, which the next one is not.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_may_not_end_what_an_earlier_one_has_left_does_not_start() {
    let scene = Scene::start().await;
    let role = "create role guest login; create schema authorization guest";
    scene.client.batch_execute(role).await.expect("it is made");
    let mut config = scene.database.config();
    let (left, connection) = config.application_name("madang writer").connect(NoTls).await.expect("it runs");
    tokio::spawn(connection);
    let mut command = second(&scene);
    command.env("DATABASE_URL", as_role(&scene, "guest"));
    let (code, said) = refusal(command).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another role's") && said.contains("42501"), "{said}");
    left.batch_execute("select 1").await.expect("it lives");
    scene.stop().await;
}
