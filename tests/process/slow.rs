//! Clients that keep a connection waiting, thousands at once: each is ended in time, and nobody else is kept waiting.

use super::client::Api;
use super::node::{Node, furnished_folder, raise_descriptor_limit};
use futures_util::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Of each kind but the last, whose answers have to be made.
const CLIENTS: usize = 2_000;
const READERS: usize = 200;
/// 15 s is what is promised; the rest is against hanging.
const ENDED_WITHIN: Duration = Duration::from_secs(120);
/// As often as a slow client sends a byte.
const DRIP: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Says nothing.
    Silent,
    /// The first request's head comes byte by byte.
    Head,
    /// A first request is answered; the second one's head comes byte by byte.
    SecondHead,
    /// The second head begins in the packet of the first request.
    Pipelined,
    /// A body comes byte by byte.
    Body,
    /// A body that no handler wants comes byte by byte.
    UnwantedBody,
    /// Asks for much and reads nothing.
    Reader,
}

const KINDS: [Kind; 7] =
    [Kind::Silent, Kind::Head, Kind::SecondHead, Kind::Pipelined, Kind::Body, Kind::UnwantedBody, Kind::Reader];

const GET: &str = "GET /healthz HTTP/1.1\r\nHost: m\r\n\r\n";

impl Kind {
    /// What is sent at once.
    fn first(self, token: &str, server: i64) -> String {
        let post = |path: &str| {
            format!(
                "POST {path} HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {token}\r\nContent-Length: 60000\r\n\r\n{{"
            )
        };
        match self {
            Self::Silent => String::new(),
            Self::Head => "GET /healthz HTTP/1.1\r\nHost: m\r\nX-Slow: ".into(),
            Self::SecondHead => GET.into(),
            Self::Pipelined => format!("{GET}GET /healthz HTTP/1.1\r\nHost: m\r\nX-Slow: "),
            Self::Body => post("/servers/"),
            Self::UnwantedBody => post("/auth/ws-ticket"),
            // More than the kernel keeps for somebody who does not read; no answer is so large that it would be counted.
            Self::Reader => {
                format!("GET /servers/{server} HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {token}\r\n\r\n").repeat(24)
            }
        }
    }
}

/// Runs one client to its end; how long the node let it go on.
async fn suffer(address: String, kind: Kind, token: Arc<str>, server: i64) -> Duration {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 * 1024).expect("a small buffer");
    let mut stream = socket.connect(address.parse().expect("an address")).await.expect("a connection");
    stream.write_all(kind.first(&token, server).as_bytes()).await.expect("the node takes it");
    let mut buffer = [0; 4 * 1024];
    if kind == Kind::SecondHead {
        let read = stream.read(&mut buffer).await.expect("an answer");
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: m\r\nX-Slow: ").await.expect("the node takes it");
    }
    let began = Instant::now();
    while !is_ended(&mut stream, kind, &mut buffer).await {}
    began.elapsed()
}

/// Waits a moment, sends a byte; whether the node has ended the connection.
async fn is_ended(stream: &mut TcpStream, kind: Kind, buffer: &mut [u8]) -> bool {
    if kind == Kind::Reader {
        sleep(DRIP).await;
        // What has not been read says nothing; only a connection that is gone cannot be written to.
        return stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: m\r\n\r\n").await.is_err();
    }
    match timeout(DRIP, stream.read(buffer)).await {
        Ok(Ok(0) | Err(_)) => true,
        Ok(Ok(_)) => false,
        Err(_) if kind == Kind::Silent => false,
        Err(_) => stream.write_all(b"a").await.is_err(),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn slow_clients_are_ended_in_time_and_others_see_nothing_of_them() {
    raise_descriptor_limit();
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let mina = api.account("mina").await;
    let channel = api.channel(&mina).await;
    let server = api.server(&mina).await;
    for number in 0..25 {
        let long = json!({ "name": format!("{number}"), "server_id": server, "description": "x".repeat(1_000) });
        assert!(api.post("/channels/", &mina.token, long).await["id"].is_i64());
    }
    let quiet = node.descriptors();
    let token: Arc<str> = mina.token.as_str().into();
    let mut slow = Vec::new();
    for kind in KINDS {
        for _ in 0..if kind == Kind::Reader { READERS } else { CLIENTS } {
            let client = tokio::spawn(suffer(node.address.clone(), kind, Arc::clone(&token), server));
            slow.push(async move { (kind, client.await.expect("it is ended")) });
            // As fast as connections are taken, not faster.
            if slow.len() % 256 == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
    }
    let is_over = AtomicBool::new(false);
    let honest = async {
        let mut calls = 0;
        while !is_over.load(Ordering::Relaxed) {
            let path = format!("/channels/{channel}/messages");
            let made = api.post(&path, &mina.token, json!({ "content": "still here" })).await;
            assert!(made["id"].is_i64(), "{made}");
            assert_eq!(api.get("/users/me", &mina.token).await["username"], "mina");
            calls += 2;
        }
        calls
    };
    let all = async {
        let ends = join_all(slow).await;
        is_over.store(true, Ordering::Relaxed);
        ends
    };
    let (ends, calls) = tokio::join!(all, honest);
    let mut longest: BTreeMap<Kind, Duration> = BTreeMap::new();
    for (kind, lasted) in ends {
        let longest = longest.entry(kind).or_default();
        *longest = lasted.max(*longest);
    }
    println!(
        "{calls} calls of honest clients beside {} slow ones; the longest of each kind: {longest:?}",
        CLIENTS * (KINDS.len() - 1) + READERS
    );
    assert!(longest.values().all(|lasted| *lasted < ENDED_WITHIN), "{longest:?}");
    while node.descriptors() > quiet + 32 {
        sleep(Duration::from_millis(100)).await;
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
