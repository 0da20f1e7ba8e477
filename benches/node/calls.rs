//! Management calls: what one costs the node, against a bare actix-web route that answers the same bytes.
//!
//! Sixteen connections, each with one call on its way, to the node and to the route in turn. The client is the same for
//! both and shares the machine with them, so calls a second say less than CPU a call.

use super::client::{Account, Api, Socket};
use super::connection::Connection;
use super::floors::{Floor, route};
use super::node::{Node, cpu_of, data_folder};
use super::results::{Goal, Results, Row};
use futures_util::future::join_all;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
/// As long as a round lasts. The kernel counts CPU in steps of 10 ms.
const ROUND: Duration = Duration::from_secs(2);
/// Before each, so that the processors are at their pace.
const WARMING: Duration = Duration::from_millis(200);
/// In the channel and the server that are read.
const MESSAGES: usize = 50;
const CHANNELS: usize = 5;
const FROM_REGISTRY: Goal = Goal::TimesFloor(1.5);
const FROM_MEMORY: Goal = Goal::TimesFloor(2.0);
const ONE_QUERY: Goal = Goal::TimesFloor(2.5);

/// A call to measure.
struct Call {
    name: &'static str,
    method: &'static str,
    path: String,
    body: &'static str,
    goal: Goal,
    /// A channel that has life meanwhile.
    life: Option<i64>,
}

/// One round of calls.
struct Round {
    calls: u64,
    took: Duration,
    cpu: Duration,
    database_cpu: Duration,
}

/// A whole answer.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// Measures every call as an operator has it, and the cheapest without its line in the log.
pub async fn measure(results: &mut Results) {
    for (log, named, only) in [("warn,madang=info", "", None), ("warn", ", RUST_LOG=warn", Some(3))] {
        let folder = data_folder();
        let workers = route::WORKERS.to_string();
        let settings = [("WORKERS", workers.as_str()), ("RUST_LOG", log)];
        let node = Node::start_logging(&folder, &settings).await;
        let api = Api::new(&node.url);
        let account = api.account("calls").await;
        for call in calls(&node, &api, &account).await.iter().take(only.unwrap_or(usize::MAX)) {
            // Each is measured in less time than a socket may be silent.
            let _life = match call.life {
                Some(channel) => Some(Socket::open(&node.address, channel, &account).await),
                None => None,
            };
            compare(results, &node, &account, call, named).await;
        }
        node.stop().await;
        let _ = std::fs::remove_dir_all(&folder);
    }
}

async fn calls(node: &Node, api: &Api, account: &Account) -> Vec<Call> {
    let mut channel = api.channel(account).await;
    for _ in 2..CHANNELS {
        channel = api.channel(account).await;
    }
    // One is let go while other calls are measured: nobody has a socket there.
    let quiet = api.channel(account).await;
    for channel in [channel, quiet] {
        let mut socket = Socket::open(&node.address, channel, account).await;
        for _ in 0..MESSAGES {
            socket.send("Hello, World! It is a fine day in the courtyard.").await;
            socket.wait_for(1).await;
        }
    }
    let get = |name, path, goal| Call { name, method: "GET", path, body: "", goal, life: None };
    let server = account.server;
    vec![
        get("GET /channels/{channel_id}, from the registry", format!("/channels/{channel}"), FROM_REGISTRY),
        get("GET /servers/{server_id}, from the registry", format!("/servers/{server}"), FROM_REGISTRY),
        get("GET /users/me, one query", "/users/me".into(), ONE_QUERY),
        get("GET /users/{user_id}, one query", "/users/1".into(), ONE_QUERY),
        get("GET /servers/, one query", "/servers/".into(), ONE_QUERY),
        Call {
            life: Some(channel),
            ..get(
                "GET /channels/{channel_id}/messages, from memory, 50 messages",
                format!("/channels/{channel}/messages?limit=50"),
                FROM_MEMORY,
            )
        },
        get(
            "GET /channels/{channel_id}/messages, one query, 50 messages",
            format!("/channels/{quiet}/messages?limit=50"),
            ONE_QUERY,
        ),
        Call {
            name: "PUT /channels/{channel_id}, one commit",
            method: "PUT",
            path: format!("/channels/{channel}"),
            body: r#"{"name":"general"}"#,
            goal: Goal::None,
            life: None,
        },
        Call {
            name: "POST /channels/{channel_id}/messages, commits shared",
            method: "POST",
            path: format!("/channels/{channel}/messages"),
            body: r#"{"content":"Hello, World!"}"#,
            goal: Goal::None,
            life: None,
        },
    ]
}

async fn compare(results: &mut Results, node: &Node, account: &Account, call: &Call, named: &str) {
    let request = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{}",
        call.method,
        call.path,
        node.address,
        account.token,
        call.body.len(),
        call.body
    );
    let answer = once(&node.address, request.as_bytes()).await;
    let file = std::env::temp_dir().join(format!("madang-route-{}", std::process::id()));
    std::fs::write(&file, &answer.body).expect("a file can be made");
    let status = answer.status.to_string();
    let floor = Floor::start("route", &[&call.path, &status, file.to_str().expect("text")]).await;
    assert_eq!(once(&floor.address, request.as_bytes()).await.body, answer.body, "{}", call.name);

    let (mut ours, mut bare): (Vec<Round>, Vec<Round>) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(round(&node.address, &request, || (node.cpu(), children_cpu(node))).await);
        bare.push(round(&floor.address, &request, || (floor.cpu(), Duration::ZERO)).await);
    }
    let _ = std::fs::remove_file(file);
    let row = |name: &str, unit, value: fn(&Round) -> f64, bare: &[Round], goal| Row {
        part: "calls",
        name: format!("{}{named}{name}", call.name),
        unit,
        rounds: ours.iter().map(value).collect(),
        floor: bare.iter().map(value).collect(),
        goal,
    };
    results.push(row("", "µs CPU a call", |round| each(round.cpu, round.calls), &bare, call.goal));
    results.push(row("", "calls a second", |round| round.calls as f64 / round.took.as_secs_f64(), &bare, Goal::None));
    if ours.iter().any(|round| !round.database_cpu.is_zero()) {
        let value: fn(&Round) -> f64 = |round| each(round.database_cpu, round.calls);
        results.push(row(", PostgreSQL", "µs CPU a call", value, &[], Goal::None));
    }
}

fn each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// Keeps every connection busy for a while. `cpu` answers what the measured process and its database have used so far.
async fn round(address: &str, request: &str, cpu: impl Fn() -> (Duration, Duration)) -> Round {
    let opened = join_all((0..CONNECTIONS).map(|_| Connection::open(address))).await;
    let mut connections: Vec<Connection> = opened;
    keep_busy(&mut connections, request.as_bytes(), WARMING).await;
    let (before, started) = (cpu(), Instant::now());
    let calls = keep_busy(&mut connections, request.as_bytes(), ROUND).await;
    let (took, after) = (started.elapsed(), cpu());
    Round { calls, took, cpu: after.0 - before.0, database_cpu: after.1.saturating_sub(before.1) }
}

async fn keep_busy(connections: &mut [Connection], request: &[u8], time: Duration) -> u64 {
    let end = Instant::now() + time;
    let counts = connections.iter_mut().map(|connection| async move {
        let mut count = 0;
        while Instant::now() < end {
            let status = connection.call(request).await;
            assert!((200..300).contains(&status), "{status}");
            count += 1;
        }
        count
    });
    join_all(counts).await.into_iter().sum()
}

async fn once(address: &str, request: &[u8]) -> Answer {
    let mut connection = Connection::open(address).await;
    let status = connection.call(request).await;
    Answer { status, body: connection.body().to_vec() }
}

/// The CPU time of the embedded PostgreSQL's processes that run now.
fn children_cpu(node: &Node) -> Duration {
    let Some(postmaster) = node.postmaster() else { return Duration::ZERO };
    let file = format!("/proc/{postmaster}/task/{postmaster}/children");
    let children = std::fs::read_to_string(file).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(cpu_of).sum()
}
