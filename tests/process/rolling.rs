//! Three nodes on one database, restarted one after the other while people talk. To a client that keeps to the protocol nothing happens
//! but closes with `1012`, each of which says how long to wait.

use super::client::{Account, Api};
use super::node::{Node, PATIENCE, Signal};
use super::scene::Scene;
use futures_util::future::{join_all, join3};
use futures_util::{SinkExt, StreamExt};
use madang::domain::close::{DRAINED_WITHIN_MS, RECONNECT_WITHIN_MS};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt::Display;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const NODES: usize = 3;
const SOCKETS: usize = 60;
/// These sockets send, too.
const SENDERS: usize = 6;
/// Of so many sockets one is a gateway.
const GATEWAY_EVERY: usize = 4;
/// What a sender has on its way.
const OPEN_MAX: usize = 8;
const PAUSE: Duration = Duration::from_millis(80);
const POLL: Duration = Duration::from_millis(20);
/// What is said before the next node has its turn.
const SAID_BETWEEN: usize = 40;
const SETTINGS: [(&str, &str); 3] = [("CLUSTER", "on"), ("DRAIN_SECONDS", "2"), ("WORKERS", "1")];

/// Where a node is, as its clients know it.
struct Place {
    address: String,
    is_stopping: bool,
}

/// How a node has ended a socket.
struct Close {
    node: usize,
    /// How many messages it had heard by then.
    heard: usize,
    wait_ms: u64,
    /// Whether it was opened before the node was told to stop.
    was_there: bool,
}

/// What clients share.
struct Town {
    channel: i64,
    places: RefCell<Vec<Place>>,
    closes: RefCell<Vec<Close>>,
    /// Sockets that hear the channel live.
    live: Cell<usize>,
    said: Cell<usize>,
    unanswered: Cell<usize>,
    /// Of these a send was refused for a while: the order in which they say things is not the one in which they are written.
    delayed: RefCell<HashSet<usize>>,
    talks: Cell<bool>,
    /// How many messages each socket has heard, and where it is.
    progress: RefCell<Vec<(usize, String)>>,
    /// The last number of the log, once nothing more is said.
    end: watch::Sender<Option<usize>>,
}

impl Town {
    /// A node that has not been told to stop, and where it is.
    fn choose(&self) -> (usize, String) {
        let places = self.places.borrow();
        let serving: Vec<usize> = (0..NODES).filter(|node| !places[*node].is_stopping).collect();
        let node = serving[rand::random_range(0..serving.len())];
        (node, places[node].address.clone())
    }

    fn is_stopping(&self, node: usize, address: &str) -> bool {
        let place = &self.places.borrow()[node];
        place.is_stopping || place.address != address
    }

    /// Only who comes to a node that is on its way out may find nobody there.
    fn absent(&self, node: usize, address: &str, why: impl Display) {
        assert!(self.is_stopping(node, address), "node {node} is not there: {why}");
    }

    fn ask(&self) -> usize {
        self.unanswered.set(self.unanswered.get() + 1);
        self.said.set(self.said.get() + 1);
        self.said.get()
    }

    fn answered(&self) {
        self.unanswered.set(self.unanswered.get() - 1);
    }

    async fn until(&self, event: &str, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                sleep(POLL).await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let (live, said, open) = (self.live.get(), self.said.get(), self.unanswered.get());
            panic!("never: {event}; {live} are live, {open} of {said} have no answer: {:?}", self.progress.borrow());
        }
    }

    /// Posts by calls, one after another.
    async fn call(&self, account: &Account) {
        let http = reqwest::Client::new();
        while self.talks.get() {
            let content = format!("calls {}", self.ask());
            let body = json!({ "content": content, "nonce": content.replace(' ', "-") });
            loop {
                let (node, address) = self.choose();
                let url = format!("http://{address}/channels/{}/messages", self.channel);
                match http.post(url).bearer_auth(&account.token).json(&body).send().await {
                    Ok(answer) if answer.status().is_success() => break self.answered(),
                    // The database may be too slow for this machine; that has nothing to do with a restart.
                    Ok(answer) => assert_eq!(answer.status(), 503, "{answer:?}"),
                    Err(error) => self.absent(node, &address, error),
                }
                sleep(POLL).await;
            }
            sleep(PAUSE).await;
        }
    }
}

type Stream = WebSocketStream<TcpStream>;

/// One of the sockets, wherever it is.
struct Client<'a> {
    town: &'a Town,
    account: &'a Account,
    number: usize,
    /// The contents that it has heard; the first is number 1 of the log.
    heard: Vec<String>,
    /// By its nonce, what it has sent and is not acknowledged.
    kept: VecDeque<(String, Value)>,
    /// Whether that is to be sent once more.
    sends_again: bool,
    next_send: Instant,
}

impl Client<'_> {
    /// Hears everything; answers what.
    async fn live(mut self) -> Vec<String> {
        loop {
            let (node, address) = match self.heard.len() {
                0 => (self.number % NODES, self.town.places.borrow()[self.number % NODES].address.clone()),
                _ => self.town.choose(),
            };
            let wait = match self.open(&address).await {
                Ok(stream) => match self.stay(stream, node, &address).await {
                    Some(wait) => wait,
                    None => return self.heard,
                },
                Err(tungstenite::Error::Http(answer)) => {
                    assert_eq!(answer.status(), 503, "{answer:?}");
                    POLL
                }
                Err(error) => {
                    self.town.absent(node, &address, error);
                    POLL
                }
            };
            self.is_at("away");
            sleep(wait).await;
        }
    }

    fn is_gateway(&self) -> bool {
        self.number % GATEWAY_EVERY == GATEWAY_EVERY - 1
    }

    async fn open(&self, address: &str) -> tungstenite::Result<Stream> {
        let path = match self.is_gateway() {
            true => "gateway".to_owned(),
            false => format!("ws/{}?after={}", self.town.channel, self.heard.len()),
        };
        let mut request = format!("ws://{address}/{path}").into_client_request()?;
        let token = format!("Bearer {}", self.account.token).parse().expect("a good header");
        request.headers_mut().insert("authorization", token);
        let stream = TcpStream::connect(address).await?;
        let opening = tokio::time::timeout(PATIENCE, client_async(request, stream)).await;
        Ok(opening.expect("an answer")?.0)
    }

    /// Hears and talks until the node ends it: then, how long to wait. `None` when all has been said and heard.
    async fn stay(&mut self, mut stream: Stream, node: usize, address: &str) -> Option<Duration> {
        let was_there = !self.town.is_stopping(node, address);
        let mut end = self.town.end.subscribe();
        let mut is_live = false;
        let close = loop {
            if *end.borrow_and_update() == Some(self.heard.len()) && self.kept.is_empty() {
                let _ = stream.close(None).await;
                self.is_at("done");
                return None;
            }
            self.is_at(address);
            let has_more = self.number < SENDERS && self.town.talks.get() && self.kept.len() < OPEN_MAX;
            let may_send = is_live && (has_more || self.sends_again);
            tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let frame = serde_json::from_str(&text).expect("JSON");
                        is_live |= self.hear(&mut stream, &frame).await;
                    }
                    Some(Ok(Message::Close(Some(close)))) => break close,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("a socket of node {node} ends without a word: {other:?}"),
                },
                () = sleep_until(self.next_send), if may_send => self.talk(&mut stream).await,
                _ = end.changed() => {}
            }
        };
        self.town.live.set(self.town.live.get() - usize::from(is_live));
        // Where the database is slow, a gateway may be told to come back before it has begun.
        assert!(
            !is_live || self.town.is_stopping(node, address),
            "node {node} ends a socket, and is to stay: {close:?}"
        );
        Some(self.closed(&close, node, was_there && is_live))
    }

    fn is_at(&self, what: &str) {
        self.town.progress.borrow_mut()[self.number] = (self.heard.len(), what.to_owned());
    }

    /// Answers whether the socket is live from here on.
    async fn hear(&mut self, stream: &mut Stream, frame: &Value) -> bool {
        match frame["type"].as_str().expect("a type") {
            "ready" => {
                let (channel_id, after) = (self.town.channel, self.heard.len());
                say(stream, &json!({ "type": "subscribe", "channel_id": channel_id, "after": after })).await;
            }
            "replay.done" => {
                self.town.live.set(self.town.live.get() + 1);
                // What is sent again comes before what is sent then.
                self.say_again(stream).await;
                return true;
            }
            "message.created" => {
                self.acknowledged(frame);
                if frame["duplicate"] != true {
                    assert_eq!(frame["seq"], self.heard.len() + 1, "lost, repeated or in another order: {frame}");
                    self.heard.push(frame["content"].as_str().expect("text").to_owned());
                }
            }
            "error" if frame["retry_after_ms"].is_u64() => {
                self.town.delayed.borrow_mut().insert(self.number);
                let wait = Duration::from_millis(frame["retry_after_ms"].as_u64().expect("a number"));
                (self.sends_again, self.next_send) = (true, Instant::now() + wait);
            }
            "ack" => self.acknowledged(frame),
            // What has become of it is told later.
            "error" if frame["code"] == "unconfirmed" => {}
            "subscribed" => {}
            _ => panic!("{frame}"),
        }
        false
    }

    fn acknowledged(&mut self, frame: &Value) {
        if let Some(at) = self.kept.iter().position(|(nonce, _)| frame["nonce"] == **nonce) {
            self.kept.remove(at);
            self.town.answered();
        }
    }

    async fn say_again(&mut self, stream: &mut Stream) {
        self.sends_again = false;
        for (_, send) in &self.kept {
            say(stream, send).await;
        }
    }

    async fn talk(&mut self, stream: &mut Stream) {
        self.next_send = Instant::now() + PAUSE;
        if self.sends_again {
            return self.say_again(stream).await;
        }
        let content = format!("{} {}", self.number, self.town.ask());
        let nonce = content.replace(' ', "-");
        let mut send = json!({ "type": "message.send", "content": content, "nonce": nonce });
        if self.is_gateway() {
            send["channel_id"] = json!(self.town.channel);
        }
        say(stream, &send).await;
        self.kept.push_back((nonce, send));
    }

    fn closed(&self, close: &CloseFrame, node: usize, was_there: bool) -> Duration {
        assert_eq!(u16::from(close.code), 1012, "{close:?}");
        let reason: Value = serde_json::from_str(&close.reason).expect("JSON");
        let wait_ms = reason["reconnect_after_ms"].as_u64().expect("a wait");
        self.town.closes.borrow_mut().push(Close { node, heard: self.heard.len(), wait_ms, was_there });
        Duration::from_millis(wait_ms)
    }
}

/// Where the socket has been ended meanwhile, that shows in what is read.
async fn say(stream: &mut Stream, frame: &Value) {
    let _ = stream.send(Message::text(frame.to_string())).await;
}

/// Restarts each node in its turn; then lets nobody begin anything more, and says how far the log goes.
async fn restart_all(town: &Town, scene: &Scene, nodes: &mut [Node]) {
    for (number, node) in nodes.iter_mut().enumerate() {
        let said = town.said.get();
        town.until("something is said to all", || town.live.get() == SOCKETS && town.said.get() >= said + SAID_BETWEEN)
            .await;
        town.places.borrow_mut()[number].is_stopping = true;
        node.signal(Signal::TERM);
        assert!(node.ended().await.success());
        *node = Node::start_on_with(&scene.proxy.url(), &SETTINGS).await;
        let ready = async { while Api::new(&node.url).get("/readyz", "").await["status"] != "ready" {} };
        tokio::time::timeout(PATIENCE, ready).await.expect("it is ready");
        town.places.borrow_mut()[number] = Place { address: node.address.clone(), is_stopping: false };
    }
    let said = town.said.get();
    town.until("they go on", || town.live.get() == SOCKETS && town.said.get() >= said + SAID_BETWEEN).await;
    town.talks.set(false);
    town.until("everything is acknowledged", || town.unanswered.get() == 0).await;
    let last = scene.count("select max(last_seq) from channels").await;
    town.end.send_replace(Some(usize::try_from(last).expect("a number")));
    let is_done = || town.progress.borrow().iter().all(|(_, what)| what == "done");
    town.until("all have heard everything", is_done).await;
}

#[tokio::test(flavor = "current_thread")]
async fn nodes_that_are_restarted_one_after_another_lose_repeat_and_reorder_nothing() {
    let scene = Scene::start().await;
    let mut nodes = Vec::new();
    while nodes.len() < NODES {
        nodes.push(Node::start_on_with(&scene.proxy.url(), &SETTINGS).await);
    }
    let api = Api::new(&nodes[0].url);
    let (mina, jun) = (api.account("mina").await, api.account("jun").await);
    let channel = api.channel(&mina).await;
    api.join(mina.server, &jun).await;
    let place = |node: &Node| Place { address: node.address.clone(), is_stopping: false };
    let town = Town {
        channel,
        places: RefCell::new(nodes.iter().map(place).collect()),
        closes: RefCell::default(),
        live: Cell::new(0),
        said: Cell::new(0),
        unanswered: Cell::new(0),
        delayed: RefCell::default(),
        talks: Cell::new(true),
        progress: RefCell::new(vec![Default::default(); SOCKETS]),
        end: watch::Sender::new(None),
    };
    let clients = (0..SOCKETS).map(|number| {
        let account = if number % 2 == 0 { &mina } else { &jun };
        let (heard, kept, sends_again, next_send) = (Vec::new(), VecDeque::new(), false, Instant::now());
        Client { town: &town, account, number, heard, kept, sends_again, next_send }.live()
    });
    let everything = join3(join_all(clients), town.call(&jun), restart_all(&town, &scene, &mut nodes));
    let (logs, (), ()) = tokio::time::timeout(4 * PATIENCE, everything).await.expect("it hangs");

    let log = &logs[0];
    assert!(logs.iter().all(|other| other == log), "not the same for all");
    assert_eq!(log.iter().collect::<HashSet<_>>().len(), log.len(), "something is in the log twice");
    assert_eq!(log.len(), town.said.get(), "what was acknowledged is in the log, and nothing else");
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for content in log {
        let (sender, number) = content.split_once(' ').expect("two words");
        let number: usize = number.parse().expect("a number");
        let is_delayed = sender.parse().is_ok_and(|sender| town.delayed.borrow().contains(&sender));
        let is_later = last.insert(sender, number).is_none_or(|before| before < number);
        assert!(is_later || is_delayed, "{content} comes too late");
    }
    assert_eq!(last.len(), SENDERS + 1, "{last:?}");

    told_each_its_time(&town.closes.borrow());
    join_all(nodes.into_iter().map(Node::stop)).await;
    scene.stop().await;
}

/// Those who were there when it was told to stop end one after another, the others together, and each is told to come back by then.
fn told_each_its_time(closes: &[Close]) {
    for Close { wait_ms, was_there, .. } in closes {
        let within_ms = if *was_there { DRAINED_WITHIN_MS } else { RECONNECT_WITHIN_MS };
        assert!(*wait_ms <= u64::from(within_ms), "{wait_ms} ms, was there: {was_there}");
    }
    // What was heard before a close says when it came; but while the database stands still, nobody hears anything.
    let ends = |node| -> HashSet<usize> {
        closes.iter().filter(|close| close.node == node).map(|close| close.heard).collect()
    };
    let ends: Vec<_> = (0..NODES).map(ends).collect();
    assert!(ends.iter().any(|ends| ends.len() >= 5), "each node ends its sockets together: {ends:?}");
}
