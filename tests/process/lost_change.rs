//! A change over HTTP whose answer is lost: whatever has become of it, this node knows it, and nothing comes later.

use super::client::Socket;
use super::courtyard::Courtyard;
use super::node::{Signal, signal};
use super::proxy::Fate;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

const LEAVE: &str = "delete from user_servers";
const JOIN: &str = "insert into user_servers (user_id, server_id) values";

impl Courtyard {
    async fn can_read(&self) -> bool {
        let messages = format!("/channels/{}/messages", self.channel);
        self.call(Method::GET, &messages, &self.june, Value::Null).await.0 == StatusCode::OK
    }

    /// Loses the answer of a change that PostgreSQL carries out.
    async fn lose_answer(&self, statement: &'static str, change: impl Future<Output = (StatusCode, String)>) {
        self.storage.proxy.next_call(statement, Fate::Hold);
        let cut = async {
            self.storage.proxy.held().await;
            self.storage.proxy.cut_calls();
        };
        let (answer, ()) = tokio::join!(change, cut);
        assert_eq!(answer, in_doubt());
    }
}

fn in_doubt() -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, "unconfirmed".to_owned())
}

#[tokio::test(flavor = "current_thread")]
async fn a_change_that_was_lost_and_took_effect_takes_effect_here() {
    let scene = Courtyard::start().await;
    assert!(!scene.can_read().await);
    scene.lose_answer(JOIN, scene.join()).await;
    while !scene.can_read().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    scene.lose_answer(LEAVE, scene.leave()).await;
    assert_eq!(socket.read_close().await, 4403);
    assert!(!scene.can_read().await);
    scene.stop().await;
}

/// PostgreSQL gets the statement when the node has long given it up.
#[tokio::test(flavor = "current_thread")]
async fn a_change_that_was_lost_on_its_way_never_comes() {
    let scene = Courtyard::start().await;
    assert_eq!(scene.join().await.0, StatusCode::OK);
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    scene.storage.proxy.next_call(LEAVE, Fate::Keep);
    assert_eq!(scene.leave().await, in_doubt());
    // Its process is ended meanwhile, or else it would be carried out now.
    scene
        .storage
        .until_none("pg_stat_activity where application_name = 'madang' and query like 'delete from user_servers%'")
        .await;
    scene.storage.proxy.give().await;
    let members = "select count(*) from user_servers m join users u on u.id = m.user_id where u.username = 'june'";
    assert_eq!(scene.storage.count(members).await, 2, "she is still a member");
    assert!(scene.can_read().await);
    socket.send("still here").await;
    assert_eq!(socket.read_event().await["content"], "still here");
    assert_eq!(scene.leave().await.0, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 4403);
    scene.stop().await;
}

/// The process that has carried it out does not end at once: what is read is true all the same, and when it has gone the change is made
/// true for the sockets too.
#[tokio::test(flavor = "current_thread")]
async fn a_change_in_doubt_is_looked_for_until_its_process_is_gone() {
    let scene = Courtyard::start().await;
    assert_eq!(scene.join().await.0, StatusCode::OK);
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    scene.storage.proxy.next_call(LEAVE, Fate::Hold);
    let stop = async {
        scene.storage.proxy.held().await;
        let process = "select pid::text from pg_stat_activity where query like 'delete from user_servers%'
            and application_name = 'madang'";
        let pid: String = scene.storage.client.query_one(process, &[]).await.expect("one").get(0);
        signal(&pid, Signal::STOP);
        scene.storage.proxy.cut_calls();
        pid
    };
    let (answer, pid) = tokio::join!(scene.leave(), stop);
    assert_eq!(answer, in_doubt());
    assert!(!scene.can_read().await, "she has left, by what the database says");
    // More than one look.
    tokio::time::sleep(Duration::from_secs(3)).await;
    signal(&pid, Signal::CONT);
    let closed = tokio::time::timeout(super::node::PATIENCE, socket.read_close()).await;
    assert_eq!(closed.expect("it is found out"), 4403);
    scene.stop().await;
}

/// Nobody is told that a channel is gone whose deletion was lost on its way.
#[tokio::test(flavor = "current_thread")]
async fn a_deletion_that_never_comes_is_no_news() {
    let scene = Courtyard::start().await;
    let mut gateway = Socket::ready_gateway(&scene.node.address, &scene.owner).await;
    let channel = format!("{}/channels/{}", scene.node.url, scene.channel);
    let call = |method: Method| Client::new().request(method, &channel).bearer_auth(&scene.owner.token);
    assert_eq!(call(Method::GET).send().await.expect("an answer").status(), StatusCode::OK);
    scene.storage.proxy.next_call("delete from channels where id", Fate::Keep);
    assert_eq!(call(Method::DELETE).send().await.expect("an answer").status(), StatusCode::SERVICE_UNAVAILABLE);
    let deletes = "pg_stat_activity where application_name = 'madang' and query like 'delete from channels%'";
    scene.storage.until_none(deletes).await;
    scene.storage.proxy.give().await;
    // For longer than the node goes on looking.
    for turn in 0..8 {
        let rename = serde_json::json!({ "name": format!("still here {turn}") });
        let renamed = call(Method::PUT).json(&rename).send().await.expect("an answer");
        assert_eq!(renamed.status(), StatusCode::OK, "it is there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    loop {
        let (first, payload) = gateway.next_frame().await.expect("it lives");
        let text = String::from_utf8_lossy(&payload);
        assert!(first != 0x81 || !text.contains("channel.deleted"), "{text}");
        if text.contains("channel.updated") && text.contains("still here 7") {
            break;
        }
    }
    scene.stop().await;
}

/// What was made is there for who made it, and their gateways hear of it, though nobody was told that it is.
#[tokio::test(flavor = "current_thread")]
async fn what_was_made_is_heard_of_though_the_answer_was_lost() {
    let scene = Courtyard::start().await;
    let mut gateway = Socket::ready_gateway(&scene.node.address, &scene.june).await;
    let mut heard = async |text: &str| {
        loop {
            let (first, payload) = gateway.next_frame().await.expect("it lives");
            if first == 0x81 && String::from_utf8_lossy(&payload).contains(text) {
                return;
            }
        }
    };
    let make = async |path: &str, body: Value| scene.call(Method::POST, path, &scene.june, body).await;
    scene.use_fresh_connections().await;
    scene.lose_answer("insert into servers", make("/servers/", serde_json::json!({ "name": "Garden" }))).await;
    heard("Garden").await;
    scene.use_fresh_connections().await;
    let channel = serde_json::json!({ "name": "flowers", "server_id": scene.june.server });
    scene.lose_answer("insert into channels", make("/channels/", channel)).await;
    heard("flowers").await;
    assert_eq!(scene.api.get("/servers/", &scene.june.token).await.as_array().map(Vec::len), Some(2));
    scene.stop().await;
}

/// The others are told how it stands, as of a change whose answer came.
#[tokio::test(flavor = "current_thread")]
async fn members_hear_of_who_came_and_went_though_the_answer_was_lost() {
    let scene = Courtyard::start().await;
    let mut gateway = Socket::ready_gateway(&scene.node.address, &scene.owner).await;
    let mut hear = async |kind: &str| {
        loop {
            let (first, payload) = gateway.next_frame().await.expect("it lives");
            let event: Value = serde_json::from_slice(&payload).unwrap_or_default();
            if first == 0x81 && event["type"] == kind {
                return event;
            }
        }
    };
    scene.use_fresh_connections().await;
    scene.lose_answer(JOIN, scene.join()).await;
    let joined = hear("member.joined").await;
    assert_eq!((&joined["server_id"], &joined["member"]["username"]), (&scene.owner.server.into(), &"june".into()));
    scene.use_fresh_connections().await;
    scene.lose_answer(LEAVE, scene.leave()).await;
    assert_eq!(hear("member.left").await["user_id"], joined["member"]["user_id"]);
    scene.use_fresh_connections().await;
    let bio = serde_json::json!({ "bio": "tea" });
    scene.lose_answer("update users set", scene.call(Method::PUT, "/users/me", &scene.owner, bio)).await;
    assert_eq!(hear("user.updated").await["user"]["bio"], "tea");
    scene.stop().await;
}
