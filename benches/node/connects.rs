//! Sockets opened one after another as fast as they come, each with the check of its token.

use super::client::{Api, Socket};
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use std::time::{Duration, Instant};

const SOCKETS: usize = 10_000;
const ROUNDS: usize = 5;

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("connects").await;
    let channel = api.channel(&account).await;
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let open = node.descriptors();
        let (began, before) = (Instant::now(), node.cpu());
        let sockets = Socket::open_many(&node.address, channel, &account, SOCKETS).await;
        rates.push(SOCKETS as f64 / began.elapsed().as_secs_f64());
        costs.push((node.cpu() - before).as_secs_f64() * 1e6 / SOCKETS as f64);
        drop(sockets);
        while node.descriptors() > open {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
    for (name, unit, rounds) in [
        ("10,000 sockets, 100 handshakes at once, on the client's processors too", "connects a second", rates),
        ("CPU of the node", "µs CPU a connect", costs),
    ] {
        results.push(Row { part: "connects", name: name.into(), unit, rounds, floor: Vec::new(), goal: Goal::None });
    }
}
