//! `make bench`: what a node costs. It runs the real release binary as a process of its own with its embedded
//! PostgreSQL, and real sockets from this one; CPU and memory are the node's, read from `/proc`.
//!
//! Figures of one run on a shared machine drift: compare runs side by side, and quote medians.

#![allow(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unwrap_used)]

mod calls;
#[path = "../../tests/process/client.rs"]
#[allow(dead_code)]
mod client;
mod connection;
mod connects;
mod crowd;
mod decisions;
mod durable;
mod fan_out;
mod floors;
mod growth;
mod history;
mod limits;
mod logins;
mod memory;
#[path = "../../tests/process/node.rs"]
#[allow(dead_code)]
mod node;
mod postgres;
mod publish;
mod results;
mod resume;
#[path = "../../tests/api/support/schema.rs"]
mod schema;
#[allow(dead_code)]
#[path = "../../tests/api/support/secrets.rs"]
mod secrets;
mod site;
mod slow_readers;
mod start;
mod traffic;

use publish::Plan;
use results::Results;

const PARTS: [&str; 13] = [
    "fan_out",
    "durable",
    "calls",
    "limits",
    "decisions",
    "logins",
    "memory",
    "connects",
    "start",
    "history",
    "growth",
    "resume",
    "slow_readers",
];

fn main() {
    floors::run_if_asked();
    measure();
}

#[tokio::main(flavor = "current_thread")]
async fn measure() {
    node::raise_descriptor_limit();
    // `cargo bench --bench node -- resume` measures that alone; `--publish` puts what was measured into docs/PERFORMANCE.md.
    let mut plan = Plan::from_command_line(&PARTS);
    let mut is_chosen = |name: &str| plan.begins(name);
    let mut results = Results::default();
    if is_chosen("fan_out") {
        fan_out::measure(&mut results).await;
    }
    if is_chosen("durable") {
        durable::measure(&mut results).await;
    }
    if is_chosen("calls") {
        calls::measure(&mut results).await;
    }
    if is_chosen("limits") {
        limits::measure(&mut results).await;
    }
    if is_chosen("decisions") {
        decisions::measure(&mut results);
    }
    if is_chosen("logins") {
        logins::measure(&mut results).await;
    }
    if is_chosen("memory") {
        memory::measure(&mut results).await;
    }
    if is_chosen("connects") {
        connects::measure(&mut results).await;
    }
    if is_chosen("start") {
        start::measure(&mut results).await;
    }
    if is_chosen("history") {
        history::measure(&mut results).await;
    }
    if is_chosen("growth") {
        growth::measure(&mut results).await;
    }
    if is_chosen("resume") {
        resume::measure(&mut results).await;
    }
    if is_chosen("slow_readers") {
        slow_readers::measure(&mut results).await;
    }
    plan.finish(&results);
}

fn thousands(count: usize) -> String {
    load::report::number::count(count as u64)
}
