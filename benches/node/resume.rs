//! Coming back: one socket that has missed everything, and ten thousand at once after a restart.
//!
//! PostgreSQL is this program's own, so that the node can be restarted without it. What it has read for a node is in its
//! statistics once the node's connections are closed; so that is where the reads are counted, after each stop.

use super::client::{Account, Api, Socket};
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row, say};
use futures_util::StreamExt;
use madang::postgres::{self, Embedded};
use std::path::Path;
use std::time::{Duration, Instant};

const MISSED: i64 = 10_000;
const STORM_SOCKETS: i64 = 10_000;
/// Handshakes on their way at once: fewer than the node lets wait, or the kernel's retries would be measured.
const STORM_AT_ONCE: usize = 1_000;
/// The last events, within which a storm's sockets come back.
const STORM_MISSED: i64 = 1_000;
const ROUNDS: usize = 3;

/// What a storm costs.
struct Storm {
    took: Duration,
    cpu: Duration,
    grown_kib: usize,
    reads: i64,
    rows: i64,
}

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let database = postgres::start(&folder, None).await.expect("PostgreSQL starts");
    let url = format!("postgresql://madang@{}/madang", host(&folder));
    let node = Node::start_on(&url).await;
    let api = Api::new(&node.url);
    let account = api.account("resume").await;
    let channel = api.channel(&account).await;
    fill(&node, channel, &account).await;
    node.stop().await;

    one_socket(results, &url, channel, &account).await;
    let same: fn(i64) -> i64 = |_| MISSED - STORM_MISSED / 2;
    let spread = |number| MISSED - 1 - number * 7_919 % STORM_SOCKETS * STORM_MISSED / STORM_SOCKETS;
    for (name, after) in [("the same 500 missed", same), ("1 to 1,000 missed", spread)] {
        let mut storms = Vec::new();
        for _ in 0..ROUNDS {
            storms.push(storm(&database, &url, channel, &account, after).await);
        }
        report(results, name, &storms);
    }
    database.stop().await.expect("it stops");
    let _ = std::fs::remove_dir_all(&folder);
}

/// A folder as the host of a URL: PostgreSQL listens on a socket in it.
fn host(folder: &Path) -> String {
    folder.join("postgres-run").display().to_string().replace('/', "%2F")
}

async fn fill(node: &Node, channel: i64, account: &Account) {
    const WINDOW: i64 = 32;
    let mut socket = Socket::open(&node.address, channel, account).await;
    let content = format!("{:x<100}", "");
    for number in 0..MISSED + WINDOW {
        if number >= WINDOW {
            assert_eq!(socket.read_event().await["seq"], number - WINDOW + 1);
        }
        if number < MISSED {
            socket.send(&content).await;
        }
    }
}

async fn one_socket(results: &mut Results, url: &str, channel: i64, account: &Account) {
    let (mut from_database, mut from_memory) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let node = Node::start_on(url).await;
        for times in [&mut from_database, &mut from_memory] {
            let started = Instant::now();
            let (_socket, events) = resume(&node, channel, account, 0).await;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            assert_eq!(events, MISSED as u64);
        }
        node.stop().await;
    }
    push(results, "10,000 missed messages on one socket, from the database".into(), "ms", from_database);
    push(results, "10,000 missed messages on one socket, from memory".into(), "ms", from_memory);
}

fn push(results: &mut Results, name: String, unit: &'static str, rounds: Vec<f64>) {
    results.push(Row { part: "resume", name, unit, rounds, floor: Vec::new(), goal: Goal::None });
}

/// Connects and reads until all that was missed has come; answers how many events that were.
async fn resume(node: &Node, channel: i64, account: &Account, after: i64) -> (Socket, u64) {
    let mut socket = Socket::open_at(&node.address, &format!("/ws/{channel}?after={after}"), account).await;
    let events = socket.read_until(br#"{"type":"replay.done""#).await;
    (socket, events)
}

async fn storm(database: &Embedded, url: &str, channel: i64, account: &Account, after: fn(i64) -> i64) -> Storm {
    let node = Node::start_on(url).await;
    let (cpu, resident) = (node.cpu(), node.resident_kib());
    let before = reads(database).await;
    let started = Instant::now();
    let resumed = futures_util::stream::iter((0..STORM_SOCKETS).map(|number| {
        let after = after(number);
        let resume = resume(&node, channel, account, after);
        async move {
            let (socket, events) = resume.await;
            assert_eq!(events as i64, MISSED - after);
            socket
        }
    }));
    let sockets: Vec<Socket> = resumed.buffer_unordered(STORM_AT_ONCE).collect().await;
    let (took, cpu) = (started.elapsed(), node.cpu() - cpu);
    let grown_kib = node.peak_kib().saturating_sub(resident);
    drop(sockets);
    node.stop().await;
    let after = reads(database).await;
    Storm { took, cpu, grown_kib, reads: after.0 - before.0, rows: after.1 - before.1 }
}

/// How often `messages` has been looked into, and how many of its rows were taken.
async fn reads(database: &Embedded) -> (i64, i64) {
    let (client, connection) = database.config().connect(tokio_postgres::NoTls).await.expect("PostgreSQL runs");
    let connection = tokio::spawn(connection);
    let query =
        "select idx_scan + seq_scan, idx_tup_fetch + seq_tup_read from pg_stat_user_tables where relname = 'messages'";
    let row = client.query_one(query, &[]).await.expect("it counts");
    drop(client);
    let _ = connection.await;
    (row.get(0), row.get(1))
}

fn report(results: &mut Results, name: &str, storms: &[Storm]) {
    let each = |value: &dyn Fn(&Storm) -> f64| storms.iter().map(value).collect::<Vec<f64>>();
    let cpu = |storm: &Storm| storm.cpu.as_secs_f64() * 1e6 / STORM_SOCKETS as f64;
    let storm = format!("10,000 sockets come back to a restarted node, {name}");
    push(results, storm.clone(), "ms", each(&|storm| storm.took.as_secs_f64() * 1e3));
    push(results, format!("{storm}: the node, with handshake and 500 events"), "µs CPU a socket", each(&cpu));
    push(results, format!("{storm}: memory more, at the most"), "MiB", each(&|storm| storm.grown_kib as f64 / 1_024.0));
    let reads: Vec<_> = storms.iter().map(|storm| format!("{} of {} rows", storm.reads, storm.rows)).collect();
    say("    reads of messages by PostgreSQL (pg_stat_user_tables), each of 3", reads.join(", "));
}
