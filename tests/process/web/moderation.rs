//! A server's owner removes people and bans them, and they are told.

use super::super::client::Api;
use super::super::node::{Node, data_folder};
use super::page::{Person, named};
use serde_json::json;

impl Person {
    /// Waits until a part of the page says this.
    async fn until_says(&self, selector: &str, text: &str) {
        let is_so = "const [selector, text] = arguments;
            return [...document.querySelectorAll(selector)].some(({ innerText }) => innerText.includes(text))";
        self.browser.until(text, is_so, &[selector.into(), text.into()]).await;
    }

    async fn until_members(&self, count: usize) {
        let is_so = "return document.querySelectorAll('[data-test=member]').length === arguments[0]";
        self.browser.until(&format!("{count} members"), is_so, &[json!(count)]).await;
    }

    /// Asks for the dialog about the third member, and in it for this.
    async fn choose(&self, action: &str) {
        self.browser.click("li:nth-child(3) > [data-test=member]").await;
        self.click(action).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_is_removed_may_come_back_and_who_is_banned_only_when_that_is_lifted() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    let Some(june) = Person::at(&node, "ko").await else { return };
    mina.register("mina").await;
    let server = mina.make_server("Courtyard").await;
    june.register("june").await;
    june.join_server(server).await;
    let api = Api::new(&node.url);
    api.join(server, &api.account("haneul").await).await;
    mina.until_members(3).await;
    // June is offered nothing of the kind, about Haneul say.
    june.until_members(3).await;
    june.browser.click("li:nth-child(2) > [data-test=member]").await;
    june.until_says("dialog", "@haneul").await;
    assert_eq!(june.browser.run("return !!document.querySelector('[data-test=ban]')", &[]).await, false);
    june.browser.press(&['\u{e00c}']).await;
    mina.choose("remove-member").await;
    mina.until_says("dialog", "Remove june from Courtyard?").await;
    mina.click("confirm").await;
    mina.until_members(2).await;
    june.until_says("[data-test=toast]", "Courtyard").await;
    june.join_server(server).await;
    mina.until_members(3).await;
    mina.choose("ban").await;
    mina.fill("ban-reason", "Spam in every channel").await;
    mina.click("confirm").await;
    mina.until_members(2).await;
    june.click("join-server").await;
    june.fill("join-code", &server.to_string()).await;
    june.click("join").await;
    june.until_says("dialog .problem", "차단되었어요").await;
    // The list of bans names her, and why.
    mina.click("server-menu").await;
    mina.click("menu-bans").await;
    mina.until_says(&named("banned"), "@june").await;
    mina.until_says(&named("banned"), "Spam in every channel").await;
    mina.click("lift-ban").await;
    mina.until_says("dialog .hint", "june may come back.").await;
    mina.until_says("dialog .hint", "Nobody is banned.").await;
    let is_in_dialog = "return document.querySelector('dialog').contains(document.activeElement)";
    assert_eq!(mina.browser.run(is_in_dialog, &[]).await, true, "the focus is lost");
    june.click("join").await;
    june.browser.find(&format!("[data-test=server][data-id='{server}']")).await;
    mina.browser.press(&['\u{e00c}']).await;
    mina.until_members(3).await;
    mina.looks_back(false).await;
    june.looks_back(true).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
