//! `/docs` (Swagger UI) and `/redoc` (Redoc), both from the binary: they work with no internet, and load nothing from elsewhere.

use crate::error::{Error, Result};
use crate::http::Node;
use crate::http::kit::extract::Guest;
use crate::http::kit::files::{File, PAGE, SCRIPT, STYLE, shared};
use crate::http::kit::site::Site;
use actix_web::http::header;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use std::sync::Arc;

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
            File::plain("style.css", STYLE, Bytes::from_static(SWAGGER_STYLE.as_bytes())),
            File::plain("start.js", SCRIPT, Bytes::from_static(SWAGGER_START.as_bytes())),
            File::plain("redoc-start.js", SCRIPT, Bytes::from_static(REDOC_START.as_bytes())),
            File::packed("redoc.standalone.js", SCRIPT, REDOC),
        ];
        Self { openapi, asyncapi, files: SWAGGER_FILES.into_iter().filter_map(part).chain(own).collect() }
    }
}

/// `/openapi.json`
pub async fn openapi_json(guest: Guest, node: Data<Node>, documents: Data<Documents>) -> Result<HttpResponse> {
    shared(&node, guest.0.address, "application/json", &documents.openapi)
}

/// `/asyncapi.json`: its server is the one that it is read from.
pub async fn asyncapi_json(_: Guest, documents: Data<Documents>, site: Site) -> HttpResponse {
    let mut document = documents.asyncapi.clone();
    if let Some(host) = &site.host {
        document["servers"]["node"]["host"] = host.as_str().into();
        document["servers"]["node"]["protocol"] = site.socket_scheme().into();
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
    file.answer(&request, &node, guest.0.address, "public, max-age=86400")
}

fn page(text: &'static str, policy: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(PAGE)
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(text)
}
