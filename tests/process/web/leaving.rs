//! The end of a login: by the person's wish without a word, else with the reason.

use super::super::client::Api;
use super::super::node::{Node, data_folder};
use super::page::{PASSWORD, Person, named};
use reqwest::Method;
use serde_json::Value;

impl Person {
    /// Waits until this is said at the door.
    async fn until_said(&self, text: &str) {
        let is_so = "return document.querySelector('[data-test=ending]')?.innerText === arguments[0]";
        self.browser.until(text, is_so, &[text.into()]).await;
    }

    async fn until_nothing_is_said(&self) {
        self.browser.find(&named("login")).await;
        let is_so = "return !document.querySelector('[data-test=ending], [data-test=toast]')";
        self.browser.until("silence at the door", is_so, &[]).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_login_that_was_ended_elsewhere_says_so_and_one_s_own_logout_nothing() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.until_nothing_is_said().await;
    mina.register("mina").await;
    mina.until_connection("live").await;
    let api = Api::new(&node.url);
    let token = api.log_in("mina", PASSWORD).await;
    api.must(Method::DELETE, "/auth/sessions", &token, Value::Null).await;
    mina.until_said("Your login has ended. Please log in again.").await;
    mina.log_in("mina").await;
    mina.until_connection("live").await;
    // By another page of the same browser one logs out oneself.
    mina.browser.run("window.other = window.open(location.href)", &[]).await;
    let is_live = "return other.document.querySelector('[data-test=connection]')?.dataset.state === 'live'";
    mina.browser.until("another page", is_live, &[]).await;
    mina.browser.run("other.document.querySelector('[data-test=logout]').click()", &[]).await;
    mina.until_nothing_is_said().await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn an_account_that_is_deleted_says_that_it_is_done() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.register("mina").await;
    mina.click("settings").await;
    mina.click("settings-data").await;
    mina.browser.type_into(".danger-zone [name=password]", PASSWORD).await;
    mina.browser.click(".danger-zone [type=submit]").await;
    mina.until_said("Your account is deleted.").await;
    mina.looks_back(true).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
