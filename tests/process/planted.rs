//! Faults that a proxy plants between the node and the load tool: the tool says what each of them is.

use super::client::Api;
use super::load::{report, text, tool, under_way, violated};
use super::node::{Node, data_folder};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of one event on one socket.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Lost,
    Repeated,
    /// It changes places with the next one.
    Swapped,
    /// Another letter in its content.
    Changed,
    /// A frame before it that means nothing.
    Strange,
    /// The connection ends after its handshake.
    Closed,
    /// On no socket is there an event that says this.
    Unheard,
}

/// The socket, in the order of opening, and its event.
const SOCKET: usize = 2;
const EVENT: usize = 5;
const UNHEARD: &str = "nobody hears this";

#[tokio::test(flavor = "current_thread")]
async fn a_planted_fault_is_found_and_named() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    for (fault, name) in [
        (Fault::None, None),
        (Fault::Lost, Some("no event is lost")),
        (Fault::Repeated, Some("no event comes twice")),
        (Fault::Swapped, Some("events come in the order of their seq")),
        (Fault::Changed, Some("every socket gets the same bytes for a seq")),
        (Fault::Strange, Some("each frame is understood")),
    ] {
        let port = proxy(node.address.clone(), fault).await;
        let words = format!("fanout --sockets 4 --window 4 --duration 1s --url http://127.0.0.1:{port}");
        let output = tool(&folder, &words).output().await.expect("it runs");
        let (said, report) = (String::from_utf8_lossy(&output.stdout).into_owned(), report(&folder));
        assert_eq!(output.status.code(), Some(i32::from(name.is_some())), "{fault:?}: {said}");
        let mut violated = violated(&report);
        // Whether the changed event is held for the true one depends on who got it first.
        let also = ["the history is what was seen", "each message says what was sent"];
        violated.retain(|name| !matches!(fault, Fault::Changed) || !also.contains(name));
        assert_eq!(violated, name.into_iter().collect::<Vec<_>>(), "{fault:?}");
        if let Some(name) = name {
            let check = report["checks"].as_array().expect("checks").iter().find(|check| check["name"] == name);
            let check = check.expect("it was looked at");
            let example = check["examples"][0].as_str().expect("an example");
            assert!(
                (check["violations"] == 1 || matches!(fault, Fault::Changed))
                    && (example.contains("seq 5") || matches!(fault, Fault::Strange)),
                "{fault:?}: {check}"
            );
            assert!(said.contains(name) && said.contains(example), "{fault:?}: {said}");
        }
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

#[tokio::test(flavor = "current_thread")]
async fn an_idle_socket_that_is_dropped_is_told_of() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let port = proxy(node.address.clone(), Fault::Closed).await;
    let words = format!("connect --sockets 4 --duration 1s --url http://127.0.0.1:{port}");
    let output = tool(&folder, &words).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(violated(&report(&folder)), ["each idle socket stays and answers"]);
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Committed, and told to nobody: only who reads the log to its end can know.
#[tokio::test(flavor = "current_thread")]
async fn what_nobody_heard_at_the_end_is_found_in_the_history() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let port = proxy(node.address.clone(), Fault::Unheard).await;
    // One message at once, the next would be due after the end.
    let words = format!("fanout --sockets 3 --rate 0.2 --duration 4s --run unheard --url http://127.0.0.1:{port}");
    let run = under_way(&folder, &words).await;
    let api = Api::new(&node.url);
    let token = api.owner_of_run("unheard").await;
    let server = api.get("/servers/", &token).await[0]["id"].as_i64().expect("an id");
    let channel = api.get(&format!("/servers/{server}"), &token).await["channels"][0]["id"].as_i64().expect("an id");
    let said = api.post(&format!("/channels/{channel}/messages"), &token, json!({ "content": UNHEARD })).await;
    let output = run.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = report(&folder);
    assert_eq!(violated(&report), ["the history is what was seen"]);
    let example = format!("seq {} is in the history, and no socket got it", said["seq"]);
    assert!(text(&output).contains(&example), "{}", text(&output));
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

async fn proxy(node: String, fault: Fault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let opened = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&node).await.expect("the node runs");
            let opened = Arc::clone(&opened);
            tokio::spawn(async move {
                let (mut from_client, to_client) = client.into_split();
                let (from_server, mut to_server) = server.into_split();
                tokio::select! {
                    _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
                    () = plant(from_server, to_client, fault, &opened) => {}
                }
            });
        }
    });
    port
}

/// Hands on what the node says; on one WebSocket one event has its fault.
async fn plant(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    fault: Fault,
    opened: &AtomicUsize,
) {
    let mut bytes = Vec::new();
    let (mut is_meant, mut events, mut kept) = (false, 0, Vec::new());
    let mut is_socket = None;
    while let Ok(1..) = from.read_buf(&mut bytes).await {
        let mut out = Vec::new();
        if is_socket.is_none() {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            is_socket = Some(bytes.starts_with(b"HTTP/1.1 101"));
            if is_socket == Some(true) {
                is_meant = opened.fetch_add(1, Ordering::SeqCst) + 1 == SOCKET;
                out.extend(bytes.drain(..end + 4));
                if is_meant && matches!(fault, Fault::Closed) {
                    let _ = to.write_all(&out).await;
                    return;
                }
                is_meant |= matches!(fault, Fault::Unheard);
            }
        }
        while is_meant && let Some(length) = frame_length(&bytes) {
            let mut frame: Vec<u8> = bytes.drain(..length).collect();
            events += usize::from(frame.windows(15).any(|part| part == b"message.created"));
            match (fault, events) {
                (Fault::Unheard, _) => {
                    let is_it = frame.windows(UNHEARD.len()).any(|part| part == UNHEARD.as_bytes());
                    out.extend(if is_it { Vec::new() } else { frame });
                    events = 0;
                }
                (Fault::Strange, EVENT) => out.extend([&[0x81, 2, b'?', b'?'][..], &frame].concat()),
                (Fault::Lost, EVENT) => {}
                (Fault::Repeated, EVENT) => out.extend([&frame[..], &frame].concat()),
                (Fault::Swapped, EVENT) if kept.is_empty() => kept = frame,
                (Fault::Changed, EVENT) => {
                    let at = frame.windows(9).position(|part| part == b"courtyard").expect("the filling");
                    frame[at] = b'C';
                    out.extend(frame);
                }
                _ => {
                    out.extend(frame);
                    out.append(&mut kept);
                }
            }
            if events == EVENT {
                // Only once.
                is_meant = matches!(fault, Fault::Swapped);
            }
            if events > EVENT {
                is_meant = false;
            }
        }
        if !is_meant {
            out.append(&mut bytes);
        }
        if to.write_all(&out).await.is_err() {
            return;
        }
    }
}

fn frame_length(bytes: &[u8]) -> Option<usize> {
    let whole = match bytes.get(1)? {
        126 => 4 + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        127 => return None,
        short => 2 + usize::from(*short),
    };
    (bytes.len() >= whole).then_some(whole)
}
