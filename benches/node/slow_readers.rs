//! Three hundred sockets that stop reading: what they cost the node, and those who read.

use super::client::{Account, Api, Socket};
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use super::traffic::Traffic;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::time::sleep;

const STALLED: usize = 300;
const TRAFFIC: Traffic = Traffic { readers: 20, senders: 4, messages_a_second: 1_000, messages: 2_000 };
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
    let mut stalled = join_all((0..stalled).map(|_| Socket::open_narrow(&node.address, &path, account))).await;
    let p99 = TRAFFIC.p99_us(node, channel, account).await;
    for code in join_all(stalled.iter_mut().map(Socket::read_close)).await {
        assert_eq!(code, 4430);
    }
    drop(stalled);
    while node.descriptors() > open {
        sleep(Duration::from_millis(10)).await;
    }
    p99 as f64
}
