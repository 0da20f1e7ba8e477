//! What a channel does with entries that the bus brings. Nothing can be read here: who would have to hear what is read comes back.

use super::handle::Heard;
use super::*;
use crate::actors::bus::BusEntry;
use crate::domain::UserId;
use bytes::Bytes;

const AUTHOR: UserId = UserId(7);

/// What another node has written at a place, which says so.
fn entry(seq: i64, says: &str, retells: bool) -> BusEntry<Bytes> {
    let (text_of, to, frame) = (Some(MessageId(seq)), Hears::Messages, encode::text(says.as_bytes()));
    BusEntry { channel_id: ChannelId(1), seq: Seq(seq), user_id: AUTHOR, text_of, to, retells, frame }
}

async fn scene_with_bus() -> (Scene, Peer) {
    let bus = Bus::to_be_connected();
    bus.set_connected(true);
    let scene = Scene::start_on(bus).await;
    let peer = scene.connect(Kind::Channel).await;
    scene.channel.attach(access(), peer.outbox.clone(), Start::Live);
    (scene, peer)
}

/// All that it hears before it is told to come back.
async fn until_restart(mut peer: Peer) -> String {
    let mut bytes = Vec::new();
    peer.client.read_to_end(&mut bytes).await.expect("the stream ends");
    let close = bytes.windows(4).rposition(|four| four == [0x88, four[1], 0x03, 0xf4]).expect("it ends with 1012");
    String::from_utf8_lossy(&bytes[..close]).into_owned()
}

#[actix_web::test]
async fn entries_that_cross_are_told_in_their_order_and_each_once() {
    let (scene, mut peer) = scene_with_bus().await;
    scene.channel.log_is_at(Seq(0));
    // Both are there before anything else can happen.
    for entries in [vec![entry(2, "<two>", false)], vec![entry(1, "<one>", false), entry(3, "<three>", false)]] {
        scene.channel.addr().do_send(Heard { entries });
    }
    scene.channel.hear(vec![entry(1, "<again>", false), entry(3, "<again>", false)]);
    scene.turn().await;
    let heard = peer.hears().await;
    let places = ["<one>", "<two>", "<three>"].map(|text| heard.find(text).expect("it is told"));
    assert!(places.is_sorted() && !heard.contains("<again>"), "{heard}");
}

#[actix_web::test]
async fn what_was_told_otherwise_since_is_not_told_as_it_came() {
    let (scene, peer) = scene_with_bus().await;
    scene.channel.log_is_at(Seq(0));
    scene.channel.addr().do_send(Heard { entries: vec![entry(2, "<edited>", true)] });
    scene.channel.addr().do_send(Heard { entries: vec![entry(1, "<before the edit>", false)] });
    scene.turn().await;
    assert!(!until_restart(peer).await.contains("<before the edit>"));
}

#[actix_web::test]
async fn an_erased_name_is_not_told_as_it_came() {
    let (scene, peer) = scene_with_bus().await;
    scene.channel.log_is_at(Seq(0));
    scene.shared.erase(AUTHOR);
    scene.channel.hear(vec![entry(1, "<by jun>", false)]);
    scene.turn().await;
    assert!(!until_restart(peer).await.contains("<by jun>"));
}

#[actix_web::test]
async fn before_it_is_known_where_the_log_ends_nothing_is_told_as_it_came() {
    let (scene, mut peer) = scene_with_bus().await;
    scene.channel.hear(vec![entry(5, "<five>", false)]);
    scene.channel.log_is_at(Seq(5));
    scene.channel.hear(vec![entry(6, "<six>", false)]);
    scene.turn().await;
    let heard = peer.hears().await;
    assert!(heard.contains("<six>") && !heard.contains("<five>"), "{heard}");
}
