//! The web client as browsers get it: the page, what it loads, what they are told to do with it, and what it costs its caller.

use crate::limits::limited;
use crate::support::{Answer, By, Method, TestApp, spawn_app, spawn_app_with};
use flate2::read::GzDecoder;
use reqwest::Url;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

const GZIP: &str = "Accept-Encoding: gzip\r\n";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; \
    connect-src 'self'";

/// The page, and the paths of what it names itself, relative to it.
async fn page(app: &TestApp) -> (Answer, Vec<String>) {
    let (answer, body) = app.raw_get("/", "").await;
    let text = String::from_utf8(body).expect("text");
    let named = text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
    (Answer { text, ..answer }, named)
}

/// Something that never changes: the page's script.
pub async fn script(app: &TestApp) -> String {
    let named = page(app).await.1;
    format!("/{}", named.into_iter().find(|path| path.ends_with("app/main.js")).expect("it has a script"))
}

/// What a script or a style sheet loads, as it is written there. Comments name types in the same way.
fn loads(text: &str) -> Vec<String> {
    let code = |part: &str| part.split_once("*/").map_or("", |(_, code)| code).to_owned();
    let (first, rest) = text.split_once("/*").unwrap_or((text, ""));
    let text = first.to_owned() + &rest.split("/*").map(code).collect::<String>();
    let marks = [
        "from '",
        "from \"",
        "from\"",
        "import '",
        "import \"",
        "import\"",
        "import('",
        "@import '",
        "new URL('",
        "@import \"",
    ];
    let found =
        marks.iter().flat_map(|mark| text.split(mark).skip(1)).filter_map(|rest| rest.split(['\'', '"']).next());
    found.filter(|path| path.starts_with("./") || path.starts_with("../")).map(str::to_owned).collect()
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut whole).expect("it is packed");
    whole
}

#[tokio::test]
async fn the_page_and_all_that_it_loads_come_whole_from_this_server() {
    let app = spawn_app().await;
    let (answer, named) = page(&app).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{answer:?}");
    // Nothing is absolute, so that a proxy may serve it under any path; no script and no style stands in the page itself.
    for bad in ["=\"/", "='", "<style", " style=", "<script>", "javascript:", " onload="] {
        assert!(!answer.text.contains(bad), "{bad}: {}", answer.text);
    }
    let start = Url::parse("http://madang/chat/").expect("a URL");
    let mut waiting: Vec<Url> = named.iter().map(|path| start.join(path).expect("a path")).collect();
    let folder = waiting.first().expect("it loads something").path().split('/').take(4).collect::<Vec<_>>().join("/");
    let mut seen = BTreeMap::new();
    while let Some(url) = waiting.pop() {
        assert!(url.path().starts_with(&format!("{folder}/")), "{url} has another hash than {folder}");
        let path = url.path().strip_prefix("/chat").expect("it is below the page").to_owned();
        if seen.contains_key(&path) {
            continue;
        }
        let (file, body) = app.raw_get(&path, "").await;
        assert_eq!(file.status, 200, "{file:?}");
        let kind = match path.rsplit_once('.').expect("an ending").1 {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "json" => "application/json",
            "svg" => "image/svg+xml",
            other => panic!("{path} is {other}"),
        };
        assert_eq!(file.header("content-type"), kind, "{path}");
        let text = String::from_utf8(body).expect("text");
        waiting.extend(loads(&text).iter().map(|path| url.join(path).expect("a path")));
        seen.insert(path, text.len());
    }
    assert!(seen.len() >= named.len() && seen.keys().any(|path| path.ends_with("/app/main.js")), "{seen:?}");
}

#[tokio::test]
async fn under_which_licences_it_is_can_be_read() {
    let app = spawn_app().await;
    let path = script(&app).await.replace("app/main.js", "vendor/LICENSES");
    let (answer, body) = app.raw_get(&path, "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; charset=utf-8"), "{answer:?}");
    assert!(String::from_utf8(body).expect("text").contains("MIT"));
    for tool in ["update", "versions.json", "package.json", "index.html"] {
        app.raw_get(&path.replace("LICENSES", tool), "").await.0.is_missing();
    }
}

impl Answer {
    #[track_caller]
    fn is_missing(&self) {
        assert_eq!((self.status, self.header("content-type")), (404, "application/json"), "{self:?}");
    }
}

#[tokio::test]
async fn browsers_are_told_what_the_page_may_do() {
    let app = spawn_app_with(|config| config.trusted_proxies = "127.0.0.1".parse().expect("good")).await;
    for (host, forwarded, sockets) in [
        (app.address.to_string(), "", format!(" ws://{}", app.address)),
        ("chat.example.com".into(), "", " ws://chat.example.com".into()),
        ("chat.example.com:8443".into(), "https", " wss://chat.example.com:8443".into()),
        ("[::1]:8000".into(), "http", " ws://[::1]:8000".into()),
        // What is no host becomes no part of the policy.
        ("a;script-src".into(), "", String::new()),
        ("*".into(), "https", String::new()),
        ("mina@evil.example".into(), "", String::new()),
        (String::new(), "", String::new()),
    ] {
        for known in ["", "If-None-Match: *\r\n"] {
            let mut raw = app.raw().await;
            let lines = format!("Host: {host}\r\nX-Forwarded-Proto: {forwarded}\r\n{known}");
            raw.send(format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes()).await;
            let (answer, _) = raw.answer_with_body("/").await;
            assert_eq!(answer.status, if known.is_empty() { 200 } else { 304 }, "{answer:?}");
            assert_eq!(answer.header("content-security-policy"), format!("{POLICY}{sockets}"), "{host}");
            for (name, value) in [
                ("cache-control", "no-cache"),
                ("vary", "accept-encoding"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
            ] {
                assert_eq!(answer.header(name), value, "{name}");
            }
            let devices = answer.header("permissions-policy");
            assert!(devices.contains("camera=()") && devices.contains("microphone=()"), "{devices}");
        }
    }
    let other = spawn_app().await;
    let (answer, _) = other.raw_get("/", "X-Forwarded-Proto: https\r\n").await;
    assert!(answer.header("content-security-policy").ends_with(" ws://madang"), "nobody trusts this proxy: {answer:?}");
}

#[tokio::test]
async fn what_it_loads_is_kept_for_ever_and_the_page_is_asked_for_each_time() {
    let app = spawn_app().await;
    let file = script(&app).await;
    for (path, cache) in
        [("/", "no-cache"), (&*file, "public, max-age=31536000, immutable"), ("/favicon.ico", "public, max-age=86400")]
    {
        let mut tags = BTreeSet::new();
        for takes in ["", GZIP] {
            let (first, body) = app.raw_get(path, takes).await;
            let tag = first.header("etag").to_owned();
            assert_eq!((first.status, first.header("cache-control")), (200, cache), "{first:?}");
            assert_eq!(first.header("x-content-type-options"), "nosniff");
            assert!(tag.starts_with('"') && tag.len() > 10 && !body.is_empty(), "{first:?}");
            for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
                let (again, body) = app.raw_get(path, &format!("{takes}If-None-Match: {known}\r\n")).await;
                let is = (again.status, again.header("etag"), again.header("cache-control"), body.len());
                assert_eq!(is, (304, &*tag, cache, 0), "{again:?}");
            }
            let (other, whole) = app.raw_get(path, &format!("{takes}If-None-Match: \"other\"\r\n")).await;
            assert_eq!((other.status, whole), (200, body), "{other:?}");
            tags.insert(tag);
        }
        assert_eq!(tags.len(), 2, "packed and unpacked are other bytes");
    }
}

#[tokio::test]
async fn who_takes_gzip_gets_it_and_nobody_else() {
    let app = spawn_app().await;
    for path in ["/", &script(&app).await, "/favicon.ico"] {
        let (plain, whole) = app.raw_get(path, "").await;
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"), "{plain:?}");
        assert_eq!(plain.header("content-length"), whole.len().to_string());
        for takes in ["gzip", "deflate, gzip;q=0.8, br", "GZIP", "br;q=1.0, gzip;q=0.5, *;q=0"] {
            let (packed, bytes) = app.raw_get(path, &format!("Accept-Encoding: {takes}\r\n")).await;
            assert_eq!((packed.header("content-encoding"), packed.status), ("gzip", 200), "{takes}: {packed:?}");
            assert_eq!(packed.header("vary"), "accept-encoding");
            assert_eq!(packed.header("content-length"), bytes.len().to_string());
            assert_eq!(unpacked(&bytes), whole, "{path}");
        }
        for takes in ["br", "gzip;q=0", "identity", "gzip;q=0, identity;q=0.5", "identity, gzip;q=0.1", "nonsense;q"] {
            let (answer, bytes) = app.raw_get(path, &format!("Accept-Encoding: {takes}\r\n")).await;
            assert_eq!((answer.header("content-encoding"), bytes), ("", whole.clone()), "{takes}: {answer:?}");
        }
        let mut raw = app.raw().await;
        raw.send(
            format!("HEAD {path} HTTP/1.1\r\nHost: madang\r\n\r\nGET /healthz HTTP/1.1\r\nHost: madang\r\n\r\n")
                .as_bytes(),
        )
        .await;
        let (head, _) = raw.answer_with_body("HEAD").await;
        for name in ["content-type", "content-length", "etag", "cache-control", "content-security-policy"] {
            assert_eq!((head.status, head.header(name)), (200, plain.header(name)), "{name}");
        }
        assert_eq!(raw.answer("what follows has no body before it").await.status, 200);
    }
}

/// A page of an older version finds out that it is one, and is loaded anew.
#[tokio::test]
async fn of_another_version_there_is_nothing_and_nobody_keeps_that() {
    let app = spawn_app().await;
    let file = script(&app).await;
    let hash = file.split('/').nth(2).expect("a hash");
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    for path in [
        file.replace(hash, "0000000000000000"),
        file.replace("main.js", "nothing.js"),
        file.replace("main.js", "../../Cargo.toml"),
        file.replace("main.js", "%2e%2e/index.html"),
        file.replace("main.js", "%FF"),
    ] {
        let answer = app.refusal(&format!("GET {path} HTTP/1.1"), "").await;
        answer.refuses(404, "not_found");
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
    }
    for path in [file.replace(hash, ""), file.replace("app/main.js", ""), "/web/".to_owned(), "/web".to_owned()] {
        app.refusal(&format!("GET {path} HTTP/1.1"), "").await.refuses(404, "not_found");
    }
}

#[tokio::test]
async fn a_page_spends_none_of_its_reader_s_calls() {
    let app = limited().await;
    let file = script(&app).await;
    let old = file.replace("/app/", "/no/");
    let load = async |path: &str| {
        let call = app.call(Method::GET, path, By::Nobody, |call| call.header("x-forwarded-for", "203.0.113.7"));
        call.await
    };
    for (path, status) in [("/", 200), (&*file, 200), ("/favicon.ico", 200), (&*old, 404)] {
        let all = futures_util::future::join_all((0..150).map(|_| load(path))).await;
        for answer in all {
            assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (status, ""), "{answer:?}");
        }
    }
    let counted = load("/docs").await;
    assert_eq!((counted.header("x-ratelimit-limit"), counted.header("x-ratelimit-remaining")), ("50", "49"));
}

#[tokio::test]
async fn where_it_is_off_there_is_nothing_of_it() {
    let app = spawn_app().await;
    let file = script(&app).await;
    let without = spawn_app_with(|config| config.web = false).await;
    for path in ["/", "/favicon.ico", &file] {
        assert_eq!(app.raw_get(path, "").await.0.status, 200, "{path}");
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let answer = without.call(method, path, By::Nobody, |call| call).await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        without.get(path, By::Nobody).await.refuses(404, "not_found");
    }
    assert_eq!(without.get("/docs", By::Nobody).await.status, 200);
    without.register("mina").await;
}
