//! The picture with which the README begins. `RENEW=1` puts it there.

use super::super::client::{Account, Api};
use super::super::node::{Node, data_folder};
use super::page::{PASSWORD, Person};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

/// Who says what there, and who reacts to it with what.
type Said = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SAID: [Said; 6] = [
    ("june", "Good evening! Is everything ready for the **tea house** on Saturday?", &[]),
    ("mina", "Nearly. Still to do:\n- lanterns for the yard\n- someone who brings a *gayageum*", &[("june", "🏮")]),
    ("haneul", "가야금은 제가 가져갈게요. 의자도 몇 개 있어요 🪑", &[("mina", "🎉"), ("june", "🎉")]),
    ("june", "Wonderful, thank you!", &[("haneul", "👍")]),
    ("mina", "The sign for the door, as promised:\n```\n마당 · open from three\n```", &[]),
    ("haneul", "See you all on Saturday", &[("mina", "👋"), ("june", "👋")]),
];

#[tokio::test(flavor = "current_thread")]
async fn the_readme_shows_the_chat() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.register("mina").await;
    let server = mina.make_server("Courtyard").await;
    let channel = mina.channel().await;
    let api = Api::new(&node.url);
    let (june, haneul) = (api.account("june").await, api.account("haneul").await);
    api.join(server, &june).await;
    api.join(server, &haneul).await;
    let own = Account { token: api.log_in("mina", PASSWORD).await, server };
    for name in ["plans", "music", "한국어"] {
        api.post("/channels/", &own.token, json!({ "name": name, "server_id": server })).await;
    }
    let who = |name: &str| match name {
        "june" => &june,
        "haneul" => &haneul,
        _ => &own,
    };
    for (author, content, reactions) in SAID {
        let path = format!("/channels/{channel}/messages");
        let message: Value = api.post(&path, &who(author).token, json!({ "content": content })).await;
        for (reactor, emoji) in reactions {
            let path = format!("{path}/{}/reactions/{emoji}/me", message["id"]);
            api.must(Method::PUT, &path, &who(reactor).token, Value::Null).await;
        }
    }
    mina.until_shown(SAID.len()).await;
    let reacted = "return document.querySelectorAll('[data-test=reaction]').length === 4";
    mina.browser.until("all reactions", reacted, &[]).await;
    // All of it, and no row under the pointer.
    let size = json!({ "width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    mina.browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
    let away = json!({ "type": "mouseMoved", "x": 640, "y": 20 });
    mina.browser.devtools("Input.dispatchMouseEvent", away).await;
    let folders = ["target/pictures", "assets"].map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let into = &folders[usize::from(std::env::var_os("RENEW").is_some())];
    std::fs::create_dir_all(into).expect("a folder can be made");
    mina.browser.picture(&into.join("chat.png")).await;
    let size = std::fs::metadata(into.join("chat.png")).expect("a picture").len();
    assert!((10_000..200_000).contains(&size), "{size} bytes");
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
