//! The rows of a channel: what one has at hand stays in sight, and where it is.

use super::super::client::{Account, Api};
use super::super::node::{Node, data_folder};
use super::input::key;
use super::line::Line;
use super::page::Person;
use serde_json::json;
use std::path::PathBuf;

/// Whether all of the element with this selector is within the list.
const IS_WHOLE: &str = "const row = document.querySelector(arguments[0])?.getBoundingClientRect();
    const list = document.querySelector('[data-test=messages]').getBoundingClientRect();
    return !!row && row.top >= list.top - 1 && row.bottom <= list.bottom + 1";

/// Whether nothing lies over the button that saves.
const IS_FREE: &str = "const button = document.querySelector('[data-test=save-edit]');
    const { left, top, width, height } = button.getBoundingClientRect();
    return !!document.querySelector('.pill')
        && [0.1, 0.5, 0.9].every((part) =>
            button.contains(document.elementFromPoint(left + width * part, top + height * part)))";

/// A clock that is wrong by as much as `localStorage` says.
const WRONG_CLOCK: &str = "const ahead = Number(localStorage.getItem('ahead'));
    const Right = Date;
    window.Date = class extends Right {
        constructor(...parts) { super(...(parts.length > 0 ? parts : [Right.now() + ahead])); }
        static now() { return Right.now() + ahead; }
    }";

/// The last row: its text, whether a group begins with it; and how many days there are.
const LAST: &str = "const rows = [...document.querySelectorAll('[data-test=message]')];
    const last = rows.at(-1);
    return [last?.querySelector('[data-test=text]').innerText, last?.classList.contains('is-first'),
        document.querySelectorAll('.is-day').length]";

/// Mina in a channel of her own server, and June, who speaks there by calls.
struct Courtyard {
    node: Node,
    folder: PathBuf,
    line: Line,
    mina: Person,
    api: Api,
    june: Account,
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
        let june = api.account("june").await;
        api.join(server, &june).await;
        Some(Self { node, folder, line, mina, api, june, channel })
    }

    async fn say_as(&self, by: &Account, count: usize) {
        for number in 1..=count {
            let said = json!({ "content": format!("number {number}") });
            self.api.post(&format!("/channels/{}/messages", self.channel), &by.token, said).await;
        }
    }

    async fn is_focused(&self, seq: usize) {
        let is_so = "return Number(document.activeElement?.dataset.seq) === arguments[0]";
        self.mina.browser.until(&format!("the focus at message {seq}"), is_so, &[seq.into()]).await;
    }

    async fn close(self, may_fail: bool) {
        self.mina.looks_back(may_fail).await;
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_one_changes_stays_in_sight_while_others_write() {
    let Some(yard) = Courtyard::open().await else { return };
    let browser = &yard.mina.browser;
    yard.say_as(&yard.june, 20).await;
    yard.mina.say("mine").await;
    yard.mina.until_shown(21).await;
    browser.press(&[key::UP]).await;
    browser.find("[data-test=editor]").await;
    browser.until("all of the editor", IS_WHOLE, &[".editor".into()]).await;
    yard.say_as(&yard.june, 30).await;
    yard.mina.until_shown(51).await;
    browser.until("its buttons free", IS_FREE, &[]).await;
    browser.until("all of it still", IS_WHOLE, &[".editor".into()]).await;
    // It grows to its most lines.
    for _ in 0..14 {
        browser.press(&[key::SHIFT, key::ENTER]).await;
    }
    let is_high = "return document.querySelector('[data-test=editor]').offsetHeight > 200";
    browser.until("many lines", is_high, &[]).await;
    browser.until("all of many lines", IS_WHOLE, &[".editor".into()]).await;
    browser.press(&[key::ESCAPE]).await;
    browser.until("the message where it was", IS_WHOLE, &["[data-seq='21']".into()]).await;
    yard.close(false).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_wrong_clock_of_the_browser_moves_no_message() {
    let Some(yard) = Courtyard::open().await else { return };
    let Courtyard { mina, line, .. } = &yard;
    mina.browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WRONG_CLOCK })).await;
    let hour_ms = 3_600_000;
    for (turn, ahead_ms) in [hour_ms, -24 * hour_ms].into_iter().enumerate() {
        mina.browser.run("localStorage.setItem('ahead', arguments[0])", &[ahead_ms.into()]).await;
        mina.browser.reload().await;
        mina.until_connection("live").await;
        mina.say("before").await;
        mina.until_shown(2 * turn + 1).await;
        line.cut();
        mina.until_connection("offline").await;
        mina.say("on its way").await;
        let waits = "return document.querySelectorAll('[data-test=message][data-state=sending]').length === 1";
        mina.browser.until("a message that waits", waits, &[]).await;
        let expected = json!(["on its way", false, 1]);
        assert_eq!(mina.browser.run(LAST, &[]).await, expected, "{ahead_ms} ms ahead");
        line.mend();
        mina.until_shown(2 * turn + 2).await;
        assert_eq!(mina.browser.run(LAST, &[]).await, expected, "sent, {ahead_ms} ms ahead");
    }
    yard.close(true).await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_focus_goes_to_the_ends_with_the_keys_that_lead_there() {
    let Some(yard) = Courtyard::open().await else { return };
    let browser = &yard.mina.browser;
    yard.say_as(&yard.june, 60).await;
    yard.mina.until_shown(60).await;
    browser.run("document.querySelector('[data-seq=\"50\"]').focus()", &[]).await;
    browser.press(&[key::CONTROL, key::HOME]).await;
    yard.is_focused(1).await;
    browser.until("the first message", IS_WHOLE, &["[data-seq='1']".into()]).await;
    browser.press(&[key::CONTROL, key::END]).await;
    yard.is_focused(60).await;
    // On a German keyboard the plus has a key of its own.
    for kind in ["keyDown", "keyUp"] {
        let plus = json!({ "type": kind, "key": "+", "code": "BracketRight", "text": "+" });
        browser.devtools("Input.dispatchKeyEvent", plus).await;
    }
    browser.find(".emoji-search").await;
    yard.close(false).await;
}
