//! Messages at a pace, and how long each takes from its sender to each reader.

use super::client::{Account, Socket};
use super::node::Node;
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tokio::time::interval;

/// What goes through one channel.
#[derive(Clone, Copy)]
pub struct Traffic {
    pub readers: usize,
    pub senders: usize,
    pub messages_a_second: u64,
    pub messages: u64,
}

impl Traffic {
    /// The 99th percentile, in microseconds, of the time from the sending to each reader.
    pub async fn p99_us(self, node: &Node, channel: i64, account: &Account) -> u64 {
        let mut readers = Socket::open_many(&node.address, channel, account, self.readers).await;
        let base = Instant::now();
        let mut senders = Vec::new();
        for socket in Socket::open_many(&node.address, channel, account, self.senders).await {
            senders.push(tokio::spawn(self.send(socket, base)));
        }
        let mut delays: Vec<u64> = join_all(readers.iter_mut().map(|reader| self.hear(reader, base))).await.concat();
        for sender in senders {
            sender.await.expect("it sent to the end");
        }
        delays.sort_unstable();
        delays[delays.len() * 99 / 100]
    }

    /// Sends its share at its pace, whatever comes back, and says in each message when that was.
    async fn send(self, mut socket: Socket, base: Instant) {
        let mut pace = interval(Duration::from_micros(1_000_000 * self.senders as u64 / self.messages_a_second));
        let (mut sent, mut heard) = (0, 0);
        while heard < self.messages {
            tokio::select! {
                _ = pace.tick(), if sent < self.messages / self.senders as u64 => {
                    sent += 1;
                    socket.send(&format!("{:x<100}", format!("at {} µs ", base.elapsed().as_micros()))).await;
                }
                frames = socket.read_frames() => heard += frames,
            }
        }
    }

    async fn hear(self, reader: &mut Socket, base: Instant) -> Vec<u64> {
        let mut delays = Vec::with_capacity(self.messages as usize);
        while (delays.len() as u64) < self.messages {
            let (first, payload) = reader.next_frame().await.expect("it is not ended");
            assert_eq!(first, 0x81);
            let text = String::from_utf8(payload).expect("text");
            let (_, after) = text.split_once("at ").expect("one of ours");
            let sent: u64 = after.split(' ').next().and_then(|sent| sent.parse().ok()).expect("a time");
            delays.push((base.elapsed().as_micros() as u64).saturating_sub(sent));
        }
        delays
    }
}
