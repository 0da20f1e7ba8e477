//! Faults in edits, reactions and deletions that a proxy plants between the node and the load tool: the tool says what each is.

use super::load::{report, text, tool, violated};
use super::node::{Node, data_folder};
use super::planted::{Fault, proxy};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

const LOST: &str = "no event is lost";
const SAME: &str = "every socket gets the same bytes for a seq";
const AS_SENT: &str = "each message says what was sent";
const HISTORY: &str = "the history is what was seen";
const ANSWER: &str = "each call has the right answer";
const KEPT: &str = "each change that was answered is in the log once";
const LAST_TEXT: &str = "each edited message has its last text";
const INVENTED: &str = "no change is in the log that nobody sent";
const FORGOTTEN: &str = "nobody gets the text of a deleted message";

const RUN: &str = "fanout --sockets 4 --rate 120 --duration 2s --edits 20 --reactions 20 --deletions 15";

#[tokio::test(flavor = "current_thread")]
async fn a_fault_in_what_one_socket_gets_is_found_and_named() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    for (fault, of, name) in [
        (Fault::None, "reaction.added", None),
        (Fault::Lost, "reaction.added", Some(LOST)),
        (Fault::Lost, "message.updated", Some(LOST)),
        (Fault::Lost, "message.deleted", Some(LOST)),
        (Fault::Repeated, "reaction.added", Some("no event comes twice")),
        (Fault::Swapped, "message.deleted", Some("events come in the order of their seq")),
        (Fault::Changed, "reaction.added", Some(SAME)),
        (Fault::Changed, "message.updated", Some(SAME)),
    ] {
        let port = proxy(node.address.clone(), fault, of).await;
        let output = tool(&folder, &format!("{RUN} --url http://127.0.0.1:{port}")).output().await.expect("it runs");
        let said = text(&output);
        assert_eq!(output.status.code(), Some(i32::from(name.is_some())), "{fault:?} {of}: {said}");
        let report = report(&folder);
        let mut violated = violated(&report);
        // Whether the changed one is held for the true one depends on who got it first.
        violated.retain(|name| !matches!(fault, Fault::Changed) || ![HISTORY, AS_SENT].contains(name));
        assert_eq!(violated, name.into_iter().collect::<Vec<_>>(), "{fault:?} {of}: {said}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// What becomes of calls.
#[derive(Clone, Copy, Debug)]
enum CallFault {
    None,
    /// An edit is answered and not made.
    EditLost,
    /// A reaction is answered and not made.
    ReactionLost,
    /// A deletion is answered and not made.
    DeletionLost,
    /// A reaction is made, taken away and made.
    ReactionTwice,
    /// An edit is answered with another message.
    ForeignAnswer,
    /// The history has a text of a deleted message.
    DeletedText,
    /// The history leaves out a number that is skipped.
    SkippedLeftOut,
    /// The history has an edited message with another text.
    OtherText,
}

#[tokio::test(flavor = "current_thread")]
async fn a_fault_in_what_is_answered_or_in_the_log_is_found_and_named() {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    // Each with what is always found, and what may be found of its consequences.
    for (fault, always, perhaps) in [
        (CallFault::None, &[][..], &[][..]),
        (CallFault::EditLost, &[KEPT], &[HISTORY, LAST_TEXT]),
        (CallFault::ReactionLost, &[KEPT], &[]),
        (CallFault::DeletionLost, &[KEPT, FORGOTTEN], &[]),
        (CallFault::ReactionTwice, &[KEPT, INVENTED], &[]),
        (CallFault::ForeignAnswer, &[ANSWER], &[]),
        // The message may have been edited before it was deleted.
        (CallFault::DeletedText, &[HISTORY, FORGOTTEN], &[KEPT, LAST_TEXT]),
        (CallFault::SkippedLeftOut, &[HISTORY, KEPT], &[]),
        (CallFault::OtherText, &[LAST_TEXT], &[HISTORY]),
    ] {
        let port = calls_proxy(node.address.clone(), fault).await;
        let output = tool(&folder, &format!("{RUN} --url http://127.0.0.1:{port}")).output().await.expect("it runs");
        let said = text(&output);
        assert_eq!(output.status.code(), Some(i32::from(!always.is_empty())), "{fault:?}: {said}");
        let report = report(&folder);
        let violated = violated(&report);
        assert!(always.iter().all(|name| violated.contains(name)), "{fault:?}: {said}");
        assert!(violated.iter().all(|name| always.contains(name) || perhaps.contains(name)), "{fault:?}: {said}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// Of which call of its kind a fault makes something else.
const CALL: usize = 3;
/// More than there are calls.
const DONE: usize = 1 << 20;

/// A proxy that understands calls; sockets pass through it.
async fn calls_proxy(node: String, fault: CallFault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    let seen = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (node, seen) = (node.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let server = TcpStream::connect(&node).await.expect("the node runs");
                // A side that ends ends the other.
                let _ = Connection { client, server, fault, seen }.hand_on().await;
            });
        }
    });
    port
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    fault: CallFault,
    /// How many calls of the fault's kind there have been.
    seen: Arc<AtomicUsize>,
}

/// A request or an answer, whole.
struct Part {
    head: String,
    body: Vec<u8>,
}

impl Part {
    async fn read(from: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            from.read_buf(&mut bytes).await.ok().filter(|count| *count > 0)?;
        };
        let mut body = bytes.split_off(end);
        let head = String::from_utf8(bytes).expect("a head is text");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        while body.len() < length.unwrap_or(0) {
            from.read_buf(&mut body).await.ok().filter(|count| *count > 0)?;
        }
        Some(Self { head, body })
    }

    /// With another body.
    fn with(&self, json: &Value) -> Self {
        let body = json.to_string().into_bytes();
        let before = format!("content-length: {}\r\n", self.body.len());
        let head = self.head.replace(&before, &format!("content-length: {}\r\n", body.len()));
        Self { head, body }
    }

    fn is_success(&self) -> bool {
        self.head.starts_with("HTTP/1.1 2")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}

impl Connection {
    async fn hand_on(mut self) -> Option<()> {
        loop {
            let request = Part::read(&mut self.client).await?;
            if request.head.to_ascii_lowercase().contains("upgrade: websocket") {
                self.server.write_all(&request.bytes()).await.ok()?;
                copy_bidirectional(&mut self.client, &mut self.server).await.ok()?;
                return None;
            }
            let answer = self.answer(&request).await?;
            self.client.write_all(&answer.bytes()).await.ok()?;
        }
    }

    async fn call(&mut self, request: &Part) -> Option<Part> {
        self.server.write_all(&request.bytes()).await.ok()?;
        Part::read(&mut self.server).await
    }

    fn is_yet_to_be_done(&self) -> bool {
        (CALL..DONE).contains(&self.seen.fetch_add(1, Ordering::SeqCst))
    }

    fn is_chosen(&self, is_kind: bool) -> bool {
        is_kind && self.seen.fetch_add(1, Ordering::SeqCst) == CALL
    }

    async fn answer(&mut self, request: &Part) -> Option<Part> {
        let done = || Part { head: "HTTP/1.1 204 No Content\r\n\r\n".to_owned(), body: Vec::new() };
        let is = |method: &str, part: &str| {
            let line = request.head.lines().next().unwrap_or_default();
            line.starts_with(method) && line.contains(part)
        };
        let is_edit = is("PATCH ", "/messages/");
        match self.fault {
            CallFault::EditLost if self.is_chosen(is_edit) => {
                let mut head = request.head.replacen("PATCH", "GET", 1);
                head = head.replace(&format!("content-length: {}\r\n", request.body.len()), "");
                let answer = self.call(&Part { head, body: Vec::new() }).await?;
                let mut message = answer.json();
                message["content"] = request.json()["content"].clone();
                message["edited_at"] = "2026-01-01T00:00:00Z".into();
                Some(answer.with(&message))
            }
            CallFault::ForeignAnswer if self.is_chosen(is_edit) => {
                let answer = self.call(request).await?;
                let mut message = answer.json();
                message["id"] = json!(message["id"].as_i64().expect("an id") + 1);
                Some(answer.with(&message))
            }
            CallFault::ReactionLost if self.is_chosen(is("PUT ", "/reactions/")) => Some(done()),
            CallFault::DeletionLost if self.is_chosen(is("DELETE ", "/messages/")) => Some(done()),
            CallFault::ReactionTwice if is("PUT ", "/reactions/") && self.is_yet_to_be_done() => {
                let head = request.head.replacen("PUT", "DELETE", 1);
                let first = self.call(request).await?;
                let taken = self.call(&Part { head, body: Vec::new() }).await?;
                // The message may be deleted meanwhile: then it is done with the next one.
                if first.is_success() && taken.is_success() {
                    self.seen.store(DONE, Ordering::SeqCst);
                }
                self.call(request).await
            }
            CallFault::DeletedText | CallFault::SkippedLeftOut | CallFault::OtherText
                if is("GET ", "/events?after=0&") =>
            {
                let answer = self.call(request).await?;
                let mut page = answer.json();
                self.spoil(page["events"].as_array_mut()?);
                Some(answer.with(&page))
            }
            _ => self.call(request).await,
        }
    }

    /// Puts the fault into the log.
    fn spoil(&self, events: &mut Vec<Value>) {
        let is_it = |event: &Value| match self.fault {
            CallFault::DeletedText => event["deleted"] == true,
            CallFault::SkippedLeftOut => event["type"] == "skipped",
            _ => event["type"] == "message.created" && event["edited_at"].is_string(),
        };
        let place = events.iter().position(is_it).expect("there is one");
        match self.fault {
            CallFault::DeletedText => {
                events[place]["deleted"] = json!(false);
                events[place]["content"] = json!("it should be gone");
            }
            CallFault::SkippedLeftOut => drop(events.remove(place)),
            _ => {
                let content = events[place]["content"].as_str().expect("a text").replace("edit-", "edit-9");
                events[place]["content"] = json!(content);
            }
        }
    }
}
