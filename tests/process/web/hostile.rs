//! Markup as names and messages: it is text, and nothing of it runs.

use super::super::client::Api;
use super::super::node::{Node, data_folder};
use super::page::{PASSWORD, Person};
use serde_json::{Value, json};

/// One of each kind that public lists of such texts have: elements, attributes, URLs, styles, templates, ends of other contexts.
const TEXTS: [&str; 14] = [
    "<script>window.bitten = 1</script>",
    "<img src=x onerror='window.bitten = 2'>",
    "<svg onload=window.bitten=3>",
    "\"><iframe srcdoc='<script>parent.bitten = 4</script>'></iframe>",
    "[a link](javascript:window.bitten=5)",
    "[another](data:text/html,<script>window.bitten=6</script>)",
    "javascript:window.bitten=7",
    "<a href=\"java\tscript:window.bitten=8\">x</a>",
    "<style>@import 'http://127.0.0.1:1/x.css'</style>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.bitten=9>",
    "`</code><script>window.bitten=10</script>`",
    "```html\n</code></pre><img src=x onerror=window.bitten=11>\n```",
    "{{constructor.constructor('window.bitten=12')()}} ${window.bitten=13}",
    "https://example.com/\"onmouseover=\"window.bitten=14",
];

#[tokio::test(flavor = "current_thread")]
async fn markup_is_text_wherever_it_stands() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.register("mina").await;
    let server = mina.make_server(TEXTS[1]).await;
    let channel = mina.channel().await;
    let api = Api::new(&node.url);
    let token = api.log_in("mina", PASSWORD).await;
    let change = json!({ "name": "<img src=x onerror=window.bitten=15>", "description": TEXTS[0] });
    let changed = reqwest::Client::new().put(format!("{}/channels/{channel}", node.url)).bearer_auth(&token);
    changed.json(&change).send().await.and_then(reqwest::Response::error_for_status).expect("a channel is renamed");
    let profile = reqwest::Client::new().put(format!("{}/users/me", node.url)).bearer_auth(&token);
    let name = json!({ "display_name": "<b onclick=window.bitten=16>mina</b>", "bio": TEXTS[2] });
    profile.json(&name).send().await.and_then(reqwest::Response::error_for_status).expect("a profile is changed");
    for text in TEXTS {
        api.post(&format!("/channels/{channel}/messages"), &token, json!({ "content": text })).await;
    }
    mina.until_shown(TEXTS.len()).await;
    mina.browser.run("location.reload()", &[]).await;
    mina.until_shown(TEXTS.len()).await;
    let page = mina.browser.run(LOOK, &[]).await;
    assert_eq!(page["bitten"], Value::Null, "something has run");
    assert_eq!(page["strange"], json!([]), "an element that no text may make");
    assert_eq!(page["links"], json!([]), "a link that leads to a script");
    let shown = mina.texts().await.join("\n");
    for text in ["<script>window.bitten = 1</script>", "<svg onload=window.bitten=3>", "{{constructor.constructor"] {
        assert!(shown.contains(text), "{text} is not shown as it is: {shown}");
    }
    assert!(server > 0);
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

const LOOK: &str = "return {
    bitten: window.bitten ?? null,
    strange: [...document.querySelectorAll('#app iframe, #app script, #app style, #app math, #app [onerror], #app [onload], #app [onclick]')]
        .map((found) => found.outerHTML),
    links: [...document.querySelectorAll('#app a')].map((link) => link.href).filter((href) => !/^(https?|mailto):/.test(href)),
}";
