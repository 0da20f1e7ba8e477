//! What lies between a node and its PostgreSQL: a proxy that is slow, that passes nothing, that breaks, and that comes late.

use super::dice::Dice;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;

const PIECE_BYTES: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    Fair,
    /// Each piece takes up to so many milliseconds.
    Slow(u64),
    /// Nothing passes, and nobody is told.
    Stalled,
}

#[derive(Clone)]
pub struct Proxy {
    pub port: u16,
    state: watch::Sender<LinkState>,
    breaks: broadcast::Sender<()>,
    /// The writer's next question is kept for so many milliseconds; 0 for none.
    late_ms: Arc<AtomicU64>,
    dice: Arc<Mutex<Dice>>,
}

impl Proxy {
    pub async fn start(database: PathBuf, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (state, breaks) = (watch::Sender::new(LinkState::Fair), broadcast::Sender::new(1));
        let dice = Arc::new(Mutex::new(Dice::of(seed, 3_000)));
        let proxy = Self { port, state, breaks, late_ms: Arc::default(), dice };
        let copy = proxy.clone();
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                tokio::spawn(copy.clone().join(node, database.clone()));
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("postgresql://madang@127.0.0.1:{}/madang?sslmode=disable", self.port)
    }

    /// Changes how things pass.
    pub fn turn(&self, state: LinkState) {
        self.state.send_replace(state);
    }

    /// Breaks every connection.
    pub fn break_all(&self) {
        // There may be none.
        let _ = self.breaks.send(());
    }

    /// The writer's connection breaks with its next question, and PostgreSQL gets that so much later.
    pub fn make_late(&self, length: Duration) {
        self.late_ms.store(u64::try_from(length.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    async fn join(self, mut node: TcpStream, database: PathBuf) {
        let (mut breaks, mut first) = (self.breaks.subscribe(), vec![0; PIECE_BYTES]);
        let _ = node.set_nodelay(true);
        let Ok(count @ 1..) = node.read(&mut first).await else { return };
        self.passage().await;
        let Ok(mut postgres) = UnixStream::connect(&database).await else { return };
        let is_writer = first[..count].windows(13).any(|part| part == b"madang writer");
        if postgres.write_all(&first[..count]).await.is_err() {
            return;
        }
        let late = {
            let (mut from_node, mut to_node) = node.split();
            let (mut from_postgres, mut to_postgres) = postgres.split();
            let there = self.pump(&mut from_node, &mut to_postgres, is_writer);
            let back = self.pump(&mut from_postgres, &mut to_node, false);
            tokio::select! { late = there => late, late = back => late, _ = breaks.recv() => None }
        };
        if let Some((question, length)) = late {
            drop(node);
            sleep(length).await;
            let _ = postgres.write_all(&question).await;
            let _ = postgres.shutdown().await;
            // It carries out what it was given, unless it has been ended.
            let _ = postgres.read_to_end(&mut Vec::new()).await;
        }
    }

    /// Passes on until one of the two ends is gone; or until something is to be kept: then that, and for how long.
    async fn pump(
        &self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        may_be_late: bool,
    ) -> Option<(Vec<u8>, Duration)> {
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(count @ 1..) = from.read(&mut piece).await {
            if may_be_late {
                let late_ms = self.late_ms.swap(0, Ordering::SeqCst);
                if late_ms > 0 {
                    return Some((piece[..count].to_vec(), Duration::from_millis(late_ms)));
                }
            }
            self.passage().await;
            if to.write_all(&piece[..count]).await.is_err() {
                break;
            }
        }
        // The end is a piece too.
        self.passage().await;
        None
    }

    /// Returns when the next piece may pass.
    async fn passage(&self) {
        let mut state = self.state.subscribe();
        let now = state.wait_for(|state| *state != LinkState::Stalled).await.map_or(LinkState::Fair, |now| *now);
        if let LinkState::Slow(up_to_ms) = now {
            let ms = self.dice.lock().expect("whole").between(0..=up_to_ms);
            sleep(Duration::from_millis(ms)).await;
        }
    }
}
