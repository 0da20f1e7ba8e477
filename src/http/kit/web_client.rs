//! The web client: the page at `/`, and what it loads at `/web/{hash}/…`, all of it in the binary (`build.rs`). The hash is of all files
//! together, so that what has once been loaded from an address never changes, and modules of two versions never meet.
//!
//! None of it is counted as a call: whoever opens the page has all calls left.

use crate::error::{Error, Result};
use crate::http::Node;
use crate::http::kit::extract::Client;
use crate::http::kit::files::{File, PAGE as HTML, SCRIPT, STYLE};
use crate::http::kit::site::Site;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use std::collections::HashMap;

// `HASH`, `PAGE` and `FILES`: each file packed, by the path that follows the hash.
include!(concat!(env!("OUT_DIR"), "/web_client.rs"));

/// Below it is what the page loads.
pub const FOLDER: &str = "/web/";

const ICON: &str = "favicon.svg";

/// What an address with a hash answers, it answers for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Nothing from elsewhere, no script and no style in the page itself, no text that becomes markup. The sockets are added for each host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; \
    connect-src 'self'";

/// What else browsers are told of the page: it needs no device, and no page that it has opened, or was opened by, reaches into it.
const PAGE_HEADERS: [(HeaderName, &str); 3] = [
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()",
    ),
];

/// The page and its files, made once.
pub struct WebClient {
    page: File,
    files: HashMap<&'static str, File>,
}

impl Default for WebClient {
    fn default() -> Self {
        let file =
            |(path, bytes): &(&'static str, &'static [u8])| (*path, File::packed(path, content_type(path), bytes));
        Self { page: File::packed("", HTML, PAGE), files: FILES.iter().map(file).collect() }
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => SCRIPT,
        Some("css") => STYLE,
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// `/`
pub async fn page(
    client: Client,
    node: Data<Node>,
    web: Data<WebClient>,
    site: Site,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let mut answer = web.page.answer(&request, &node, client.address, "no-cache")?;
    let headers = answer.headers_mut();
    // By `'self'` alone, not every browser may open sockets.
    let sockets = site.host.as_ref().map(|host| format!(" {}://{host}", site.socket_scheme())).unwrap_or_default();
    let policy = HeaderValue::from_str(&format!("{POLICY}{sockets}")).map_err(|_| Error::Internal)?;
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in PAGE_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(answer)
}

/// `/web/{hash}/{file}`: of another version there is nothing, and nobody keeps that in mind. The page is loaded anew then.
pub async fn file(
    client: Client,
    node: Data<Node>,
    web: Data<WebClient>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let part = |name| request.match_info().get(name).unwrap_or_default();
    match web.files.get(part("file")).filter(|_| part("hash") == HASH) {
        Some(file) => file.answer(&request, &node, client.address, FOR_EVER),
        None => {
            let mut answer = Error::NoRoute.error_response();
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(answer)
        }
    }
}

/// `/favicon.ico`, which browsers ask for on every page that names no icon.
pub async fn icon(
    client: Client,
    node: Data<Node>,
    web: Data<WebClient>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let file = web.files.get(ICON).ok_or(Error::NoRoute)?;
    file.answer(&request, &node, client.address, "public, max-age=86400")
}
