//! Roles on the page: made and given there, what they let one do is offered and nothing else, and what one may not see is not there.

use super::super::client::Api;
use super::super::node::{Node, data_folder};
use super::page::{Person, named};
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const ESCAPE: char = '\u{e00c}';

impl Person {
    /// Waits until there are so many of these.
    async fn until_count(&self, selector: &str, count: usize) {
        let is_so = "return document.querySelectorAll(arguments[0]).length === arguments[1]";
        self.browser.until(&format!("{count} of {selector}"), is_so, &[selector.into(), json!(count)]).await;
    }

    async fn has(&self, selector: &str) -> bool {
        self.browser.run("return !!document.querySelector(arguments[0])", &[selector.into()]).await == true
    }

    async fn opens_menu(&self, item: &str) {
        self.click("server-menu").await;
        self.click(&format!("menu-{item}")).await;
    }

    async fn closes_dialogs(&self) {
        while self.has("dialog[open]").await {
            self.browser.press(&[ESCAPE]).await;
        }
    }

    /// The names of the roles as they stand in the list.
    async fn roles(&self) -> Value {
        let names = "return [...document.querySelectorAll('[data-test=role] .role-name > :first-child')].map((name) => name.innerText)";
        self.browser.run(names, &[]).await
    }

    async fn until_roles(&self, names: &[&str]) {
        let is_so = "return [...document.querySelectorAll('[data-test=role] .role-name > :first-child')]
            .map((name) => name.innerText).join() === arguments[0]";
        self.browser.until(&format!("{names:?}"), is_so, &[names.join(",").into()]).await;
    }

    /// Makes a role that allows this, with a color and a group of its own.
    async fn makes_role(&self, name: &str, permissions: &[&str]) {
        self.click("new-role").await;
        self.fill("role-name", name).await;
        self.click("role-has-color").await;
        self.click("role-hoist").await;
        for permission in permissions {
            // The foot of the dialog may lie over it, where a person would scroll.
            let selector = format!("[name=permissions][value={permission}]");
            self.browser.run("document.querySelector(arguments[0]).click()", &[selector.into()]).await;
        }
        self.click("save-role").await;
    }

    /// Gives a role to the member of this place in the list, or takes it.
    async fn toggles_role(&self, member: &str, role: &str) {
        self.browser.click(&format!("[data-test=member][title={member}]")).await;
        self.click("change-roles").await;
        let label =
            "[...document.querySelectorAll('dialog .check')].find(({ innerText }) => innerText.includes(arguments[0]))";
        let is_there = format!("return !!{label}");
        self.browser.until(role, &is_there, &[role.into()]).await;
        let was = self.browser.run(&format!("return {label}.querySelector('input').checked"), &[role.into()]).await;
        self.browser.run(&format!("{label}.querySelector('input').click()"), &[role.into()]).await;
        let is_other = format!("return {label}.querySelector('input').checked !== arguments[1]");
        self.browser.until("the other state", &is_other, &[role.into(), was]).await;
        self.closes_dialogs().await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_role_is_made_and_given_and_what_it_allows_is_offered() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    let Some(june) = Person::at(&node, "ko").await else { return };
    mina.register("mina").await;
    let server = mina.make_server("Courtyard").await;
    june.register("june").await;
    june.join_server(server).await;
    mina.until_count("[data-test=member]", 2).await;
    // A member is offered none of it.
    june.click("server-menu").await;
    june.browser.find(&named("menu-leave_server")).await;
    june.until_count(".menu li", 2).await;
    june.closes_dialogs().await;
    assert!(!june.has("[data-test=new-channel]").await && !june.has("[data-test=pin]").await);

    mina.opens_menu("roles").await;
    mina.makes_role("Gardeners", &["manage_channels", "pin_messages"]).await;
    mina.until_roles(&["Gardeners", "Everyone"]).await;
    mina.makes_role("Moderators", &["manage_roles", "kick_members"]).await;
    mina.until_roles(&["Gardeners", "Moderators", "Everyone"]).await;
    // By a key, and the focus stays with it.
    mina.browser.run("document.querySelectorAll('[data-test=role-up]')[1].focus()", &[]).await;
    mina.browser.press(&['\u{e007}']).await;
    mina.until_roles(&["Moderators", "Gardeners", "Everyone"]).await;
    let is_kept =
        "return document.activeElement.closest('[data-test=role]')?.innerText.includes('Moderators') === true";
    mina.browser.until("the focus", is_kept, &[]).await;
    mina.closes_dialogs().await;

    mina.toggles_role("june", "Gardeners").await;
    june.browser.find(&named("new-channel")).await;
    for person in [&mina, &june] {
        let is_colored = "return [...document.querySelectorAll('[data-test=member] [data-colored]')].map(({ innerText }) => innerText).join() === 'june'";
        person.browser.until("June in color", is_colored, &[]).await;
        person.until_count("[data-test=member-group]", 2).await;
    }
    june.say("Hello").await;
    june.browser.find(&named("pin")).await;
    // What does not stand below her is there with the reason.
    mina.toggles_role("june", "Moderators").await;
    june.opens_menu("roles").await;
    june.until_roles(&["Moderators", "Gardeners", "모두"]).await;
    assert_eq!(june.roles().await, json!(["Moderators", "Gardeners", "모두"]));
    june.until_count("[data-test=role] .icon-lock", 1).await;
    june.browser.click("[data-test=role]:first-child [data-test=open-role]").await;
    june.browser.find(&named("fixed")).await;
    assert!(!june.has("[data-test=save-role]").await && !june.has("[name=permissions]:enabled").await);
    june.click("all-roles").await;
    june.browser.click("[data-test=role]:nth-child(2) [data-test=open-role]").await;
    june.click("delete-role").await;
    june.click("confirm").await;
    mina.until_count("[data-test=member-group]", 2).await;
    june.until_count("[data-test=new-channel]", 0).await;
    mina.looks_back(false).await;
    june.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn what_one_may_not_see_is_not_there_and_what_one_may_not_say_is_kept() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(june) = Person::at(&node, "en").await else { return };
    let api = Api::new(&node.url);
    let mina = api.account("mina").await;
    let channel = api.channel(&mina).await;
    let path = format!("/channels/{channel}/messages");
    let said = async |content: &str| api.must(Method::POST, &path, &mina.token, json!({ "content": content })).await;
    said("before").await;
    june.register("june").await;
    june.join_server(mina.server).await;
    june.until_shown(1).await;
    june.fill("composer", "half a thought").await;

    let roles = api.get(&format!("/servers/{}/roles", mina.server), &mina.token).await;
    let everyone = format!("/servers/{}/roles/{}", mina.server, roles[0]["id"]);
    let all = roles[0]["permissions"].as_array().expect("a list").clone();
    let without = async |denied: &[&str]| {
        let left: Vec<&Value> = all.iter().filter(|name| !denied.contains(&name.as_str().expect("a name"))).collect();
        api.must(Method::PATCH, &everyone, &mina.token, json!({ "permissions": left })).await;
    };
    without(&["send_messages", "add_reactions"]).await;
    june.browser.find(&named("composer-closed")).await;
    june.until_count("[data-test=react], [data-test=reply], [data-test=composer]", 0).await;
    without(&[]).await;
    let is_back = "return document.querySelector('[data-test=composer]')?.value === 'half a thought'";
    june.browser.until("the draft", is_back, &[]).await;

    // The channel goes while it is open, and comes back.
    without(&["view_channel"]).await;
    june.browser.find(&named("no-channel")).await;
    june.browser.find(&named("toast")).await;
    june.until_count("[data-test=channel]", 0).await;
    said("behind a back").await;
    without(&["read_history"]).await;
    june.until_count("[data-test=channel]", 1).await;
    june.browser.find(&named("no-history")).await;
    said("now").await;
    june.until_shown(1).await;
    assert_eq!(june.texts().await, ["now"]);
    assert!(!june.has(".problem").await);
    june.browser.reload().await;
    june.browser.find(&named("no-history")).await;
    june.until_connection("live").await;
    said("and then").await;
    let is_last = "return [...document.querySelectorAll('[data-test=text]')].at(-1)?.innerText === 'and then'";
    june.browser.until("what is said now", is_last, &[]).await;
    without(&[]).await;
    june.until_shown(4).await;
    assert_eq!(june.texts().await, ["before", "behind a back", "now", "and then"]);

    // In a timeout one reads, and writes again when it ends: by whom it was given, or by itself.
    let members = format!("/servers/{}/members", mina.server);
    let listed = api.get(&members, &mina.token).await;
    let junes = listed.as_array().expect("a list").iter().find(|member| member["username"] == "june").expect("she is");
    let member = format!("{members}/{}", junes["user_id"]);
    june.fill("composer", "half a thought").await;
    let timeout = async |end: Value| {
        api.must(Method::PATCH, &member, &mina.token, json!({ "timeout_until": end })).await;
    };
    let in_seconds = |seconds: i64| {
        let end = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
        json!(end.format(&Rfc3339).expect("a time"))
    };
    for end in [3_600, 4] {
        timeout(in_seconds(end)).await;
        june.browser.find(&named("composer-closed")).await;
        let says = "return document.querySelector('[data-test=composer-closed]').innerText.includes('timeout')";
        assert_eq!(june.browser.run(says, &[]).await, true);
        if end == 3_600 {
            timeout(Value::Null).await;
        }
        june.browser.until("the draft", is_back, &[]).await;
    }
    june.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
