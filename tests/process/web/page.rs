//! What a person does with the page, by the names that stay (`data-test`).

use super::super::node::Node;
use super::browser::Browser;
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";
pub const LAPTOP: (u32, u32) = (1280, 800);
pub const PHONE: (u32, u32) = (360, 740);

/// Somebody at a page.
pub struct Person {
    pub browser: Browser,
    url: String,
}

/// Reads the rows of the list as they are shown: what was said, in which state, with which number.
const ROWS: &str = "return [...document.querySelectorAll('[data-test=message]')].map((row) => ({
    seq: Number(row.dataset.seq) || null, state: row.dataset.state,
    text: (row.querySelector('[data-test=text]') ?? row).innerText }))";

/// The selector of a name.
pub fn named(name: &str) -> String {
    format!("[data-test={name}]")
}

impl Person {
    /// Opens the page of a node; `None` where there is no browser.
    pub async fn at(node: &Node, language: &str) -> Option<Self> {
        Self::at_url(&node.url, language).await
    }

    /// The same at an address.
    pub async fn at_url(url: &str, language: &str) -> Option<Self> {
        Self::at_size(url, language, LAPTOP).await
    }

    /// The same in a window of this size.
    pub async fn at_size(url: &str, language: &str, size: (u32, u32)) -> Option<Self> {
        let browser = Browser::open(language, size).await?;
        browser.go(&format!("{url}/")).await;
        Some(Self { browser, url: url.to_owned() })
    }

    pub async fn click(&self, name: &str) {
        self.browser.click(&named(name)).await;
    }

    pub async fn fill(&self, name: &str, text: &str) {
        self.browser.type_into(&named(name), text).await;
    }

    /// Makes an account, and is in.
    pub async fn register(&self, name: &str) {
        self.click("show-register").await;
        self.fill("username", name).await;
        self.fill("email", &format!("{name}@example.com")).await;
        self.fill("password", PASSWORD).await;
        self.click("register").await;
        self.browser.find(&named("app")).await;
    }

    /// Logs in with an account that there is.
    pub async fn log_in(&self, name: &str) {
        self.fill("username", name).await;
        self.fill("password", PASSWORD).await;
        self.click("login").await;
        self.browser.find(&named("app")).await;
    }

    /// Makes a server, whose channel `general` is open then; answers its id.
    pub async fn make_server(&self, name: &str) -> i64 {
        self.click("new-server").await;
        self.fill("server-name", name).await;
        self.click("create-server").await;
        self.browser.find(&named("composer")).await;
        let id = "return Number([...document.querySelectorAll('[data-test=server]')].at(-1)?.dataset.id)";
        self.browser.run(id, &[]).await.as_i64().expect("an id")
    }

    /// Joins a server, and is in a channel of it.
    pub async fn join_server(&self, id: i64) {
        self.click("join-server").await;
        self.fill("join-code", &id.to_string()).await;
        self.click("join").await;
        self.browser.find(&format!("[data-test=server][data-id='{id}']")).await;
        self.browser.find(&named("composer")).await;
    }

    /// The channel that is open.
    pub async fn channel(&self) -> i64 {
        let current = "const found = document.querySelector('[data-test=channel][aria-current]');
            return Number(found?.dataset.id)";
        self.browser.until("a channel", &format!("{current} > 0"), &[]).await;
        self.browser.run(current, &[]).await.as_i64().expect("an id")
    }

    /// Types something, and Enter.
    pub async fn say(&self, text: &str) {
        self.fill("composer", &format!("{text}\u{e007}")).await;
    }

    pub async fn rows(&self) -> Vec<Value> {
        self.browser.run(ROWS, &[]).await.as_array().cloned().expect("a list")
    }

    /// The texts that are shown, oldest first.
    pub async fn texts(&self) -> Vec<String> {
        self.rows().await.iter().map(|row| row["text"].as_str().unwrap_or_default().trim().to_owned()).collect()
    }

    /// Waits until so many messages are shown, each of them sent.
    pub async fn until_shown(&self, count: usize) {
        let is_so = "const rows = [...document.querySelectorAll('[data-test=message]')];
            return rows.length >= arguments[0] && rows.every((row) => row.dataset.state === 'sent')";
        self.browser.until(&format!("{count} messages"), is_so, &[json!(count)]).await;
    }

    /// Waits until the connection is so.
    pub async fn until_connection(&self, state: &str) {
        let is_so = "return document.querySelector('[data-test=connection]')?.dataset.state === arguments[0]";
        self.browser.until(&format!("the connection is {state}"), is_so, &[state.into()]).await;
    }

    /// The end of a visit: nothing was asked of another host, no policy was broken, and the console was told of no error but of calls
    /// that did not come through, where some may have.
    pub async fn looks_back(&self, may_fail: bool) {
        let elsewhere = "return performance.getEntriesByType('resource').map((entry) => entry.name)
            .filter((name) => new URL(name).origin !== location.origin && !/^(blob|data):/.test(name))";
        assert_eq!(self.browser.run(elsewhere, &[]).await, json!([]), "of {}", self.url);
        assert_eq!(self.browser.run("return window.violations", &[]).await, json!([]), "the policy forbids it");
        for entry in self.browser.console().await {
            let said = entry["message"].as_str().unwrap_or_default();
            let is_lost_call = said.contains("Failed to load resource") || said.contains("WebSocket connection to");
            let is_fault = entry["level"] == "SEVERE" && !(may_fail && is_lost_call);
            assert!(!is_fault && !said.contains("Content Security Policy"), "{entry}");
        }
    }
}
