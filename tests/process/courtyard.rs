//! A node before whose database a proxy stands, with an owner's server and channel in it, and June, who is not a member yet.

use super::client::{Account, Api};
use super::node::Node;
use super::scene::Scene;
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// See the module.
pub struct Courtyard {
    pub storage: Scene,
    pub node: Node,
    pub api: Api,
    pub owner: Account,
    pub june: Account,
    pub channel: i64,
}

impl Courtyard {
    pub async fn start() -> Self {
        let storage = Scene::start().await;
        let node = Node::start_on(&storage.proxy.url()).await;
        let api = Api::new(&node.url);
        let (owner, june) = (api.account("owner").await, api.account("june").await);
        let channel = api.channel(&owner).await;
        Self { storage, node, api, owner, june, channel }
    }

    /// The status of a call's answer, and its code where it is refused.
    pub async fn call(&self, method: Method, path: &str, account: &Account, body: Value) -> (StatusCode, String) {
        let call = Client::new().request(method, format!("{}{path}", self.node.url)).bearer_auth(&account.token);
        let answer = call.json(&body).send().await.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }

    pub async fn join(&self) -> (StatusCode, String) {
        self.call(Method::POST, &format!("/servers/{}/join", self.owner.server), &self.june, Value::Null).await
    }

    pub async fn leave(&self) -> (StatusCode, String) {
        self.call(Method::POST, &format!("/servers/{}/leave", self.owner.server), &self.june, Value::Null).await
    }

    /// Cuts every connection of the calls, and waits for new ones: what one has prepared the proxy does not see again.
    pub async fn use_fresh_connections(&self) {
        self.storage.proxy.cut_calls();
        while self.api.get("/servers/", &self.owner.token).await.as_array().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn stop(self) {
        self.node.stop().await;
        self.storage.stop().await;
    }
}
