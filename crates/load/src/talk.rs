//! Sockets that hear and send: `fanout`, `rooms`, `resume`, and, with calls beside them, `soak`.

use super::LoadError;
use super::audit;
use super::changes::{Changer, Kind};
use super::checks::Rule;
use super::client::{Client, Room, Seen};
use super::ledger::Ledger;
use super::people::{People, Place};
use super::progress::Progress;
use super::report::times::DELIVERY;
use super::rest;
use super::rest::mix::Mix;
use super::run::{Phase, Run};
use super::talker::{Pace, Talker};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Events that are kept in full, all channels together; older ones are compared by their digest.
const RECENT_EVENTS: usize = 65_536;
/// As long as everybody may take to get there.
const ARRIVAL_MAX: Duration = Duration::from_secs(120);
/// As long as answers and events may take after the last send.
const REST_MAX: Duration = Duration::from_secs(15);
/// Senders of one process; those of the next shard have the next numbers.
const SENDERS_A_SHARD: u32 = 1_000_000;

/// What happens.
#[derive(Debug)]
pub struct Plan {
    /// Sockets in each channel.
    pub members: u32,
    /// How many of them send.
    pub senders: u32,
    /// Messages a second, all senders together.
    pub rate: Option<f64>,
    /// Messages of a sender on their way, without a rate.
    pub window: usize,
    /// How long.
    pub duration: Duration,
    /// How often everybody is cut off, and how many times at most.
    pub cuts: Option<(Duration, u32)>,
    /// Connections for calls.
    pub connections: u32,
    /// Which process of the run this is, from 0.
    pub shard: u32,
}

/// A socket that others wait for.
struct Member {
    room: usize,
    talks: bool,
    seen: Rc<Seen>,
}

/// Runs it; what was measured is in `run`.
///
/// # Errors
/// When not everybody can get in.
pub async fn drive(run: &Rc<Run>, plan: &Plan, people: &People, places: &[Place]) -> Result<(), LoadError> {
    let channels: Vec<i64> = places.iter().flat_map(|place| place.channels.iter().copied()).collect();
    let recent = (RECENT_EVENTS / channels.len().max(1)).clamp(16, 8_192);
    let room = |id: &i64| {
        Rc::new(Room {
            ledger: RefCell::new(Ledger::new(*id, recent, (run.id, run.content_bytes), !run.mix.is_none())),
            record: RefCell::default(),
            named: Cell::new(0),
            end: Cell::new(0),
        })
    };
    let rooms: Vec<Rc<Room>> = channels.iter().map(room).collect();
    let mut tasks = JoinSet::new();
    let before_kib = run.node.and_then(|node| node.resident_kib());
    let members = spawn(run, plan, people, &rooms, &mut tasks);
    arrive(run, &members).await?;
    run.memory(before_kib, run.meter.sockets.get());
    let mut browsers = JoinSet::new();
    for number in 0..plan.connections {
        let visitor = rest::Visitor::new(people, places, number)?;
        browsers.spawn_local(rest::browse(Rc::clone(run), visitor, Mix::default(), None));
    }

    // What came before, perhaps from other shards, is not of the time that counts.
    run.meter.deliveries.set(0);
    run.meter.change_deliveries.set(0);
    run.began_us.set(run.clock.now_us());
    run.enter(Phase::Talking);
    let processors = run.processors();
    let (main, mut cuts) = (run.meter.times(DELIVERY), 0);
    run.watch("load", plan.duration, &main, |second| {
        // The last second is for coming back.
        let is_time = |every: Duration| second.is_multiple_of(every.as_secs()) && second < plan.duration.as_secs();
        if plan.cuts.is_some_and(|(every, most)| is_time(every) && cuts < most) {
            cuts += 1;
            run.cut();
        }
    })
    .await;
    rates(run);
    if plan.cuts.is_some() {
        run.figure("cuts", f64::from(cuts), "");
    }
    let meter = &run.meter;
    let changes: u64 = meter.changes.iter().map(Cell::get).sum();
    let parts = match run.mix.is_none() {
        true => [("delivery", meter.deliveries.get()), ("message", meter.acknowledged.get())],
        false => [
            ("entry delivered", meter.deliveries.get() + meter.change_deliveries.get()),
            ("entry", meter.acknowledged.get() + changes),
        ],
    };
    processors.figures(run, if plan.connections == 0 { &parts } else { &[] });

    if plan.rate.is_some() && !run.is_stopped() {
        run.ended_us.set(run.clock.now_us());
        // Until they have looked.
        members.iter().filter(|member| member.talks).for_each(|member| member.seen.owes.set(1));
    }
    run.enter(Phase::Quiet);
    // What they post is heard by all, so they come to their end first.
    while browsers.join_next().await.is_some() {}
    finish(run, people, &rooms, &members).await;
    run.enter(Phase::Over);
    while tasks.join_next().await.is_some() {}
    if run.failure().is_none() {
        audit::compare(run, people, &rooms).await?;
    }
    Ok(())
}

fn spawn(run: &Rc<Run>, plan: &Plan, people: &People, rooms: &[Rc<Room>], tasks: &mut JoinSet<()>) -> Vec<Member> {
    let senders = plan.senders.min(plan.members);
    let of_all = f64::from(senders) * rooms.len() as f64;
    let mut members = Vec::new();
    let mut sender = 0;
    for (place, room) in rooms.iter().enumerate() {
        for number in 0..plan.members {
            let person = people.all.get(members.len() % people.all.len().max(1));
            let Some(person) = person else { continue };
            let talker = (number < senders).then(|| {
                let pace = match plan.rate {
                    // Each begins a little after the one before, so that they do not send all at once.
                    Some(rate) => {
                        Pace::Every { interval_us: of_all * 1e6 / rate, next_us: f64::from(sender) * 1e6 / rate }
                    }
                    None => Pace::Window(plan.window),
                };
                sender += 1;
                Talker::new(plan.shard * SENDERS_A_SHARD + sender, pace, Changer::new(run, room, person))
            });
            let (client, seen) = Client::new(run, room, person, members.len(), talker);
            tasks.spawn_local(client.take_part());
            members.push(Member { room: place, talks: number < senders, seen });
        }
    }
    members
}

async fn arrive(run: &Run, members: &[Member]) -> Result<(), LoadError> {
    let progress = Progress::begin("sockets", members.len() as u64);
    let arrived = Cell::new(0);
    let is_full = run
        .until(ARRIVAL_MAX, || {
            let live = members.iter().filter(|member| member.seen.is_live.get()).count();
            arrived.set(live);
            progress.at(live as u64);
            live == members.len() || run.is_stopped()
        })
        .await;
    progress.end();
    match run.failure() {
        Some(why) => Err(LoadError::Node(why)),
        None if !is_full => {
            Err(LoadError::Node(format!("only {} of {} sockets could be opened", arrived.get(), members.len())))
        }
        None => Ok(()),
    }
}

/// Waits until every send is answered and everybody has seen everything that anybody has.
async fn finish(run: &Run, people: &People, rooms: &[Rc<Room>], members: &[Member]) {
    let owed = || members.iter().map(|member| member.seen.owes.get()).sum::<u64>();
    let is_sent = run.until(REST_MAX, || run.is_stopped() || owed() == 0).await;
    if !is_sent {
        run.figure("due, and not sent within 15 s after the end", owed() as f64, "");
    }
    // Nothing new from here on.
    run.ended_us.set(u64::MAX);
    if !run.drained(REST_MAX, || run.unanswered.get()).await && run.failure().is_none() {
        let left = run.unanswered.get();
        run.checks.violate(Rule::Answered, || {
            format!("{left} sends had no answer, and none came for {} s", REST_MAX.as_secs())
        });
    }
    if !run.mix.is_none() && run.failure().is_none() {
        // What cannot be read now is read again, and told of, afterwards.
        let _ = audit::ends(run, people, rooms).await;
    }
    for room in rooms {
        let ledger = room.ledger.borrow();
        room.end.set(room.end.get().max(ledger.head()).max(room.named.get()).max(run.posts.head(ledger.channel_id())));
    }
    let lacks = |member: &Member| {
        let end = rooms.get(member.room).map_or(0, |room| room.end.get());
        u64::try_from(end - member.seen.seq.get()).unwrap_or(0)
    };
    run.drained(REST_MAX, || members.iter().map(lacks).sum()).await;
    let away = || members.iter().filter(|member| !member.seen.is_live.get()).count() as u64;
    run.checks.look(Rule::Back, members.len() as u64);
    if !run.drained(REST_MAX, away).await && run.failure().is_none() {
        run.checks.violate(Rule::Back, || format!("{} of {} sockets are not back", away(), members.len()));
    }
}

fn rates(run: &Run) {
    let took_s = (run.clock.now_us() - run.began_us.get()).max(1) as f64 / 1e6;
    let counts = [("messages acknowledged", run.meter.acknowledged.get()), ("deliveries", run.meter.deliveries.get())];
    let changes = Kind::ALL.map(Kind::acknowledged).into_iter().zip(run.meter.changes.iter().map(Cell::get));
    let others = [("deliveries of changes", run.meter.change_deliveries.get()), ("calls", run.meter.calls.get())];
    for (name, count) in counts.into_iter().chain(changes).chain(others).filter(|(_, count)| *count > 0) {
        run.figure(name, count as f64, "");
        run.figure(&format!("{name} a second"), count as f64 / took_s, "/s");
    }
}
