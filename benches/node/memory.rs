//! What a socket that is open and says nothing keeps resident in the node.

use super::client::{Account, Api, Socket};
use super::floors::Floor;
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use super::thousands;
use std::time::Duration;

const FEW: usize = 10_000;
const ROUNDS: usize = 3;
/// Files that both processes have open besides.
const SPARE_DESCRIPTORS: usize = 500;
/// Every socket has a port of its own on this side.
const PORTS: usize = 27_000;
const GOAL_KIB: f64 = 4.0;

pub async fn measure(results: &mut Results) {
    let most = most();
    let (mut few_rounds, mut most_rounds, mut actors_rounds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (few, all, actors) = round(most).await;
        few_rounds.push(few);
        most_rounds.push(all);
        actors_rounds.push(actors);
    }
    let actors = format!("the same by actix-web-actors, {} sockets", thousands(FEW));
    let ours = |count| format!("{} idle sockets in one channel", thousands(count));
    for (name, rounds, goal) in [
        (ours(FEW), few_rounds, Goal::AtMost(GOAL_KIB)),
        (ours(most), most_rounds, Goal::AtMost(GOAL_KIB)),
        (actors, actors_rounds, Goal::None),
    ] {
        results.push(Row { part: "memory", name, unit: "KiB a socket", rounds, floor: Vec::new(), goal });
    }
}

/// As many sockets as the limit of open files leaves to the node and to this process.
fn most() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PORTS);
    limit.saturating_sub(SPARE_DESCRIPTORS).clamp(FEW, PORTS)
}

async fn round(most: usize) -> (f64, f64, f64) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("idle").await;
    let channel = api.channel(&account).await;
    // The first connections make what all share.
    drop(Socket::open_many(&node.address, channel, &account, 100).await);
    settle().await;
    let before = node.resident_kib();
    let each = |count: usize| node.resident_kib().saturating_sub(before) as f64 / count as f64;
    let mut sockets = Socket::open_many(&node.address, channel, &account, FEW).await;
    settle().await;
    let few = each(FEW);
    sockets.extend(Socket::open_many(&node.address, channel, &account, most - FEW).await);
    settle().await;
    let all = each(most);
    drop(sockets);
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
    (few, all, by_actors(&account).await)
}

async fn by_actors(account: &Account) -> f64 {
    let floor = Floor::start("actors", &["100"]).await;
    drop(Socket::open_many(&floor.address, 1, account, 100).await);
    settle().await;
    let before = floor.resident_kib();
    let _sockets = Socket::open_many(&floor.address, 1, account, FEW).await;
    settle().await;
    floor.resident_kib().saturating_sub(before) as f64 / FEW as f64
}

async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
