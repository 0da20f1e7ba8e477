//! What a panic in a channel does to its sockets.

use super::*;
use crate::actors::relay::{Relay, Relays, Socket};
use crate::domain::ServerId;
use crate::domain::access::{Account, Caller, ChannelAccess, Facts, Member, ServerState};
use crate::domain::server::Server;
use crate::wire::Stream;
use actix::Message;
use time::OffsetDateTime;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

#[derive(Message)]
#[rtype(result = "()")]
struct Fail;

impl Handler<Fail> for Channel {
    type Result = ();

    fn handle(&mut self, _: Fail, _: &mut Self::Context) {
        panic!("as a test wants it");
    }
}

fn access() -> ChannelAccess<Member> {
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
    let server = Arc::new(ServerState::new(server, Arc::new([channel])));
    let account = Account { username: "mina".into(), password_version: 0, kept_token: None, sessions: Box::default() };
    let facts = Facts { caller: Caller::known(UserId(1), &account, None), server, is_member: true };
    ChannelAccess::decide(facts, ChannelId(1)).expect("it has this channel").expect("a member")
}

#[actix_web::test]
async fn a_panic_in_a_channel_ends_its_sockets_with_1012_and_nobody_elses() {
    let nowhere: crate::store::Target = "postgresql://nobody@127.0.0.1:1/none".parse().expect("a URL");
    let writer = Writer::start(1, &nowhere);
    let db = Db::new(&nowhere).expect("its settings agree");
    let registry = Registry::start(db.clone(), writer.clone(), Relays::default(), Times::default());
    let shared = Shared::new(registry.into_addr(), writer, db, Times::default());
    let channel = Channel::start_one(ChannelId(1), shared.clone());
    let other = Channel::start_one(ChannelId(2), shared);
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
    let (stream, _) = listener.accept().await.expect("accepted");
    let socket = Rc::new(Socket::new(Stream::Plain(stream), bytes::Bytes::from_static(b"hello")));
    channel.attach(access(), relay.insert(socket, Kind::Channel), Start::Live);
    channel.addr().do_send(Fail);
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).await.expect("the stream ends");
    let close = bytes.strip_prefix(b"hello").expect("it was joined");
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1012));
    assert!(!channel.is_alive());
    assert!(other.is_alive());
}
