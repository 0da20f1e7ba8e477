//! The HTTP side of the test: it sets the scene, and it reads the logs from outside. Management calls must succeed; reads
//! are tried until the node is there.

use super::history::{LogEntry, Sent, Wish};
use super::wire;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::sleep;

const PAGE: i64 = 1_000;
const CALL_MAX: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
const PASSWORD: &str = "correct horse battery";

#[derive(Clone)]
pub struct Api {
    /// Of each node: whoever comes, comes to any of them.
    addresses: Arc<[String]>,
    http: Client,
    /// How often the node has been started again.
    restarts: Arc<AtomicU64>,
}

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Account {
    pub id: i64,
    pub name: String,
    pub token: String,
}

/// What became of a send over HTTP.
pub enum Posted {
    Committed {
        entry: LogEntry,
        is_duplicate: bool,
    },
    Refused {
        code: String,
    },
    /// No answer: it may be in the log.
    Lost,
}

/// What became of a call that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    Refused(String),
    /// No answer, or one that says that nobody knows.
    Unknown,
}

/// A log as it is served: what it holds, and what each page said of its end.
pub struct Served {
    pub entries: Vec<LogEntry>,
    pub last_seqs: Vec<i64>,
}

impl Api {
    pub fn new(addresses: Vec<String>, restarts: Arc<AtomicU64>) -> Self {
        // A connection that is kept would be one to a node that is gone.
        let http = Client::builder().pool_max_idle_per_host(0).timeout(CALL_MAX).build().expect("a client");
        Self { http, addresses: addresses.into(), restarts }
    }

    /// Some node's.
    pub fn address(&self) -> &str {
        &self.addresses[rand::random_range(0..self.addresses.len())]
    }

    /// How often the node has been started again: what one before it was asked is decided once a later one answers.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::SeqCst)
    }

    fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address())).bearer_auth(token)
    }

    /// Asks until there is an answer other than "not now".
    async fn read(&self, path: &str, token: &str) -> Value {
        loop {
            match self.call(Method::GET, path, token).send().await {
                Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {}
                Ok(answer) => {
                    let status = answer.status();
                    match answer.text().await {
                        Ok(body) if status == StatusCode::OK => return serde_json::from_str(&body).expect("JSON"),
                        Ok(body) => panic!("GET {path} answered {status}: {body}"),
                        Err(_) => {}
                    }
                }
                Err(_) => {}
            }
            sleep(PAUSE).await;
        }
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        answer(path, self.call(Method::POST, path, token).json(body)).await
    }

    pub async fn until_ready(&self) {
        for address in self.addresses.iter() {
            let one = Self { addresses: Arc::new([address.clone()]), ..self.clone() };
            one.read("/readyz", "").await;
        }
    }

    pub async fn account(&self, name: &str) -> Account {
        let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        let id = self.post("/auth/register", "", &new).await["id"].as_i64().expect("an id");
        let token = self.log_in(name).await.expect("a token");
        Account { id, name: name.to_owned(), token }
    }

    /// A new login; `None` where that is not to be had now.
    pub async fn log_in(&self, name: &str) -> Option<String> {
        let form = [("username", name), ("password", PASSWORD)];
        let call = self.http.post(format!("http://{}/auth/login", self.address())).form(&form);
        let answer = call.send().await.ok()?.error_for_status().ok()?;
        let body: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
        Some(body["access_token"].as_str()?.to_owned())
    }

    /// What a call that changes something is answered, as far as it is known: its status, and its code if it was refused.
    async fn change(&self, call: RequestBuilder) -> Changed {
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Changed::Refused("not sent".to_owned()),
            Err(_) => return Changed::Unknown,
        };
        let status = answer.status();
        let Ok(body) = answer.text().await else { return Changed::Unknown };
        if status.is_success() {
            return Changed::Done;
        }
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        match body["code"].as_str() {
            Some("unconfirmed") | None => Changed::Unknown,
            Some(code) => Changed::Refused(code.to_owned()),
        }
    }

    /// Joins a server, once.
    pub async fn try_to_join(&self, token: &str, server: i64) -> Changed {
        self.change(self.call(Method::POST, &format!("/servers/{server}/join"), token)).await
    }

    /// Leaves a server, once.
    pub async fn try_to_leave(&self, token: &str, server: i64) -> Changed {
        self.change(self.call(Method::POST, &format!("/servers/{server}/leave"), token)).await
    }

    /// Bans somebody from a server, or lifts that, once.
    pub async fn try_to_ban(&self, token: &str, server: i64, user: i64, is_banned: bool) -> Changed {
        let method = if is_banned { Method::PUT } else { Method::DELETE };
        self.change(self.call(method, &format!("/servers/{server}/bans/{user}"), token)).await
    }

    /// Gives a member a role, or takes it, once.
    pub async fn try_to_give(&self, token: &str, (server, role): (i64, i64), user: i64, is_given: bool) -> Changed {
        let method = if is_given { Method::PUT } else { Method::DELETE };
        self.change(self.call(method, &format!("/servers/{server}/members/{user}/roles/{role}"), token)).await
    }

    /// Erases an account, once.
    pub async fn try_to_erase(&self, token: &str) -> Changed {
        let body = json!({ "password": PASSWORD });
        self.change(self.call(Method::DELETE, "/users/me", token).json(&body)).await
    }

    /// The status of a call that is only for a channel's members; `None` where there is no answer now.
    pub async fn knock(&self, token: &str, channel: i64) -> Option<StatusCode> {
        let call = self.call(Method::GET, &format!("/channels/{channel}/messages?limit=1"), token);
        let status = call.send().await.ok()?.status();
        (!status.is_server_error()).then_some(status)
    }

    /// A server whose channels only those see who have a role, and that role.
    pub async fn server(&self, owner: &Account) -> (i64, i64) {
        let id = |made: Value| made["id"].as_i64().expect("an id");
        let server = id(self.post("/servers/", &owner.token, &json!({ "name": "crash" })).await);
        let roles = format!("/servers/{server}/roles");
        let default = id(self.read(&roles, &owner.token).await[0].take());
        let hidden = json!({ "permissions": ["add_reactions", "read_history", "send_messages"] });
        answer(&roles, self.call(Method::PATCH, &format!("{roles}/{default}"), &owner.token).json(&hidden)).await;
        let seers = json!({ "name": "seers", "permissions": ["view_channel"] });
        (server, id(self.post(&roles, &owner.token, &seers).await))
    }

    /// Joins the server, and is given its role by the owner.
    pub async fn join(&self, member: &Account, (server, role): (i64, i64), owner: &Account) {
        self.post(&format!("/servers/{server}/join"), &member.token, &json!({})).await;
        let given = self.try_to_give(&owner.token, (server, role), member.id, true).await;
        assert!(matches!(given, Changed::Done), "the role is not given");
    }

    pub async fn channel(&self, owner: &Account, server: i64) -> i64 {
        let body = json!({ "name": "log", "server_id": server });
        self.post("/channels/", &owner.token, &body).await["id"].as_i64().expect("an id")
    }

    /// Asks for a change of messages, once.
    pub async fn try_to(&self, token: &str, channel: i64, wish: &Wish) -> Changed {
        let (method, path, body) = match wish {
            Wish::Edit { id, content } => {
                (Method::PATCH, format!("messages/{id}"), Some(json!({ "content": content })))
            }
            Wish::Delete { id } => (Method::DELETE, format!("messages/{id}"), None),
            Wish::DeleteMany { ids } => (Method::POST, "messages/bulk-delete".to_owned(), Some(json!({ "ids": ids }))),
            Wish::React { id, emoji } => (Method::PUT, format!("messages/{id}/reactions/{emoji}/me"), None),
            Wish::Unreact { id, emoji } => (Method::DELETE, format!("messages/{id}/reactions/{emoji}/me"), None),
            Wish::Clear { id, emoji: Some(emoji) } => {
                (Method::DELETE, format!("messages/{id}/reactions/{emoji}"), None)
            }
            Wish::Clear { id, emoji: None } => (Method::DELETE, format!("messages/{id}/reactions"), None),
            Wish::Pin { id } => (Method::PUT, format!("pins/{id}"), None),
            Wish::Unpin { id } => (Method::DELETE, format!("pins/{id}"), None),
        };
        let call = self.call(method, &format!("/channels/{channel}/{path}"), token);
        self.change(if let Some(body) = body { call.json(&body) } else { call }).await
    }

    /// Sends a message, once.
    pub async fn send(&self, token: &str, channel: i64, sent: &Sent) -> Posted {
        let path = format!("/channels/{channel}/messages");
        let body = json!({ "content": sent.content, "nonce": sent.nonce });
        let Ok(answer) = self.call(Method::POST, &path, token).json(&body).send().await else { return Posted::Lost };
        let status = answer.status();
        let Some(body) = answer.text().await.ok().and_then(|body| serde_json::from_str::<Value>(&body).ok()) else {
            return Posted::Lost;
        };
        match wire::made(&body) {
            Some(entry) if status.is_success() => Posted::Committed { entry, is_duplicate: status == StatusCode::OK },
            _ => Posted::Refused { code: body["code"].as_str().unwrap_or(status.as_str()).to_owned() },
        }
    }

    /// One look at what follows `after`, and at the log's end; `None` where that is not to be had now.
    pub async fn glance(&self, token: &str, channel: i64, after: i64) -> Option<(Vec<LogEntry>, i64)> {
        let path = format!("/channels/{channel}/events?after={after}&limit={PAGE}");
        let answer = self.call(Method::GET, &path, token).send().await.ok()?.error_for_status().ok()?;
        let page: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
        let entries = page["events"].as_array()?.iter().map(|entry| wire::entry(entry).expect("an entry")).collect();
        Some((entries, page["last_seq"].as_i64()?))
    }

    /// A channel's whole log, page by page, to the page that is empty.
    pub async fn log(&self, reader: &Account, channel: i64) -> Served {
        let mut served = Served { entries: Vec::new(), last_seqs: Vec::new() };
        let mut after = 0;
        loop {
            let path = format!("/channels/{channel}/events?after={after}&limit={PAGE}");
            let page = self.read(&path, &reader.token).await;
            served.last_seqs.push(page["last_seq"].as_i64().expect("a number"));
            let entries = page["events"].as_array().expect("a list");
            served.entries.extend(entries.iter().map(|entry| wire::entry(entry).expect("an entry")));
            match served.entries.last() {
                Some(last) if !entries.is_empty() && last.seq() > after => after = last.seq(),
                // What is wrong with a page that does not lead on, the checker says.
                _ => return served,
            }
        }
    }
}

async fn answer(path: &str, call: RequestBuilder) -> Value {
    let answer = call.send().await.expect("an answer");
    let (status, body) = (answer.status(), answer.text().await.expect("a body"));
    assert!(status.is_success(), "{path} answered {status}: {body}");
    serde_json::from_str(&body).expect("JSON")
}
