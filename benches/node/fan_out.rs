//! One message to many sockets: the node's CPU for each delivery, beside that of a bare `epoll` loop, and of a small server made in
//! the usual way.

use super::client::{Account, Api, Socket};
use super::floors::Floor;
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ROUNDS: usize = 5;
/// Few sockets: the messages themselves would take long.
const TURNS_MAX: usize = 4_000;
/// Deliveries of a round: enough that the kernel's ticks of 10 ms do not matter.
const DELIVERIES: usize = 600_000;
const CONTENT: &str = "Hello, World!";
/// One message at a time, and so many queued.
const QUEUED: [u8; 2] = [1, 10];

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let api = Api::new(&node.url);
    let account = api.account("fan").await;
    for sockets in [1_000, 5_000] {
        let mut ours = Ours::open(&node, &api, &account, sockets).await;
        let frame_bytes = ours.frame_bytes().await;
        let mut bare = Bare::open(sockets, frame_bytes).await;
        let mut rounds = <[Rounds; 2]>::default();
        for _ in 0..ROUNDS {
            for (queued, (of_node, of_floor)) in QUEUED.into_iter().zip(&mut rounds) {
                of_node.push(ours.round(queued).await);
                of_floor.push(bare.round(queued).await);
            }
        }
        push(results, sockets, "", rounds, [Goal::TimesFloor(1.25), Goal::TimesFloor(1.7)]);
        // Ours would be pinged while others are measured, and answers only when it reads.
        drop(ours);
        let rounds = by_actors(&mut bare, &account, sockets, frame_bytes).await;
        push(results, sockets, "the same by actix-web-actors, ", rounds, [Goal::None, Goal::None]);
    }
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
}

/// Interleaved rounds of what is measured and of the floor.
type Rounds = (Vec<f64>, Vec<f64>);

fn push(results: &mut Results, sockets: usize, whose: &str, rounds: [Rounds; 2], goals: [Goal; 2]) {
    let names = ["one message at a time", "ten queued"];
    for ((name, (rounds, floor)), goal) in names.into_iter().zip(rounds).zip(goals) {
        let name = format!("{whose}{sockets} sockets, {name}");
        results.push(Row { part: "fan-out", name, unit: "µs CPU a delivery", rounds, floor, goal });
    }
}

async fn by_actors(bare: &mut Bare, account: &Account, sockets: usize, frame_bytes: usize) -> [Rounds; 2] {
    let floor = Floor::start("actors", &[&frame_bytes.to_string()]).await;
    let mut actors = Chat { sockets: Socket::open_many(&floor.address, 1, account, sockets).await };
    let mut rounds = <[Rounds; 2]>::default();
    for _ in 0..ROUNDS {
        for (queued, (of_actors, of_floor)) in QUEUED.into_iter().zip(&mut rounds) {
            of_actors.push(actors.round(queued, || floor.cpu()).await);
            of_floor.push(bare.round(queued).await);
        }
    }
    rounds
}

/// How often so many messages are sent in a round.
fn turns(sockets: usize, queued: u8) -> usize {
    let often = DELIVERIES * if queued == 1 { 1 } else { 4 };
    (often / sockets / usize::from(queued)).clamp(10, TURNS_MAX)
}

/// A channel's sockets on the node.
pub struct Ours<'a> {
    node: &'a Node,
    chat: Chat,
}

impl<'a> Ours<'a> {
    pub async fn open(node: &'a Node, api: &Api, account: &Account, sockets: usize) -> Self {
        let channel = api.channel(account).await;
        Self { node, chat: Chat { sockets: Socket::open_many(&node.address, channel, account, sockets).await } }
    }

    /// How long an event is as a frame.
    pub async fn frame_bytes(&mut self) -> usize {
        self.chat.say(1).await
    }

    /// The node's CPU for a delivery, in microseconds.
    pub async fn round(&mut self, queued: u8) -> f64 {
        self.chat.round(queued, || self.node.cpu()).await
    }
}

/// Sockets that all hear what one of them says.
struct Chat {
    sockets: Vec<Socket>,
}

impl Chat {
    async fn round(&mut self, queued: u8, cpu: impl Fn() -> Duration) -> f64 {
        let turns = turns(self.sockets.len(), queued);
        let before = cpu();
        for _ in 0..turns {
            self.say(u64::from(queued)).await;
        }
        each(cpu() - before, turns * usize::from(queued) * self.sockets.len())
    }

    /// Sends so many messages at once, and waits until everybody has them; answers how long a frame was.
    async fn say(&mut self, count: u64) -> usize {
        let (sender, others) = self.sockets.split_first_mut().expect("there are sockets");
        sender.send_many(CONTENT, count).await;
        let bytes = sender.wait_for(count).await;
        for socket in others {
            socket.wait_for(count).await;
        }
        bytes / usize::try_from(count).expect("small")
    }
}

/// As many connections to the floor.
pub struct Bare {
    floor: Floor,
    trigger: TcpStream,
    sockets: Vec<Socket>,
}

impl Bare {
    pub async fn open(sockets: usize, frame_bytes: usize) -> Self {
        let floor = Floor::start("epoll", &[&sockets.to_string(), &frame_bytes.to_string()]).await;
        let trigger = TcpStream::connect(&floor.address).await.expect("it listens");
        trigger.set_nodelay(true).expect("it can be set");
        let mut all = Vec::with_capacity(sockets);
        for _ in 0..sockets {
            all.push(Socket::bare(&floor.address).await);
        }
        Self { floor, trigger, sockets: all }
    }

    /// The floor's CPU for a delivery, in microseconds.
    pub async fn round(&mut self, queued: u8) -> f64 {
        let turns = turns(self.sockets.len(), queued);
        let before = self.floor.cpu();
        for _ in 0..turns {
            self.trigger.write_all(&[queued]).await.expect("it reads");
            for socket in &mut self.sockets {
                socket.wait_for(u64::from(queued)).await;
            }
        }
        each(self.floor.cpu() - before, turns * usize::from(queued) * self.sockets.len())
    }
}

fn each(spent: Duration, deliveries: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / deliveries as f64
}
