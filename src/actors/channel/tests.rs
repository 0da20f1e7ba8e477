//! What a channel does to its sockets and posters when it fails, and when somebody who was attached is gone again.

use super::*;
use crate::actors::bus::Bus;
use crate::actors::registry::Registry;
use crate::actors::relay::{Completion, Hears, Relay, RelayPort, Relays, Socket};
use crate::actors::writer::{Outcome, Settled, Writer};
use crate::domain::access::{Account, Author, Caller, ChannelAccess, Facts, Right, SendMessages, ServerState};
use crate::domain::epoch::Epoch;
use crate::domain::frame::Frame;
use crate::domain::message::NewMessage;
use crate::domain::server::Server;
use crate::domain::{MessageId, ServerId, UserId, role::tests::default_role};
use crate::net::Stream;
use crate::store::Db;
use crate::store::messages::Place;
use crate::times::Times;
use crate::websocket::encode;
use actix::Message;
use std::rc::Rc;
use time::OffsetDateTime;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

mod heard;
mod histories;

const HELLO: &[u8] = b"hello";

#[derive(Message)]
#[rtype(result = "()")]
pub(in crate::actors) struct Fail;

impl Handler<Fail> for Channel {
    type Result = ();

    fn handle(&mut self, _: Fail, _: &mut Self::Context) {
        panic!("as a test wants it");
    }
}

/// Answered when everything before it has been done.
#[derive(Message)]
#[rtype(result = "()")]
struct Turn;

impl Handler<Turn> for Channel {
    type Result = ();

    fn handle(&mut self, _: Turn, _: &mut Self::Context) {}
}

pub(super) fn access<R: Right>() -> ChannelAccess<R> {
    let (created_at, updated_at) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH);
    let (name, description, icon_url) = ("test".to_owned(), None, None);
    let server = Server { id: ServerId(1), name, description, icon_url, owner_id: UserId(1), created_at, updated_at };
    let channel = crate::domain::channel::Channel {
        id: ChannelId(1),
        name: "test".into(),
        description: None,
        server_id: ServerId(1),
        created_at,
        updated_at,
    };
    let server = Arc::new(ServerState::new(server, Arc::new([channel]), Arc::new([default_role(ServerId(1))])));
    let account = Account { username: "mina".into(), password_version: 0, kept_token: None, sessions: Box::default() };
    let facts = Facts { caller: Caller::known(UserId(1), &account, None), server, member: Some(Arc::default()) };
    ChannelAccess::decide(facts, ChannelId(1)).expect("it has this channel").expect("a member")
}

fn author() -> Author {
    access::<SendMessages>().into()
}

fn message(content: &str) -> NewMessage {
    NewMessage { content: content.try_into().expect("a content"), nonce: None, reply_to: None }
}

/// Something that somebody says.
pub(in crate::actors) fn draft(content: &str) -> Draft {
    Draft::new(author(), message(content))
}

/// A message of the channel's log, as its writer says that it has been committed.
pub(in crate::actors) fn committed(seq: i64, content: &str) -> Settled {
    let (created_at, updated_at) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH);
    let (id, channel_id, seq) = (MessageId(seq), ChannelId(1), Seq(seq));
    let place = Place { id, channel_id, seq, created_at, updated_at };
    let write = LogWrite::Message(draft(content));
    Settled { writes: vec![(Arc::new(write), usize::MAX, Outcome::Committed(place))] }
}

/// A channel without a database, another one, and the relay of their sockets.
struct Scene {
    channel: ChannelHandle,
    other: ChannelHandle,
    shared: Shared,
    relay: RelayPort,
    listener: TcpListener,
}

/// Both ends of a socket.
struct Peer {
    client: TcpStream,
    outbox: Outbox,
}

impl Scene {
    async fn start() -> Self {
        Self::start_on(Bus::default()).await
    }

    async fn start_on(bus: Bus) -> Self {
        let nowhere: crate::store::Target = "postgresql://nobody@127.0.0.1:1/none".parse().expect("a URL");
        let writer = Writer::start(1, &nowhere, Times::default());
        let db = Db::new(&nowhere, Times::default().connection_wait_max).expect("its settings agree");
        let registry = Registry::start(
            db.clone(),
            writer.clone(),
            Relays::default(),
            NewestPages::default(),
            Times::default(),
            Logs::alone(Epoch::new("test")),
        );
        let shared = Shared::new(
            registry.into_addr(),
            writer,
            db,
            NewestPages::default(),
            Times::default(),
            Logs { bus, ..Logs::alone(Epoch::new("test")) },
        );
        let channel = Channel::start_one(ChannelId(1), shared.clone());
        let other = Channel::start_one(ChannelId(2), shared.clone());
        let relay = Relay::start_here(0, Times::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self { channel, other, shared, relay, listener }
    }

    async fn connect(&self, kind: Kind) -> Peer {
        let address = self.listener.local_addr().expect("bound");
        let client = TcpStream::connect(address).await.expect("connected");
        let (stream, _) = self.listener.accept().await.expect("accepted");
        let socket = Rc::new(Socket::new(Stream::Plain(stream), bytes::Bytes::from_static(HELLO)));
        let outbox = self.relay.insert(socket, kind, Hears::All);
        outbox.open();
        Peer { client, outbox }
    }

    async fn turn(&self) {
        self.channel.addr().send(Turn).await.expect("it lives");
    }
}

impl Peer {
    /// Everything to the stream's end: the bytes before the close frame, and its code.
    async fn close_code(mut self) -> u16 {
        let mut bytes = Vec::new();
        self.client.read_to_end(&mut bytes).await.expect("the stream ends");
        let close = bytes.strip_prefix(HELLO).expect("it was opened");
        assert_eq!(close[0], 0x88, "{}", String::from_utf8_lossy(close));
        let (code, reason) = (u16::from_be_bytes([close[2], close[3]]), &close[4..]);
        assert!(code != 1012 || reason.starts_with(b"{\"reconnect_after_ms\":"), "{}", String::from_utf8_lossy(reason));
        code
    }

    /// What it hears up to a frame that is sent to it now.
    async fn hears(&mut self) -> String {
        let barrier = ChannelId(i64::MAX);
        self.outbox.send(encode::json(&Frame::Unsubscribed { channel_id: barrier, reason: None }));
        let (mut heard, mut piece) = (String::new(), [0; 4_096]);
        while !heard.contains(&barrier.to_string()) {
            let count = self.client.read(&mut piece).await.expect("it is open");
            assert!(count > 0, "it was closed");
            heard.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        heard
    }
}

#[actix_web::test]
async fn a_panic_in_a_channel_ends_its_sockets_with_1012_and_nobody_elses() {
    let scene = Scene::start().await;
    let peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.addr().do_send(Fail);
    assert_eq!(peer.close_code().await, 1012);
    assert!(!scene.channel.is_alive());
    assert!(scene.other.is_alive());
}

/// A gateway whose send has no outcome any more comes back and learns what has become of it, wherever the send was; so does one that
/// was on its way in.
#[actix_web::test]
async fn a_panic_in_a_channel_ends_the_gateways_whose_sends_it_had() {
    let scene = Scene::start().await;
    let post = |peer: &Peer| {
        let poster = Poster::Socket(peer.outbox.begin_send().expect("it may send"));
        let posted = scene.channel.post_as(author(), Posting { message: message("hello"), poster });
        assert!(posted.is_ok());
    };
    let (waiting, late) = (scene.connect(Kind::Gateway).await, scene.connect(Kind::Gateway).await);
    let (arriving, mut quiet) = (scene.connect(Kind::Gateway).await, scene.connect(Kind::Gateway).await);
    post(&waiting);
    scene.turn().await;
    scene.channel.addr().do_send(Fail);
    post(&late);
    scene.channel.attach(access(), arriving.outbox.clone(), Start::Live);
    for peer in [waiting, late, arriving] {
        assert_eq!(peer.close_code().await, 1012);
    }
    quiet.hears().await;
}

/// Who hung up while the right was looked up, or went away just then, has no seat left that nobody could take away.
#[actix_web::test]
async fn a_gateway_whose_attachment_nobody_takes_hears_nothing() {
    let scene = Scene::start().await;
    let (mut gone, mut stays) = (scene.connect(Kind::Gateway).await, scene.connect(Kind::Gateway).await);
    for peer in [&gone, &stays] {
        scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    }
    scene.channel.log_is_at(Seq(0));
    assert!(Attachment::new(scene.channel.clone(), stays.outbox.key()).take().is_some());
    drop(Attachment::new(scene.channel.clone(), gone.outbox.key()));
    scene.channel.addr().do_send(committed(1, "for members"));
    scene.turn().await;
    assert!(stays.hears().await.contains("for members"));
    assert!(!gone.hears().await.contains("for members"));
}

/// What the log has beyond what was announced here has not been heard, and there is no database to read it from: whoever is attached
/// comes back.
#[actix_web::test]
async fn a_log_that_went_on_unread_ends_those_who_have_not_heard_it() {
    let scene = Scene::start().await;
    let peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(3));
    scene.channel.addr().do_send(committed(4, "next"));
    scene.channel.log_is_at(Seq(4));
    scene.turn().await;
    let mut peer = peer;
    assert!(peer.hears().await.contains("next"), "it has heard all there is");
    scene.channel.log_is_at(Seq(6));
    let mut rest = Vec::new();
    peer.client.read_to_end(&mut rest).await.expect("the stream ends");
    assert_eq!((rest[0], u16::from_be_bytes([rest[2], rest[3]])), (0x88, 1012));
}

/// What the failed channel had given to the writer is told by nobody, and cannot be read: who is attached to the next one comes back.
#[actix_web::test]
async fn the_next_channel_knows_how_far_a_failed_one_had_told_its_log() {
    let mut scene = Scene::start().await;
    let peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(3));
    scene.channel.addr().do_send(Fail);
    assert_eq!(peer.close_code().await, 1012);
    scene.channel = Channel::start_one(ChannelId(1), scene.shared.clone());
    let peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    // The fourth was committed, and its channel was gone.
    scene.channel.addr().do_send(committed(5, "the fifth"));
    assert_eq!(peer.close_code().await, 1012);
}

/// Its own draft may be what the log has beyond what was told: it will be told.
#[actix_web::test]
async fn a_log_that_went_on_while_a_draft_is_on_its_way_ends_nobody() {
    let scene = Scene::start().await;
    let mut peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(3));
    let poster = Poster::Socket(peer.outbox.begin_send().expect("it may send"));
    assert!(scene.channel.post_as(author(), Posting { message: message("the fourth"), poster }).is_ok());
    scene.channel.log_is_at(Seq(4));
    scene.channel.addr().do_send(committed(4, "the fourth"));
    scene.turn().await;
    assert!(peer.hears().await.contains("the fourth"));
}

/// Who has left is told so; who is to come back is told to try again.
#[actix_web::test]
async fn what_is_sent_after_a_right_has_ended_is_refused_for_its_reason() {
    for (why, code) in [(RevokeReason::Left, "not_a_member"), (RevokeReason::Restart, "unavailable")] {
        let scene = Scene::start().await;
        let mut peer = scene.connect(Kind::Gateway).await;
        scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
        scene.channel.log_is_at(Seq(0));
        let completion = Completion::ignored();
        scene.channel.revoke_all(why, completion);
        let poster = Poster::Socket(peer.outbox.begin_send().expect("it may send"));
        assert!(scene.channel.post(Posting { message: message("late"), poster }).is_ok());
        scene.turn().await;
        let heard = peer.hears().await;
        assert!(heard.contains(&format!(r#""code":"{code}""#)), "{heard}");
    }
}

/// What is committed may be known, from the history say, before it is announced: whoever resumes after it waits. Nobody knows what no
/// draft can become.
#[actix_web::test]
async fn who_resumes_after_what_is_not_announced_yet_waits_for_it() {
    let scene = Scene::start().await;
    let mut listens = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), listens.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(3));
    let poster = Poster::Socket(listens.outbox.begin_send().expect("it may send"));
    assert!(scene.channel.post_as(author(), Posting { message: message("the fourth"), poster }).is_ok());
    let (mut waits, mut beyond) = (scene.connect(Kind::Channel).await, scene.connect(Kind::Channel).await);
    scene.channel.attach(access(), waits.outbox.clone(), Start::After(Seq(4)));
    scene.channel.attach(access(), beyond.outbox.clone(), Start::After(Seq(5)));
    scene.turn().await;
    assert!(beyond.hears().await.contains("resync"));
    let heard = waits.hears().await;
    assert!(!heard.contains("resync") && !heard.contains("replay.done"), "{heard}");
    scene.channel.addr().do_send(committed(4, "the fourth"));
    scene.turn().await;
    assert!(listens.hears().await.contains("the fourth"));
    let heard = waits.hears().await;
    assert!(heard.contains(r#""replay.done","channel_id":1,"seq":4"#) && !heard.contains("the fourth"), "{heard}");
}

/// A page of the log that was read up to here, with these entries from the end on.
#[derive(Message)]
#[rtype(result = "()")]
struct PageRead {
    last_seq: Seq,
    contents: &'static [&'static str],
}

impl Handler<PageRead> for Channel {
    type Result = ();

    fn handle(&mut self, page: PageRead, ctx: &mut Self::Context) {
        let (created_at, updated_at) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH);
        let first = page.last_seq.0 + 1 - page.contents.len() as i64;
        let messages = (first..).zip(page.contents).map(|(seq, content)| {
            let (id, channel_id, seq) = (MessageId(seq), ChannelId(1), Seq(seq));
            let place = Place { id, channel_id, seq, created_at, updated_at };
            draft(content).at(&place, "mina").into_owned().into()
        });
        let log = crate::store::log::Log { entries: messages.collect(), last_seq: page.last_seq };
        self.page_was_read(pages::PageNumber::after(Seq(0)), Ok(Some(log)), ctx);
    }
}

/// A page that was read too early for somebody is read again for them.
#[actix_web::test]
async fn who_needs_more_than_a_page_had_is_served_when_it_has() {
    let scene = Scene::start().await;
    let mut peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(10));
    let mut late = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), late.outbox.clone(), Start::After(Seq(9)));
    scene.channel.addr().do_send(PageRead { last_seq: Seq(3), contents: &[] });
    scene.turn().await;
    assert!(!late.hears().await.contains("replay.done"));
    // Longer than it waits.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    scene.channel.addr().do_send(PageRead { last_seq: Seq(10), contents: &["the tenth"] });
    scene.turn().await;
    assert!(late.hears().await.contains("the tenth"));
    assert!(!peer.hears().await.contains("the tenth"));
}

/// What was read of the log's end may be older than what has been announced since.
#[actix_web::test]
async fn a_look_that_is_older_than_the_log_ends_nobody() {
    let scene = Scene::start().await;
    let mut peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(0));
    for seq in 1..=3 {
        scene.channel.addr().do_send(committed(seq, "hello"));
    }
    scene.channel.log_is_at(Seq(2));
    scene.channel.addr().do_send(committed(4, "the fourth"));
    scene.turn().await;
    assert!(peer.hears().await.contains("the fourth"));
}

/// What the writer does not take is refused at once, and gives its place among the socket's sends back.
#[actix_web::test]
async fn what_the_writer_does_not_take_is_refused() {
    let scene = Scene::start().await;
    let mut peer = scene.connect(Kind::Gateway).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    scene.channel.log_is_at(Seq(0));
    scene.shared.writer.close();
    for _ in 0..100 {
        let poster = Poster::Socket(peer.outbox.begin_send().expect("it may send"));
        assert!(scene.channel.post(Posting { message: message("late"), poster }).is_ok());
        scene.turn().await;
    }
    let heard = peer.hears().await;
    assert!(heard.contains(r#""code":"unavailable""#), "{heard}");
}
