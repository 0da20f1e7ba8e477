//! How things stand on the page: nothing takes the room of what one reads or writes.

use super::super::client::Api;
use super::super::node::{Node, data_folder};
use super::input::key;
use super::page::{LAPTOP, PASSWORD, PHONE, Person};
use reqwest::Method;
use serde_json::json;

/// The first of these elements lies over none of the others.
const IS_APART: &str = "const [first, ...others] = [...arguments].map((selector) => document.querySelector(selector));
    const box = first?.getBoundingClientRect();
    return !!box && others.every((other) => {
        const { left, right, top, bottom } = other.getBoundingClientRect();
        return box.right <= left || box.left >= right || box.bottom <= top || box.top >= bottom;
    })";

#[tokio::test(flavor = "current_thread")]
async fn who_signs_up_sees_all_of_it_and_what_is_wrong_with_it() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.click("show-register").await;
    mina.browser.find("[data-test=email]").await;
    let fits = "const door = document.querySelector('.door'); return door.scrollHeight <= door.clientHeight";
    assert_eq!(mina.browser.run(fits, &[]).await, true, "it scrolls");
    mina.click("register").await;
    let is_red = "const { activeElement: field } = document;
        const { outlineColor, borderTopColor } = getComputedStyle(field);
        return field.ariaInvalid === 'true' && outlineColor === borderTopColor";
    mina.browser.until("a red ring", is_red, &[]).await;
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

async fn everything_has_its_place(size: (u32, u32)) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at_size(&node.url, "en", size).await else { return };
    mina.register("mina").await;
    mina.make_server("Courtyard").await;
    let height = "return document.querySelector('.composer').offsetHeight";
    let lines = mina.browser.run(height, &[]).await;
    let api = Api::new(&node.url);
    let token = api.log_in("mina", PASSWORD).await;
    let channel = mina.channel().await;
    // More than the window shows.
    for number in 1..=40 {
        let said = json!({ "content": format!("number {number}") });
        api.post(&format!("/channels/{channel}/messages"), &token, said).await;
    }
    mina.until_shown(40).await;
    mina.click("composer").await;
    mina.browser.press(&[key::UP]).await;
    mina.browser.find("[data-test=editor]").await;
    mina.browser.press(&[key::END]).await;
    mina.browser.write(" thought").await;
    mina.browser.press(&[key::ENTER]).await;
    // What says so stands on the line of the text.
    let is_behind = "const [text, edited] = ['[data-test=message]:last-child [data-test=text]', '.edited']
        .map((selector) => document.querySelector(selector)?.getBoundingClientRect());
        return !!edited && edited.left >= text.right && edited.bottom <= text.bottom + 2";
    mina.browser.until("that it was edited, behind the text", is_behind, &[]).await;
    mina.browser.run("document.querySelector('[data-test=message]:last-child').focus()", &[]).await;
    mina.browser.press(&['l']).await;
    mina.browser.find("[data-test=toast]").await;
    let places = ["[data-test=toast]", ".composer", "[data-test=message]:last-child"].map(Into::into);
    mina.browser.until("a toast apart from what one writes", IS_APART, &places).await;

    let named = json!({ "name": "마".repeat(100), "description": "What this is about, in a few words" });
    api.must(Method::PUT, &format!("/channels/{channel}"), &token, named).await;
    let is_renamed = "return document.querySelector('[data-test=composer]').ariaLabel.includes('마'.repeat(100))";
    mina.browser.until("the long name", is_renamed, &[]).await;
    assert_eq!(mina.browser.run(height, &[]).await, lines, "the empty box has grown");
    // Some of the topic, or none of it.
    let topic = "const topic = document.querySelector('.topic');
        return getComputedStyle(topic).color === 'rgba(0, 0, 0, 0)' || topic.clientWidth >= 96";
    mina.browser.until("a sight of the topic, or none", topic, &[]).await;
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn everything_has_its_place_on_a_laptop() {
    everything_has_its_place(LAPTOP).await;
}

#[tokio::test(flavor = "current_thread")]
async fn everything_has_its_place_on_a_phone() {
    everything_has_its_place(PHONE).await;
}
