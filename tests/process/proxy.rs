//! A proxy before PostgreSQL that cuts connections at chosen instants, keeps what was asked to give it on later, and holds
//! answers back.

use super::node::PATIENCE;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// What happens to the writer's connection.
pub const PASS: u8 = 0;
/// The next question does not reach PostgreSQL.
pub const CUT_QUESTION: u8 = 1;
/// The next answer does not reach the writer: what was asked has been committed.
pub const CUT_ANSWER: u8 = 2;
/// The next question does not reach PostgreSQL, and then the answer to the claim does not reach the writer.
pub const CUT_QUESTION_AND_CLAIM: u8 = 3;
const CUT_CLAIM: u8 = 4;
/// The next question is kept, and the writer's side is cut: PostgreSQL gets it later.
pub const KEEP_QUESTION: u8 = 5;
/// The next answer comes when it is given: what was asked has been committed.
pub const DELAY_ANSWER: u8 = 6;
/// The next answer does not reach the writer, and then the answer to the claim comes when it is given: the batch is there.
pub const CUT_ANSWER_AND_DELAY_CLAIM: u8 = 7;
const DELAY_CLAIM: u8 = 8;

/// What happens to a call's statement, once it has been prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept, and the node's side is cut: PostgreSQL gets it later.
    Keep,
    /// Its answer is held back until the connection is cut.
    Hold,
    /// Its answer comes when it is given.
    Delay,
}

#[derive(Clone)]
pub struct Proxy {
    mode: Arc<AtomicU8>,
    next: Arc<Mutex<Option<(&'static str, Fate)>>>,
    cut_calls: Arc<Notify>,
    give: Arc<Notify>,
    given: Arc<Notify>,
    held: Arc<Notify>,
    pub port: u16,
}

/// How the two ends part.
enum Parting {
    Ended,
    /// This is for PostgreSQL, later.
    Kept(Vec<u8>),
}

impl Proxy {
    pub async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (give, given, held) = (Arc::default(), Arc::default(), Arc::default());
        let proxy =
            Self { mode: Arc::default(), next: Arc::default(), cut_calls: Arc::default(), give, given, held, port };
        let copy = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&socket).await else { continue };
                tokio::spawn(copy.clone().join(client, server));
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        format!("postgresql://madang@127.0.0.1:{}/madang?sslmode=disable", self.port)
    }

    /// Does something to the writer's connection, once.
    pub fn once(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    /// Does something to the next call whose statement holds `text` and is new to its connection.
    pub fn next_call(&self, text: &'static str, fate: Fate) {
        *self.next.lock().expect("whole") = Some((text, fate));
    }

    /// Cuts every connection of the calls' pool. What PostgreSQL was asked goes on.
    pub fn cut_calls(&self) {
        self.cut_calls.notify_waiters();
    }

    /// An answer is being held back.
    pub async fn held(&self) {
        timeout(PATIENCE, self.held.notified()).await.expect("the node waits for it");
    }

    /// Gives the node the answer that was delayed.
    pub fn give_answer(&self) {
        self.give.notify_one();
    }

    /// Gives PostgreSQL what was kept; returns when it has answered, or had gone away.
    pub async fn give(&self) {
        self.give.notify_one();
        self.given.notified().await;
    }

    async fn join(self, mut client: TcpStream, mut server: UnixStream) {
        let mut first = vec![0; 4_096];
        let count = client.read(&mut first).await.unwrap_or(0);
        first.truncate(count);
        let is_writer = first.windows(13).any(|part| part == b"madang writer");
        if server.write_all(&first).await.is_err() {
            return;
        }
        let kept = {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_server, mut to_server) = server.split();
            // Of this connection: the statement has been prepared, it has been asked.
            let (fate, is_asked) = (Mutex::new(None), AtomicBool::new(false));
            let is_delayed = AtomicBool::new(false);
            let questions = async {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    let piece = &buffer[..count];
                    let now = *fate.lock().expect("whole");
                    match now {
                        Some(Fate::Keep) => return Parting::Kept(piece.to_vec()),
                        Some(Fate::Hold) => is_asked.store(true, Ordering::SeqCst),
                        Some(Fate::Delay) => {
                            *fate.lock().expect("whole") = None;
                            is_delayed.store(true, Ordering::SeqCst);
                        }
                        None if !is_writer => *fate.lock().expect("whole") = self.fate_of(piece),
                        None => {}
                    }
                    if is_writer && self.turn(KEEP_QUESTION, PASS) {
                        return Parting::Kept(piece.to_vec());
                    }
                    let is_cut = || self.turn(CUT_QUESTION, PASS) || self.turn(CUT_QUESTION_AND_CLAIM, CUT_CLAIM);
                    if (is_writer && is_cut()) || to_server.write_all(piece).await.is_err() {
                        break;
                    }
                }
                Parting::Ended
            };
            let answers = async {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                    if is_asked.load(Ordering::SeqCst) {
                        self.held.notify_one();
                        std::future::pending::<()>().await;
                    }
                    let piece = &buffer[..count];
                    // So is that of a claim that comes too late.
                    let is_late =
                        || piece.windows(10).any(|part| part == b"INSERT 0 0") && self.turn(DELAY_CLAIM, PASS);
                    let is_delayed_now = || self.turn(DELAY_ANSWER, PASS) || is_late();
                    if is_delayed.swap(false, Ordering::SeqCst) || (is_writer && is_delayed_now()) {
                        self.held.notify_one();
                        self.give.notified().await;
                    }
                    // A claim is the one statement of the writer whose answer is an insertion's.
                    let is_claim = || piece.windows(10).any(|part| part == b"INSERT 0 1");
                    let is_cut_now =
                        || self.turn(CUT_ANSWER, PASS) || self.turn(CUT_ANSWER_AND_DELAY_CLAIM, DELAY_CLAIM);
                    let is_cut = || is_cut_now() || (is_claim() && self.turn(CUT_CLAIM, PASS));
                    if (is_writer && is_cut()) || to_client.write_all(piece).await.is_err() {
                        break;
                    }
                }
                Parting::Ended
            };
            let cut_calls = async {
                if is_writer {
                    std::future::pending::<()>().await;
                }
                self.cut_calls.notified().await;
                Parting::Ended
            };
            // Either direction's end ends both.
            tokio::select! { parting = questions => parting, parting = answers => parting, parting = cut_calls => parting }
        };
        if let Parting::Kept(question) = kept {
            drop(client);
            self.give.notified().await;
            let _ = server.write_all(&question).await;
            let _ = server.shutdown().await;
            // It carries out what it was given, sees that nobody is there, and goes.
            let _ = server.read_to_end(&mut Vec::new()).await;
            self.given.notify_one();
        }
    }

    fn fate_of(&self, piece: &[u8]) -> Option<Fate> {
        let mut next = self.next.lock().expect("whole");
        let (text, fate) = (*next)?;
        piece.windows(text.len()).any(|part| part == text.as_bytes()).then(|| {
            *next = None;
            fate
        })
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        self.mode.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}
