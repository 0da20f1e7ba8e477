//! Around every call: a request id, one log line without query, headers or body, and a path without its trailing slash.

use crate::error::{Error, quota_headers};
use crate::http::Node;
use crate::http::kit::web_client;
use crate::limits::{Quota, household};
use crate::net::Exchange;
use crate::net::origin::PreflightError;
use crate::net::unread::{PART_BYTES, Parts, Reader};
use crate::telemetry::{LOGGED_PATH_MAX, RequestId, cut};
use actix_cors::CorsError;
use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{RequestHead, ResponseHead, ServiceRequest, ServiceResponse, Url};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{ConnectionType, StatusCode, Uri, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, ResponseError, rt};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a browser may do with an answer that is no page: nothing, not even in a frame.
const NO_PAGE: &str = "default-src 'none'; frame-ancestors 'none'";

/// Whoever floods the node with calls that are refused has each of them answered so much later: a connection makes one at a time, and
/// others have the time that all these refusals would take.
const REFUSAL_PAUSE: Duration = Duration::from_millis(100);

/// A browser that has been here by TLS comes by TLS for a year.
const ONLY_TLS: &str = "max-age=31536000";

/// The middleware.
pub async fn observe<B>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<EitherBody<B>, Parts>>, actix_web::Error>
where
    B: MessageBody + 'static,
{
    let started = Instant::now();
    let request_id = RequestId::random();
    let method = request.method().clone();
    let path = request.path().to_owned();
    if path.len() > 1 && path.ends_with('/') {
        drop_trailing_slash(&mut request);
    }
    let way = Way::of(request.head());
    let exchange = request.request().conn_data::<Rc<Exchange>>().cloned();
    let (body, has_tls) = (announced(&request), request.app_data::<Data<Node>>().is_some_and(|node| node.has_tls));
    if let Some(exchange) = &exchange {
        exchange.begin();
        exchange.admit(body);
    }
    let answered = request_id.scope(next.call(request)).await;
    if let Some(exchange) = &exchange {
        exchange.end(body);
    }
    let mut response = in_parts(in_our_words(answered?));
    let status = response.status().as_u16();
    let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (request_id, method) = (request_id.as_str(), method.as_str());
    let path = cut(&path, LOGGED_PATH_MAX);
    // A page loads some dozens of files, which say nothing that the page's own line does not.
    let is_file = path.starts_with(web_client::FOLDER) && status < 400;
    let has_line = !is_file && (is_known(response.request()) || has_line(response.request()));
    if !has_line && status == StatusCode::TOO_MANY_REQUESTS {
        rt::time::sleep(REFUSAL_PAUSE).await;
    }
    if has_line {
        if status >= 500 {
            tracing::warn!(request_id, method, path, status, elapsed_us, "call");
        } else {
            tracing::info!(request_id, method, path, status, elapsed_us, "call");
        }
    }
    let size = response.response().body().size();
    way.back(response.response_mut().head_mut(), size);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NO_PAGE));
    }
    if has_tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    let quota = response.request().extensions().get::<Quota>().copied();
    if let Some(quota) = quota.filter(|_| status != StatusCode::TOO_MANY_REQUESTS) {
        for (name, value) in quota_headers(&quota) {
            response.headers_mut().insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

/// How an answer can go back.
struct Way {
    /// HTTP/1.0 knows no chunks: a body of unknown length ends with the connection.
    has_chunks: bool,
    /// What HTTP makes of `Connection: upgrade` without an upgrade: it closes the connection, and has to say so. (Many a proxy sends it
    /// with every call.)
    is_upgrade: bool,
}

impl Way {
    fn of(head: &RequestHead) -> Self {
        Self { has_chunks: head.version >= Version::HTTP_11, is_upgrade: head.upgrade() }
    }

    fn back(&self, head: &mut ResponseHead, size: BodySize) {
        head.no_chunking(!self.has_chunks);
        let ends_with_connection = !self.has_chunks && size == BodySize::Stream;
        if self.is_upgrade || ends_with_connection {
            head.set_connection_type(ConnectionType::Close);
        }
    }
}

/// A large answer goes out in parts and is counted until it has been taken; where too much is unread already, it is refused.
fn in_parts<B: MessageBody + 'static>(
    response: ServiceResponse<EitherBody<B>>,
) -> ServiceResponse<EitherBody<EitherBody<B>, Parts>> {
    match response.response().body().size() {
        BodySize::Sized(size) if size > PART_BYTES as u64 => {}
        _ => return response.map_into_left_body(),
    }
    let (request, answer) = response.into_parts();
    let (answer, body) = answer.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        // It comes in parts already.
        Err(body) => return ServiceResponse::new(request, answer.set_body(EitherBody::left(body))),
    };
    let reserved =
        request.app_data::<Data<Node>>().map(|node| node.unread.reserve(reader(&request, node), bytes.len()));
    let answer = match reserved {
        Some(Ok(reserved)) => answer.set_body(EitherBody::right(Parts::counted(bytes, reserved))),
        None => answer.set_body(EitherBody::right(Parts::uncounted(bytes))),
        Some(Err(error)) => {
            // With what other layers have said already, so that a page can read it.
            let mut refusal = error.error_response();
            for (name, value) in answer.headers() {
                if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
                    refusal.headers_mut().insert(name.clone(), value.clone());
                }
            }
            refusal.map_body(|_, body| EitherBody::left(EitherBody::right(body)))
        }
    };
    ServiceResponse::new(request, answer)
}

/// Whose an answer is.
fn reader(request: &HttpRequest, node: &Node) -> Reader {
    if let Some(reader) = request.extensions().get::<Reader>() {
        return *reader;
    }
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    Reader::Address(household(node.proxies.client_of(peer, request.headers())))
}

/// Whether the call is somebody's: they are limited, and so are their lines.
fn is_known(request: &HttpRequest) -> bool {
    request.extensions().contains::<Reader>()
}

/// A call of nobody's has a line unless its address has had too many.
fn has_line(request: &HttpRequest) -> bool {
    let address = request.app_data::<Data<Node>>().zip(request.peer_addr());
    address.is_none_or(|(node, peer)| node.limits.has_line(node.proxies.client_of(peer.ip(), request.headers())))
}

/// How many bytes of body come with a request; `None` if it does not say.
fn announced(request: &ServiceRequest) -> Option<u64> {
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    headers.get(header::CONTENT_LENGTH).map_or(Some(0), |length| length.to_str().ok()?.parse().ok())
}

/// A page that may not make a call is told so as everybody is.
fn in_our_words<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<EitherBody<B>> {
    let refused =
        response.response().error().and_then(|error| error.as_error::<CorsError>()).map(|error| match error {
            CorsError::OriginNotAllowed | CorsError::MissingOrigin | CorsError::WildcardOrigin => {
                PreflightError::Origin
            }
            CorsError::HeadersNotAllowed | CorsError::BadRequestHeaders => PreflightError::Header,
            _ => PreflightError::Method,
        });
    match refused {
        Some(refused) => response.into_response(Error::Preflight(refused).error_response()).map_into_right_body(),
        None => response.map_into_left_body(),
    }
}

/// Every path works with and without it; a route with one pattern needs no set of regular expressions.
fn drop_trailing_slash(request: &mut ServiceRequest) {
    let uri = request.uri();
    let path = uri.path().strip_suffix('/').unwrap_or(uri.path());
    let shorter = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::from_maybe_shared(shorter).ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.match_info_mut() = actix_web::dev::Path::new(Url::new(uri.clone()));
        request.head_mut().uri = uri;
    }
}
