//! The pages that show the documents: all that they need comes from the node.

use crate::support::{Answer, By, TestApp, spawn_app, spawn_app_with};
use std::collections::BTreeSet;

/// The web client's colours, which are these pages', too.
const THEME: &str = include_str!("../../web/style/theme.css");

impl TestApp {
    /// The answer to a `GET` with these header lines, and its body, which need not be text.
    pub async fn raw_get(&self, path: &str, headers: &str) -> (Answer, Vec<u8>) {
        let mut raw = self.raw().await;
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: madang\r\n{headers}\r\n").as_bytes()).await;
        raw.answer_with_body(path).await
    }
}

#[tokio::test]
async fn the_pages_come_whole_from_this_server() {
    let app = spawn_app().await;
    for page in ["docs", "redoc"] {
        let answer = app.get(&format!("/{page}"), By::Nobody).await;
        assert!(answer.status == 200 && answer.header("content-type").starts_with("text/html"), "{answer:?}");
        // Nothing is absolute: a proxy may serve it under any path.
        assert!(!answer.text.contains("=\"/") && !answer.text.contains("://"), "{}", answer.text);
        let named: BTreeSet<_> =
            answer.text.split('"').filter(|part| part.starts_with(&format!("{page}/"))).map(str::to_owned).collect();
        assert_eq!(named.len(), 7, "{named:?}");
        // What a style sheet takes in is beside it.
        let taken = (page == "docs").then(|| "docs/swagger-ui.css".to_owned());
        let assets: Vec<_> = named.into_iter().chain(taken).collect();
        // With a slash behind the page's path they are looked for beneath it.
        for (asset, base) in assets.iter().flat_map(|asset| [(asset, "/".to_owned()), (asset, format!("/{page}/"))]) {
            let kind = match asset.rsplit_once('.').map(|(_, ending)| ending) {
                Some("css") => "text/css",
                Some("js") => "javascript",
                Some("svg") => "image/svg+xml",
                _ => panic!("{asset} is of no known kind"),
            };
            let (answer, body) = app.raw_get(&format!("{base}{asset}"), "").await;
            assert!(answer.status == 200 && body.len() > 100, "{answer:?}");
            assert!(answer.header("content-type").contains(kind), "{answer:?}");
        }
        for document in ["openapi.json", "asyncapi.json"] {
            for base in ["/".to_owned(), format!("/{page}/")] {
                app.get(&format!("{base}{document}"), By::Nobody).await.is(200);
            }
        }
        app.get(&format!("/{page}/../Cargo.toml"), By::Nobody).await.refuses(404, "not_found");
        app.get(&format!("/{page}/nothing.js"), By::Nobody).await.refuses(404, "not_found");
    }
    for start in ["/docs/swagger.js", "/redoc/redoc.js"] {
        let script = app.get(start, By::Nobody).await.text;
        assert!(script.contains("'openapi.json'"), "{script}");
    }
    for own in ["theme.css", "head.css", "swagger.css", "redoc.css", "look.js", "swagger.js", "redoc.js"] {
        let text = app.get(&format!("/docs/{own}"), By::Nobody).await.text;
        let foreign = if own.ends_with(".css") { "//" } else { "://" };
        assert!(!text.contains(foreign), "{own}: {text}");
    }
    let style = app.get("/docs/swagger.css", By::Nobody).await.text;
    let taken: Vec<_> = style.split("url(").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(taken, ["'swagger-ui.css'"]);
}

/// The ways that stand above a page: where they lead, what they are called.
fn ways<'a>(page: &'a str) -> Vec<(&'a str, &'a str)> {
    let (_, rest) = page.split_once("<nav").expect("something stands above it");
    let (ways, _) = rest.split_once("</nav>").expect("it ends");
    let way = |way: &'a str| {
        let (to, rest) = way.split_once('"').expect("a path");
        let (_, rest) = rest.split_once('>').expect("it is whole");
        (to, rest.split_once("</a>").expect("a name").0)
    };
    ways.split("<a href=\"").skip(1).map(way).collect()
}

#[tokio::test]
async fn the_pages_look_like_the_chat_and_lead_to_it_where_there_is_one() {
    for has_chat in [true, false] {
        let app = spawn_app_with(|config| config.web = has_chat).await;
        let chat = has_chat.then_some(("./", "Chat"));
        let others = [("docs", "API"), ("redoc", "Reference"), ("asyncapi.json", "AsyncAPI")];
        let all: Vec<_> = chat.into_iter().chain(others).collect();
        for page in ["docs", "redoc"] {
            let text = app.get(&format!("/{page}"), By::Nobody).await.text;
            assert_eq!(ways(&text), all, "{text}");
            for (to, _) in &all {
                assert_eq!(app.raw_get(&format!("/{}", to.trim_start_matches("./")), "").await.0.status, 200, "{to}");
            }
            let (here, home) =
                (format!("<a href=\"{page}\" aria-current=\"page\">"), if has_chat { "./" } else { page });
            assert!(text.contains(&here) && text.matches("aria-current").count() == 1, "{text}");
            assert!(text.contains(&format!("<a class=\"head-mark\" href=\"{home}\">")), "{text}");
            for (file, whole) in [("theme.css", THEME), ("favicon.svg", include_str!("../../web/favicon.svg"))] {
                assert!(text.contains(&format!("href=\"{page}/{file}\"")), "{text}");
                assert_eq!(app.get(&format!("/{page}/{file}"), By::Nobody).await.text, whole);
            }
        }
    }
}

/// Whatever a page's script would like to load: the policy lets it load from this server, or make itself, and nothing else.
#[tokio::test]
async fn the_pages_may_load_nothing_from_elsewhere() {
    let app = spawn_app().await;
    for page in ["/docs", "/redoc"] {
        let answer = app.get(page, By::Nobody).await;
        let policy = answer.header("content-security-policy").to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        let sources = policy.split(';').flat_map(|directive| directive.split_whitespace().skip(1));
        for source in sources {
            let is_own = ["'none'", "'self'", "data:", "blob:"].contains(&source) || source.starts_with("'sha256-");
            assert!(is_own, "{source} in {policy}");
        }
    }
    // It would show its maker's logo.
    let (answer, script) = app.raw_get("/redoc/redoc.standalone.js", "").await;
    assert_eq!(answer.status, 200);
    let script = String::from_utf8(script).expect("text");
    assert!(script.contains("redocly logo") && !script.contains("cdn."), "the logo is loaded from elsewhere");
}

#[tokio::test]
async fn a_packed_script_is_unpacked_for_who_does_not_take_it() {
    let app = spawn_app().await;
    let path = "/redoc/redoc.standalone.js";
    let (packed, bytes) = app.raw_get(path, "Accept-Encoding: deflate, gzip;q=0.8, br\r\n").await;
    assert_eq!((packed.header("content-encoding"), &bytes[..2]), ("gzip", &[0x1f, 0x8b][..]), "{packed:?}");
    for takes in ["", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"] {
        let (plain, whole) = app.raw_get(path, takes).await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"), "{plain:?}");
        assert!(whole.starts_with(b"/*!") && whole.len() > 2 * bytes.len(), "{takes}");
        assert_ne!(plain.header("etag"), packed.header("etag"), "they are other bytes");
    }
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let app = spawn_app().await;
    for path in ["/docs/swagger-ui-bundle.js", "/docs/theme.css", "/redoc/redoc.standalone.js"] {
        let takes = "Accept-Encoding: gzip\r\n";
        let (first, body) = app.raw_get(path, takes).await;
        let tag = first.header("etag").to_owned();
        assert!(first.status == 200 && tag.len() > 10 && !body.is_empty(), "{first:?}");
        assert!(first.header("cache-control").contains("max-age=86400"), "{first:?}");
        let (again, body) = app.raw_get(path, &format!("{takes}If-None-Match: \"other\", {tag}\r\n")).await;
        assert_eq!((again.status, again.header("etag"), body.len()), (304, tag.as_str(), 0), "{again:?}");
        let (other, body) = app.raw_get(path, &format!("{takes}If-None-Match: \"other\"\r\n")).await;
        assert!(other.status == 200 && !body.is_empty(), "{other:?}");
    }
}
