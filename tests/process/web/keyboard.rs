//! Input methods: a syllable that is being composed is sent once and whole.

use super::super::node::{Node, data_folder};
use super::page::Person;
use serde_json::json;

/// Composes `text` in the composer, as an input method does, without ending it.
async fn compose(person: &Person, text: &str) {
    let length = text.encode_utf16().count();
    let composition = json!({ "text": text, "selectionStart": length, "selectionEnd": length });
    person.browser.devtools("Input.imeSetComposition", composition).await;
}

/// A key that the input method has taken: the page sees it with code 229.
async fn key(person: &Person, kind: &str, code: u32) {
    let event = json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code });
    person.browser.devtools("Input.dispatchKeyEvent", event).await;
}

async fn enter(person: &Person) {
    let pressed =
        json!({ "type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
    person.browser.devtools("Input.dispatchKeyEvent", pressed).await;
    key(person, "keyUp", 13).await;
}

async fn writer() -> Option<(Node, std::path::PathBuf, Person)> {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let person = Person::at(&node, "ko").await?;
    person.register("mina").await;
    person.make_server("마당").await;
    person.click("composer").await;
    Some((node, folder, person))
}

async fn close((node, folder, person): (Node, std::path::PathBuf, Person)) {
    person.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn hangul_is_sent_once_and_whole_by_one_enter() {
    let Some(visit) = writer().await else { return };
    let person = &visit.2;
    for part in ["ㅇ", "아", "안"] {
        compose(person, part).await;
    }
    // The method ends the syllable with this Enter, and lets the page have it too, as some do.
    key(person, "rawKeyDown", 229).await;
    person.browser.devtools("Input.insertText", json!({ "text": "안" })).await;
    enter(person).await;
    person.until_shown(1).await;
    assert_eq!(person.texts().await, ["안"]);
    close(visit).await;
}

/// An Enter that chooses a candidate sends nothing.
#[tokio::test(flavor = "current_thread")]
async fn japanese_candidates_are_not_sent() {
    let Some(visit) = writer().await else { return };
    let person = &visit.2;
    compose(person, "にほん").await;
    compose(person, "日本").await;
    person.browser.devtools("Input.insertText", json!({ "text": "日本" })).await;
    person.say("語").await;
    person.until_shown(1).await;
    assert_eq!(person.texts().await, ["日本語"]);
    close(visit).await;
}
