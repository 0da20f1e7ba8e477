//! A storm of connects, then silence: what a socket costs in time and memory, and whether it is still there.

use super::Trouble;
use super::checks::Rule;
use super::frames::{Kind, write};
use super::link::{Link, NoLink};
use super::meter::count;
use super::people::{People, Person, Place};
use super::run::{Phase, Run};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

/// As long as the storm may take.
const STORM_MAX: Duration = Duration::from_secs(600);
/// As long as the last pong may take.
const PONG_MAX: Duration = Duration::from_secs(15);

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
) -> Result<(), Trouble> {
    let channel = places.first().and_then(|place| place.channels.first()).copied().unwrap_or_default();
    let handshake = run.meter.times("handshake");
    let before_kib = run.node.and_then(|node| node.resident_kib());
    let processors = run.processors();
    let present = Rc::new(Cell::new(0));
    let mut tasks = JoinSet::new();
    let started_us = run.clock.now_us();
    run.meter.begin(0.0, run.node.as_ref());
    for number in 0..sockets as usize {
        let Some(person) = people.all.get(number % people.all.len().max(1)) else { break };
        tasks.spawn_local(idle(Rc::clone(run), Rc::clone(person), channel, Rc::clone(&present)));
    }
    let progress = super::progress::Progress::begin("sockets", u64::from(sockets));
    let mut sampled_us = started_us;
    let all = u64::from(sockets);
    let is_full = run
        .until(STORM_MAX, || {
            let open = run.meter.sockets.get();
            progress.at(open);
            let now_us = run.clock.now_us();
            if now_us - sampled_us >= 250_000 || open >= all {
                sampled_us = now_us;
                let sample = run.meter.sample((now_us - started_us) as f64 / 1e6, &handshake, run.node.as_ref());
                run.samples.borrow_mut().push(sample);
            }
            open >= all || run.is_stopped()
        })
        .await;
    progress.end();
    let took_s = (run.clock.now_us() - started_us) as f64 / 1e6;
    if let Some(why) = run.failure() {
        return Err(Trouble::Node(why));
    }
    let open = run.meter.sockets.get();
    if !is_full {
        return Err(Trouble::Node(format!("only {open} of {sockets} sockets were open after {took_s:.0} s")));
    }
    run.figure("sockets", open as f64, "");
    run.figure("connects a second", open as f64 / took_s, "/s");
    processors.figures(run, &[("connect", open)]);
    if !run.is_stopped() {
        run.watch("idle", hold, &handshake, |_| {}).await;
    }
    run.memory(before_kib, open);
    run.enter(Phase::Quiet);
    run.until(PONG_MAX, || present.get() >= run.meter.sockets.get()).await;
    run.checks.look(Rule::StillThere, open);
    let absent = open.saturating_sub(present.get());
    if absent > 0 && run.failure().is_none() {
        run.checks.violate(Rule::StillThere, || format!("{absent} of {open} sockets did not answer a ping"));
    }
    run.enter(Phase::Over);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// One socket: open, silent but for pongs, asked once at the end.
async fn idle(run: Rc<Run>, person: Rc<Person>, channel: i64, present: Rc<Cell<u64>>) {
    let Some(mut link) = open(&run, &person, channel).await else { return };
    count(&run.meter.sockets, 1);
    count(&run.meter.acknowledged, 1);
    let mut orders = run.orders();
    let (mut is_asked, mut out) = (false, Vec::new());
    while run.phase() != Phase::Over {
        if run.phase() == Phase::Quiet && !std::mem::replace(&mut is_asked, true) {
            write(Kind::Ping, b"there?", &mut out);
        }
        if !out.is_empty() && link.write(&std::mem::take(&mut out)).await.is_err() {
            break;
        }
        tokio::select! {
            () = link.readable() => {
                let mut is_closed = false;
                let is_open = link.read(|kind, payload| match kind {
                    Kind::Ping => write(Kind::Pong, payload, &mut out),
                    Kind::Pong => count(&present, 1),
                    Kind::Close => is_closed = true,
                    Kind::Text => {}
                });
                if !is_open || is_closed {
                    run.meter.error("closed while idle");
                    run.meter.sockets.set(run.meter.sockets.get().saturating_sub(1));
                    return;
                }
            }
            _ = orders.changed() => drop(orders.borrow_and_update()),
        }
    }
    link.close().await;
}

async fn open(run: &Rc<Run>, person: &Person, channel: i64) -> Option<Link> {
    // A storm may overrun the kernel's queue once or twice, not for long.
    for attempt in 1..=20u64 {
        if run.is_stopped() {
            return None;
        }
        let token = person.token();
        match Link::open(run, &format!("/ws/{channel}"), &token).await {
            Ok(link) => return Some(link),
            Err(NoLink::Refused(why)) => {
                run.fail(why);
                return None;
            }
            Err(NoLink::Token) => match person.renew(&run.target, &token).await {
                Ok(()) => {}
                Err(trouble) => run.fail(trouble.to_string()),
            },
            Err(NoLink::Failed(why)) if attempt == 20 => run.fail(format!("a socket could not be opened: {why}")),
            Err(NoLink::Failed(_)) => {
                run.meter.error("connecting");
                tokio::time::sleep(Duration::from_millis(20 * attempt)).await;
            }
        }
    }
    None
}
