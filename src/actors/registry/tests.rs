//! What the registry decides without a database.

use super::*;
use crate::actors::relay::Hears;
use crate::actors::relay::{Kind, Relay, Socket};
use crate::domain::Seq;
use crate::domain::access::Account;
use crate::domain::epoch::Epoch;
use crate::net::Stream;
use tokio::net::{TcpListener, TcpStream};

/// Sends a channel one arrival.
#[derive(Message)]
#[rtype(result = "ChannelHandle")]
struct Arrive(ChannelId);

/// Whether a channel has life.
#[derive(Message)]
#[rtype(result = "bool")]
struct IsLive(ChannelId);

/// How many questions wait.
#[derive(Message)]
#[rtype(result = "usize")]
struct CountWaiting;

impl Handler<CountWaiting> for Registry {
    type Result = usize;

    fn handle(&mut self, _: CountWaiting, _: &mut Self::Context) -> usize {
        self.waiting
    }
}

impl Handler<Arrive> for Registry {
    type Result = actix::MessageResult<Arrive>;

    fn handle(&mut self, arrive: Arrive, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.live(arrive.0, ServerId(1)))
    }
}

impl Handler<IsLive> for Registry {
    type Result = bool;

    fn handle(&mut self, is_live: IsLive, _: &mut Self::Context) -> bool {
        self.live.contains_key(&is_live.0)
    }
}

fn registry() -> actix::Addr<Registry> {
    let nowhere: crate::store::Target = "postgresql://nobody@127.0.0.1:1/none".parse().expect("a URL");
    let db = Db::new(&nowhere, Times::default().connection_wait_max).expect("its settings agree");
    let writer = Writer::start(1, &nowhere, Times::default());
    Registry::start(
        db,
        writer,
        Relays::default(),
        NewestPages::default(),
        Times::default(),
        Logs::alone(Epoch::new("test")),
    )
    .into_addr()
}

/// Somebody may be on the way to a channel that asks to be let go.
#[actix_web::test]
async fn a_channel_is_let_go_only_if_all_that_was_sent_to_it_has_arrived() {
    let (registry, id) = (registry(), ChannelId(1));
    let retire = async |arrivals| registry.send(Retire { channel_id: id, arrivals }).await.expect("it lives");
    let is_live = async || registry.send(IsLive(id)).await.expect("it lives");
    assert!(!retire(0).await, "there is no such channel");
    registry.send(Arrive(id)).await.expect("it lives");
    assert!(!retire(0).await && is_live().await, "one is on its way");
    assert!(retire(1).await && !is_live().await, "it has been let go");
}

/// A channel that has failed is begun anew by whoever comes next.
#[actix_web::test]
async fn a_channel_that_has_failed_is_begun_anew() {
    let (registry, id) = (registry(), ChannelId(1));
    let failed = registry.send(Arrive(id)).await.expect("it lives");
    failed.addr().do_send(channel::tests::Fail);
    while failed.is_alive() {
        tokio::task::yield_now().await;
    }
    assert!(registry.send(Arrive(id)).await.expect("it lives").is_alive());
    let is_let_go = registry.send(Retire { channel_id: id, arrivals: 1 }).await.expect("it lives");
    assert!(is_let_go, "it counts from the beginning");
}

fn bearer(user: i64) -> Bearer {
    Bearer {
        user_id: UserId(user),
        password_version: 0,
        token_id: "a".into(),
        session_id: None,
        expires_at_s: u64::MAX,
        logged_in_at_s: 0,
    }
}

/// Asks about users, all at once; answers why each was refused.
async fn refusals(registry: &actix::Addr<Registry>, users: impl Iterator<Item = i64>) -> Vec<&'static str> {
    let ask = |user| {
        let (reply, answer) = oneshot::channel();
        registry.do_send(Ask { bearer: bearer(user), target: Target::Account, reply: Reply::Found(reply) });
        answer
    };
    let answers = futures_util::future::join_all(users.map(ask)).await.into_iter();
    answers.map(|answer| answer.expect("an answer").err().map_or("none", |error| error.code().as_str())).collect()
}

#[actix_web::test]
async fn so_many_questions_wait_for_a_load_and_further_ones_are_busy() {
    let registry = registry();
    let told = refusals(&registry, std::iter::repeat_n(1, WAITING_MAX + 3)).await;
    let count = |code| told.iter().filter(|told| **told == code).count();
    assert_eq!((count("unavailable"), count("busy")), (WAITING_MAX, 3));
}

/// Questions that cannot be answered without a database are refused, and wait no longer.
#[actix_web::test]
async fn who_has_had_an_answer_waits_no_longer() {
    let registry = registry();
    let told = refusals(&registry, (0..20).map(|number| number / 2)).await;
    assert_eq!(told, ["unavailable"; 20]);
    assert_eq!(registry.send(CountWaiting).await.expect("it lives"), 0);
}

/// Answers a gateway that wants to hear its user's servers; the answer is how many users have one then.
#[derive(Message)]
#[rtype(result = "usize")]
struct AnswerGateway(Outbox, oneshot::Sender<Result<Caller>>);

impl Handler<AnswerGateway> for Registry {
    type Result = usize;

    fn handle(&mut self, AnswerGateway(outbox, reply): AnswerGateway, _: &mut Self::Context) -> usize {
        let account =
            Account { username: "mina".into(), password_version: 0, kept_token: None, sessions: Box::default() };
        let found =
            Found::Memberships(Caller::known(UserId(1), &account, None), Arc::new([(ServerId(1), Arc::default())]));
        self.answer(
            Ask { bearer: bearer(1), target: Target::Memberships, reply: Reply::AddGateway(outbox, reply) },
            found,
        );
        self.gateways.len()
    }
}

#[actix_web::test]
async fn a_gateway_that_has_gone_before_it_was_answered_is_not_kept() {
    let registry = registry();
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let connect = async || {
        let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        let (stream, _) = listener.accept().await.expect("accepted");
        let socket = Socket::new(Stream::Plain(stream), bytes::Bytes::new());
        (client, relay.insert(Rc::new(socket), Kind::Gateway, Hears::All))
    };
    let answer = async |outbox: Outbox, reply| registry.send(AnswerGateway(outbox, reply)).await.expect("it lives");
    let (_client, outbox) = connect().await;
    let (reply, gone) = oneshot::channel();
    drop(gone);
    assert_eq!(answer(outbox, reply).await, 0);
    let (_client, outbox) = connect().await;
    let (reply, waiting) = oneshot::channel();
    assert_eq!(answer(outbox, reply).await, 1);
    let answered = waiting.await.expect("an answer");
    assert_eq!(answered.ok().map(|caller| caller.id()), Some(UserId(1)));
}

/// Says how far a channel's log went when the database had this history.
#[derive(Message)]
#[rtype(result = "()")]
struct LogsAreAt(i64, u64);

impl Handler<LogsAreAt> for Registry {
    type Result = ();

    fn handle(&mut self, LogsAreAt(last_seq, history): LogsAreAt, _: &mut Self::Context) {
        self.logs_are_at(vec![(ChannelId(1), Seq(last_seq))], history);
    }
}

/// Has the database come to have another history; the answer is which it had before.
#[derive(Message)]
#[rtype(result = "u64")]
struct ForgetLogs;

impl Handler<ForgetLogs> for Registry {
    type Result = u64;

    fn handle(&mut self, _: ForgetLogs, _: &mut Self::Context) -> u64 {
        let before = self.shared.history();
        self.shared.forget_logs();
        before
    }
}

/// A look at all logs takes a while, and the database may come to have another history meanwhile.
#[actix_web::test]
async fn a_look_that_began_in_another_history_is_told_nobody() {
    let registry = registry();
    let channel = registry.send(Arrive(ChannelId(1))).await.expect("it lives");
    channel.addr().do_send(channel::tests::committed(10, "the tenth"));
    registry.send(LogsAreAt(10, 0)).await.expect("it lives");
    let before = registry.send(ForgetLogs).await.expect("it lives");
    assert!(!channel.read_again(Seq(10)).await);
    registry.send(LogsAreAt(11, before)).await.expect("it lives");
    // Who is told eleven and has ten has lost something.
    assert!(!channel.read_again(Seq(10)).await, "eleven is of another history");
    registry.send(LogsAreAt(11, before + 1)).await.expect("it lives");
    assert!(channel.read_again(Seq(10)).await);
}
