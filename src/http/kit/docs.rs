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

/// The pages. All that they name is relative, so that it works under whatever path a proxy serves the node, and is found with a slash
/// behind the page's path, too: see the routes.
const SWAGGER_PAGE: &str = include_str!("docs/swagger.html");
const REDOC_PAGE: &str = include_str!("docs/redoc.html");

/// What stands above both, and the mark in them that it takes the place of.
const HEAD: &str = include_str!("docs/head.html");
const HEAD_MARK: &str = "<!-- head -->\n";

/// Where that leads, and what it is called.
const CHAT: (&str, &str) = ("./", "Chat");
const PAGES: [(&str, &str); 3] = [("docs", "API"), ("redoc", "Reference"), ("asyncapi.json", "AsyncAPI")];

/// The pages' own parts. The colours and the mark are the web client's, which they need not be served with.
const OWN_FILES: [(&str, &str, &str); 8] = [
    ("theme.css", STYLE, include_str!("../../../web/style/theme.css")),
    ("favicon.svg", "image/svg+xml", include_str!("../../../web/favicon.svg")),
    ("head.css", STYLE, include_str!("docs/head.css")),
    ("look.js", SCRIPT, include_str!("docs/look.js")),
    ("swagger.css", STYLE, include_str!("docs/swagger.css")),
    ("swagger.js", SCRIPT, include_str!("docs/swagger.js")),
    ("redoc.css", STYLE, include_str!("docs/redoc.css")),
    ("redoc.js", SCRIPT, include_str!("docs/redoc.js")),
];

/// `assets/redoc/README.md` says where it is from.
const REDOC: &[u8] = include_bytes!("../../../assets/redoc/redoc.standalone.js.gz");

/// Swagger UI draws with images in its style sheet. The console of this page is where people try sockets, so these may be opened too.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Redoc puts two styles into the page, an empty one that it then fills rule by rule, and that of its scroll bars; and it searches in a
/// worker that it makes itself.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
    img-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documents that a node serves, made once.
pub struct Documents {
    openapi: Bytes,
    asyncapi: Value,
    swagger: Bytes,
    redoc: Bytes,
    files: Vec<File>,
}

/// As Swagger UI calls its parts.
const SWAGGER_FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

impl Documents {
    /// Those of the calls and of the sockets, and the pages that show them, with a way to the chat where the node has one.
    pub fn new(openapi: &Value, asyncapi: Value, has_chat: bool) -> Self {
        let openapi = Bytes::from(openapi.to_string());
        let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi.json"));
        let part = |name: &'static str| {
            let found = utoipa_swagger_ui::serve(name, Arc::clone(&config)).ok().flatten()?;
            Some(File::plain(name, found.content_type, Bytes::from(found.bytes.into_owned())))
        };
        let own = OWN_FILES.map(|(name, kind, text)| File::plain(name, kind, Bytes::from_static(text.as_bytes())));
        let redoc = File::packed("redoc.standalone.js", SCRIPT, REDOC);
        Self {
            openapi,
            asyncapi,
            swagger: with_head(SWAGGER_PAGE, "docs", has_chat),
            redoc: with_head(REDOC_PAGE, "redoc", has_chat),
            files: SWAGGER_FILES.into_iter().filter_map(part).chain(own).chain([redoc]).collect(),
        }
    }
}

/// A page with what stands above it: Madang's mark, and the ways to what else there is.
fn with_head(text: &str, page: &str, has_chat: bool) -> Bytes {
    let link = |(to, name): (&str, &str)| {
        let current = if to == page { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{to}\"{current}>{name}</a>\n")
    };
    let links: String = has_chat.then_some(CHAT).into_iter().chain(PAGES).map(link).collect();
    let home = if has_chat { CHAT.0 } else { page };
    let head = HEAD.replace("{home}", home).replace("{page}", page).replace("{links}", &links);
    text.replace(HEAD_MARK, &head).into()
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
pub async fn swagger(_: Guest, documents: Data<Documents>) -> HttpResponse {
    page(&documents.swagger, SWAGGER_POLICY)
}

/// `/redoc`
pub async fn redoc(_: Guest, documents: Data<Documents>) -> HttpResponse {
    page(&documents.redoc, REDOC_POLICY)
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

fn page(text: &Bytes, policy: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(PAGE)
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(text.clone())
}
