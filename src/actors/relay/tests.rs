//! The order of what a socket hears, and a key that outlives its socket.

use super::socket::HELD_FRAMES;
use super::*;
use crate::domain::{ChannelId, Seq, ServerId};
use crate::net::Stream;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// Both ends of a socket.
async fn connect(relay: &RelayPort, listener: &TcpListener) -> (TcpStream, Outbox) {
    let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
    let (stream, _) = listener.accept().await.expect("accepted");
    let socket = Rc::new(Socket::new(Stream::Plain(stream), Bytes::new()));
    (client, relay.insert(socket, Kind::Gateway, Hears::All))
}

/// What is held for a gateway until its `ready` has gone out.
#[actix_web::test]
async fn a_socket_for_which_too_much_is_held_is_ended() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    for more in [0, 1] {
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        let (stream, _) = listener.accept().await.expect("accepted");
        let socket = Rc::new(Socket::new(Stream::Plain(stream), Bytes::new()));
        let outbox = relay.insert(Rc::clone(&socket), Kind::Gateway, Hears::All);
        outbox.open();
        outbox.send(Bytes::from_static(b"[hello]"));
        client.read_exact(&mut [0; 7]).await.expect("it is open");
        socket.hold();
        (0..HELD_FRAMES + more).for_each(|_| socket.queue(Bytes::from_static(b"[news]")));
        socket.release(Bytes::from_static(b"[ready]"));
        let mut heard = vec![0; if more == 0 { 7 + 6 * HELD_FRAMES } else { 4 }];
        client.read_exact(&mut heard).await.expect("it says something");
        if more == 0 {
            assert!(heard.starts_with(b"[ready][news]") && heard.ends_with(b"[news]"));
        } else {
            assert_eq!((heard[0], u16::from_be_bytes([heard[2], heard[3]])), (0x88, End::TOO_SLOW.code));
        }
    }
}

/// Counted from when it is given to a relay until it has arrived there.
#[actix_web::test]
async fn a_relay_with_too_much_on_its_way_is_behind() {
    let relay = Relay::start_here(0, Times::default());
    let topic = Topic::Channel(ChannelId(1));
    let give = |count| relay.handle().deliver(topic, vec![Bytes::from_static(b"[event]"); count].into(), Hears::All);
    give(BACKLOG_MAX - 1);
    assert!(!relay.handle().is_behind());
    give(1);
    assert!(relay.handle().is_behind());
    while relay.handle().is_behind() {
        tokio::task::yield_now().await;
    }
}

/// What was announced before an end is heard before it.
#[actix_web::test]
async fn what_is_on_its_way_when_a_socket_ends_goes_out_before_the_end() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let topic = Topic::Channel(ChannelId(1));
    for way in 0..3 {
        let (mut client, outbox) = connect(&relay, &listener).await;
        let completion = Completion::ignored();
        outbox.open();
        outbox.join(ChannelId(1), Vec::new(), false);
        relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[before]")]), Hears::Messages);
        match way {
            0 => relay.handle().end(vec![outbox.key()], End::RESTART, completion),
            1 => relay.handle().unsubscribe(vec![outbox.key()], topic, Bytes::from_static(b"[last]"), completion),
            _ => relay.handle().close(topic, Bytes::from_static(b"[last]"), completion),
        }
        let (mut heard, mut piece) = (Vec::new(), [0; 1_024]);
        while !heard.ends_with(b"[last]") && !heard.iter().skip(8).any(|byte| *byte == 0x88) {
            let count = client.read(&mut piece).await.expect("it is open");
            assert!(count > 0, "{way}: {}", String::from_utf8_lossy(&heard));
            heard.extend_from_slice(&piece[..count]);
        }
        assert!(heard.starts_with(b"[before]"), "{way}: {}", String::from_utf8_lossy(&heard));
    }
}

/// Whatever is on its way to a socket that has ended: the close frame is the last.
#[actix_web::test]
async fn nothing_follows_the_close_frame() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let topic = Topic::Channel(ChannelId(1));
    let (mut client, outbox) = connect(&relay, &listener).await;
    let completion = Completion::ignored();
    outbox.open();
    outbox.join(ChannelId(1), Vec::new(), false);
    relay.handle().end(vec![outbox.key()], End::RESTART, completion.clone());
    outbox.join(ChannelId(1), vec![Bytes::from_static(b"[first]")], false);
    outbox.replay(ChannelId(1), vec![Bytes::from_static(b"[replayed]")], Seq(1));
    outbox.send(Bytes::from_static(b"[sent]"));
    relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[delivered]")]), Hears::Messages);
    relay.handle().unsubscribe(vec![outbox.key()], topic, Bytes::from_static(b"[last]"), completion);
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.expect("the stream ends");
    assert_eq!((heard[0], heard.len()), (0x88, 2 + usize::from(heard[1])), "{}", String::from_utf8_lossy(&heard));
}

/// A slot is used again: what is meant for the socket that had it before reaches nobody.
#[actix_web::test]
async fn what_is_for_a_socket_that_is_gone_does_not_reach_the_next_one_of_its_slot() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (_, gone) = connect(&relay, &listener).await;
    relay.remove(gone.key());
    let (mut client, present) = connect(&relay, &listener).await;
    assert_eq!(present.key().slot, gone.key().slot, "the slot is used again");
    present.open();
    let topic = Topic::Channel(ChannelId(1));
    let completion = Completion::ignored();
    gone.send(Bytes::from_static(b"[sent]"));
    gone.join(ChannelId(1), vec![Bytes::from_static(b"[first]")], false);
    relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[for the one before]")]), Hears::Messages);
    present.join(ChannelId(1), Vec::new(), false);
    relay.handle().unsubscribe_silently(gone.key(), topic);
    relay.handle().unsubscribe(vec![gone.key()], topic, Bytes::from_static(b"[last]"), completion.clone());
    relay.handle().end(vec![gone.key()], End::RESTART, completion);
    relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[for this one]")]), Hears::Messages);
    let (mut heard, mut piece) = (Vec::new(), [0; 1_024]);
    while !heard.ends_with(b"[for this one]") {
        let count = client.read(&mut piece).await.expect("it is open");
        assert!(count > 0, "it was closed");
        heard.extend_from_slice(&piece[..count]);
    }
    assert_eq!(heard, b"[for this one]", "{}", String::from_utf8_lossy(&heard));
}

/// Reads until what was heard ends like this.
async fn hear(client: &mut TcpStream, end: &[u8]) -> String {
    let (mut heard, mut piece) = (Vec::new(), [0; 1_024]);
    while !heard.ends_with(end) {
        let count = client.read(&mut piece).await.expect("it is open");
        assert!(count > 0, "it was closed");
        heard.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(heard).expect("text")
}

/// What comes in one turn keeps its order, and who comes late hears nothing of what was before.
#[actix_web::test]
async fn what_was_announced_goes_out_before_what_comes_after_it() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let topic = Topic::Channel(ChannelId(1));
    let (mut first, outbox) = connect(&relay, &listener).await;
    let (mut second, late) = connect(&relay, &listener).await;
    outbox.join(ChannelId(1), Vec::new(), false);
    relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[announced]")]), Hears::Messages);
    outbox.send(Bytes::from_static(b"[sent]"));
    relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[again]")]), Hears::Messages);
    late.join(ChannelId(1), vec![Bytes::from_static(b"[first]")], false);
    relay.handle().deliver(topic, Arc::new([Bytes::from_static(b"[end]")]), Hears::Messages);
    assert_eq!(hear(&mut first, b"[end]").await, "[announced][sent][again][end]");
    assert_eq!(hear(&mut second, b"[end]").await, "[first][end]");
}

/// Who hears several topics, or is named beside, gets what is for all of them once, in its place among what else comes.
#[actix_web::test]
async fn what_is_for_several_topics_reaches_each_socket_once_and_in_its_place() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let topics: Arc<[Topic]> = [1, 2, 3].map(|id| Topic::Server(ServerId(id))).into();
    let (mut three, hears_three) = connect(&relay, &listener).await;
    let (mut one, hears_one) = connect(&relay, &listener).await;
    let (mut named, hears_none) = connect(&relay, &listener).await;
    let (mut other, hears_other) = connect(&relay, &listener).await;
    for outbox in [&hears_three, &hears_one, &hears_none, &hears_other] {
        outbox.open();
    }
    (1..=3).for_each(|id| hears_three.subscribe_server(ServerId(id)));
    hears_one.subscribe_server(ServerId(3));
    hears_other.subscribe_server(ServerId(4));
    let tell = |topic: Topic, text: &'static [u8]| {
        relay.handle().deliver(topic, Arc::new([Bytes::from_static(text)]), Hears::Messages);
    };
    tell(Topic::Server(ServerId(3)), b"[before]");
    // One is gone, one is named that hears it anyway.
    let (_, gone) = connect(&relay, &listener).await;
    relay.remove(gone.key());
    let others = vec![hears_three.key(), hears_none.key(), gone.key()];
    relay.handle().deliver_once(Arc::clone(&topics), others, Bytes::from_static(b"[once]"), Completion::ignored());
    tell(Topic::Server(ServerId(3)), b"[end]");
    for outbox in [&hears_none, &hears_other] {
        outbox.send(Bytes::from_static(b"[end]"));
    }
    assert_eq!(hear(&mut three, b"[end]").await, "[before][once][end]");
    assert_eq!(hear(&mut one, b"[end]").await, "[before][once][end]");
    assert_eq!(hear(&mut named, b"[end]").await, "[once][end]");
    assert_eq!(hear(&mut other, b"[end]").await, "[end]");
}

/// However a seat is left, the room is as if it had never been taken, and those who stay hear all.
#[actix_web::test]
async fn nothing_is_left_of_a_seat_or_a_room() {
    let relay = Relay::start_here(0, Times::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let completion = Completion::ignored();
    let [one, other] = [1, 2].map(|id| Topic::Channel(ChannelId(id)));
    for way in 0..6 {
        let (_client, leaves) = connect(&relay, &listener).await;
        let (mut client, stays) = connect(&relay, &listener).await;
        for outbox in [&leaves, &stays] {
            outbox.open();
            outbox.join(ChannelId(1), Vec::new(), false);
        }
        leaves.join(ChannelId(2), Vec::new(), false);
        relay.handle().open_sockets().await;
        assert_eq!(relay.rooms(), 2);
        let (key, last) = (leaves.key(), Bytes::from_static(b"[last]"));
        match way {
            0 => relay.remove(key),
            1 => relay.handle().end(vec![key], End::RESTART, completion.clone()),
            2 => {
                relay.handle().unsubscribe(vec![key], one, last.clone(), completion.clone());
                relay.handle().unsubscribe(vec![key], other, last.clone(), completion.clone());
            }
            3 => [one, other].into_iter().for_each(|topic| relay.handle().unsubscribe_silently(key, topic)),
            4 => {
                relay.handle().close(other, last.clone(), completion.clone());
                relay.handle().end(vec![key], End::RESTART, completion.clone());
            }
            _ => relay.handle().close(other, last.clone(), completion.clone()),
        }
        relay.handle().deliver(one, Arc::new([Bytes::from_static(b"[still]")]), Hears::Messages);
        assert_eq!(hear(&mut client, b"[still]").await, "[still]", "{way}");
        assert_eq!(relay.rooms(), 1, "{way}");
        if way == 5 {
            relay.handle().end_all(End::RESTART, completion.clone());
        } else {
            relay.remove(stays.key());
            relay.remove(key);
        }
        relay.handle().open_sockets().await;
        assert_eq!(relay.rooms(), 0, "{way}");
    }
}
