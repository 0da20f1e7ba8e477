//! Three hundred sockets that stop reading: what they cost the node, and those who read.

use super::client::{Account, Api, Socket};
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tokio::time::{interval, sleep};

const STALLED: usize = 300;
const READERS: usize = 20;
const SENDERS: usize = 4;
const MESSAGES_A_SECOND: u64 = 1_000;
const MESSAGES: u64 = 2_000;
/// A young PostgreSQL still makes the files of its log, and every commit waits for that.
const WARMING_ROUNDS: usize = 4;
const ROUNDS: usize = 7;

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("slow").await;
    for _ in 0..WARMING_ROUNDS {
        round(&node, &api, &account, 0).await;
    }
    let before = node.resident_kib();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(round(&node, &api, &account, 0).await);
        with.push(round(&node, &api, &account, STALLED).await);
    }
    let grown = node.peak_kib().saturating_sub(before);
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);

    let ratios = with.iter().zip(&without).map(|(with, without)| with / without).collect();
    for (name, unit, rounds) in [
        ("p99 of a delivery to 20 readers, 1,000 messages a second", "µs", without),
        ("the same while 300 others do not read", "µs", with),
        ("their ratio, each round's", "times", ratios),
        ("memory more, at the most, with 300 sockets that do not read", "MiB", vec![grown as f64 / 1_024.0]),
    ] {
        let floor = Vec::new();
        results.push(Row { part: "slow readers", name: name.into(), unit, rounds, floor, goal: Goal::None });
    }
}

/// The 99th percentile, in microseconds, of the time from the sending to each reader.
async fn round(node: &Node, api: &Api, account: &Account, stalled: usize) -> f64 {
    let channel = api.channel(account).await;
    let path = format!("/ws/{channel}");
    let open = node.descriptors();
    let mut readers = Socket::open_many(&node.address, channel, account, READERS).await;
    let mut stalled = join_all((0..stalled).map(|_| Socket::open_narrow(&node.address, &path, account))).await;
    let base = Instant::now();
    let mut senders = Vec::new();
    for socket in Socket::open_many(&node.address, channel, account, SENDERS).await {
        senders.push(tokio::spawn(send(socket, base)));
    }
    let mut delays: Vec<u64> = join_all(readers.iter_mut().map(|reader| hear(reader, base))).await.concat();
    for sender in senders {
        sender.await.expect("it sent to the end");
    }
    for code in join_all(stalled.iter_mut().map(Socket::read_close)).await {
        assert_eq!(code, 4430);
    }
    drop((readers, stalled));
    while node.descriptors() > open {
        sleep(Duration::from_millis(10)).await;
    }
    delays.sort_unstable();
    delays[delays.len() * 99 / 100] as f64
}

/// Sends its share at its pace, whatever comes back, and says in each message when that was.
async fn send(mut socket: Socket, base: Instant) {
    let mut pace = interval(Duration::from_micros(1_000_000 * SENDERS as u64 / MESSAGES_A_SECOND));
    let (mut sent, mut heard) = (0, 0);
    while heard < MESSAGES {
        tokio::select! {
            _ = pace.tick(), if sent < MESSAGES / SENDERS as u64 => {
                sent += 1;
                socket.send(&format!("{:x<100}", format!("at {} µs ", base.elapsed().as_micros()))).await;
            }
            frames = socket.read_frames() => heard += frames,
        }
    }
}

async fn hear(reader: &mut Socket, base: Instant) -> Vec<u64> {
    let mut delays = Vec::with_capacity(MESSAGES as usize);
    while (delays.len() as u64) < MESSAGES {
        let (first, payload) = reader.next_frame().await.expect("it is not ended");
        assert_eq!(first, 0x81);
        let text = String::from_utf8(payload).expect("text");
        let (_, after) = text.split_once("at ").expect("one of ours");
        let sent: u64 = after.split(' ').next().and_then(|sent| sent.parse().ok()).expect("a time");
        delays.push((base.elapsed().as_micros() as u64).saturating_sub(sent));
    }
    delays
}
