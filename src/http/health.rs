//! `/healthz` and `/readyz`: for the supervisor and the load balancer.

use super::Node;
use crate::error::ErrorBody;
use actix_web::web::Data;
use actix_web::{HttpResponse, rt};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Whether the database answers. However many ask, it is asked once at a time: whoever came before a question was put has its answer.
#[derive(Default)]
pub struct Health(Mutex<Option<(Instant, bool)>>);

impl Health {
    async fn ask(&self, question: impl Future<Output = bool>) -> bool {
        let came = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((asked, answers)) = *last
            && asked >= came
        {
            return answers;
        }
        let asked = Instant::now();
        let answers = question.await;
        *last = Some((asked, answers));
        answers
    }
}

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
    let asked = node.health.ask(async { node.db.ping().await.is_ok() });
    if rt::time::timeout(ANSWER_MAX, asked).await != Ok(true) {
        missing.push("database");
    }
    if missing.is_empty() {
        return HttpResponse::Ok().json(json!({ "status": "ready" }));
    }
    HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).json(json!({
        "detail": format!("Not ready: {}", missing.join(", ")), "code": "not_ready", "missing": missing,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::cell::Cell;

    #[actix_web::test]
    async fn however_many_ask_there_is_one_question_at_a_time_and_all_have_its_answer() {
        let (health, asked, database_is_there) = (Health::default(), Cell::new(0), Cell::new(true));
        let ask = || {
            health.ask(async {
                asked.set(asked.get() + 1);
                rt::task::yield_now().await;
                database_is_there.get()
            })
        };
        assert!(join_all((0..100).map(|_| ask())).await.into_iter().all(|answers| answers));
        assert!(asked.get() <= 2, "{}", asked.get());
        database_is_there.set(false);
        assert!(!ask().await, "who comes later asks anew");
    }
}
