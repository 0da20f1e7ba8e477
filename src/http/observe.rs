//! Around every call: a request id, one log line without query, headers or body.

use crate::telemetry::RequestId;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware.
pub async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let started = Instant::now();
    let request_id = RequestId::random();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let mut response = request_id.scope(next.call(request)).await?;
    let status = response.status().as_u16();
    let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (request_id, method) = (request_id.as_str(), method.as_str());
    if status >= 500 {
        tracing::warn!(request_id, method, path, status, elapsed_us, "call");
    } else {
        tracing::info!(request_id, method, path, status, elapsed_us, "call");
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

