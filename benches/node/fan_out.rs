//! One message to many sockets: the node's CPU for each delivery, beside that of a bare `epoll` loop.

use super::client::{Account, Api, Socket};
use super::floors::Floor;
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ROUNDS: usize = 5;
/// Deliveries of a round: enough that the kernel's ticks of 10 ms do not matter.
const DELIVERIES: usize = 600_000;
const CONTENT: &str = "Hello, World!";

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("fan").await;
    for sockets in [1_000, 5_000] {
        let (one, ten) = compare(&node, &api, &account, sockets).await;
        for (name, goal, (rounds, floor)) in [("one message at a time", 1.25, one), ("ten queued", 1.7, ten)] {
            let name = format!("{sockets} sockets, {name}");
            results.push(Row {
                part: "fan-out",
                name,
                unit: "µs CPU a delivery",
                rounds,
                floor,
                goal: Goal::TimesFloor(goal),
            });
        }
    }
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
}

type Rounds = (Vec<f64>, Vec<f64>);

/// Interleaved rounds of the node and of the floor; one message at a time, and ten queued.
async fn compare(node: &Node, api: &Api, account: &Account, sockets: usize) -> (Rounds, Rounds) {
    let channel = api.channel(account).await;
    let mut ours = Socket::open_many(&node.address, channel, account, sockets).await;
    let frame_bytes = say(&mut ours, 1).await;
    let floor = Floor::start("epoll", &[&sockets.to_string(), &frame_bytes.to_string()]).await;
    let mut trigger = TcpStream::connect(&floor.address).await.expect("it listens");
    trigger.set_nodelay(true).expect("it can be set");
    let mut bare = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        bare.push(Socket::bare(&floor.address).await);
    }
    let (mut one, mut ten) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        for (queued, (node_rounds, floor_rounds)) in [(1u8, &mut one), (10, &mut ten)] {
            let turns = DELIVERIES / sockets * if queued == 1 { 1 } else { 4 } / usize::from(queued);
            let deliveries = turns * usize::from(queued) * sockets;
            let before = node.cpu();
            for _ in 0..turns {
                say(&mut ours, u64::from(queued)).await;
            }
            node_rounds.push(each(node.cpu() - before, deliveries));
            let before = floor.cpu();
            for _ in 0..turns {
                trigger.write_all(&[queued]).await.expect("it reads");
                for socket in &mut bare {
                    socket.wait_for(u64::from(queued)).await;
                }
            }
            floor_rounds.push(each(floor.cpu() - before, deliveries));
        }
    }
    (one, ten)
}

fn each(spent: Duration, deliveries: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / deliveries as f64
}

/// Sends so many messages at once, and waits until everybody has them; answers how long a frame was.
async fn say(sockets: &mut [Socket], count: u64) -> usize {
    let (sender, others) = sockets.split_first_mut().expect("there are sockets");
    sender.send_many(CONTENT, count).await;
    let bytes = sender.wait_for(count).await;
    for socket in others {
        socket.wait_for(count).await;
    }
    bytes / usize::try_from(count).expect("small")
}
