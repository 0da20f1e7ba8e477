//! A node with somebody who is logged in, and a channel.

use super::client::{Account, Api, Socket};
use super::node::{Node, furnished_folder};
use futures_util::future::join_all;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// As long as anything may take that is waited for.
const PATIENCE: Duration = super::node::PATIENCE;
/// What a node may spend in a second in which nothing happens; the kernel counts in steps of 10 ms.
const IDLE_MAX: Duration = Duration::from_millis(60);
/// Seconds in which it may become idle: a socket that has been ended lingers for five.
const IDLE_WITHIN: usize = 12;

pub struct Site {
    folder: PathBuf,
    pub node: Node,
    pub account: Account,
    pub channel: i64,
}

/// How a socket was told that it ends, and the text frames that came before.
#[derive(Debug)]
pub struct Ending {
    pub texts: Vec<String>,
    /// The close frame's code, if there was a close frame.
    pub code: Option<u16>,
}

impl Site {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = furnished_folder();
        let node = Node::start_with(&folder, settings).await;
        let api = Api::new(&node.url);
        let account = api.account("site").await;
        let channel = api.channel(&account).await;
        Self { folder, node, account, channel }
    }

    /// Both kinds of socket: of the channel, and the gateway.
    pub fn paths(&self) -> [String; 2] {
        [format!("/ws/{}", self.channel), "/gateway".to_owned()]
    }

    pub async fn socket(&self, path: &str) -> Socket {
        Socket::open_at(&self.node.address, path, &self.account).await
    }

    /// For which the system keeps hardly anything: what has been sent, the node has read.
    pub async fn narrow_socket(&self, path: &str) -> Socket {
        Socket::open_narrow(&self.node.address, path, &self.account).await
    }

    pub async fn narrow_sockets(&self, path: &str, count: usize) -> Vec<Socket> {
        join_all((0..count).map(|_| self.narrow_socket(path))).await
    }

    /// Waits until the node spends no time any more.
    pub async fn until_idle(&self) {
        let mut spent = Vec::new();
        while spent.len() < IDLE_WITHIN {
            let before = self.node.cpu();
            sleep(Duration::from_secs(1)).await;
            let second = self.node.cpu() - before;
            if second < IDLE_MAX {
                return;
            }
            spent.push(second);
        }
        // On a busy machine the same costs more: one that has had nothing to do says how much.
        let fresh = Box::pin(Self::start(&[])).await;
        let mut compared = Vec::new();
        while compared.len() < IDLE_WITHIN {
            let before = (self.node.cpu(), fresh.node.cpu());
            sleep(Duration::from_secs(1)).await;
            let (own, of_fresh) = (self.node.cpu() - before.0, fresh.node.cpu() - before.1);
            if own <= 2 * of_fresh {
                return fresh.stop().await;
            }
            compared.push((own, of_fresh));
        }
        panic!("nothing happens, and the node is busy: {spent:?}, beside a fresh one {compared:?}");
    }

    /// Waits until the node has no more than so many files and connections open.
    pub async fn until_open(&self, descriptors: usize) {
        let wait = async {
            while self.node.descriptors() > descriptors {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the node lets go of what it has ended");
    }

    pub async fn stop(self) {
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}

/// Reads up to the close frame, or to the end of the connection where none comes.
pub async fn read_to_close(socket: &mut Socket) -> Ending {
    let mut texts = Vec::new();
    loop {
        match timeout(PATIENCE, socket.next_frame()).await.expect("it ends") {
            Some((0x81, payload)) => texts.push(String::from_utf8(payload).expect("text")),
            Some((0x88, payload)) => {
                return Ending { texts, code: payload.first_chunk().map(|code| u16::from_be_bytes(*code)) };
            }
            Some((0x89 | 0x8A, _)) => {}
            Some(other) => panic!("{other:?}"),
            None => return Ending { texts, code: None },
        }
    }
}

/// A message's `seq`.
pub fn seq(event: &str) -> i64 {
    let (_, after) = event.split_once(r#""seq":"#).expect("an event of the log");
    after.split(|c: char| !c.is_ascii_digit()).next().and_then(|seq| seq.parse().ok()).expect("a number")
}
