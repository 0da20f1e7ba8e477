//! Whatever bytes come, on either socket: an answer or a close frame, and the neighbours go on. Each client's bytes follow
//! from its number, so that what fails once fails again.

use super::client::{Socket, frame};
use super::site::{Site, seq};
use futures_util::future::join_all;
use rand::prelude::*;
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::Duration;
use tokio::time::timeout;

const CLIENTS: u64 = 600;
const AT_ONCE: u64 = 30;
const NEIGHBOURS: usize = 4;
/// No answer takes so long.
const PATIENCE: Duration = super::node::PATIENCE;
/// The last thing a client says, if the node still listens.
const OVER: &[u8] = b"over?";

#[tokio::test(flavor = "current_thread")]
async fn garbage_of_any_kind_is_answered_or_ended_and_the_neighbours_go_on() {
    let site = Site::start(&[]).await;
    let is_over = Cell::new(false);
    let mut neighbours = Vec::new();
    for (number, path) in site.paths().iter().cycle().take(NEIGHBOURS).enumerate() {
        neighbours.push(talk(&site, number, path.clone(), &is_over));
    }
    let storm = async {
        for first in (0..CLIENTS).step_by(AT_ONCE as usize) {
            join_all((first..first + AT_ONCE).map(|number| client(&site, number))).await;
        }
        is_over.set(true);
    };
    let (talks, ()) = tokio::join!(join_all(neighbours), storm);
    println!("messages that the neighbours sent meanwhile: {talks:?}");
    site.until_idle().await;
    site.stop().await;
}

/// Says one thing after another, and hears it and all between in order; answers how many.
async fn talk(site: &Site, number: usize, path: String, is_over: &Cell<bool>) -> usize {
    let mut socket = site.socket(&path).await;
    let channel_id = site.channel;
    let mut last = None;
    if path == "/gateway" {
        let subscribe = json!({ "type": "subscribe", "channel_id": channel_id }).to_string();
        socket.send_bytes(&frame(0x81, subscribe.as_bytes())).await.expect("it is sent");
        while !next_text(&mut socket).await.starts_with(r#"{"type":"subscribed""#) {}
    }
    for count in 0.. {
        let content = format!("<{number}:{count}>");
        let message = json!({ "type": "message.send", "channel_id": channel_id, "content": content }).to_string();
        socket.send_bytes(&frame(0x81, message.as_bytes())).await.expect("it is sent");
        loop {
            let event = next_text(&mut socket).await;
            if !event.starts_with(r#"{"type":"message.created""#) {
                assert!(event.starts_with(r#"{"type":"ack""#), "{event}");
                continue;
            }
            let seq = seq(&event);
            assert!(last.replace(seq).is_none_or(|last| last + 1 == seq), "{event}");
            if event.contains(&content) {
                break;
            }
        }
        if is_over.get() {
            return count;
        }
    }
    unreachable!("it counts for ever");
}

async fn next_text(socket: &mut Socket) -> String {
    loop {
        let next = timeout(PATIENCE, socket.next_frame()).await.expect("the node answers");
        match next.expect("a neighbour is not ended") {
            (0x81, text) => return String::from_utf8(text).expect("text"),
            (first, _) => assert_eq!(first, 0x89),
        }
    }
}

async fn client(site: &Site, number: u64) {
    let mut random = StdRng::seed_from_u64(number);
    let path = site.paths().choose(&mut random).expect("there are two").clone();
    let make = [noise, frames, values, bent].choose(&mut random).expect("there are four").to_owned();
    let is_noise = std::ptr::fn_addr_eq(make, noise as Make);
    let bytes = make(&mut random, site.channel);
    let mut socket = site.socket(&path).await;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.random_range(1..=rest.len()));
        // The node may have ended it already.
        let _ = socket.send_bytes(piece).await;
        tokio::task::yield_now().await;
        rest = after;
    }
    if random.random_bool(0.2) {
        // The connection ends within whatever it was.
        return;
    }
    let _ = socket.send_bytes(&frame(0x89, OVER)).await;
    socket.finish().await;
    let is_answered = timeout(PATIENCE, answer(&mut socket)).await.expect("it comes to an end");
    // Noise may look like the beginning of a frame: the rest of that is waited for.
    assert!(is_answered || is_noise, "client {number} on {path} got neither an answer nor a close frame");
}

/// Whether the last ping is answered, or a close frame says why not.
async fn answer(socket: &mut Socket) -> bool {
    while let Some((first, payload)) = socket.next_frame().await {
        match first {
            0x81 => drop(serde_json::from_slice::<Value>(&payload).expect("an event is JSON")),
            0x88 => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                assert!(!matches!(code, Some(1011 | 1012)), "a fault of the node: {code:?}");
                return true;
            }
            0x8A if payload == OVER => return true,
            0x89 | 0x8A => {}
            other => panic!("{other:#x}"),
        }
    }
    false
}

type Make = fn(&mut StdRng, i64) -> Vec<u8>;

fn noise(random: &mut StdRng, _: i64) -> Vec<u8> {
    let mut bytes = vec![0; random.random_range(1..4_000)];
    random.fill(&mut bytes[..]);
    if random.random_bool(0.5) {
        // It begins like text, so more of it is looked at.
        bytes.splice(..0, [0x81, 0x80 | random.random::<u8>()]);
    }
    bytes
}

/// Whole and masked, with any opcode and payload.
fn frames(random: &mut StdRng, _: i64) -> Vec<u8> {
    let frame = |random: &mut StdRng| {
        let good = [0x81, 0x01, 0x00, 0x80, 0x89, 0x8A];
        let any = random.random::<u8>() & 0x8F;
        let first = if random.random_bool(0.9) { *good.choose(random).expect("some") } else { any };
        let size = if first & 0x08 != 0 { random.random_range(0..126) } else { random.random_range(0..700) };
        let ascii = random.random_bool(0.8);
        let payload: Vec<u8> = (0..size).map(|_| random.random::<u8>() & if ascii { 0x7F } else { 0xFF }).collect();
        frame(first, &payload)
    };
    (0..random.random_range(1..25)).flat_map(|_| frame(random)).collect()
}

/// Text frames with JSON of any shape, most with the names that the node knows.
fn values(random: &mut StdRng, channel: i64) -> Vec<u8> {
    let texts = (0..random.random_range(1..40)).map(|_| command(random, channel).to_string());
    texts.flat_map(|text| frame(0x81, text.as_bytes())).collect()
}

/// As above, with some bytes changed, added or left out.
fn bent(random: &mut StdRng, channel: i64) -> Vec<u8> {
    let text = |random: &mut StdRng| {
        let mut text = command(random, channel).to_string().into_bytes();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..text.len());
            match random.random_range(0..4) {
                0 => text[at] = random.random(),
                1 => text.insert(at, *b"{}[]\",:\\".choose(random).expect("some")),
                2 => text.truncate(at.max(1)),
                _ => drop(text.splice(at..at, std::iter::repeat_n(b'[', 40))),
            }
        }
        frame(0x81, &text)
    };
    (0..random.random_range(1..40)).flat_map(|_| text(random)).collect()
}

fn command(random: &mut StdRng, channel: i64) -> Value {
    const KINDS: [&str; 7] = ["identify", "subscribe", "unsubscribe", "message.send", "ping", "ready", ""];
    const FIELDS: [&str; 8] = ["content", "nonce", "reply_to", "channel_id", "after", "token", "t", "constructor"];
    if random.random_bool(0.1) {
        return value(random, 0);
    }
    let mut command = json!({});
    if random.random_bool(0.8) {
        command["type"] = json!(KINDS.choose(random));
    }
    if random.random_bool(0.6) {
        command["channel_id"] = json!(channel);
    }
    for _ in 0..random.random_range(0..5) {
        command[*FIELDS.choose(random).expect("some")] = value(random, 0);
    }
    command
}

fn value(random: &mut StdRng, depth: u32) -> Value {
    match random.random_range(0..if depth < 20 { 10 } else { 7 }) {
        0 => Value::Null,
        1 => json!(random.random::<bool>()),
        2 => json!(random.random_range(-2..3)),
        3 => json!(random.random::<i64>()),
        4 => json!(random.random::<f64>() * 1e300),
        5 => json!(random.random::<u64>()),
        6 => (0..random.random_range(0..80)).map(|_| random.random::<char>()).collect::<String>().into(),
        7 => (0..random.random_range(0..4)).map(|_| value(random, depth + 1)).collect(),
        8 => json!({ "content": value(random, depth + 1), "\u{0}": value(random, depth + 1) }),
        _ => json!([value(random, depth + 5)]),
    }
}
