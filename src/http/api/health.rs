//! `/healthz` and `/readyz`: for the supervisor and the load balancer.

use crate::error::{Error, NotReadyBody, Result};
use crate::http::Node;
use crate::patience::timeout;
use actix_web::web::{Data, Json};
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use utoipa::ToSchema;

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

/// How a node is.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// `ok`: it lives. `ready`: it can serve.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives
#[utoipa::path(
    get, path = "/healthz", security(()),
    responses((status = 200, description = "It does", body = Status, example = json!({ "status": "ok" }))),
)]
pub async fn live() -> Json<Status> {
    Json(Status { status: "ok" })
}

/// Whether the node can serve
#[utoipa::path(
    get, path = "/readyz", security(()),
    responses(
        (status = 200, description = "It can", body = Status, example = json!({ "status": "ready" })),
        (status = 503, description = "It cannot", body = NotReadyBody),
    ),
)]
pub async fn ready(node: Data<Node>) -> Result<Json<Status>> {
    let mut missing = Vec::new();
    if node.stopping.load(Ordering::Relaxed) {
        missing.push("the node is stopping");
    }
    if !node.cluster.lease().is_held() {
        missing.push("lease");
    }
    let asked = node.health.ask(async { node.db.ping().await.is_ok() });
    if timeout(ANSWER_MAX, asked).await != Some(true) {
        missing.push("database");
    }
    if missing.is_empty() { Ok(Json(Status { status: "ready" })) } else { Err(Error::NotReady(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::rt;
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
