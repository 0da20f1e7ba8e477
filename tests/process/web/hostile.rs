//! Markup as names and messages: it is text, and nothing of it runs.

use super::super::client::Api;
use super::super::node::{Node, data_folder};
use super::input::key;
use super::page::{PASSWORD, Person};
use reqwest::{Method, StatusCode};
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
    api.must(Method::PUT, &format!("/channels/{channel}"), &token, change).await;
    let name = json!({ "display_name": "<b onclick=window.bitten=16>mina</b>", "bio": TEXTS[2] });
    api.must(Method::PUT, "/users/me", &token, name).await;
    for text in TEXTS {
        api.post(&format!("/channels/{channel}/messages"), &token, json!({ "content": text })).await;
    }
    mina.until_shown(TEXTS.len()).await;
    mina.browser.reload().await;
    mina.until_shown(TEXTS.len()).await;
    is_text(&mina, "as messages").await;
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
    strange: [...document.querySelectorAll('#app :is(iframe, script, style, math, svg, img, object, embed, base, form[action])'
        + ', #app :is([onerror], [onload], [onclick], [onmouseover], [srcdoc])')].map((found) => found.outerHTML),
    links: [...document.querySelectorAll('#app a')].map((link) => link.href).filter((href) => !/^(https?|mailto):/.test(href)),
}";

/// Nothing of what is shown has been taken for markup.
async fn is_text(person: &Person, place: &str) {
    let page = person.browser.run(LOOK, &[]).await;
    assert_eq!(page["bitten"], Value::Null, "{place} something has run");
    assert_eq!(page["strange"], json!([]), "{place} an element is made that no text may make");
    assert_eq!(page["links"], json!([]), "{place} a link leads to a script");
}

/// What a selector finds, as it is read.
async fn read(person: &Person, selector: &str) -> Vec<String> {
    let texts = "return [...document.querySelectorAll(arguments[0])].map((found) => found.textContent.trim())";
    let texts = person.browser.run(texts, &[selector.into()]).await;
    texts.as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
}

/// Makes something with each of the texts as its name; answers those that may be one.
async fn name_all(
    api: &Api,
    method: Method,
    path: &str,
    tokens: &[String],
    body: impl Fn(&str) -> Value,
) -> Vec<&'static str> {
    let mut taken = Vec::new();
    for (text, token) in TEXTS.into_iter().zip(tokens.iter().cycle()) {
        match api.call(method.clone(), path, token, body(text)).await {
            (status, _) if status.is_success() => taken.push(text),
            (status, said) => assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {text}: {said}"),
        }
    }
    assert!(taken.len() >= TEXTS.len() / 2, "hardly any may be a name at {path}: {taken:?}");
    taken
}

/// As names of people, of servers and of channels, in the lists, the headings, the dialogs and the title.
#[tokio::test(flavor = "current_thread")]
async fn markup_is_text_as_a_name_too() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let Some(mina) = Person::at(&node, "en").await else { return };
    mina.register("mina").await;
    let server = mina.make_server("Courtyard").await;
    let channel = mina.channel().await;
    let api = Api::new(&node.url);
    let mut guests = Vec::new();
    for number in 0..TEXTS.len() {
        let guest = api.account(&format!("guest{number}")).await;
        api.join(server, &guest).await;
        let hello = json!({ "content": "Hello" });
        api.must(Method::POST, &format!("/channels/{channel}/messages"), &guest.token, hello).await;
        guests.push(guest.token);
    }
    let own = [api.log_in("mina", PASSWORD).await];
    let people = name_all(&api, Method::PUT, "/users/me", &guests, |text| json!({ "display_name": text })).await;
    let of_server = |text: &str| json!({ "name": text, "description": text, "server_id": server });
    let channels = name_all(&api, Method::POST, "/channels/", &own, of_server).await;
    let servers =
        name_all(&api, Method::POST, "/servers/", &own, |text| json!({ "name": text, "description": text })).await;
    for (selector, names) in [
        (".author", &people),
        (".member .cut", &people),
        ("[data-test=channel] .cut", &channels),
        ("[data-test=server] .hidden-text", &servers),
    ] {
        let is_shown =
            "const shown = [...document.querySelectorAll(arguments[0])].map((found) => found.textContent.trim());
            return arguments[1].every((name) => shown.includes(name.trim()))";
        mina.browser.until(selector, is_shown, &[selector.into(), json!(names)]).await;
    }
    is_text(&mina, "in the lists").await;
    mina.click("open-switcher").await;
    mina.browser.find(".switcher-row").await;
    assert!(read(&mina, ".switcher-row .cut").await.iter().any(|text| text == TEXTS[1]));
    is_text(&mina, "in the switcher").await;
    mina.browser.press(&[key::ESCAPE]).await;
    for (kind, names, shown) in [("channel", channels, "[data-test=channel-info]"), ("server", servers, ".welcome h2")]
    {
        for name in names {
            let open = "[...document.querySelectorAll(`[data-test=${arguments[0]}]`)]
                .find(({ title }) => title === arguments[1]).click()";
            mina.browser.run(open, &[kind.into(), name.into()]).await;
            let is_open = "return document.querySelector(arguments[0])?.textContent.trim() === arguments[1].trim()
                && document.title.includes(arguments[1].trim().slice(0, 20))";
            mina.browser.until(name, is_open, &[shown.into(), name.into()]).await;
            mina.click(if kind == "channel" { "channel-info" } else { "server-menu" }).await;
            mina.browser.find("dialog[open]").await;
            is_text(&mina, "as a heading").await;
            mina.browser.press(&[key::ESCAPE]).await;
            mina.browser.until("its end", "return !document.querySelector('dialog[open]')", &[]).await;
        }
    }
    mina.looks_back(false).await;
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
