//! People chat on the page, and the log is what both of them see.

use super::super::client::{Account, Api};
use super::super::node::{Node, Signal, data_folder};
use super::line::Line;
use super::page::{PASSWORD, Person};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Mina and June in the channel `general` of Mina's server, on a node that can be started again where it was.
struct Courtyard {
    node: Node,
    folder: PathBuf,
    mina: Person,
    june: Person,
    /// June's way to the node.
    line: Line,
    channel: i64,
}

impl Courtyard {
    async fn open() -> Option<Self> {
        let folder = data_folder();
        let node = Node::start(&folder).await;
        let line = Line::to(&node.address).await;
        let (mina, june) = (Person::at(&node, "en").await?, Person::at_url(&line.url, "ko").await?);
        mina.register("mina").await;
        let server = mina.make_server("Courtyard").await;
        june.register("june").await;
        june.join_server(server).await;
        let channel = june.channel().await;
        Some(Self { node, folder, mina, june, line, channel })
    }

    /// The log as it is, by the calls: what was said, in its order.
    async fn log(&self) -> Vec<String> {
        let api = Api::new(&self.node.url);
        let reader = Account { token: api.log_in("mina", PASSWORD).await, server: 0 };
        let history = api.history(&reader, self.channel).await;
        history.iter().map(|message| message["content"].as_str().expect("text").to_owned()).collect()
    }

    /// Both show the log: whole, in order, once.
    async fn both_show_the_log(&self, count: usize) {
        for person in [&self.mina, &self.june] {
            person.until_shown(count).await;
        }
        let log = self.log().await;
        assert_eq!(log.len(), count, "{log:?}");
        assert_eq!(self.mina.texts().await, log);
        assert_eq!(self.june.texts().await, log);
    }

    async fn close(self, may_fail: bool) {
        self.mina.looks_back(may_fail).await;
        self.june.looks_back(may_fail).await;
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn two_people_chat_from_the_first_page_on() {
    let Some(yard) = Courtyard::open().await else { return };
    yard.mina.say("Good evening!").await;
    yard.june.until_shown(1).await;
    yard.june.say("안녕하세요").await;
    yard.both_show_the_log(2).await;
    yard.close(false).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_node_that_is_killed_loses_repeats_and_reorders_nothing() {
    let Some(mut yard) = Courtyard::open().await else { return };
    for number in 1..=5 {
        yard.mina.say(&format!("before {number}")).await;
    }
    yard.june.until_shown(5).await;
    yard.node.signal(Signal::KILL);
    yard.node.ended().await;
    // What is said while it is away waits on the page.
    yard.mina.until_connection("offline").await;
    for number in 1..=3 {
        yard.mina.say(&format!("away {number}")).await;
        yard.june.say(&format!("also away {number}")).await;
    }
    let port = yard.node.address.rsplit(':').next().expect("a port").to_owned();
    yard.node = Node::start_with(&yard.folder, &[("PORT", &port)]).await;
    yard.both_show_the_log(11).await;
    let log = yard.log().await;
    let of = |who: &str| log.iter().filter(|text| text.starts_with(who)).cloned().collect::<Vec<_>>();
    assert_eq!(of("away"), ["away 1", "away 2", "away 3"]);
    assert_eq!(of("also"), ["also away 1", "also away 2", "also away 3"]);
    yard.close(true).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_page_without_its_network_says_so_and_catches_up() {
    let Some(yard) = Courtyard::open().await else { return };
    yard.mina.say("one").await;
    yard.june.until_shown(1).await;
    yard.line.cut();
    yard.june.until_connection("offline").await;
    yard.mina.say("two").await;
    yard.june.say("three").await;
    let waiting = "return document.querySelectorAll('[data-test=message][data-state=sending]').length === 1";
    yard.june.browser.until("a message that waits", waiting, &[]).await;
    yard.mina.until_shown(2).await;
    yard.line.mend();
    yard.both_show_the_log(3).await;
    assert_eq!(yard.log().await, ["one", "two", "three"]);
    yard.close(true).await;
}

/// With the limits that a node has by default, a fast hand's messages wait their turn, and none is lost.
#[tokio::test(flavor = "current_thread")]
async fn forty_messages_as_fast_as_the_keyboard_goes_arrive_once_and_in_order() {
    let folder = data_folder();
    let node = Node::start_with(&folder, &[("RATE_LIMIT", "on")]).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.register("mina").await;
    mina.make_server("Courtyard").await;
    let texts: Vec<String> = (1..=40).map(|number| format!("number {number}")).collect();
    mina.fill("composer", &texts.iter().map(|text| format!("{text}\u{e007}")).collect::<String>()).await;
    mina.until_shown(40).await;
    assert_eq!(mina.texts().await, texts);
    let seqs: Vec<Value> = mina.rows().await.iter().map(|row| row["seq"].clone()).collect();
    assert_eq!(seqs, (1..=40).map(|seq| json!(seq)).collect::<Vec<_>>());
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// What a page has shown it shows again at once, and one gateway serves two pages of one browser.
#[tokio::test(flavor = "current_thread")]
async fn a_reload_goes_on_where_it_was() {
    let Some(yard) = Courtyard::open().await else { return };
    yard.mina.say("here").await;
    yard.june.until_shown(1).await;
    yard.june.browser.reload().await;
    yard.june.until_shown(1).await;
    assert_eq!(yard.june.channel().await, yard.channel);
    yard.mina.say("still here").await;
    yard.both_show_the_log(2).await;
    yard.close(false).await;
}
