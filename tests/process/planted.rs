//! Faults that a proxy plants between the node and the load tool: the tool says what each of them is.

use super::client::Api;
use super::load::{report, text, tool, under_way, violated};
use super::node::{Node, data_folder};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of one event on one socket.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    None,
    Lost,
    Repeated,
    /// It changes places with the next one.
    Swapped,
    /// Another letter in its content, or another emoji.
    Changed,
    /// A frame before it that means nothing.
    Strange,
    /// The connection ends after its handshake.
    Closed,
    /// On no socket is there an event that says this.
    Unheard,
}

/// Of which event on its socket a fault makes something else.
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
        let port = proxy(node.address.clone(), fault, MESSAGES).await;
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
    let port = proxy(node.address.clone(), Fault::Closed, MESSAGES).await;
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
    let port = proxy(node.address.clone(), Fault::Unheard, MESSAGES).await;
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

/// The type of event that most faults are in.
const MESSAGES: &str = "message.created";

/// A proxy before a node, with a fault in one event of this type.
pub async fn proxy(node: String, fault: Fault, of: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let is_chosen = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&node).await.expect("the node runs");
            let is_chosen = Arc::clone(&is_chosen);
            tokio::spawn(async move {
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let has_sent = AtomicBool::new(false);
                tokio::select! {
                    () = hand_on(from_client, to_server, &has_sent) => {}
                    () = plant(from_server, to_client, (fault, of), Choice { is_chosen: &is_chosen, has_sent: &has_sent }) => {}
                }
            });
        }
    });
    port
}

/// Hands on what the client says, and notes whether it was more than a request's head.
async fn hand_on(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, has_sent: &AtomicBool) {
    let mut bytes = Vec::new();
    let mut is_head = true;
    while let Ok(1..) = from.read_buf(&mut bytes).await {
        let head = if is_head { bytes.windows(4).position(|four| four == b"\r\n\r\n") } else { None };
        has_sent.fetch_or(!is_head || head.is_some_and(|end| bytes.len() > end + 4), Ordering::SeqCst);
        is_head &= head.is_none();
        // A head in pieces is handed on whole.
        if !is_head && to.write_all(&std::mem::take(&mut bytes)).await.is_err() {
            return;
        }
    }
}

/// Which socket has the fault: one that only listens, for the loss of its own answer is another fault.
#[derive(Clone, Copy)]
struct Choice<'a> {
    is_chosen: &'a AtomicBool,
    has_sent: &'a AtomicBool,
}

impl Choice<'_> {
    fn take(self) -> bool {
        !self.has_sent.load(Ordering::SeqCst) && !self.is_chosen.swap(true, Ordering::SeqCst)
    }
}

/// Hands on what the node says; on one WebSocket one event has its fault.
async fn plant(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    (fault, of): (Fault, &str),
    choice: Choice<'_>,
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
                // Which it is shows when its first event comes.
                is_meant = true;
                out.extend(bytes.drain(..end + 4));
                if matches!(fault, Fault::Closed) && choice.take() {
                    let _ = to.write_all(&out).await;
                    return;
                }
            }
        }
        while is_meant && let Some(length) = frame_length(&bytes) {
            let mut frame: Vec<u8> = bytes.drain(..length).collect();
            let is_event = frame.windows(of.len()).any(|part| part == of.as_bytes());
            if is_event && events == 0 && !matches!(fault, Fault::Unheard) {
                is_meant = choice.take();
            }
            events += usize::from(is_event);
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
                    let (before, at) = if of == "reaction.added" { ("\"emoji\":\"", 12) } else { ("courtyard", 0) };
                    let place = frame.windows(before.len()).position(|part| part == before.as_bytes());
                    // The last byte of an emoji makes its neighbour, a letter a capital or its neighbour.
                    frame[place.expect("what it is about") + at] ^= 1;
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
