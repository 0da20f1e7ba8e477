//! Links to messages: they lead there from wherever one is, and where there is nothing to be led to they say so.

use super::super::client::{Account, Api};
use super::super::node::{Node, data_folder};
use super::page::{PASSWORD, Person};
use serde_json::{Value, json};
use std::path::PathBuf;

/// More than the page holds of a channel at once.
const LATER: usize = 450;

/// Mina in a channel of her own whose first message lies far back.
struct Courtyard {
    node: Node,
    folder: PathBuf,
    mina: Person,
    api: Api,
    own: Account,
    channel: i64,
    /// The id of the first message.
    first: i64,
}

impl Courtyard {
    async fn open() -> Option<Self> {
        let folder = data_folder();
        let node = Node::start(&folder).await;
        let mina = Person::at(&node, "en").await?;
        mina.register("mina").await;
        let server = mina.make_server("Courtyard").await;
        let channel = mina.channel().await;
        mina.say("the first word").await;
        mina.until_shown(1).await;
        let id = "return Number(document.querySelector('[data-test=message]').dataset.id)";
        let first = mina.browser.run(id, &[]).await.as_i64().expect("an id");
        let api = Api::new(&node.url);
        let own = Account { token: api.log_in("mina", PASSWORD).await, server };
        Some(Self { node, folder, mina, api, own, channel, first })
    }

    /// The address of the first message.
    fn link(&self) -> String {
        let Self { node, own, channel, first, .. } = self;
        format!("{}/#/servers/{}/channels/{channel}/messages/{first}", node.url, own.server)
    }

    /// Somebody says much while Mina is away from the page; answers the id of the first of it.
    async fn grow(&self, author: &Account) -> i64 {
        self.mina.browser.go("about:blank").await;
        self.say_much(author).await
    }

    async fn say_much(&self, author: &Account) -> i64 {
        let path = format!("/channels/{}/messages", self.channel);
        let mut ids = Vec::new();
        for number in 1..=LATER {
            let said = json!({ "content": format!("number {number}") });
            ids.push(self.api.post(&path, &author.token, said).await["id"].as_i64().expect("an id"));
        }
        ids[0]
    }

    async fn close(self) {
        self.mina.looks_back(false).await;
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

impl Person {
    /// Opens an address anew, as a bookmark does.
    async fn open(&self, link: &str) {
        self.browser.go("about:blank").await;
        self.browser.go(link).await;
    }

    /// Waits until a message is chosen, and all of it can be seen.
    async fn until_led_to(&self, id: i64) {
        let is_so = "const row = document.activeElement, list = document.querySelector('[data-test=messages]');
            if (!list || row?.dataset.id !== String(arguments[0])) return false;
            const [inner, outer] = [row, list].map((element) => element.getBoundingClientRect());
            return inner.top >= outer.top && inner.bottom <= outer.bottom";
        self.browser.until(&format!("message {id}"), is_so, &[id.into()]).await;
    }

    /// Waits until this is told in passing.
    pub async fn until_told(&self, text: &str) {
        let is_so = "const told = [...document.querySelectorAll('[data-test=toast]')];
            return told.some((toast) => toast.innerText.includes(arguments[0]))";
        self.browser.until(text, is_so, &[text.into()]).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_link_that_was_copied_leads_to_its_message_from_far_away() {
    let Some(yard) = Courtyard::open().await else { return };
    let (mina, link) = (&yard.mina, yard.link());
    mina.browser.click("[data-test=message] [data-test=copy-link]").await;
    mina.until_told("copied").await;
    // Control, and v: it is pasted.
    mina.fill("composer", "\u{e009}v").await;
    let pasted = mina.browser.run("return document.querySelector('[data-test=composer]').value", &[]).await;
    assert_eq!(pasted, Value::String(link.clone()));
    mina.fill("composer", "\u{e007}").await;
    mina.until_shown(2).await;
    yard.grow(&yard.own).await;
    mina.open(&link).await;
    mina.until_led_to(yard.first).await;
    // A link in a message is followed where one is, in the same tab.
    mina.click("jump-newest").await;
    mina.say(&link).await;
    let is_here = "window.isHere = !!document.querySelector('[data-test=messages] li:last-child[data-state=sent] a')";
    mina.browser.until("the link at the end", &format!("{is_here}; return window.isHere"), &[]).await;
    mina.browser.click("[data-test=messages] li:last-child a").await;
    mina.until_led_to(yard.first).await;
    assert_eq!(mina.browser.run("return window.isHere", &[]).await, true);
    yard.close().await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_comes_by_a_link_logs_in_and_joins_and_is_led_to_the_message() {
    let Some(yard) = Courtyard::open().await else { return };
    yard.grow(&yard.own).await;
    let Some(june) = Person::at(&yard.node, "en").await else { return };
    june.open(&yard.link()).await;
    june.register("june").await;
    june.click("join").await;
    june.until_led_to(yard.first).await;
    june.looks_back(false).await;
    yard.close().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_link_to_what_is_gone_says_so() {
    let Some(yard) = Courtyard::open().await else { return };
    yard.grow(&yard.own).await;
    let message = format!("{}/channels/{}/messages/{}", yard.node.url, yard.channel, yard.first);
    let deleted = reqwest::Client::new().delete(message).bearer_auth(&yard.own.token).send().await;
    deleted.and_then(reqwest::Response::error_for_status).expect("it is deleted");
    yard.mina.open(&yard.link()).await;
    yard.mina.until_told("This message is gone.").await;
    let elsewhere = format!("/channels/{}/", yard.channel + 1000);
    yard.mina.open(&yard.link().replace(&format!("/channels/{}/", yard.channel), &elsewhere)).await;
    yard.mina.until_told("There is no such channel").await;
    assert_eq!(yard.mina.channel().await, yard.channel);
    yard.close().await;
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_unread_before_all_that_is_loaded_is_one_click_away() {
    let Some(yard) = Courtyard::open().await else { return };
    let june = yard.api.account("june").await;
    yard.api.join(yard.own.server, &june).await;
    let mina = &yard.mina;
    let elsewhere = json!({ "name": "elsewhere", "server_id": yard.own.server });
    let elsewhere = yard.api.post("/channels/", &yard.own.token, elsewhere).await["id"].clone();
    mina.browser.click(&format!("[data-test=channel][data-id='{elsewhere}']")).await;
    let is_there = "return location.hash.endsWith(`/${arguments[0]}`)";
    mina.browser.until("the other channel", is_there, &[elsewhere]).await;
    let first = yard.say_much(&june).await;
    mina.browser.click(&format!("[data-test=channel][data-id='{}']", yard.channel)).await;
    let said = "return document.querySelector('[data-test=unread-bar]')?.innerText ?? ''";
    mina.browser.find("[data-test=unread-bar]").await;
    // The newest is what one sees, and nothing that is loaded is taken for the first.
    let at_end = "const last = document.querySelector('[data-test=messages] li:last-child').getBoundingClientRect();
        return last.bottom <= document.querySelector('[data-test=messages]').getBoundingClientRect().bottom
            && !document.querySelector('[data-test=unread-divider]')";
    mina.browser.until("the newest, and no line", at_end, &[]).await;
    let said = mina.browser.run(said, &[]).await;
    assert!(said.as_str().is_some_and(|said| said.contains(&format!("{LATER} new messages since"))), "{said}");
    mina.click("jump-unread").await;
    mina.until_led_to(first).await;
    let divided = "const row = document.activeElement.previousElementSibling;
        return row?.dataset.key === 'unread' && !document.querySelector('[data-test=unread-bar]')";
    assert_eq!(mina.browser.run(divided, &[]).await, true);
    yard.close().await;
}
