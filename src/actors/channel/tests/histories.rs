//! What a channel knows of its log when the database comes to have another history.

use super::*;
use crate::domain::Seq;
use crate::store::log::{Log, LogWrite};

/// The log's end was read.
#[derive(Message)]
#[rtype(result = "()")]
struct EndRead {
    last_seq: Seq,
}

impl Handler<EndRead> for Channel {
    type Result = ();

    fn handle(&mut self, end: EndRead, ctx: &mut Self::Context) {
        self.end_was_read(Ok(Some(Log { entries: Vec::new(), last_seq: end.last_seq })), ctx);
    }
}

/// The log's end is known by a look that began in this history.
#[derive(Message)]
#[rtype(result = "()")]
struct EndKnown {
    last_seq: Seq,
    history: u64,
}

impl Handler<EndKnown> for Channel {
    type Result = ();

    fn handle(&mut self, end: EndKnown, ctx: &mut Self::Context) {
        self.end_is_known(end.last_seq, end.history, ctx);
    }
}

/// Whatever was in doubt is refused.
fn refused() -> Settled {
    let refused = Outcome::Refused(crate::actors::writer::Refused::Unavailable);
    Settled { writes: vec![(Arc::new(LogWrite::Message(draft("in doubt"))), 0, refused)] }
}

/// It waits for drafts in doubt, and belongs to what is gone by the time they are decided.
#[actix_web::test]
async fn an_end_that_was_read_before_is_not_taken_over_afterwards() {
    let scene = Scene::start().await;
    let mut peer = scene.connect(Kind::Gateway).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    let posting = Posting { message: message("in doubt"), poster: Poster::Nobody };
    assert!(scene.channel.post_as(author(), posting).is_ok());
    scene.channel.addr().do_send(EndRead { last_seq: Seq(11) });
    scene.shared.forget_logs();
    assert!(!scene.channel.read_again(Seq(10)).await, "nothing was announced");
    scene.channel.addr().do_send(refused());
    scene.turn().await;
    assert!(!peer.hears().await.contains(r#""subscribed""#), "it has to be read again");
    scene.channel.addr().do_send(EndRead { last_seq: Seq(10) });
    scene.turn().await;
    let heard = peer.hears().await;
    assert!(heard.contains(r#""subscribed","channel_id":1,"seq":10"#), "{heard}");
}

#[actix_web::test]
async fn a_look_that_began_before_says_nothing_afterwards() {
    let scene = Scene::start().await;
    let mut peer = scene.connect(Kind::Gateway).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    let history = scene.shared.history();
    scene.shared.forget_logs();
    scene.channel.addr().do_send(EndKnown { last_seq: Seq(11), history });
    scene.turn().await;
    assert!(!peer.hears().await.contains(r#""subscribed""#), "eleven may be gone");
    scene.channel.addr().do_send(EndKnown { last_seq: Seq(10), history: scene.shared.history() });
    scene.turn().await;
    let heard = peer.hears().await;
    assert!(heard.contains(r#""subscribed","channel_id":1,"seq":10"#), "{heard}");
}

/// A channel that has ended has no sockets, whoever waits for its answer.
#[actix_web::test]
async fn a_channel_that_has_ended_has_lost_nothing() {
    let scene = Scene::start().await;
    scene.channel.addr().do_send(Stop);
    assert!(!scene.channel.read_again(Seq(0)).await);
    assert!(!scene.channel.is_alive());
}

/// It is let go, as one that is idle.
#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Handler<Stop> for Channel {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// It had not yet compared how far it had told its log.
#[actix_web::test]
async fn a_channel_that_fails_in_between_leaves_no_head_behind() {
    for (is_compared, is_ended) in [(false, false), (true, true)] {
        let mut scene = Scene::start().await;
        let peer = scene.connect(Kind::Channel).await;
        scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
        scene.channel.log_is_at(Seq(11));
        scene.turn().await;
        scene.shared.forget_logs();
        if is_compared {
            assert!(!scene.channel.read_again(Seq(11)).await);
        }
        scene.channel.addr().do_send(Fail);
        assert_eq!(peer.close_code().await, 1012);
        scene.channel = Channel::start_one(ChannelId(1), scene.shared.clone());
        let mut peer = scene.connect(Kind::Channel).await;
        scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
        // The eleventh of the new history, or the one after a hole.
        scene.channel.addr().do_send(committed(if is_compared { 13 } else { 11 }, "next"));
        scene.turn().await;
        match is_ended {
            true => assert_eq!(peer.close_code().await, 1012),
            false => assert!(peer.hears().await.contains("next")),
        }
    }
}
