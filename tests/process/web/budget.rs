//! What a visit costs until one can type: what is asked for, how much of it, and in which order it comes. Times are printed.

use super::super::node::{Node, data_folder};
use super::browser::Browser;
use super::page::Person;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const FIRST_SCREEN_BYTES_MAX: i64 = 120_000;
/// A line as long as to another continent.
const LATENCY_MS: u32 = 150;

/// Notes when each of these is there for the first time.
const NOTE: &str = "const marks = {
        door: '[data-test=login]', app: '[data-test=app]', message: '[data-test=message]', composer: '[data-test=composer]',
        live: '[data-test=connection][data-state=live]',
    };
    window.noted = {};
    const look = () => {
        for (const [name, selector] of Object.entries(marks)) {
            if (!(name in noted) && document.querySelector(selector)) noted[name] = performance.now();
        }
        if (!('typing' in noted) && document.activeElement?.matches(marks.composer)) noted.typing = performance.now();
    };
    document.addEventListener('focusin', look);
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] })";

/// What was asked for until then: files that the page itself names, other files, and calls.
const ASKED: &str = "const until = arguments[0];
    const [page] = performance.getEntriesByType('navigation');
    const named = new Set([...document.querySelectorAll('link[href], script[src]')].map(({ href, src }) => href || src));
    const all = performance.getEntriesByType('resource')
        .filter(({ startTime, name }) => startTime <= until && !name.startsWith('data:'));
    const short = ({ name }) => new URL(name).pathname.replace(/^\\/(web\\/\\w+\\/)?/, '');
    const calls = all.filter(({ initiatorType }) => initiatorType === 'fetch');
    const files = all.filter((entry) => !calls.includes(entry));
    return {
        calls: calls.map(short), named: files.filter(({ name }) => named.has(name)).map(short),
        others: files.filter(({ name }) => !named.has(name)).map(short),
        bytes: [page, ...files].reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    }";

/// When these were there first, in milliseconds from the visit's beginning.
async fn times(browser: &Browser, names: &[&str]) -> Vec<f64> {
    let noted = "return arguments[0].every((name) => name in noted)";
    browser.until(&names.join(", "), noted, &[json!(names)]).await;
    let noted = browser.run("return noted", &[]).await;
    names.iter().map(|name| noted[name].as_f64().expect("a time")).collect()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|one| one.as_str().expect("text")).collect()
}

/// Nothing that the page needs is found out late: a file that is not named in it costs a round trip more. What depends on the person comes
/// together: the words of their language, and the door where nobody is in.
fn looks_up_nothing_late(asked: &Value, beside: &[&str], calls: &[&str]) {
    assert_eq!(strings(&asked["others"]), [beside, &["app/words/en.js", "app/words/errors/en.js"]].concat(), "{asked}");
    // The profiles of those who are seen are asked for a moment after they are shown, whether or not one can type by then.
    let mut called = strings(&asked["calls"]);
    called.retain(|call| *call != "users/lookup");
    assert_eq!(called, calls, "{asked}");
    // The tab's icon, which is the page's mark too, is the browser's own affair.
    let mut named = strings(&asked["named"]);
    named.retain(|name| *name != "favicon.svg");
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "something is asked for twice: {named:?}");
}

/// Whether the browser keeps so many messages of a channel.
const KEPT: &str = "const [count] = arguments;
    return new Promise((resolve) => {
        const opening = indexedDB.open(`madang:/:${localStorage.getItem('madang:/:user')}`);
        opening.onsuccess = () => {
            const { result: database } = opening;
            const reading = database.transaction('logs').objectStore('logs').getAll();
            reading.onsuccess = () => {
                database.close();
                resolve(reading.result.some(({ tail }) => tail.length === count));
            };
        };
    })";

#[tokio::test(flavor = "current_thread")]
async fn a_visit_asks_for_little_and_one_can_type_as_soon_as_the_box_is_there() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(person) = Person::at(&node, "en").await else { return };
    let browser = &person.browser;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
    // The first visit: nothing is kept from before.
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.clearBrowserCache", json!({})).await;
    browser.reload().await;
    let door = times(browser, &["door"]).await[0];
    let asked = browser.run(ASKED, &[json!(door)]).await;
    println!(
        "a first visit: the door after {door:.0} ms; {} files, {} bytes",
        strings(&asked["named"]).len(),
        asked["bytes"]
    );
    looks_up_nothing_late(&asked, &["app/views/door.js"], &["healthz"]);
    let bytes = asked["bytes"].as_i64().expect("a number");
    assert!((1..=FIRST_SCREEN_BYTES_MAX).contains(&bytes), "{bytes} bytes");
    // Back again, with what the browser has kept.
    person.register("mina").await;
    person.make_server("Courtyard").await;
    person.say("one").await;
    for (count, latency, text) in [(1, 0, "two"), (2, LATENCY_MS, "three")] {
        person.until_shown(count).await;
        browser.until("it is kept", KEPT, &[json!(count)]).await;
        let line = json!({ "offline": false, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1 });
        browser.devtools("Network.emulateNetworkConditions", line).await;
        browser.reload().await;
        // Whoever types at once is not too early: it is sent when the line is there.
        person.say(text).await;
        let seen = times(browser, &["app", "message", "typing", "live"]).await;
        let [app, message, typing, live] = seen[..] else { unreachable!() };
        println!("back, {latency} ms away: {message:.0} ms to the messages, {typing:.0} to type, {live:.0} live");
        assert!(app <= message && message <= live && typing <= live, "what is kept is not shown at once: {seen:?}");
        looks_up_nothing_late(&browser.run(ASKED, &[json!(typing)]).await, &[], &["auth/refresh"]);
    }
    person.until_shown(3).await;
    assert_eq!(person.texts().await, ["one", "two", "three"]);
    person.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
