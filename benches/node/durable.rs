//! Messages that are on disk before they are acknowledged: how many a second, and what one costs PostgreSQL and the node,
//! against a plain insert in batches of the same size.

use super::client::{Api, Socket, frame};
use super::crowd::{Crowd, Frames};
use super::floors::Floor;
use super::node::{Node, data_folder};
use super::postgres::cpu_of_server;
use super::results::{Goal, Results, Row, median};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

/// What everybody says.
pub const CONTENT: &str = "Sixty characters are about what people write to one another.";
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_secs(3);
const FLOOR_SECONDS: u64 = 2;
const CHANNELS: usize = 1_000;
/// An account's server takes no more than 500 channels.
const CHANNELS_AN_ACCOUNT: usize = 250;
const PACE: u32 = 10_000;

/// A node, its PostgreSQL, and the floor on the same PostgreSQL.
struct Site {
    node: Node,
    postmaster: u32,
    database: Client,
    floor: Floor,
}

/// One round.
#[derive(Default)]
struct Round {
    messages: f64,
    seconds: f64,
    node_us: f64,
    postgres_us: f64,
    batch: f64,
    floor_rate: f64,
    floor_us: f64,
    delays_us: Vec<u64>,
}

pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start(&folder).await;
    let url =
        format!("postgresql://madang@{}/madang", folder.join("postgres-run").display().to_string().replace('/', "%2F"));
    let (database, connection) = tokio_postgres::connect(&url, NoTls).await.expect("PostgreSQL runs");
    tokio::spawn(connection);
    let postmaster = node.postmaster().and_then(|pid| pid.parse().ok()).expect("it is embedded");
    let floor = Floor::start("insert", &[&url]).await;
    let site = Site { node, postmaster, database, floor };

    let mut senders = Senders::open(&site.node).await;
    // The first rounds make PostgreSQL's files.
    senders.show_life();
    senders.keep_on_the_way(CHANNELS, 8, TIME);
    for (name, channels, window, least) in [
        ("1 channel, one message after another", 1, 1, None),
        ("1 channel, 60 on their way", 1, 60, Some(20_000.0)),
        ("1,000 channels, 8 on their way each", CHANNELS, 8, Some(20_000.0)),
    ] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(site.round(&mut senders, |senders| senders.keep_on_the_way(channels, window, TIME)).await);
        }
        report(results, name, &rounds, least.map_or(Goal::None, Goal::AtLeast), Goal::None);
    }
    for channels in [1, 100, CHANNELS] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(site.round(&mut senders, |senders| senders.keep_pace(channels, PACE, TIME)).await);
        }
        let name = match channels {
            1 => "10,000 a second into 1 channel",
            100 => "10,000 a second into 100 channels",
            _ => "10,000 a second into 1,000 channels",
        };
        report(results, name, &rounds, Goal::None, Goal::AtMost(25.0));
    }
    site.node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
}

impl Site {
    /// Lets the senders send, then the floor insert in batches of the same size.
    async fn round(&self, senders: &mut Senders, send: impl FnOnce(&mut Senders) -> Vec<u64>) -> Round {
        senders.show_life();
        let (batches, node, postgres) = (self.batches().await, self.node.cpu(), cpu_of_server(self.postmaster));
        let started = Instant::now();
        let mut delays_us = send(senders);
        let seconds = started.elapsed().as_secs_f64();
        let messages = delays_us.len() as f64;
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / messages;
        let (node_us, postgres_us) = (each(self.node.cpu() - node), each(cpu_of_server(self.postmaster) - postgres));
        let batch = messages / (self.batches().await - batches);
        delays_us.sort_unstable();

        let before = cpu_of_server(self.postmaster);
        let mut floor = TcpStream::connect(&self.floor.address).expect("a connection");
        writeln!(floor, "{} {FLOOR_SECONDS}", batch.round().max(1.0)).expect("it is asked");
        let mut answer = String::new();
        BufReader::new(floor).read_line(&mut answer).expect("it answers");
        let rows: f64 = answer.trim().parse().expect("a number");
        let floor_us = (cpu_of_server(self.postmaster) - before).as_secs_f64() * 1e6 / rows;
        let floor_rate = rows / FLOOR_SECONDS as f64;
        Round { messages, seconds, node_us, postgres_us, batch, floor_rate, floor_us, delays_us }
    }

    /// How many batches the node has written so far; not a number if their notes have just been removed.
    async fn batches(&self) -> f64 {
        let row = self.database.query_one("select max(number)::float8 from write_batches", &[]).await;
        row.expect("PostgreSQL runs").get::<_, Option<f64>>(0).unwrap_or(f64::NAN)
    }
}

fn report(results: &mut Results, name: &str, rounds: &[Round], rate: Goal, postgres: Goal) {
    let all = |of: fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let delay = |share: usize| {
        let delays = rounds.iter().map(|round| round.delays_us[round.delays_us.len() * share / 100] as f64 / 1e3);
        delays.collect::<Vec<f64>>()
    };
    let batch = median(&all(|round| round.batch));
    let name = format!("{name} (batches of {batch:.1})");
    let mut row = |unit, rounds, floor, goal| {
        results.push(Row { part: "sending", name: name.clone(), unit, rounds, floor, goal })
    };
    row("messages a second", all(|round| round.messages / round.seconds), all(|round| round.floor_rate), rate);
    row("µs CPU of PostgreSQL a message", all(|round| round.postgres_us), all(|round| round.floor_us), postgres);
    row("µs CPU of the node a message", all(|round| round.node_us), Vec::new(), Goal::None);
    row("ms to the acknowledgement, median", delay(50), Vec::new(), Goal::None);
    row("ms to the acknowledgement, p99", delay(99), Vec::new(), Goal::None);
}

/// One sender in each channel.
struct Senders {
    crowd: Crowd,
    each: Vec<Sender>,
    sent: u64,
}

#[derive(Default)]
struct Sender {
    frames: Frames,
    /// When what is on its way was sent, oldest first.
    waiting: VecDeque<Instant>,
}

impl Senders {
    async fn open(node: &Node) -> Self {
        let api = Api::new(&node.url);
        let mut streams = Vec::new();
        for number in 0..CHANNELS / CHANNELS_AN_ACCOUNT {
            let account = api.account(&format!("sender{number}")).await;
            for _ in 0..CHANNELS_AN_ACCOUNT {
                let channel = api.channel(&account).await;
                streams.push(Socket::open(&node.address, channel, &account).await.into_stream());
            }
        }
        Self { each: streams.iter().map(|_| Sender::default()).collect(), crowd: Crowd::new(streams), sent: 0 }
    }

    /// Each of the first `senders` keeps `window` messages on their way; answers how long each took, in microseconds.
    fn keep_on_the_way(&mut self, senders: usize, window: usize, time: Duration) -> Vec<u64> {
        let end = Instant::now() + time;
        (0..senders).for_each(|place| (0..window).for_each(|_| self.send(place)));
        let mut delays = Vec::new();
        let mut waiting = senders * window;
        while waiting > 0 {
            for (place, count) in self.hear(None, &mut delays) {
                waiting -= count;
                if Instant::now() < end {
                    (0..count).for_each(|_| self.send(place));
                    waiting += count;
                }
            }
        }
        delays
    }

    /// The first `senders` send so many a second together, in turn and evenly.
    fn keep_pace(&mut self, senders: usize, rate: u32, time: Duration) -> Vec<u64> {
        let started = Instant::now();
        let mut delays = Vec::new();
        let mut number = 0;
        let messages = rate * u32::try_from(time.as_secs()).expect("a short time");
        while delays.len() < messages as usize {
            let due = (number < messages).then(|| started + Duration::from_secs(1) * number / rate);
            if due.is_some_and(|due| due <= Instant::now()) {
                self.send(number as usize % senders);
                number += 1;
            } else {
                self.hear(due, &mut delays);
            }
        }
        delays
    }

    fn send(&mut self, place: usize) {
        self.sent += 1;
        let text = format!(r#"{{"content":"{CONTENT}","nonce":"{:016x}"}}"#, self.sent);
        self.crowd.send(place, &frame(0x81, text.as_bytes()));
        self.each[place].waiting.push_back(Instant::now());
    }

    /// Who has got how many of its own messages back.
    fn hear(&mut self, until: Option<Instant>, delays: &mut Vec<u64>) -> Vec<(usize, usize)> {
        let mut heard = Vec::new();
        let each = &mut self.each;
        self.crowd.hear(until, |place, piece| {
            let count = each[place].frames.count(piece);
            let now = Instant::now();
            assert!(count <= each[place].waiting.len(), "more than was sent: {}", String::from_utf8_lossy(piece));
            for sent in each[place].waiting.drain(..count) {
                delays.push(now.duration_since(sent).as_micros() as u64);
            }
            heard.push((place, count));
        });
        heard
    }

    /// A node ends who says nothing.
    fn show_life(&mut self) {
        let pong = frame(0x8A, b"");
        (0..self.crowd.len()).for_each(|place| self.crowd.send(place, &pong));
        std::thread::sleep(Duration::from_millis(200));
    }
}
