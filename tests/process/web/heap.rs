//! What an open page holds after half an hour of talk: hardly more than before.

use super::super::client::{Account, Api, Socket};
use super::super::node::{Node, data_folder};
use super::page::{PASSWORD, Person};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Five a second for half an hour.
const COUNT: u64 = 9_000;
/// What each of the two who talk says before the page has shown all of it; a socket may have 64 sends without an answer.
const TURN: u64 = 50;
const WINDOW: (u32, u32) = (800, 360);
const GROWTH_MAX: i64 = 20 * 1024 * 1024;
/// What a page shows at its end.
const ROWS_MAX: i64 = 200;

/// All that the page's scripts hold once what nobody needs is gone: objects, buffers, and the elements behind them.
async fn heap_bytes(person: &Person) -> i64 {
    for _ in 0..2 {
        person.browser.devtools("HeapProfiler.collectGarbage", json!({})).await;
    }
    let usage = person.browser.devtools("Runtime.getHeapUsage", json!({})).await;
    let bytes = |name: &str| usage[name].as_f64().unwrap_or_default() as i64;
    assert!(bytes("usedSize") > 0, "{usage}");
    bytes("usedSize") + bytes("embedderHeapUsedSize") + bytes("backingStorageSize")
}

async fn count(person: &Person, selector: &str) -> i64 {
    let script = "return document.querySelectorAll(arguments[0]).length";
    person.browser.run(script, &[selector.into()]).await.as_i64().expect("a number")
}

/// Two who talk, and somebody who has the channel open.
struct Talk<'a> {
    address: &'a str,
    channel: i64,
    person: &'a Person,
    talkers: [Account; 2],
}

impl Talk<'_> {
    /// So many messages more, after so many that are there.
    async fn goes_on(&self, there: u64, count: u64) {
        let is_shown = "const rows = document.querySelectorAll('[data-test=message]');
            return Number([...rows].at(-1).dataset.seq) === arguments[0]";
        for turn in 1..=count / TURN / 2 {
            // Opened anew: where the page takes long, nobody reads their pings.
            let sockets = self.talkers.iter().map(|talker| Socket::open(self.address, self.channel, talker));
            let mut sockets = join_all(sockets).await;
            let text = format!("In turn {turn} there is **something** to say, and somebody says it");
            for socket in &mut sockets {
                socket.send_many(&text, TURN).await;
            }
            for socket in &mut sockets {
                socket.wait_for(TURN * 2).await;
            }
            let seq = there + turn * TURN * 2;
            self.person.browser.until(&format!("message {seq}"), is_shown, &[seq.into()]).await;
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn half_an_hour_of_talk_leaves_nothing_behind() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    // A small window, for what is painted takes its time and is not what is weighed.
    let Some(person) = Person::at_size(&node.url, "en", WINDOW).await else { return };
    person.register("mina").await;
    let server = person.make_server("Courtyard").await;
    let channel = person.channel().await;
    let api = Api::new(&node.url);
    let talkers: [Account; 2] = [api.account("june").await, api.account("haneul").await];
    for talker in &talkers {
        api.join(server, talker).await;
    }
    person.say("Let us begin").await;
    person.until_shown(1).await;
    let talk = Talk { address: &node.address, channel, person: &person, talkers };
    // Until the list has all that it holds.
    talk.goes_on(1, 500).await;
    let (before, elements) = (heap_bytes(&person).await, count(&person, "*").await);
    talk.goes_on(501, COUNT).await;
    let growth = heap_bytes(&person).await - before;
    let (rows, after) = (count(&person, "[data-test=message]").await, count(&person, "*").await);
    println!("{before} bytes grew by {growth}; {rows} rows; {elements} elements before and {after} after");
    assert!(growth <= GROWTH_MAX, "{before} bytes have grown by {growth}");
    assert!(rows <= ROWS_MAX, "{rows} rows");
    person.looks_back(false).await;
    let own = Account { token: api.log_in("mina", PASSWORD).await, server };
    let last: Value = api.get(&format!("/channels/{channel}/messages?limit=1"), &own.token).await;
    assert_eq!(last[0]["seq"], 501 + COUNT, "not all was said: {last}");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
