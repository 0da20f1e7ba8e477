//! What strangers and one account leave unread: it holds little memory, and an honest client is served all the while.

use super::client::{Account, Api};
use super::node::{Node, furnished_folder};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const MIB: usize = 1_024;
/// As long as anything may take that is waited for.
const PATIENCE: Duration = super::node::PATIENCE;

/// A client for whom the system keeps hardly anything.
async fn client(node: &Node) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.connect(node.address.parse().expect("an address")).await.expect("a connection")
}

/// Sends as much of it as the node takes.
async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = timeout(Duration::from_millis(200), stream.write_all(bytes)).await;
}

fn get(path: &str, account: Option<&Account>) -> String {
    let token = account.map(|account| format!("Authorization: Bearer {}\r\n", account.token)).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: m\r\n{token}\r\n")
}

/// How much memory the node has more while these clients ask and do not read.
async fn grown_by(node: &Node, clients: usize, request: &str) -> usize {
    let before = node.resident_kib();
    let mut streams = Vec::new();
    for _ in 0..clients {
        let mut stream = client(node).await;
        send(&mut stream, request.as_bytes()).await;
        streams.push(stream);
    }
    // Whoever asks now is served.
    let honest = reqwest::get(format!("{}/healthz", node.url));
    let honest = timeout(PATIENCE, honest).await.expect("in time").expect("an answer");
    assert_eq!(honest.status(), 200);
    node.resident_kib().saturating_sub(before)
}

#[tokio::test(flavor = "current_thread")]
async fn fixed_files_that_nobody_reads_hold_no_memory_of_their_own() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let grown = grown_by(&node, 300, &get("/docs/swagger-ui-bundle.js", None)).await;
    // Each has its buffers; the file alone would be 450 MiB.
    assert!(grown < 64 * MIB, "{grown} KiB");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn pipelined_calls_are_taken_one_by_one() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    for head in ["GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /nope HTTP/1.1\nHost: x\n\n"] {
        let grown = grown_by(&node, 40, &head.repeat(3_000)).await;
        assert!(grown < 32 * MIB, "{grown} KiB");
    }
    // Also behind a body in chunks that nobody reads.
    let chunked = "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let grown = grown_by(&node, 40, &(chunked.to_owned() + &get("/healthz", None).repeat(3_000))).await;
    assert!(grown < 32 * MIB, "{grown} KiB");
    // All of them are answered, for whoever reads.
    let mut stream = TcpStream::connect(&node.address).await.expect("a connection");
    let (mut from, mut to) = stream.split();
    let calls = get("/healthz", None).repeat(999) + "GET /healthz HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
    let mut answers = Vec::new();
    let asked = async {
        to.write_all(calls.as_bytes()).await.expect("it is taken");
    };
    let read = async {
        from.read_to_end(&mut answers).await.expect("answers");
    };
    timeout(PATIENCE, async { tokio::join!(asked, read) }).await.expect("in time");
    let answers = String::from_utf8(answers).expect("text");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1_000);
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// A call behind a body that nobody wanted is answered, unless the answer said that the connection closes.
#[tokio::test(flavor = "current_thread")]
async fn nothing_is_answered_after_connection_close() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    for body in [1, 100, 20_000] {
        let mut stream = TcpStream::connect(&node.address).await.expect("a connection");
        let first = format!("GET /healthz HTTP/1.1\r\nHost: m\r\nContent-Length: {body}\r\n\r\n{}", "x".repeat(body));
        let last = "GET /healthz HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n";
        send(&mut stream, (first + last).as_bytes()).await;
        let mut answers = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answers)).await.expect("it ends");
        let answers = String::from_utf8(answers).expect("text").to_lowercase();
        let closes = answers.find("connection: close").expect("it closes");
        assert!(!answers[closes..].contains("http/1.1 "), "{answers}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn large_answers_to_one_account_are_bounded_in_bytes() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("large").await;
    let channel = api.channel(&account).await;
    fill(&api, &account, channel).await;
    let page = get(&format!("/channels/{channel}/messages?limit=100"), Some(&account));
    let grown = grown_by(&node, 100, &page).await;
    assert!(grown < 96 * MIB, "{grown} KiB; 100 answers are 240 MiB");
    // An answer of events ends where it is large enough; whoever reads on gets all.
    let (mut after, mut answers) = (0, 0);
    while after < 100 {
        let events = api.get(&format!("/channels/{channel}/events?limit=1000&after={after}"), &account.token).await;
        if events["code"].is_string() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let events = events["events"].as_array().unwrap_or_else(|| panic!("{events}")).clone();
        assert!(events.len() < 100 && !events.is_empty(), "{}", events.len());
        for event in events {
            after += 1;
            assert_eq!(event["seq"], after);
        }
        answers += 1;
    }
    assert!(answers > 1);
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// The answer to a refused call is read whole, though its body was not.
#[tokio::test(flavor = "current_thread")]
async fn who_sends_a_large_body_in_vain_is_told_why() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&node.address).await.expect("a connection");
        let body = "x".repeat(60_000);
        let call = format!(
            "POST /servers/ HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer no.such.token\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        send(&mut stream, call.as_bytes()).await;
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("invalid_token") {
            let count = timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("in time").expect("no reset");
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
        }
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// A head that announces a body, and nothing more.
#[tokio::test(flavor = "current_thread")]
async fn a_body_that_never_comes_is_not_waited_for_for_ever() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    for announced in ["Transfer-Encoding: chunked", "Content-Length: 10"] {
        let mut stream = TcpStream::connect(&node.address).await.expect("a connection");
        send(&mut stream, format!("GET /healthz HTTP/1.1\r\nHost: m\r\n{announced}\r\n\r\n").as_bytes()).await;
        let ended = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "{announced}: it lives on");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Whole or not, at once or in pieces, the first of its connection or a later one.
#[tokio::test(flavor = "current_thread")]
async fn a_head_of_more_than_16_kib_is_refused() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let call = |length: usize, end: &str| {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: m\r\nX-Long: {end}");
        head.replace(end, &("x".repeat(length.saturating_sub(head.len())) + end))
    };
    let end = "\r\n\r\n";
    for (bytes, status) in [
        (call(16 * 1_024, end), 200),
        (call(17_000, end), 431),
        (call(24_000, end), 431),
        (call(64 * 1_024, "never ends"), 431),
        (call(100, end) + &call(16 * 1_024, end), 200),
        (call(100, end) + &call(24_000, end), 431),
    ] {
        for size in [bytes.len(), 1_000] {
            let mut stream = TcpStream::connect(&node.address).await.expect("a connection");
            for piece in bytes.as_bytes().chunks(size) {
                // It may have been refused already.
                let _ = stream.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let (mut answer, mut piece) = (String::new(), vec![0; 4_096]);
            while !answer.contains(&format!("HTTP/1.1 {status} ")) {
                let count = timeout(PATIENCE, stream.read(&mut piece)).await.expect("in time").expect("an answer");
                assert!(count > 0, "{} bytes: {answer}", bytes.len());
                answer.push_str(&String::from_utf8_lossy(&piece[..count]));
            }
            assert_eq!(answer.contains("head_too_large"), status == 431, "{answer}");
        }
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// What stands in front of a refusal is an answer like any other: who does not take it is ended.
#[tokio::test(flavor = "current_thread")]
async fn an_answer_with_a_refusal_behind_it_is_not_waited_for_for_ever() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let whole = reqwest::get(format!("{}/docs/swagger-ui-bundle.js", node.url)).await.expect("an answer");
    let whole = whole.bytes().await.expect("a body").len();
    let before = node.descriptors();
    let mut clients = Vec::new();
    for number in 0..12 {
        let mut stream = client(&node).await;
        send(&mut stream, (get("/docs/swagger-ui-bundle.js", None) + "\0\x01garbage\r\n\r\n").as_bytes()).await;
        // All but as much as the kernels on the way may hold.
        let mut wanted = whole - (90 + 6 * number) * 1_024;
        let mut buffer = vec![0; 16 * 1_024];
        while wanted > 0 {
            let count = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("in time").expect("bytes");
            wanted = wanted.saturating_sub(count);
        }
        clients.push(stream);
    }
    let ended = async {
        while node.descriptors() > before + 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // A peer has 60 s for a pause.
    timeout(3 * PATIENCE, ended).await.expect("all are ended");
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Many accounts leave as much unread as the node holds; when they go, it goes back to the system.
#[tokio::test(flavor = "current_thread")]
async fn memory_goes_back_to_the_system_after_a_storm() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let owner = api.account("owner").await;
    let channel = api.channel(&owner).await;
    fill(&api, &owner, channel).await;
    let page = format!("/channels/{channel}/messages?limit=100");
    let before = node.resident_kib();
    let mut streams = Vec::new();
    for number in 0..24 {
        let account = api.account(&format!("reader{number}")).await;
        api.post(&format!("/servers/{}/join", owner.server), &account.token, json!({})).await;
        for _ in 0..2 {
            let mut stream = client(&node).await;
            send(&mut stream, get(&page, Some(&account)).as_bytes()).await;
            streams.push(stream);
        }
    }
    let grown = async {
        while node.resident_kib() < before + 48 * MIB {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(PATIENCE, grown).await.is_ok(), "a storm: {} KiB", node.resident_kib() - before);
    drop(streams);
    let back = async {
        while node.resident_kib() > before + 40 * MIB {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    assert!(timeout(PATIENCE, back).await.is_ok(), "{before} KiB before, {} after", node.resident_kib());
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// A page of messages that is as large as one can be: one byte stored, six sent.
async fn fill(api: &Api, account: &Account, channel: i64) {
    let content = "\u{1}".repeat(3_999) + "x";
    for _ in 0..100 {
        let path = format!("/channels/{channel}/messages");
        assert!(api.post(&path, &account.token, json!({ "content": content })).await["id"].is_i64());
    }
}
