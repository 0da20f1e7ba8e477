//! A proxy before PostgreSQL that cuts connections at chosen instants.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Notify;

/// What happens to the writer's connection.
pub const PASS: u8 = 0;
/// The next question does not reach PostgreSQL.
pub const CUT_QUESTION: u8 = 1;
/// The next answer does not reach the writer: what was asked has been committed.
pub const CUT_ANSWER: u8 = 2;
/// The next question does not reach PostgreSQL, and then the answer to the claim does not reach the writer.
pub const CUT_QUESTION_AND_CLAIM: u8 = 3;
const CUT_CLAIM: u8 = 4;

#[derive(Clone)]
pub struct Proxy {
    mode: Arc<AtomicU8>,
    cut_calls: Arc<Notify>,
    pub port: u16,
}

impl Proxy {
    pub async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let proxy = Self { mode: Arc::default(), cut_calls: Arc::default(), port };
        let copy = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.expect("PostgreSQL runs");
                tokio::spawn(copy.clone().join(client, server));
            }
        });
        proxy
    }

    /// Does something to the writer's connection, once.
    pub fn once(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    /// Cuts every connection of the calls' pool. What PostgreSQL was asked goes on.
    pub fn cut_calls(&self) {
        self.cut_calls.notify_waiters();
    }

    async fn join(self, client: TcpStream, server: UnixStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mut first = vec![0; 4_096];
        let count = from_client.read(&mut first).await.unwrap_or(0);
        first.truncate(count);
        let is_writer = first.windows(13).any(|part| part == b"madang writer");
        if to_server.write_all(&first).await.is_err() {
            return;
        }
        let is_cut = |from_client: bool, piece: &[u8]| is_writer && is_cut(&self.mode, from_client, piece);
        let cut_calls = async {
            if is_writer {
                std::future::pending::<()>().await;
            }
            self.cut_calls.notified().await;
        };
        // Either direction's end ends both.
        tokio::select! {
            () = copy(&mut from_client, &mut to_server, |piece| is_cut(true, piece)) => {}
            () = copy(&mut from_server, &mut to_client, |piece| is_cut(false, piece)) => {}
            () = cut_calls => {}
        }
    }
}

fn is_cut(mode: &AtomicU8, from_client: bool, piece: &[u8]) -> bool {
    let turn = |from, to| mode.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    // A claim is the one statement of the writer whose answer is an insertion's.
    let is_claim = || piece.windows(10).any(|part| part == b"INSERT 0 1");
    if from_client {
        turn(CUT_QUESTION, PASS) || turn(CUT_QUESTION_AND_CLAIM, CUT_CLAIM)
    } else {
        turn(CUT_ANSWER, PASS) || (is_claim() && turn(CUT_CLAIM, PASS))
    }
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), is_cut: impl Fn(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if is_cut(&buffer[..count]) || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
