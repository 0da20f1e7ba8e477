//! Two nodes on one database, of which one is stopped, killed, or cut off from it.

use super::client::{Account, Api, Socket};
use super::node::{Node, Signal};
use super::scene::Scene;
use serde_json::Value;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;
const POLL: Duration = Duration::from_millis(20);
const SHARED: [(&str, &str); 1] = [("CLUSTER", "on")];

async fn in_time<T>(event: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("never: {event}"))
}

/// A way to PostgreSQL that can be cut.
struct Line {
    port: u16,
    is_cut: Arc<watch::Sender<bool>>,
}

impl Line {
    async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let is_cut = Arc::new(watch::Sender::new(false));
        let cut = Arc::clone(&is_cut);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(Self::carry(near, socket.clone(), cut.subscribe()));
            }
        });
        Self { port, is_cut }
    }

    async fn carry(mut near: TcpStream, socket: PathBuf, mut cut: watch::Receiver<bool>) {
        let Ok(mut far) = UnixStream::connect(socket).await else { return };
        tokio::select! {
            _ = cut.wait_for(|is_cut| *is_cut) => {}
            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        }
    }

    fn url(&self) -> String {
        format!("postgresql://madang@127.0.0.1:{}/madang", self.port)
    }
}

/// The owner is at the first node, the guest at the second.
struct Pair {
    scene: Scene,
    line: Line,
    one: Node,
    two: Node,
    api: Api,
    owner: Account,
    guest: Account,
    channel: i64,
}

impl Pair {
    async fn start() -> Self {
        let scene = Scene::start().await;
        let line = Line::start(scene.folder.join("postgres-run/.s.PGSQL.5432")).await;
        let one = Node::start_on_with(&scene.proxy.url(), &SHARED).await;
        let two = Node::start_on_with(&line.url(), &SHARED).await;
        let api = Api::new(&one.url);
        let (owner, guest) = (api.account("owner").await, api.account("guest").await);
        let channel = api.channel(&owner).await;
        api.join(owner.server, &guest).await;
        Self { scene, line, one, two, api, owner, guest, channel }
    }

    /// Says something through the first node; returns when it is in the log.
    async fn say(&self, content: &str) {
        let mut socket = Socket::open(&self.one.address, self.channel, &self.owner).await;
        socket.send(content).await;
        while in_time("an event", socket.read_event()).await["content"] != content {}
    }

    async fn until_ready(&self, node: &Node, is_ready: bool) {
        let api = Api::new(&node.url);
        let wait = async {
            while (api.get("/readyz", "").await["status"] == "ready") != is_ready {
                tokio::time::sleep(POLL).await;
            }
        };
        in_time(if is_ready { "ready" } else { "not ready" }, wait).await;
    }

    async fn until_nodes(&self, count: i64) {
        let wait = async {
            while self.scene.count("select count(*) from nodes").await != count {
                tokio::time::sleep(POLL).await;
            }
        };
        in_time("so many nodes", wait).await;
    }

    async fn stop(self) {
        self.one.stop().await;
        self.two.stop().await;
        self.scene.stop().await;
    }
}

/// What a socket hears until it is closed, and how it is closed.
async fn all_of(socket: &mut Socket) -> (Vec<String>, u16) {
    let mut heard = Vec::new();
    loop {
        match in_time("a frame", socket.next_frame()).await {
            Some((0x81, payload)) => heard.push(String::from_utf8(payload).expect("text")),
            Some((0x88, payload)) => return (heard, u16::from_be_bytes([payload[0], payload[1]])),
            Some(_) => {}
            None => panic!("it ends without a word"),
        }
    }
}

/// It stands still for longer than its lease lasts, and for less than it takes to be removed.
#[tokio::test(flavor = "current_thread")]
async fn who_has_left_hears_nothing_from_a_node_that_stood_still_meanwhile() {
    let pair = Pair::start().await;
    let mut socket = Socket::open(&pair.two.address, pair.channel, &pair.guest).await;
    pair.say("for all").await;
    assert_eq!(in_time("an event", socket.read_event()).await["content"], "for all");
    pair.two.signal(Signal::STOP);
    // It lies before the node when that goes on.
    socket.send("too late").await;
    in_time("the leave is answered", pair.api.leave(pair.owner.server, &pair.guest)).await;
    pair.say("not for the guest").await;
    pair.two.signal(Signal::CONT);
    let (heard, code) = all_of(&mut socket).await;
    assert!(heard.iter().all(|text| !text.contains("not for the guest")), "{heard:?}");
    assert_eq!(code, 4403, "{heard:?}");
    pair.until_ready(&pair.two, true).await;
    let history = pair.api.history(&pair.owner, pair.channel).await;
    assert!(history.iter().all(|message| message["content"] != "too late"), "{history:?}");
    pair.stop().await;
}

/// It stands still for so long that the others go on without it.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_was_removed_ends_its_sockets_and_begins_anew() {
    let pair = Pair::start().await;
    let mut socket = Socket::open(&pair.two.address, pair.channel, &pair.guest).await;
    pair.two.signal(Signal::STOP);
    pair.until_nodes(1).await;
    pair.say("meanwhile").await;
    pair.two.signal(Signal::CONT);
    assert_eq!(all_of(&mut socket).await.1, 1012);
    pair.until_nodes(2).await;
    pair.until_ready(&pair.two, true).await;
    let path = format!("/ws/{}?after=0&token={}", pair.channel, pair.guest.token);
    let mut back = Socket::open_at(&pair.two.address, &path, &pair.guest).await;
    assert_eq!(in_time("an event", back.read_event()).await["content"], "meanwhile");
    assert_eq!(in_time("an event", back.read_event()).await["type"], "replay.done");
    pair.say("afterwards").await;
    assert_eq!(in_time("an event", back.read_event()).await["content"], "afterwards");
    pair.stop().await;
}

/// What it has committed and not told is told by the other.
#[tokio::test(flavor = "current_thread")]
async fn what_a_killed_node_has_written_is_told_by_the_other() {
    let mut pair = Pair::start().await;
    let mut watcher = Socket::open(&pair.one.address, pair.channel, &pair.owner).await;
    for round in 0..3 {
        let mut socket = Socket::open(&pair.two.address, pair.channel, &pair.guest).await;
        for number in 0..50 {
            socket.send(&format!("{round} {number}")).await;
        }
        let before = pair.scene.count("select last_seq from channels").await;
        while pair.scene.count("select last_seq from channels").await == before {}
        pair.two.signal(Signal::KILL);
        let rest = "pg_stat_activity where application_name ~ '@' and state <> 'idle'";
        pair.scene.until_none(rest).await;
        pair.say(&format!("{round} is over")).await;
        let mut last = 0;
        loop {
            let event: Value = in_time("an event", watcher.read_event()).await;
            let seq = event["seq"].as_i64().expect("a place");
            assert!(last == 0 || seq == last + 1, "{event} comes after {last}");
            last = seq;
            if event["content"] == format!("{round} is over") {
                break;
            }
        }
        assert_eq!(last, pair.scene.count("select last_seq from channels").await);
        pair.two = Node::start_on_with(&pair.line.url(), &SHARED).await;
    }
    pair.stop().await;
}

/// It does not know what others change: it tells nothing, and after a while its sockets go elsewhere.
#[tokio::test(flavor = "current_thread")]
async fn a_node_that_is_cut_off_from_the_database_sends_its_sockets_elsewhere() {
    let pair = Pair::start().await;
    let mut socket = Socket::open(&pair.two.address, pair.channel, &pair.guest).await;
    pair.line.is_cut.send_replace(true);
    pair.until_ready(&pair.two, false).await;
    in_time("the leave is answered", pair.api.leave(pair.owner.server, &pair.guest)).await;
    pair.say("not for the guest").await;
    let (heard, code) = all_of(&mut socket).await;
    assert!(heard.is_empty() && code == 1012, "{heard:?} {code}");
    pair.line.is_cut.send_replace(false);
    pair.until_ready(&pair.two, true).await;
    let (status, body) = Api::new(&pair.two.url)
        .call(reqwest::Method::GET, &format!("/channels/{}", pair.channel), &pair.guest.token, Value::Null)
        .await;
    assert_eq!((status.as_u16(), &body["code"]), (403, &"not_a_member".into()), "{body}");
    pair.stop().await;
}
