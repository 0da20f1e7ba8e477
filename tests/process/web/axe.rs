//! Every screen, in both languages and themes, on a phone and on a laptop, held to WCAG 2.2 AA by axe-core.

use super::super::client::{Account, Api};
use super::super::node::{Node, data_folder};
use super::input::key;
use super::line::Line;
use super::page::{LAPTOP, PASSWORD, PHONE, Person, named};
use super::talk::{self, Talk};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// axe-core 4.14.1, as npm has it (MPL-2.0): for these tests alone, and no part of what is served.
const AXE: &str = include_str!("vendor/axe.min.js");
const AXE_SHA256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";
const LOOKS: [(&str, &str); 4] = [("en", "light"), ("en", "dark"), ("ko", "dark"), ("ko", "light")];

/// Changes the looks as they change where another tab has changed them; done when the page shows them.
const WEAR: &str = "const [language, theme] = arguments;
    localStorage.setItem('madang:/:preferences', JSON.stringify({ language, theme }));
    dispatchEvent(new StorageEvent('storage', { key: 'madang:/:preferences' }));
    const { documentElement: page } = document;
    return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
        .then(() => page.lang === language && page.dataset.theme === theme)";

/// What axe finds wrong with the dialog that is open, or else with the page. Of the emoji, which are all alike, it looks at two groups.
const LOOK: &str = "const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const where = document.querySelector('dialog[open]') ? 'dialog[open]' : 'html';
    const context = { include: [[where]], exclude: [['.emoji-group:nth-of-type(n+3)']] };
    return axe.run(context, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
        .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.slice(0, 4).map((node) => {
            const why = [...node.any, ...node.all, ...node.none].map(({ message }) => message);
            return `${id} at ${node.target}: ${node.html.slice(0, 160)}: ${why.join('; ')}`;
        })))";

/// A dialog, the clicks that lead to it, and what is there once all of it is.
type Dialog = (&'static str, &'static [&'static str], &'static str);

const DIALOGS: [Dialog; 27] = [
    ("new server", &["[data-test=new-server]"], "[data-test=server-name]"),
    ("new server, refused", &["[data-test=new-server]", "[data-test=create-server]"], "dialog .problem"),
    ("join", &["[data-test=join-server]"], "[data-test=join-code]"),
    ("new channel", &["[data-test=new-channel]"], "[data-test=channel-name]"),
    ("channel info", &["[data-test=channel-info]"], ".info"),
    ("channel", &["[data-test=channel-info]", ".info .button"], "[data-test=channel-name]"),
    (
        "delete channel",
        &["[data-test=channel-info]", ".info .button", ".dialog-foot .is-danger"],
        "[data-test=confirm]",
    ),
    ("server menu", &["[data-test=server-menu]"], ".menu"),
    ("invite", &["[data-test=server-menu]", "[data-test=menu-invite]"], "[data-test=invite-id]"),
    ("server settings", &["[data-test=server-menu]", "[data-test=menu-server_settings]"], "[name=icon_url]"),
    ("roles", &["[data-test=server-menu]", "[data-test=menu-roles]"], "[data-test=role]"),
    (
        "new role",
        &["[data-test=server-menu]", "[data-test=menu-roles]", "[data-test=new-role]"],
        "[data-test=role-name]",
    ),
    (
        "role",
        &["[data-test=server-menu]", "[data-test=menu-roles]", "[data-test=role] [data-test=open-role]"],
        "[data-test=role-color]",
    ),
    (
        "delete role",
        &[
            "[data-test=server-menu]",
            "[data-test=menu-roles]",
            "[data-test=role] [data-test=open-role]",
            "[data-test=delete-role]",
        ],
        "[data-test=confirm]",
    ),
    ("bans", &["[data-test=server-menu]", "[data-test=menu-bans]"], "[data-test=banned]"),
    ("hand over", &["[data-test=server-menu]", "[data-test=menu-hand_over]"], "dialog select"),
    ("delete server", &["[data-test=server-menu]", "[data-test=menu-delete_server]"], "[data-test=confirm]"),
    ("switcher", &["[data-test=open-switcher]"], ".switcher-row"),
    ("emoji", &[".composer-box .icon-button:not(.send)"], ".emoji-group:nth-of-type(2)"),
    ("profile", &["[data-test=settings]"], "[name=display_name]"),
    ("account", &["[data-test=settings]", "[data-test=settings-account]"], "[name=password]"),
    (
        "account, refused",
        &["[data-test=settings]", "[data-test=settings-account]", ".settings-section [type=submit]"],
        "dialog .problem",
    ),
    ("sessions", &["[data-test=settings]", "[data-test=settings-sessions]"], ".sessions li"),
    ("looks", &["[data-test=settings]", "[data-test=settings-looks]"], "[data-test=theme]"),
    ("data", &["[data-test=settings]", "[data-test=settings-data]"], ".danger-zone"),
    ("help", &["[data-test=settings]", "[data-test=settings-help]"], ".links"),
    ("keys", &["[data-test=settings]", "[data-test=settings-help]", ".settings-section p button"], "kbd"),
];

/// Somebody who goes through all of it.
struct Tour {
    node: Node,
    folder: PathBuf,
    line: Line,
    person: Person,
    looks: usize,
    found: Vec<String>,
}

impl Tour {
    async fn begin(size: (u32, u32)) -> Option<Self> {
        let folder = data_folder();
        let node = Node::start(&folder).await;
        let line = Line::to(&node.address).await;
        let person = Person::at_size(&line.url, "en", size).await?;
        // Nothing is looked at while it moves.
        let still = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
        person.browser.devtools("Emulation.setEmulatedMedia", still).await;
        let hash = Sha256::digest(AXE.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hash, AXE_SHA256, "axe-core is not the one that is named");
        person.browser.run(AXE, &[]).await;
        // The words of each language are there before anything is looked at in it.
        for (language, word) in [("ko", "[가-힣]"), ("en", "^[A-Z]")] {
            person.browser.until(language, WEAR, &[language.into(), "light".into()]).await;
            let is_said = "return RegExp(arguments[0]).test(document.querySelector('[data-test=login]')?.innerText)";
            person.browser.until(language, is_said, &[word.into()]).await;
        }
        Some(Self { node, folder, line, person, looks: 0, found: Vec::new() })
    }

    /// Looks at what is on the screen, in all its looks.
    async fn look(&mut self, screen: &str) {
        for (language, theme) in LOOKS {
            self.person.browser.until(screen, WEAR, &[language.into(), theme.into()]).await;
            let found = self.person.browser.run(LOOK, &[]).await;
            let found = found.as_array().expect("a list").iter().map(|one| one.as_str().expect("text"));
            self.found.extend(found.map(|one| format!("{screen}, {language}, {theme}: {one}")));
            self.looks += 1;
        }
    }

    /// Clicks on something, from the panel that it is in where that is not open.
    async fn reach(&self, selector: &str) {
        let is_away = "const panel = document.querySelector(arguments[0])?.closest('.navigation');
            return !!panel && !panel.checkVisibility({ visibilityProperty: true })";
        if self.person.browser.run(is_away, &[selector.into()]).await == true {
            self.person.click("open-navigation").await;
        }
        self.person.browser.click(selector).await;
    }

    /// Closes whatever lies over the messages.
    async fn clear(&self) {
        let is_covered = "return !!document.querySelector('dialog[open]')
            || innerWidth < 760 && !!document.querySelector('.has-side, .has-navigation')";
        while self.person.browser.run(is_covered, &[]).await == true {
            self.person.browser.press(&[key::ESCAPE]).await;
        }
    }

    async fn door(&mut self) {
        self.look("log in").await;
        self.person.click("login").await;
        self.person.browser.find(".problem").await;
        self.look("log in, refused").await;
        self.person.click("show-register").await;
        self.look("sign up").await;
        self.person.click("register").await;
        self.person.browser.find(".problem").await;
        self.look("sign up, refused").await;
        self.person.click("show-login").await;
    }

    async fn channel(&mut self) {
        self.look("channel").await;
        self.person.browser.click("button.spoiler").await;
        self.person.browser.run(FOCUS_OWN, &[]).await;
        self.look("a message in focus").await;
        self.person.browser.press(&['e']).await;
        self.person.browser.find("[data-test=editor]").await;
        self.look("an edit").await;
        self.person.browser.press(&[key::ESCAPE]).await;
        let is_over = "return document.activeElement?.matches('[data-test=composer]') === true";
        self.person.browser.until("the end of the edit", is_over, &[]).await;
        self.person.browser.run(FOCUS_OWN, &[]).await;
        self.person.browser.press(&['r']).await;
        self.person.browser.find(".composer-reply").await;
        self.person.click("composer").await;
        self.person.browser.devtools("Input.insertText", json!({ "text": "x".repeat(4_010) })).await;
        self.person.browser.find(".counter.is-over").await;
        self.look("a reply that is too long").await;
        self.person.browser.press(&[key::CONTROL, 'a']).await;
        self.person.browser.press(&[key::DELETE]).await;
        self.person.browser.press(&[key::ESCAPE]).await;
    }

    async fn panels(&mut self) {
        let small = self.person.browser.run("return innerWidth < 760", &[]).await == true;
        if small {
            self.person.click("open-navigation").await;
            self.look("navigation").await;
            self.clear().await;
        }
        self.person.click("pins").await;
        self.person.browser.find(".pinned").await;
        self.look("pins").await;
        self.clear().await;
        self.person.click("members").await;
        self.person.browser.find("[data-test=member]").await;
        self.look("members").await;
        self.person.click("member").await;
        self.look("person").await;
        self.clear().await;
        for action in ["change-roles", "remove-member", "ban"] {
            if small {
                self.person.click("members").await;
            }
            self.reach("section:last-child li:last-child > [data-test=member]").await;
            self.reach(&named(action)).await;
            self.person.browser.find("[data-test=confirm], [data-test=held]").await;
            self.look(action).await;
            self.clear().await;
        }
    }

    async fn dialogs(&mut self) {
        for (screen, clicks, shown) in DIALOGS {
            for selector in clicks {
                self.reach(selector).await;
            }
            self.person.browser.find(shown).await;
            self.look(screen).await;
            self.clear().await;
        }
        // A notice is above the page for a while.
        self.reach("[data-test=settings]").await;
        self.reach(".settings-section [type=submit]").await;
        self.person.browser.find("[data-test=toast]").await;
        self.clear().await;
        self.look("a notice").await;
    }

    /// A message that waits for a line that is away, and is refused when that is back.
    async fn failures(&mut self, talk: &Talk) {
        let id = talk.say(&talk.june, "Who answers this?", None).await;
        let row = format!("[data-test=message][data-id='{id}']");
        self.person.browser.find(&row).await;
        self.person.browser.run("document.querySelector(arguments[0]).focus()", &[row.as_str().into()]).await;
        self.person.browser.press(&['r']).await;
        self.person.browser.find(".composer-reply").await;
        self.person.looks_back(false).await;
        // What is answered goes while nobody here can hear of it.
        self.line.cut();
        self.person.until_connection("offline").await;
        talk.delete(&talk.june, id).await;
        self.person.say("I do").await;
        self.person.browser.find("[data-state=sending]").await;
        self.person.browser.find(".connection.is-shown").await;
        self.look("no connection").await;
        self.line.mend();
        self.person.until_connection("live").await;
        self.person.browser.until("its end", "return !document.querySelector(arguments[0])", &[row.into()]).await;
        self.person.browser.find("[data-state=failed]").await;
        self.look("a message that failed").await;
    }

    async fn end(self) {
        self.person.looks_back(true).await;
        let (looks, count) = (self.looks, self.found.len());
        assert!(self.found.is_empty(), "{count} in {looks} looks:\n{}", self.found.join("\n"));
        println!("looked {looks} times");
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

const FOCUS_OWN: &str = "const rows = [...document.querySelectorAll('[data-test=message]')];
    rows.findLast((row) => row.querySelector('[data-test=edit]')).focus()";

async fn every_screen_is_for_everybody(size: (u32, u32)) {
    let Some(mut tour) = Tour::begin(size).await else { return };
    tour.door().await;
    tour.person.register("mina").await;
    tour.look("no server").await;
    let server = tour.person.make_server("Courtyard").await;
    tour.look("a channel without messages").await;
    let channel = tour.person.channel().await;
    let api = Api::new(&tour.node.url);
    let mina = Account { token: api.log_in("mina", PASSWORD).await, server };
    let talk = Talk::begin(api, mina, channel).await;
    talk.of_all_kinds().await;
    tour.person.until_shown(talk::SHOWN).await;
    let is_all = "const count = (selector) => document.querySelectorAll(selector).length;
        return count('[data-test=reaction]') === 2 && count('.pin-mark') === 1 && count('.badge, .rail-badge') === 2";
    tour.person.browser.until("all that was said", is_all, &[]).await;
    tour.channel().await;
    tour.panels().await;
    tour.dialogs().await;
    tour.failures(&talk).await;
    tour.end().await;
}

#[tokio::test(flavor = "current_thread")]
async fn every_screen_of_a_phone_is_for_everybody() {
    every_screen_is_for_everybody(PHONE).await;
}

#[tokio::test(flavor = "current_thread")]
async fn every_screen_of_a_laptop_is_for_everybody() {
    every_screen_is_for_everybody(LAPTOP).await;
}
