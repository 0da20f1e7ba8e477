//! What somebody has written and not sent: it is kept until it is sent, or given up knowingly.

use super::super::client::{Account, Api};
use super::super::node::{Node, data_folder};
use super::input::key::{CONTROL, ESCAPE, HOME, UP};
use super::line::Line;
use super::page::{PASSWORD, Person, named};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// More than the page holds of a channel at once.
const EARLIER: usize = 450;

/// Mina in a channel of her own, and what she can do from another device.
struct Courtyard {
    node: Node,
    folder: PathBuf,
    line: Line,
    mina: Person,
    api: Api,
    own: Account,
    channel: i64,
}

impl Courtyard {
    async fn open() -> Option<Self> {
        let folder = data_folder();
        let node = Node::start(&folder).await;
        let line = Line::to(&node.address).await;
        let mina = Person::at_url(&line.url, "en").await?;
        mina.register("mina").await;
        let server = mina.make_server("Courtyard").await;
        let channel = mina.channel().await;
        let api = Api::new(&node.url);
        let own = Account { token: api.log_in("mina", PASSWORD).await, server };
        Some(Self { node, folder, line, mina, api, own, channel })
    }

    async fn say_elsewhere(&self, content: &str) -> i64 {
        let path = format!("/channels/{}/messages", self.channel);
        let said = self.api.must(Method::POST, &path, &self.own.token, json!({ "content": content })).await;
        said["id"].as_i64().expect("an id")
    }

    async fn delete_elsewhere(&self, message: i64) {
        let path = format!("/channels/{}/messages/{message}", self.channel);
        self.api.must(Method::DELETE, &path, &self.own.token, Value::Null).await;
    }

    async fn close(self, may_fail: bool) {
        self.mina.looks_back(may_fail).await;
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

impl Person {
    /// Waits until this text is in a field.
    async fn until_in(&self, name: &str, text: &str) {
        let is_so = "return document.querySelector(arguments[0])?.value === arguments[1]";
        self.browser.until(&format!("{text:?} in {name}"), is_so, &[named(name).into(), text.into()]).await;
    }

    /// Waits until there is none of these.
    async fn until_none(&self, selector: &str) {
        let is_so = "return !document.querySelector(arguments[0])";
        self.browser.until(&format!("no {selector}"), is_so, &[selector.into()]).await;
    }

    async fn go_to(&self, channel: &Value) {
        self.browser.click(&format!("[data-test=channel][data-id='{channel}']")).await;
        let is_there = "return location.hash.endsWith(`/${arguments[0]}`)";
        self.browser.until("the channel", is_there, std::slice::from_ref(channel)).await;
    }

    /// The id of the last message.
    async fn last(&self) -> i64 {
        let id = "return Number([...document.querySelectorAll('[data-test=message]')].at(-1).dataset.id)";
        self.browser.run(id, &[]).await.as_i64().expect("an id")
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_text_of_an_edit_is_kept_until_it_is_saved_or_given_up() {
    let Some(yard) = Courtyard::open().await else { return };
    let mina = &yard.mina;
    for number in 1..=EARLIER {
        yard.say_elsewhere(&format!("number {number}")).await;
    }
    let elsewhere = json!({ "name": "elsewhere", "server_id": yard.own.server });
    let elsewhere = yard.api.must(Method::POST, "/channels/", &yard.own.token, elsewhere).await["id"].clone();
    mina.say("mine").await;
    let is_last = "return document.querySelector('[data-test=messages] li:last-child').innerText.includes('mine')";
    mina.browser.until("it", &format!("{is_last} && !document.querySelector('[data-state=sending]')"), &[]).await;
    mina.browser.press(&[UP]).await;
    mina.fill("editor", " and more").await;
    // Another channel, and back.
    mina.go_to(&elsewhere).await;
    mina.until_none(&named("editor")).await;
    mina.go_to(&yard.channel.into()).await;
    mina.until_in("editor", "mine and more").await;
    // Out of what is loaded, and back.
    mina.browser.run("document.activeElement.blur()", &[]).await;
    mina.browser.press(&[CONTROL, HOME]).await;
    mina.until_none(&named("editor")).await;
    mina.click("jump-newest").await;
    mina.until_in("editor", "mine and more").await;
    mina.browser.reload().await;
    mina.until_in("editor", "mine and more").await;
    // Given up.
    mina.browser.click(&named("editor")).await;
    mina.browser.press(&[ESCAPE]).await;
    mina.until_none(&named("editor")).await;
    mina.browser.press(&[UP]).await;
    mina.until_in("editor", "mine").await;
    // Saved.
    mina.fill("editor", " too\u{e007}").await;
    mina.until_none(&named("editor")).await;
    mina.browser.reload().await;
    mina.until_connection("live").await;
    assert_eq!(mina.texts().await.last().expect("it").lines().next(), Some("mine too"));
    mina.until_none(&named("editor")).await;
    yard.close(false).await;
}

#[tokio::test(flavor = "current_thread")]
async fn of_a_message_that_is_deleted_meanwhile_the_text_stays() {
    let Some(yard) = Courtyard::open().await else { return };
    let mina = &yard.mina;
    yard.say_elsewhere("earlier").await;
    mina.until_shown(1).await;
    mina.say("mine").await;
    mina.until_shown(2).await;
    mina.fill("composer", "a draft").await;
    mina.browser.click("[data-test=message]:last-of-type [data-test=edit]").await;
    mina.fill("editor", " and more").await;
    yard.delete_elsewhere(mina.last().await).await;
    mina.until_told("The message that you were editing was deleted").await;
    mina.until_in("composer", "a draft\nmine and more").await;
    mina.until_none(&named("editor")).await;
    // Who was typing goes on there.
    let is_there = "return document.activeElement?.dataset.test === 'composer'";
    mina.browser.until("the focus in the box", is_there, &[]).await;
    // What it was to reply to is known after a reload, too, until that is deleted.
    let asked = yard.say_elsewhere("Who brings the tea?").await;
    mina.browser.click("[data-test=message]:last-of-type [data-test=reply]").await;
    mina.browser.find(".composer-reply").await;
    mina.browser.reload().await;
    let replies = "return document.querySelector('.composer-reply')?.innerText.includes('Who brings the tea?')";
    mina.browser.until("the reply", replies, &[]).await;
    mina.until_in("composer", "a draft\nmine and more").await;
    mina.until_connection("live").await;
    yard.delete_elsewhere(asked).await;
    mina.until_told("The message that you were replying to was deleted").await;
    mina.until_none(".composer-reply").await;
    mina.until_in("composer", "a draft\nmine and more").await;
    yard.close(false).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_reply_to_what_is_gone_can_be_sent_as_it_is() {
    let Some(yard) = Courtyard::open().await else { return };
    let mina = &yard.mina;
    let asked = yard.say_elsewhere("Who brings the tea?").await;
    mina.until_shown(1).await;
    mina.browser.click("[data-test=message] [data-test=reply]").await;
    yard.line.cut();
    mina.until_connection("offline").await;
    mina.say("I do").await;
    yard.delete_elsewhere(asked).await;
    yard.line.mend();
    let said = "return document.querySelector('[data-test=try-again]')?.innerText === 'Send without the reply'";
    mina.browser.until("a way", said, &[]).await;
    mina.click("try-again").await;
    mina.until_shown(1).await;
    assert_eq!(mina.texts().await, ["I do"]);
    mina.until_none("[data-test=reply-to]").await;
    yard.close(true).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_logout_asks_before_it_takes_away_what_is_not_sent() {
    let Some(yard) = Courtyard::open().await else { return };
    let mina = &yard.mina;
    mina.fill("composer", "a draft").await;
    mina.click("logout").await;
    mina.browser.find(&named("confirm")).await;
    let asked = mina.browser.run("return document.querySelector('dialog').innerText", &[]).await;
    assert!(asked.as_str().is_some_and(|text| text.contains(": 1 draft.")), "{asked}");
    mina.browser.press(&[ESCAPE]).await;
    mina.until_none("dialog[open]").await;
    mina.until_in("composer", "a draft").await;
    mina.click("logout").await;
    mina.click("confirm").await;
    mina.browser.find(&named("login")).await;
    mina.log_in("mina").await;
    mina.until_in("composer", "").await;
    // Without anything it does not ask, and nothing that was told in passing stands at the door.
    mina.say("sent").await;
    mina.until_shown(1).await;
    mina.browser.click("[data-test=message] [data-test=copy-link]").await;
    mina.until_told("copied").await;
    mina.click("logout").await;
    mina.browser.find(&named("login")).await;
    let is_told = "return !!document.querySelector('[data-test=toast], [data-test=ending]')";
    assert_eq!(mina.browser.run(is_told, &[]).await, false);
    yard.close(false).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_server_that_is_deleted_is_named_and_what_was_written_there_can_be_copied() {
    let Some(yard) = Courtyard::open().await else { return };
    let mina = &yard.mina;
    let june = yard.api.account("june").await;
    yard.api.must(Method::POST, "/channels/", &june.token, json!({ "name": "tea", "server_id": june.server })).await;
    mina.join_server(june.server).await;
    mina.fill("composer", "a long thought").await;
    yard.api.must(Method::DELETE, &format!("/servers/{}", june.server), &june.token, Value::Null).await;
    mina.until_told("The server “june” was deleted.").await;
    mina.until_told("with it 1 message that you had not sent yet").await;
    mina.browser.find(&format!("[data-test=server][data-id='{}'][aria-current]", yard.own.server)).await;
    assert!(!mina.browser.run("return document.body.innerText", &[]).await.to_string().contains("no server with"));
    mina.click("copy-lost").await;
    mina.until_told("Copied").await;
    // Control, and v: it is pasted.
    mina.fill("composer", "\u{e009}v").await;
    mina.until_in("composer", "a long thought").await;
    yard.close(false).await;
}
