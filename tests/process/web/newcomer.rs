//! Somebody's first minutes on a phone, where there is room for one thing at a time.

use super::super::node::{Node, data_folder};
use super::page::{PHONE, Person};

/// Whether something with this selector is there, and nothing lies over it.
const IS_SEEN: &str = "const found = [...document.querySelectorAll(arguments[0])];
    return found.some((one) => {
        const { left, top, width, height } = one.getBoundingClientRect();
        const seen = document.elementFromPoint(left + width / 2, top + height / 2);
        return width > 0 && one.contains(seen);
    })";

#[tokio::test(flavor = "current_thread")]
async fn a_newcomer_on_a_phone_is_told_what_to_do() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at_size(&node.url, "en", PHONE).await else { return };
    mina.register("mina").await;
    for selector in [".welcome h2", ".welcome .button.is-primary", ".welcome .button:not(.is-primary)"] {
        mina.browser.until(&format!("{selector} before one's eyes"), IS_SEEN, &[selector.into()]).await;
    }
    // The members are not shown here, and all the same it is known that she is alone.
    mina.make_server("Courtyard").await;
    mina.browser.click(".beginning .button").await;
    mina.browser.find("[data-test=invite-id]").await;
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
