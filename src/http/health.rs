//! `/healthz` and `/readyz`: for the supervisor and the load balancer.

use super::Node;
use crate::error::ErrorBody;
use actix_web::web::Data;
use actix_web::{HttpResponse, rt};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It does")))]
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Whether the node can serve
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "It can"),
        (status = 503, description = "`not_ready`; `missing` says what is", body = ErrorBody),
    ),
)]
pub async fn ready(node: Data<Node>) -> HttpResponse {
    let mut missing = Vec::new();
    if node.stopping.load(Ordering::Relaxed) {
        missing.push("the node is stopping");
    }
    if !matches!(rt::time::timeout(ANSWER_MAX, node.db.ping()).await, Ok(Ok(()))) {
        missing.push("database");
    }
    if missing.is_empty() {
        return HttpResponse::Ok().json(json!({ "status": "ready" }));
    }
    HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).json(json!({
        "detail": format!("Not ready: {}", missing.join(", ")), "code": "not_ready", "missing": missing,
    }))
}
