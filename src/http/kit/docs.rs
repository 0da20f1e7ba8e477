//! `/docs` (Swagger UI) and `/redoc` (Redoc), both from the binary: they work with no internet, and load nothing from elsewhere.

mod files;

use crate::error::{Error, Result};
use crate::http::Node;
use crate::http::kit::extract::Guest;
use crate::limits::household;
use crate::net::unread::{Parts, Reader};
use actix_web::http::header::{self, Header, HeaderValue, IfNoneMatch, TryIntoHeaderValue};
use actix_web::http::{StatusCode, uri::Authority};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use files::File;
use serde_json::Value;
use std::sync::Arc;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// All of it is relative, so that it works under whatever path a proxy serves the node. What the page loads is found with a slash
/// behind `/docs`, too: see the routes.
const SWAGGER_PAGE: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Madang API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/style.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"##;

/// What is not right in Swagger UI's own.
const SWAGGER_STYLE: &str = include_str!("docs/style.css");

const SWAGGER_START: &str = r##"window.ui = SwaggerUIBundle({
  url: new URL(location.pathname.endsWith("/") ? "../openapi.json" : "openapi.json", location.href).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
});
"##;

const REDOC_PAGE: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Madang API</title>
<link rel="icon" href="redoc/favicon-32x32.png">
<style>body { margin: 0 }</style>
</head>
<body>
<div id="redoc"></div>
<noscript>Redoc needs JavaScript. The document itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="redoc/redoc.standalone.js"></script>
<script src="redoc/redoc-start.js"></script>
</body>
</html>
"##;

/// Its fonts are the browser's own. Redoc would show the relative address of the server as it stands.
const REDOC_START: &str = r##"const at = new URL(location.pathname.endsWith("/") ? "../openapi.json" : "openapi.json", location.href);
const place = document.getElementById("redoc");
const fontFamily = "system-ui, sans-serif";
const options = {
  downloadDefinitionUrl: at.href,
  pathInMiddlePanel: true,
  requiredPropsFirst: true,
  theme: { typography: { fontFamily, headings: { fontFamily } } },
};
fetch(at)
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
  .then((spec) => Redoc.init({ ...spec, servers: [{ url: new URL(".", at).href }] }, options, place))
  .catch((why) => (place.textContent = `openapi.json cannot be read now (${why}). Reload the page in a moment.`));
"##;

/// `assets/redoc/README.md` says where it is from.
const REDOC: &[u8] = include_bytes!("../../../assets/redoc/redoc.standalone.js.gz");

/// Swagger UI sets styles on its elements, and draws with images in its style sheet. The console of this page is where people try
/// sockets, so these may be opened too.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Redoc sets styles too, and searches in a worker that it makes itself.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
    worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documents that a node serves, made once.
pub struct Documents {
    openapi: Bytes,
    asyncapi: Value,
    files: Vec<File>,
}

/// As Swagger UI calls its parts.
const SWAGGER_FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

impl Documents {
    /// Those of the calls and of the sockets, and the pages that show them.
    pub fn new(openapi: &Value, asyncapi: Value) -> Self {
        let openapi = Bytes::from(openapi.to_string());
        let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi.json"));
        let part = |name: &'static str| {
            let found = utoipa_swagger_ui::serve(name, Arc::clone(&config)).ok().flatten()?;
            Some(File::plain(name, found.content_type, Bytes::from(found.bytes.into_owned())))
        };
        let own = [
            File::plain("style.css", STYLE.to_owned(), Bytes::from_static(SWAGGER_STYLE.as_bytes())),
            File::plain("start.js", SCRIPT.to_owned(), Bytes::from_static(SWAGGER_START.as_bytes())),
            File::plain("redoc-start.js", SCRIPT.to_owned(), Bytes::from_static(REDOC_START.as_bytes())),
            File::packed("redoc.standalone.js", SCRIPT.to_owned(), Bytes::from_static(REDOC)),
        ];
        Self { openapi, asyncapi, files: SWAGGER_FILES.into_iter().filter_map(part).chain(own).collect() }
    }
}

/// `/openapi.json`
pub async fn openapi_json(guest: Guest, node: Data<Node>, documents: Data<Documents>) -> Result<HttpResponse> {
    shared(&guest, &node, "application/json", &documents.openapi)
}

/// `/asyncapi.json`: its server is the one that it is read from.
pub async fn asyncapi_json(
    _: Guest,
    node: Data<Node>,
    documents: Data<Documents>,
    request: HttpRequest,
) -> HttpResponse {
    let mut document = documents.asyncapi.clone();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    if let Some(host) = host.filter(|host| !host.as_str().contains('@')) {
        let by_proxy = request.peer_addr().is_some_and(|peer| node.proxies.trust(peer.ip().to_canonical()));
        let forwarded = request.headers().get("x-forwarded-proto").filter(|_| by_proxy);
        let is_secret =
            node.has_tls || forwarded.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
        document["servers"]["node"]["host"] = host.as_str().into();
        document["servers"]["node"]["protocol"] = if is_secret { "wss" } else { "ws" }.into();
    }
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(document)
}

/// `/docs`
pub async fn swagger(_: Guest) -> HttpResponse {
    page(SWAGGER_PAGE, SWAGGER_POLICY)
}

/// `/redoc`
pub async fn redoc(_: Guest) -> HttpResponse {
    page(REDOC_PAGE, REDOC_POLICY)
}

/// `/docs/{file}`, `/redoc/{file}`: what the pages load. It changes with the program only: a browser asks once a day whether it has.
pub async fn file(
    guest: Guest,
    node: Data<Node>,
    documents: Data<Documents>,
    name: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let file = documents.files.iter().find(|file| file.name == name.as_str()).ok_or(Error::NoRoute)?;
    let sent = file.sent(&request).ok_or(Error::Internal)?;
    let mut answer = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Items(known)) if known.iter().any(|tag| tag.weak_eq(&sent.tag)) => {
            HttpResponse::NotModified().finish()
        }
        _ => shared(&guest, &node, &file.content_type, sent.bytes)?,
    };
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    if let Ok(tag) = sent.tag.try_into_value() {
        headers.insert(header::ETAG, tag);
    }
    if file.is_packed {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if sent.is_packed && answer.status() == StatusCode::OK {
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}

/// Bytes that all answers share, to whom they are counted that reads them slowly.
fn shared(guest: &Guest, node: &Node, content_type: &str, bytes: &Bytes) -> Result<HttpResponse> {
    let reader = Reader::Address(household(guest.0.address));
    let parts = Parts::shared(bytes.clone(), &node.unread, reader)?;
    Ok(HttpResponse::Ok().content_type(content_type).body(parts))
}

fn page(text: &'static str, policy: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(text)
}
