//! What a bad client costs: little memory, no time once it is ended, and nothing of what its neighbours see.

use super::client::{Socket, frame};
use super::node::{Signal, raise_descriptor_limit};
use super::site::{Ending, Site, read_to_close, seq};
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep, timeout};

const STALLED: usize = 300;
/// These read only when the node has given them up.
const LATE: usize = 30;
const READERS: usize = 20;
const SENDERS: usize = 8;
const EACH: usize = 125;
const TOTAL: usize = SENDERS * EACH;
/// All senders together make a message a millisecond, if the node can take so many.
const PACE: Duration = Duration::from_millis(SENDERS as u64);
const CONTENT_BYTES: usize = 2_000;
/// More than the node and the kernel keep for a socket that is not read: 256 KiB, and a send buffer.
const ENOUGH: usize = 450;
/// The pool's connections to the database come and go.
const DESCRIPTORS_OF_THE_POOL: usize = 16;

#[tokio::test(flavor = "current_thread")]
async fn who_stops_reading_is_ended_with_4430_costs_little_and_holds_up_nobody() {
    raise_descriptor_limit();
    let site = Site::start(&[]).await;
    let [path, _] = site.paths();
    let mut others = Vec::new();
    for _ in 0..READERS + SENDERS {
        others.push(site.socket(&path).await);
    }
    let open = site.node.descriptors();
    let mut stalled = site.narrow_sockets(&path, STALLED).await;
    let before = site.node.resident_kib();

    let started = Instant::now();
    let (far, mut arrivals) = mpsc::channel(others.len());
    let others = others.into_iter().enumerate().map(|(number, socket)| {
        let sends = if number < SENDERS { EACH } else { 0 };
        tokio::spawn(take_part(socket, number, sends, far.clone()))
    });
    let others: Vec<_> = others.collect();
    for _ in &others {
        arrivals.recv().await.expect("each comes so far");
    }
    let mut late = stalled.split_off(STALLED - LATE);
    for ending in join_all(stalled.iter_mut().map(read_to_close)).await {
        assert_eq!(ending.code, Some(4430));
        is_the_beginning_of_the_log(&ending);
    }
    for other in join_all(others).await {
        assert_eq!(other.expect("it took part"), (1..=TOTAL as i64).collect::<Vec<_>>());
    }
    let grown = site.node.peak_kib().saturating_sub(before);
    println!("{grown} KiB more at {:.0} messages a second", TOTAL as f64 / started.elapsed().as_secs_f64());
    assert!(grown <= STALLED * 256 + 64 * 1024, "{grown} KiB");

    site.until_open(open + DESCRIPTORS_OF_THE_POOL).await;
    for ending in join_all(late.iter_mut().map(read_to_close)).await {
        assert!(matches!(ending.code, None | Some(4430)), "{:?}", ending.code);
        is_the_beginning_of_the_log(&ending);
    }
    site.until_idle().await;
    site.stop().await;
}

fn is_the_beginning_of_the_log(ending: &Ending) {
    let seqs: Vec<i64> = ending.texts.iter().map(|event| seq(event)).collect();
    assert!((1..ENOUGH).contains(&seqs.len()), "{}", seqs.len());
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
}

/// Sends its share, each message when the one before is committed, and hears all.
async fn take_part(mut socket: Socket, number: usize, sends: usize, far: mpsc::Sender<()>) -> Vec<i64> {
    let mut pace = interval(PACE);
    let mut seqs = Vec::with_capacity(TOTAL);
    let mut sent = 0;
    let mut on_its_way: Option<String> = None;
    while seqs.len() < TOTAL {
        if sent < sends && on_its_way.is_none() {
            pace.tick().await;
            let mark = format!("<{number}:{sent}>");
            socket.send(&format!("{mark:x<CONTENT_BYTES$}")).await;
            on_its_way = Some(mark);
            sent += 1;
        }
        let (first, payload) = socket.next_frame().await.expect("it is not ended");
        assert_eq!(first, 0x81, "{}", String::from_utf8_lossy(&payload));
        let event = String::from_utf8(payload).expect("text");
        seqs.push(seq(&event));
        if on_its_way.as_ref().is_some_and(|mark| event.contains(mark)) {
            on_its_way = None;
        }
        if seqs.len() == ENOUGH {
            far.send(()).await.expect("it is waited for");
        }
    }
    seqs
}

#[tokio::test(flavor = "current_thread")]
async fn an_idle_socket_costs_less_than_a_page() {
    const SOCKETS: usize = 2_000;
    raise_descriptor_limit();
    let site = Site::start(&[]).await;
    let before = site.node.resident_kib();
    let sockets = Socket::open_many(&site.node.address, site.channel, &site.account, SOCKETS).await;
    let each = (site.node.resident_kib() - before) as f64 / SOCKETS as f64;
    println!("{each:.2} KiB a socket");
    assert!(each < 4.0, "{each:.2} KiB");
    drop(sockets);
    site.stop().await;
}

/// Nothing is kept for what a header announces, nor of what follows it.
#[tokio::test(flavor = "current_thread")]
async fn a_header_that_announces_a_tebibyte_is_refused_before_its_payload_and_costs_nothing() {
    const SOCKETS: usize = 200;
    const KIB_MAX: usize = 1_024;
    raise_descriptor_limit();
    let site = Site::start(&[]).await;
    let mut sockets = Vec::new();
    for path in site.paths().iter().cycle().take(SOCKETS) {
        let mut socket = site.socket(path).await;
        // A ping and its pong: whatever a live socket has is there.
        socket.send_bytes(&frame(0x89, b"?")).await.expect("it is sent");
        while socket.next_frame().await.expect("it lives").0 != 0x8A {}
        sockets.push(socket);
    }
    let before = site.node.resident_kib();
    let header = [&[0x82, 0x80 | 127][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    for socket in &mut sockets {
        socket.send_bytes(&header).await.expect("it is sent");
    }
    for socket in &mut sockets {
        assert_eq!(read_to_close(socket).await.code, Some(1009));
    }
    let refused = site.node.resident_kib().saturating_sub(before);
    let payload = vec![0; 1 << 20];
    join_all(sockets.iter_mut().map(|socket| socket.send_bytes(&payload))).await;
    let sent_all_the_same = site.node.resident_kib().saturating_sub(before);
    println!("{refused} KiB more when refused, {sent_all_the_same} KiB when {SOCKETS} MiB came all the same");
    assert!(refused < KIB_MAX && sent_all_the_same < KIB_MAX);
    site.until_idle().await;
    site.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn empty_fragments_and_pings_whose_pongs_are_not_read_come_to_an_end() {
    let site = Site::start(&[]).await;
    let before = site.node.resident_kib();
    for path in site.paths() {
        let fragments = [frame(0x01, b""), frame(0x00, b"").repeat(100_000)].concat();
        assert_eq!(ended_by(site.socket(&path).await, &fragments).await, Some(1009), "{path}");
        let pings = frame(0x89, &[b'?'; 125]).repeat(20_000);
        assert_eq!(ended_by(site.narrow_socket(&path).await, &pings).await, Some(4430), "{path}");
    }
    let grown = site.node.peak_kib().saturating_sub(before);
    println!("{grown} KiB more");
    assert!(grown < 8 * 1_024, "{grown} KiB");
    site.until_idle().await;
    site.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_flood_of_pings_is_ended_with_4429() {
    let site = Site::start(&[("RATE_LIMIT", "on")]).await;
    for path in site.paths() {
        let pings = frame(0x89, b"").repeat(20_000);
        assert_eq!(ended_by(site.socket(&path).await, &pings).await, Some(4429), "{path}");
    }
    site.until_idle().await;
    site.stop().await;
}

/// Sends everything before it reads anything.
async fn ended_by(mut socket: Socket, bytes: &[u8]) -> Option<u16> {
    // The node need not wait for the rest of it.
    let _ = socket.send_bytes(bytes).await;
    read_to_close(&mut socket).await.code
}

/// They take the 35 seconds that they are about, all at once.
#[tokio::test(flavor = "current_thread")]
async fn who_is_silent_or_never_comes_to_an_end_is_ended_with_4408_and_who_answers_is_not() {
    let site = Site::start(&[]).await;
    let [channel, gateway] = &site.paths();
    let header = frame(0x81, &[b' '; 60_000])[..8].to_vec();
    let fragment = frame(0x00, b"");
    let first = frame(0x01, b"");
    let over = Instant::now();
    let ((), (), (), (), (), ()) = tokio::join!(
        trickles(site.socket(channel).await, header.clone(), b" ".to_vec()),
        trickles(site.socket(gateway).await, header, b" ".to_vec()),
        trickles(site.socket(channel).await, first, fragment),
        is_pinged_and_ended(site.socket(channel).await),
        is_pinged_and_ended(site.socket(gateway).await),
        answers_pings(site.socket(channel).await),
    );
    println!("{:?}", over.elapsed());
    site.until_idle().await;
    site.stop().await;
}

/// The node stands still for longer than it gives to somebody who was pinged, and its sockets have been quiet for a while: nobody has
/// been asked for a sign of life yet.
#[tokio::test(flavor = "current_thread")]
async fn a_pause_of_the_node_ends_nobody_who_answers() {
    let site = Site::start(&[]).await;
    let paths = site.paths();
    let mut sockets = [site.socket(&paths[0]).await, site.socket(&paths[1]).await];
    sleep(Duration::from_secs(23)).await;
    site.node.signal(Signal::STOP);
    sleep(Duration::from_secs(13)).await;
    site.node.signal(Signal::CONT);
    for socket in &mut sockets {
        // A gateway is told how things stand first.
        let payload = loop {
            let (first, payload) = socket.next_frame().await.expect("a ping");
            if first != 0x81 {
                assert_eq!(first, 0x89, "{payload:?}");
                break payload;
            }
        };
        socket.send_bytes(&frame(0x8A, &payload)).await.expect("it is sent");
        socket.send_bytes(&frame(0x89, b"still here?")).await.expect("it is sent");
        assert_eq!(socket.next_frame().await.expect("it lives").0, 0x8A);
    }
    site.stop().await;
}

/// Not before its time, as exactly as the node looks, once a second; the rest is against hanging.
fn is_about(since: Instant, expected_s: u64) {
    let elapsed = since.elapsed();
    let range = Duration::from_secs(expected_s - 2)..Duration::from_secs(expected_s + 120);
    assert!(range.contains(&elapsed), "{elapsed:?}, not {expected_s} s");
}

/// Bytes keep coming, but no message.
async fn trickles(mut socket: Socket, start: Vec<u8>, piece: Vec<u8>) {
    let since = Instant::now();
    socket.send_bytes(&start).await.expect("it is sent");
    let mut pace = interval(Duration::from_secs(3));
    loop {
        tokio::select! {
            _ = pace.tick() => socket.send_bytes(&piece).await.expect("it is sent"),
            next = socket.next_frame() => {
                let (first, payload) = next.expect("a close frame");
                if first == 0x88 {
                    assert_eq!(payload.first_chunk().map(|code| u16::from_be_bytes(*code)), Some(4408));
                    return is_about(since, 35);
                }
            }
        }
    }
}

/// The client is gone, and nobody has told the node: its kernel takes bytes, but nothing ever comes.
async fn is_pinged_and_ended(mut socket: Socket) {
    let since = Instant::now();
    while socket.next_frame().await.expect("a ping").0 != 0x89 {}
    is_about(since, 25);
    let ending = read_to_close(&mut socket).await;
    assert_eq!((ending.texts.len(), ending.code), (0, Some(4408)));
    is_about(since, 35);
}

/// Says nothing of its own, but answers.
async fn answers_pings(mut socket: Socket) {
    let live = async {
        loop {
            let (first, payload) = socket.next_frame().await.expect("it lives");
            assert_eq!(first, 0x89);
            socket.send_bytes(&frame(0x8A, &payload)).await.expect("it is sent");
        }
    };
    assert!(timeout(Duration::from_secs(42), live).await.is_err(), "it goes on for ever");
    socket.send("still here").await;
    assert_eq!(socket.read_event().await["content"], "still here");
}
