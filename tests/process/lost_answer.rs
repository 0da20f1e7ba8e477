//! A commit whose answer is lost: the connection is cut at that instant, by a proxy before PostgreSQL.

use super::client::{Api, Socket};
use super::node::{Node, data_folder};
use madang::store::embedded;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What happens to the writer's connection.
const PASS: u8 = 0;
/// The next question does not reach PostgreSQL.
const CUT_QUESTION: u8 = 1;
/// The next answer does not reach the writer: what was asked has been committed.
const CUT_ANSWER: u8 = 2;

#[derive(Clone)]
struct Proxy {
    mode: Arc<AtomicU8>,
    port: u16,
}

impl Proxy {
    async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self { mode: Arc::default(), port: listener.local_addr().expect("it is bound").port() };
        let mode = proxy.mode.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.expect("PostgreSQL runs");
                tokio::spawn(join(client, server, mode.clone()));
            }
        });
        proxy
    }

    fn once(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

async fn join(client: TcpStream, server: UnixStream, mode: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut first = vec![0; 4_096];
    let count = from_client.read(&mut first).await.unwrap_or(0);
    first.truncate(count);
    let is_writer = first.windows(13).any(|part| part == b"madang writer");
    let mode = is_writer.then_some(mode);
    if to_server.write_all(&first).await.is_err() {
        return;
    }
    // Either direction's end ends both.
    tokio::select! {
        () = copy(&mut from_client, &mut to_server, mode.as_deref(), CUT_QUESTION) => {}
        () = copy(&mut from_server, &mut to_client, mode.as_deref(), CUT_ANSWER) => {}
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mode: Option<&AtomicU8>,
    cut: u8,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_cut =
            mode.is_some_and(|mode| mode.compare_exchange(cut, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok());
        if is_cut || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_message_whose_commit_was_not_answered_is_there_once() {
    let folder = data_folder();
    let database = embedded::start(&folder, None).await.expect("PostgreSQL starts");
    let proxy = Proxy::start(folder.join("postgres-run/.s.PGSQL.5432")).await;
    let url = format!("postgresql://madang@127.0.0.1:{}/madang", proxy.port);
    let node = Node::start_on(&url).await;
    let api = Api::new(&node.url);
    let account = api.account("lost").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    let mut seq = 0;
    for mode in [PASS, CUT_ANSWER, PASS, CUT_QUESTION, CUT_ANSWER, CUT_ANSWER, PASS] {
        proxy.once(mode);
        seq += 1;
        socket.send(&format!("message {seq}")).await;
        let event = socket.read_event().await;
        assert_eq!((&event["seq"], &event["content"]), (&seq.into(), &format!("message {seq}").into()), "{event}");
    }
    let history = api.history(&account, channel).await;
    let seqs: Vec<_> = history.iter().map(|message| message["seq"].as_i64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=seq).collect::<Vec<i64>>());
    node.stop().await;
    database.stop().await.expect("it stops");
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
