//! Whether a delivery costs more when there are more sockets, and a message more when there are more channels.

use super::client::{Account, Api, Socket};
use super::fan_out::{Bare, Ours};
use super::node::{Node, data_folder};
use super::postgres::cpu_of_server;
use super::results::{Goal, Results, Row};
use futures_util::future::join_all;
use std::time::Duration;

const ROUNDS: usize = 3;
/// The descriptors of this process, and of the node, allow no more of them at once.
const SOCKETS: [usize; 6] = [10, 100, 1_000, 5_000, 10_000, 15_000];
const CHANNELS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const CHANNELS_A_SERVER: usize = 500;
/// On their way at any time, however many channels they are in: the batches stay as large.
const ON_THEIR_WAY: usize = 60;
const MESSAGES: usize = 40_000;
const CONTENT: &str = "Sixty characters are about what people write to one another.";

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("growth").await;
    for sockets in SOCKETS {
        delivery(results, &node, &api, &account, sockets).await;
    }
    for channels in CHANNELS {
        message(results, &node, &api, &account, channels).await;
    }
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
}

/// One after the other: both at once would take twice the descriptors.
async fn delivery(results: &mut Results, node: &Node, api: &Api, account: &Account, sockets: usize) {
    let (mut rounds, mut floor) = (Vec::new(), Vec::new());
    let mut ours = Ours::open(node, api, account, sockets).await;
    let frame_bytes = ours.frame_bytes().await;
    for _ in 0..ROUNDS {
        rounds.push(ours.round(1).await);
    }
    drop(ours);
    let mut bare = Bare::open(sockets, frame_bytes).await;
    for _ in 0..ROUNDS {
        floor.push(bare.round(1).await);
    }
    let name = format!("{sockets} sockets in a channel");
    results.push(Row { part: "growth", name, unit: "µs CPU a delivery", rounds, floor, goal: Goal::None });
}

async fn message(results: &mut Results, node: &Node, api: &Api, account: &Account, channels: usize) {
    let postmaster = node.postmaster().and_then(|pid| pid.parse().ok()).expect("it is embedded");
    let mut hands = hands(node, api, account, channels).await;
    let (mut ours, mut postgres) = (Vec::new(), Vec::new());
    // The first round makes what each channel needs.
    pass_on(&mut hands, channels.max(MESSAGES / 10)).await;
    for _ in 0..ROUNDS {
        let before = (node.cpu(), cpu_of_server(postmaster));
        let sent = pass_on(&mut hands, MESSAGES).await as f64;
        let each = |now: Duration, before: Duration| (now - before).as_secs_f64() * 1e6 / sent;
        ours.push(each(node.cpu(), before.0));
        postgres.push(each(cpu_of_server(postmaster), before.1));
    }
    for (unit, rounds) in [("µs CPU of the node a message", ours), ("µs CPU of PostgreSQL a message", postgres)] {
        let name = format!("{channels} channels, {ON_THEIR_WAY} messages on their way");
        results.push(Row { part: "growth", name, unit, rounds, floor: Vec::new(), goal: Goal::None });
    }
}

/// Sends from one channel after another.
struct Hand {
    sockets: Vec<Socket>,
    window: usize,
    next: usize,
}

async fn hands(node: &Node, api: &Api, account: &Account, channels: usize) -> Vec<Hand> {
    let count = channels.min(ON_THEIR_WAY);
    let mut hands: Vec<Hand> =
        (0..count).map(|_| Hand { sockets: Vec::new(), window: ON_THEIR_WAY / count, next: 0 }).collect();
    let mut account = Account { token: account.token.clone(), server: account.server };
    for number in 0..channels {
        if number % CHANNELS_A_SERVER == 0 {
            account.server = api.server(&account).await;
        }
        let channel = api.channel(&account).await;
        hands[number % count].sockets.push(Socket::open(&node.address, channel, &account).await);
    }
    hands
}

/// Sends at least so many messages; answers how many.
async fn pass_on(hands: &mut [Hand], messages: usize) -> usize {
    let turns = messages.div_ceil(hands.len() * hands[0].window);
    let sent = turns * hands.len() * hands[0].window;
    join_all(hands.iter_mut().map(|hand| async move {
        for _ in 0..turns {
            let place = hand.next % hand.sockets.len();
            let socket = &mut hand.sockets[place];
            socket.send_many(CONTENT, hand.window as u64).await;
            socket.wait_for(hand.window as u64).await;
            hand.next += 1;
        }
    }))
    .await;
    sent
}
