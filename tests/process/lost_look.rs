//! A change is committed, and how it stands cannot be read then: whoever may have lost a right comes back at once.

use super::client::{Account, Api, Socket};
use super::node::Node;
use super::proxy::Fate;
use super::scene;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::cell::Cell;

const IS_MEMBER: &str = "select exists (select from user_servers";

struct Scene {
    storage: scene::Scene,
    node: Node,
    api: Api,
    owner: Account,
    june: Account,
    channel: i64,
}

impl Scene {
    async fn start() -> Self {
        let storage = scene::Scene::start().await;
        let node = Node::start_on(&storage.proxy.url()).await;
        let api = Api::new(&node.url);
        let (owner, june) = (api.account("owner").await, api.account("june").await);
        let channel = api.channel(&owner).await;
        api.post(&format!("/servers/{}/join", owner.server), &june.token, json!({})).await;
        Self { storage, node, api, owner, june, channel }
    }

    async fn call(&self, method: Method, path: &str, account: &Account, body: Value) -> StatusCode {
        let call = Client::new().request(method, format!("{}{path}", self.node.url)).bearer_auth(&account.token);
        call.json(&body).send().await.expect("an answer").status()
    }

    /// What a connection has prepared is not seen again.
    async fn use_fresh_connections(&self) {
        self.storage.proxy.cut_calls();
        while self.api.get("/servers/", &self.owner.token).await.as_array().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// The answer to this statement, which follows the change, does not come.
    async fn loses_its_look(&self, look: &'static str, change: impl Future<Output = StatusCode>) -> StatusCode {
        self.use_fresh_connections().await;
        self.storage.proxy.next_call(look, Fate::Hold);
        change.await
    }

    async fn stop(self) {
        self.node.stop().await;
        self.storage.stop().await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_has_left_comes_back_and_is_refused() {
    let scene = Scene::start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    let mut owners = Socket::open(&scene.node.address, scene.channel, &scene.owner).await;
    let leave = scene.call(Method::POST, "/servers/1/leave", &scene.june, json!({}));
    assert_eq!(scene.owner.server, 1);
    assert_eq!(scene.loses_its_look(IS_MEMBER, leave).await, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 1012);
    let messages = format!("/channels/{}/messages", scene.channel);
    assert_eq!(scene.call(Method::GET, &messages, &scene.june, json!(null)).await, StatusCode::FORBIDDEN);
    owners.send("nobody else").await;
    assert_eq!(owners.read_event().await["content"], "nobody else");
    scene.stop().await;
}

/// Whoever is told that somebody has left can rely on it: no socket of theirs hears or says anything any more.
#[tokio::test(flavor = "current_thread")]
async fn a_change_is_answered_when_it_is_true_for_every_socket() {
    let scene = Scene::start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    scene.use_fresh_connections().await;
    scene.storage.proxy.next_call(IS_MEMBER, Fate::Delay);
    let is_answered = Cell::new(false);
    let leave = async {
        let status = scene.call(Method::POST, "/servers/1/leave", &scene.june, json!({})).await;
        is_answered.set(true);
        status
    };
    let look = async {
        scene.storage.proxy.held().await;
        // An answer that waits for nothing would have come by then.
        for _ in 0..50 {
            scene.api.get("/users/me", &scene.owner.token).await;
        }
        assert!(!is_answered.get(), "it is not known yet how it stands");
        scene.storage.proxy.give_answer();
    };
    let (status, ()) = tokio::join!(leave, look);
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 4403);
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_has_a_new_password_comes_back_with_a_new_login() {
    let scene = Scene::start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    let change = scene.call(Method::PUT, "/users/me", &scene.june, json!({ "password": "a better horse battery" }));
    assert_eq!(scene.loses_its_look("order by s.id + 0", change).await, StatusCode::OK);
    assert_eq!(socket.read_close().await, 1012);
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_was_in_a_deleted_server_comes_back_and_finds_nothing() {
    let scene = Scene::start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    let server = format!("/servers/{}", scene.owner.server);
    let delete = scene.call(Method::DELETE, &server, &scene.owner, json!(null));
    let look = "select id, name, description, icon_url";
    assert_eq!(scene.loses_its_look(look, delete).await, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 1012);
    assert_eq!(scene.call(Method::GET, &server, &scene.june, json!(null)).await, StatusCode::NOT_FOUND);
    scene.stop().await;
}
