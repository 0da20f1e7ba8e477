//! `/docs` (Swagger UI, from the binary: it works with no internet) and `/redoc` (its script from its CDN, held to a hash).

use super::extract::Guest;
use super::{Node, openapi};
use crate::error::{Error, Result};
use crate::rate_limit::household;
use crate::wire::unread::{Parts, Reader};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, http::header};
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
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"##;

const SWAGGER_START: &str = r##"window.ui = SwaggerUIBundle({
  url: new URL(location.pathname.endsWith("/") ? "../openapi.json" : "openapi.json", location.href).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  persistAuthorization: false,
});
"##;

/// Version 2.5.4 as published in the npm package `redoc`; the hash is of its `bundles/redoc.standalone.js`.
const REDOC_PAGE: &str = r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Madang API</title>
</head>
<body>
<redoc spec-url="openapi.json"></redoc>
<noscript>ReDoc needs JavaScript. The document itself is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="https://cdn.jsdelivr.net/npm/redoc@2.5.4/bundles/redoc.standalone.js"
  integrity="sha384-w447zOpYfw/1Tv/5AK9NfHTlQIqE3RVR6KY62jCyy9zNDgO64cMwGGP1Fj0zJVf5" crossorigin="anonymous"></script>
</body>
</html>
"##;

/// Swagger UI sets styles on its elements, and draws with images in its style sheet. The console of this page is where people try
/// sockets, so these may be opened too.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// ReDoc searches in a worker that it makes itself, and takes its fonts and logo from elsewhere: those it does without.
const REDOC_POLICY: &str = "default-src 'none'; script-src https://cdn.jsdelivr.net/npm/redoc@2.5.4/; style-src 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documents that a worker serves, made once.
pub struct Documents {
    openapi: Bytes,
    asyncapi: Bytes,
    /// The parts of Swagger UI that its page names: the name, the type, the bytes.
    swagger: Vec<(&'static str, String, Bytes)>,
}

/// As Swagger UI calls them.
const SWAGGER_FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

impl Documents {
    /// Makes them; `asyncapi` describes the sockets, which are the other door's.
    ///
    /// # Errors
    /// When the document cannot be written as JSON.
    pub fn new(asyncapi: &serde_json::Value) -> serde_json::Result<Self> {
        let openapi = Bytes::from(openapi::document()?.to_string());
        let asyncapi = Bytes::from(asyncapi.to_string());
        let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi.json"));
        let file = |name: &'static str| {
            let found = utoipa_swagger_ui::serve(name, Arc::clone(&config)).ok().flatten()?;
            Some((name, found.content_type, Bytes::from(found.bytes.into_owned())))
        };
        Ok(Self { openapi, asyncapi, swagger: SWAGGER_FILES.into_iter().filter_map(file).collect() })
    }
}

/// `/openapi.json`
pub async fn openapi_json(guest: Guest, node: Data<Node>, documents: Data<Documents>) -> Result<HttpResponse> {
    shared(&guest, &node, "application/json", &documents.openapi)
}

/// `/asyncapi.json`
pub async fn asyncapi_json(guest: Guest, node: Data<Node>, documents: Data<Documents>) -> Result<HttpResponse> {
    shared(&guest, &node, "application/json", &documents.asyncapi)
}

/// `/docs`
pub async fn swagger(_: Guest) -> HttpResponse {
    page(SWAGGER_PAGE, SWAGGER_POLICY)
}

/// `/docs/{file}`: the parts of Swagger UI that the page names.
pub async fn swagger_file(
    guest: Guest,
    node: Data<Node>,
    documents: Data<Documents>,
    file: Path<String>,
) -> Result<HttpResponse> {
    if file.as_str() == "start.js" {
        return Ok(script(SWAGGER_START.into()));
    }
    let found = documents.swagger.iter().find(|(name, ..)| *name == file.as_str());
    let (_, content_type, bytes) = found.ok_or(Error::NoRoute)?;
    let mut answer = shared(&guest, &node, content_type, bytes)?;
    let cached = header::HeaderValue::from_static("public, max-age=86400");
    answer.headers_mut().insert(header::CACHE_CONTROL, cached);
    Ok(answer)
}

/// Bytes that all answers share, to whom they are counted that reads them slowly.
fn shared(guest: &Guest, node: &Node, content_type: &str, bytes: &Bytes) -> Result<HttpResponse> {
    let reader = Reader::Address(household(guest.0.address));
    let parts = Parts::shared(bytes.clone(), &node.unread, reader)?;
    Ok(HttpResponse::Ok().content_type(content_type).body(parts))
}

/// `/redoc`
pub async fn redoc(_: Guest) -> HttpResponse {
    page(REDOC_PAGE, REDOC_POLICY)
}

fn page(text: &'static str, policy: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(text)
}

fn script(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(text)
}
