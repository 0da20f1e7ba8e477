//! A visit by keys alone: nobody clicks here. One sees where the focus is all the way, and it is never lost where something closes.

use super::super::node::{Node, data_folder};
use super::input::key::{CONTROL, DELETE, DOWN, END, ENTER, ESCAPE, SHIFT, TAB, UP};
use super::page::{PASSWORD, PHONE, Person, named};
use serde_json::Value;

/// Nothing is further than so many steps.
const STEPS_MAX: usize = 120;

/// What has the focus, and whether one sees that: by its outline, or by that of the box around it.
const FOCUS: &str = "const at = document.activeElement;
    if (!at || at === document.body) return { name: 'nothing', isSeen: false };
    const box = at.getBoundingClientRect();
    const { outlineStyle, outlineWidth } = getComputedStyle(at);
    const isOutlined = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
        || at.closest('.composer-box') !== null && getComputedStyle(at.closest('.composer-box')).boxShadow !== 'none';
    const isThere = at.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 0
        && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    return { name: at.dataset.test ?? at.name ?? at.outerHTML.slice(0, 120), isSeen: isOutlined && isThere }";

/// Browsers may show a frame before or after the page has drawn what changed. Here it always comes before.
const FRAMES_COME_FIRST: &str = "window.requestAnimationFrame = (show) => {
    queueMicrotask(() => show(performance.now()));
    return 0 }";

/// Somebody who has no pointer.
struct Walker {
    person: Person,
}

impl Walker {
    async fn press(&self, keys: &[char]) {
        self.person.browser.press(keys).await;
    }

    async fn write(&self, text: &str) {
        self.person.browser.write(text).await;
    }

    async fn has(&self, selector: &str) -> bool {
        let is_there = "return document.activeElement?.matches(arguments[0]) === true";
        self.person.browser.run(is_there, &[selector.into()]).await == true
    }

    /// Waits until the focus is there by itself, where one sees it.
    async fn until_at(&self, selector: &str) {
        let is_there = "return document.activeElement?.matches(arguments[0]) === true";
        self.person.browser.until(&format!("the focus at {selector}"), is_there, &[selector.into()]).await;
        // What it is in may still be on its way into the window.
        let is_seen = format!("return (() => {{ {FOCUS} }})().isSeen");
        self.until(&format!("a sight of the focus at {selector}"), &is_seen).await;
    }

    /// Steps on until the focus is there. Between its end and its beginning the page has none.
    async fn step(&self, keys: &[char], selector: &str) {
        let mut way: Vec<Value> = Vec::new();
        while !self.has(selector).await {
            assert!(way.len() < STEPS_MAX, "{selector} is not on the way: {way:?}");
            self.press(keys).await;
            let focus = self.person.browser.run(FOCUS, &[]).await;
            assert!(focus["isSeen"] == true || focus["name"] == "nothing", "nobody sees that the focus is at {focus}");
            way.push(focus["name"].clone());
        }
    }

    async fn to(&self, name: &str) {
        self.step(&[TAB], &named(name)).await;
    }

    async fn back_to(&self, selector: &str) {
        self.step(&[SHIFT, TAB], selector).await;
    }

    async fn until(&self, what: &str, script: &str) {
        self.person.browser.until(what, script, &[]).await;
    }

    /// Closes the dialog that was opened from there: the focus is back.
    async fn escape_to(&self, selector: &str) {
        self.until("a dialog", "return !!document.querySelector('dialog[open]')").await;
        let focus = self.person.browser.run(FOCUS, &[]).await;
        assert_ne!(focus["name"], "nothing", "the dialog has not taken the focus");
        self.press(&[ESCAPE]).await;
        self.until("its end", "return !document.querySelector('dialog[open]')").await;
        self.until_at(selector).await;
    }

    async fn sign_up(&self) {
        self.until_at(&named("username")).await;
        self.to("show-register").await;
        self.press(&[ENTER]).await;
        self.until_at(&named("username")).await;
        self.write("mina").await;
        self.to("email").await;
        self.write("mina@example.com").await;
        self.to("password").await;
        self.write(PASSWORD).await;
        self.press(&[ENTER]).await;
        self.person.browser.find(&named("app")).await;
    }

    async fn make_a_server_and_a_channel(&self) {
        self.to("join-server").await;
        self.press(&[ENTER]).await;
        self.escape_to(&named("join-server")).await;
        self.back_to(&named("new-server")).await;
        self.press(&[ENTER]).await;
        self.until_at(&named("server-name")).await;
        self.write("Courtyard").await;
        self.press(&[ENTER]).await;
        self.until_at(&named("composer")).await;
        self.back_to(&named("new-channel")).await;
        self.press(&[ENTER]).await;
        self.until_at(&named("channel-name")).await;
        self.write("plans").await;
        self.press(&[ENTER]).await;
        self.until("the channel", "return document.title.startsWith('#plans')").await;
        self.until_at(&named("composer")).await;
    }

    async fn talk(&self) {
        self.write("Hello").await;
        self.press(&[ENTER]).await;
        self.person.until_shown(1).await;
        self.press(&[UP]).await;
        self.until_at(&named("editor")).await;
        self.write(", Courtyard").await;
        self.press(&[ENTER]).await;
        self.until_at(&named("composer")).await;
        self.back_to(&named("message")).await;
        self.press(&['r']).await;
        self.until_at(&named("composer")).await;
        self.write("And good evening ").await;
        self.step(&[TAB], ".composer-box .icon-button:not(.send)").await;
        self.press(&[ENTER]).await;
        self.until_at(".emoji-search").await;
        self.write("red paper lantern").await;
        self.until("it", "return document.querySelectorAll('.emoji-button').length === 1").await;
        self.press(&[ENTER]).await;
        self.until_at(&named("composer")).await;
        self.press(&[ENTER]).await;
        self.person.until_shown(2).await;
        assert_eq!(self.person.texts().await, ["Hello, Courtyard", "And good evening 🏮"]);
        self.until("a reply", "return document.querySelectorAll('[data-test=reply-to]').length === 1").await;
    }

    /// Reacts to the last message, pins it, and deletes it.
    async fn change(&self) {
        let last = "[data-test=message]:last-of-type";
        self.back_to(&named("message")).await;
        self.press(&[END]).await;
        self.until_at(last).await;
        self.press(&['+']).await;
        self.until("the emoji", "return !!document.querySelector('.emoji-button')").await;
        self.until_at(".emoji-search").await;
        self.press(&[DOWN]).await;
        self.until_at(".emoji-button").await;
        self.press(&[ENTER]).await;
        self.person.browser.find(&named("reaction")).await;
        self.until_at(last).await;
        self.press(&['p']).await;
        self.person.browser.find(".pin-mark").await;
        self.until_at(last).await;
        self.press(&[DELETE]).await;
        self.until_at(&named("confirm")).await;
        self.press(&[ENTER]).await;
        self.until("one message", "return document.querySelectorAll('[data-test=message]').length === 1").await;
        self.until("no dialog", "return !document.querySelector('dialog[open]')").await;
        self.until_at("[data-test=message], [data-test=composer]").await;
    }

    async fn look_around(&self) {
        self.to("composer").await;
        self.press(&[CONTROL, 'k']).await;
        self.escape_to(&named("composer")).await;
        self.back_to(&named("message")).await;
        self.press(&['?']).await;
        self.escape_to(&named("message")).await;
        self.back_to(&named("pins")).await;
        self.press(&[ENTER]).await;
        self.person.browser.find(".side").await;
        self.until_at(&named("pins")).await;
    }

    async fn change_the_looks(&self) {
        self.back_to(&named("settings")).await;
        self.press(&[ENTER]).await;
        self.person.browser.find(&named("settings-looks")).await;
        self.to("settings-looks").await;
        self.press(&[ENTER]).await;
        self.to("language").await;
        self.press(&[END]).await;
        self.until("Korean", "return document.documentElement.lang === 'ko'").await;
        self.to("theme").await;
        self.press(&[END]).await;
        self.until("the dark theme", "return document.documentElement.dataset.theme === 'dark'").await;
        self.escape_to(&named("settings")).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn everything_is_done_by_keys_alone_and_the_focus_is_never_lost() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(person) = Person::at(&node, "en").await else { return };
    let walker = Walker { person };
    walker.sign_up().await;
    walker.person.browser.run(FRAMES_COME_FIRST, &[]).await;
    walker.make_a_server_and_a_channel().await;
    walker.talk().await;
    walker.change().await;
    walker.look_around().await;
    walker.change_the_looks().await;
    walker.to("logout").await;
    walker.press(&[ENTER]).await;
    walker.until_at(&named("username")).await;
    walker.person.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn on_a_phone_the_focus_goes_into_what_opens_over_the_messages_and_comes_back() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(person) = Person::at_size(&node.url, "en", PHONE).await else { return };
    person.register("mina").await;
    person.make_server("Courtyard").await;
    let walker = Walker { person };
    walker.person.browser.run(FRAMES_COME_FIRST, &[]).await;
    walker.back_to(&named("open-navigation")).await;
    walker.press(&[ENTER]).await;
    walker.until_at(&format!("{}[aria-current]", named("server"))).await;
    walker.press(&[ESCAPE]).await;
    walker.until_at(&named("open-navigation")).await;
    walker.to("composer").await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
