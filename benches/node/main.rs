//! `make bench`: what a node costs. It runs the real release binary as a process of its own with its embedded
//! PostgreSQL, and real sockets from this one; CPU and memory are the node's, read from `/proc`.
//!
//! Figures of one run on a shared machine drift: compare runs side by side, and quote medians.

#[path = "../../tests/process/client.rs"]
#[allow(dead_code)]
mod client;
mod connects;
mod fan_out;
mod floors;
mod growth;
mod history;
mod memory;
#[path = "../../tests/process/node.rs"]
#[allow(dead_code)]
mod node;
#[allow(dead_code)]
mod postgres;
mod publish;
#[allow(dead_code)]
mod results;
mod resume;
#[path = "../../tests/api/support/schema.rs"]
mod schema;
mod site;
mod slow_readers;
mod start;

use client::{Account, Api, Socket};
use node::Node;
use publish::Plan;
use results::Results;
use std::time::{Duration, Instant};

const PARTS: [&str; 9] =
    ["fan_out", "costs", "memory", "connects", "start", "history", "growth", "resume", "slow_readers"];
const ROUNDS: usize = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    floors::run_if_asked();
    node::raise_descriptor_limit();
    // `cargo bench --bench node -- resume` measures that alone; `--publish` puts what was measured into docs/PERFORMANCE.md.
    let mut plan = Plan::from_command_line(&PARTS);
    let mut is_chosen = |name: &str| plan.begins(name);
    let mut results = Results::default();
    if is_chosen("fan_out") {
        fan_out::measure(&mut results).await;
    }
    if is_chosen("costs") {
        costs().await;
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

async fn costs() {
    let folder = node::data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("bench").await;

    for (name, senders, window, shared) in [
        ("1 sender, each message acknowledged before the next", 1, 1, true),
        ("1 sender, 60 on their way", 1, 60, true),
        ("100 senders in 100 channels, 32 on their way each", 100, 32, false),
        ("100 senders in 1 channel (100 deliveries a message), 2 on their way each", 100, 2, true),
    ] {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            rates.push(durable(&node, &api, &account, senders, window, shared).await);
        }
        row(&format!("durable messages a second, {name}, median of 3"), median(rates));
    }
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
}

/// Messages a second that came back as committed.
async fn durable(node: &Node, api: &Api, account: &Account, senders: usize, window: usize, shared: bool) -> u64 {
    const SECONDS: u64 = 3;
    let mut tasks = Vec::new();
    let mut channel = api.channel(account).await;
    for _ in 0..senders {
        if !shared {
            channel = api.channel(account).await;
        }
        let socket = Socket::open(&node.address, channel, account).await;
        tasks.push(tokio::spawn(send_for(socket, window, Duration::from_secs(SECONDS), shared && senders > 1)));
    }
    let mut total = 0;
    for task in tasks {
        total += task.await.expect("a sender ran to its end");
    }
    total / SECONDS
}

/// Keeps `window` messages on their way; counts one's own that came back.
async fn send_for(mut socket: Socket, window: usize, time: Duration, others_talk: bool) -> u64 {
    let marker = format!("{:016x}", rand::random::<u64>());
    let end = Instant::now() + time;
    let mut acknowledged = 0;
    for _ in 0..window {
        socket.send(&marker).await;
    }
    let mut waiting = window;
    while waiting > 0 {
        let mine = if others_talk { socket.read_counting(marker.as_bytes()).await } else { socket.read_frames().await };
        for _ in 0..mine {
            waiting -= 1;
            if Instant::now() < end {
                acknowledged += 1;
                socket.send(&marker).await;
                waiting += 1;
            }
        }
    }
    acknowledged
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn row(name: &str, value: impl std::fmt::Display) {
    println!("{name:<90} {value}");
}

fn thousands(count: usize) -> String {
    madang::load::report::number::count(count as u64)
}
