//! A storm of connects, then silence: what a socket costs in time and memory, and whether it is still there.

use super::LoadError;
use super::checks::Rule;
use super::close::Close;
use super::frames::{Kind, write};
use super::link::{ConnectError, Link, Reading};
use super::meter::count;
use super::people::{People, Person, Place};
use super::report::times::HANDSHAKE;
use super::run::{Phase, Run};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

/// As long as the storm may take.
const STORM_MAX: Duration = Duration::from_secs(600);
/// As long as no further pong may come.
const PONG_MAX: Duration = Duration::from_secs(15);
/// The code with which a node ends a socket whose token has expired.
const TOKEN_EXPIRED: u16 = 4401;

/// Opens `sockets` sockets, keeps them for `hold`, and asks each whether it is there.
///
/// # Errors
/// When they cannot all be opened.
pub async fn drive(
    run: &Rc<Run>,
    sockets: u32,
    hold: Duration,
    people: &People,
    places: &[Place],
) -> Result<(), LoadError> {
    let channel = places.first().and_then(|place| place.channels.first()).copied().unwrap_or_default();
    let handshake = run.meter.times(HANDSHAKE);
    let before_kib = run.node.and_then(|node| node.resident_kib());
    let processors = run.processors();
    let crowd = Rc::new(Crowd::default());
    let mut tasks = JoinSet::new();
    let started_us = run.clock.now_us();
    run.meter.begin(0.0, run.node.as_ref());
    for number in 0..sockets as usize {
        let Some(person) = people.all.get(number % people.all.len().max(1)) else { break };
        tasks.spawn_local(idle(Rc::clone(run), Rc::clone(person), channel, Rc::clone(&crowd)));
    }
    let progress = super::progress::Progress::begin("sockets", u64::from(sockets));
    let mut sampled_us = started_us;
    let all = u64::from(sockets);
    let is_full = run
        .until(STORM_MAX, || {
            let opened = crowd.opened.get();
            progress.at(opened);
            let now_us = run.clock.now_us();
            if now_us - sampled_us >= 250_000 || opened >= all {
                sampled_us = now_us;
                let sample = run.meter.sample((now_us - started_us) as f64 / 1e6, &handshake, run.node.as_ref());
                run.samples.borrow_mut().push(sample);
            }
            opened >= all || run.is_stopped()
        })
        .await;
    progress.end();
    let took_s = (run.clock.now_us() - started_us) as f64 / 1e6;
    if let Some(why) = run.failure() {
        return Err(LoadError::Node(why));
    }
    let opened = crowd.opened.get();
    if !is_full {
        return Err(LoadError::Node(format!("only {opened} of {sockets} sockets were open after {took_s:.0} s")));
    }
    run.figure("sockets", opened as f64, "");
    run.figure("connects a second", opened as f64 / took_s, "/s");
    processors.figures(run, &[("connect", opened)]);
    if !run.is_stopped() {
        run.watch("idle", hold, &handshake, |_| {}).await;
    }
    run.memory(before_kib, run.meter.sockets.get());
    run.enter(Phase::Quiet);
    run.drained(PONG_MAX, || run.meter.sockets.get().saturating_sub(crowd.present.get())).await;
    run.checks.look(Rule::StillThere, opened);
    let open = run.meter.sockets.get();
    let absent = open.saturating_sub(crowd.present.get());
    if absent > 0 && run.failure().is_none() {
        run.checks.violate(Rule::StillThere, || format!("{absent} of {open} sockets did not answer a ping"));
    }
    run.enter(Phase::Over);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// How many got so far.
#[derive(Default)]
struct Crowd {
    /// Through the storm.
    opened: Cell<u64>,
    /// To an answer at the end.
    present: Cell<u64>,
}

/// Why a socket is no more.
enum Left {
    /// The run is over.
    Over,
    /// Its token has expired, and the node says so: a client of any kind comes back with a new one.
    Expired,
    /// It should have stayed.
    Dropped(String),
}

/// One socket: open, silent but for pongs, asked once at the end.
async fn idle(run: Rc<Run>, person: Rc<Person>, channel: i64, crowd: Rc<Crowd>) {
    let mut is_first = true;
    while let Some(link) = open(&run, &person, channel).await {
        if std::mem::take(&mut is_first) {
            count(&crowd.opened, 1);
            count(&run.meter.opened, 1);
        }
        let token = person.token();
        count(&run.meter.sockets, 1);
        let left = stay(&run, link, &crowd).await;
        run.meter.sockets.set(run.meter.sockets.get().saturating_sub(1));
        match left {
            Left::Over => return,
            Left::Expired => {
                run.meter.error("token expired");
                count(&run.meter.lost, 1);
                // What is wrong shows when the socket is opened.
                let _ = person.renew(&run.target, &token).await;
            }
            Left::Dropped(why) => {
                count(&run.meter.lost, 1);
                return run.checks.violate(Rule::StillThere, || why);
            }
        }
    }
}

async fn stay(run: &Run, mut link: Link, crowd: &Crowd) -> Left {
    let mut orders = run.orders();
    let (mut is_asked, mut out, mut closed) = (false, Vec::new(), None);
    while run.phase() != Phase::Over {
        if run.phase() == Phase::Quiet && !std::mem::replace(&mut is_asked, true) {
            write(Kind::Ping, b"there?", &mut out);
        }
        if !out.is_empty() && link.write(&std::mem::take(&mut out)).await.is_err() {
            return Left::Dropped("the connection of an idle socket ended".into());
        }
        tokio::select! {
            () = link.readable() => {
                let reading = link.read(|kind, payload| match kind {
                    Kind::Ping => write(Kind::Pong, payload, &mut out),
                    Kind::Pong => count(&crowd.present, 1),
                    Kind::Close => closed = Some(Close::read(payload).code),
                    Kind::Text => {}
                });
                match (closed, reading) {
                    (Some(TOKEN_EXPIRED), _) => return Left::Expired,
                    (Some(code), _) => return Left::Dropped(format!("an idle socket was closed with {code}")),
                    (None, Reading::Garbled) => {
                        run.checks.violate(Rule::Understood, || "bytes that are no frame of a node".into());
                        return Left::Dropped("an idle socket got bytes that are no frame".into());
                    }
                    (None, Reading::Ended) => {
                        return Left::Dropped("the connection of an idle socket ended".into());
                    }
                    (None, Reading::Open) => {}
                }
            }
            _ = orders.changed() => drop(orders.borrow_and_update()),
        }
    }
    link.close().await;
    Left::Over
}

async fn open(run: &Rc<Run>, person: &Person, channel: i64) -> Option<Link> {
    let mut last = String::new();
    // A storm may overrun the kernel's queue once or twice, not for long.
    for attempt in 1..=20u64 {
        if run.is_stopped() {
            return None;
        }
        let token = person.token();
        match Link::open(run, &format!("/ws/{channel}"), &token).await {
            Ok(link) => return Some(link),
            Err(ConnectError::Refused(why)) => {
                run.fail(why);
                return None;
            }
            Err(ConnectError::Token) => match person.renew(&run.target, &token).await {
                Ok(()) => continue,
                Err(trouble) => last = trouble.to_string(),
            },
            Err(ConnectError::Failed(why)) => last = why,
        }
        run.meter.error("connecting");
        tokio::time::sleep(Duration::from_millis(20 * attempt)).await;
    }
    run.fail(format!("a socket could not be opened: {last}"));
    None
}
