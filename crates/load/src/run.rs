//! What everything in a run shares.

use super::LoadError;
use super::changes::{ChangeMix, Pool};
use super::checks::Checks;
use super::clock::Clock;
use super::meter::Meter;
use super::meter::Times;
use super::node::NodeProcess;
use super::posts::Posts;
use super::progress::{Progress, tell};
use super::report::{Figure, Sample};
use super::target::Target;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};

/// Beyond this the tool may be what is measured.
const OWN_CPU_MAX_PERCENT: f64 = 90.0;
const SECOND: Duration = Duration::from_secs(1);
/// Servers and channels that a run adds to its own at once: a server may have 500 channels, a member 200 servers.
const LIVES_MAX: usize = 90;
/// As often as something is looked at that nobody tells of.
const GLANCE: Duration = Duration::from_millis(10);

/// What everybody is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Be there.
    Waiting,
    /// Send, call.
    Talking,
    /// Start nothing new; finish what is on its way.
    Quiet,
    /// Go.
    Over,
}

/// What everybody is told.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    /// What to do.
    pub phase: Phase,
    /// How often everybody has been cut off.
    pub cuts: u32,
}

/// See the module.
pub struct Run {
    /// In the contents of its messages.
    pub id: u32,
    /// What stamps and times.
    pub clock: Clock,
    /// What is counted.
    pub meter: Meter,
    /// What is checked.
    pub checks: Checks,
    /// Where the node is.
    pub target: Rc<Target>,
    /// Its process, where it can be seen.
    pub node: Option<NodeProcess>,
    /// Bytes of a content.
    pub content_bytes: usize,
    /// Handshakes on their way at once.
    pub handshakes: Semaphore,
    /// Servers and channels that live for a few calls.
    pub lives: Semaphore,
    /// Servers that calls have made and not deleted yet: whatever keeps a call from it, they go at the end.
    pub servers_of_calls: RefCell<BTreeSet<i64>>,
    /// What was posted over HTTP.
    pub posts: Posts,
    /// Whether this process is all of the run: no other shard sends, or makes the node work.
    pub is_whole: bool,
    /// Which part of what is sent are changes.
    pub mix: ChangeMix,
    /// Connections for them.
    pub pool: Pool,
    /// Sends that have no answer yet.
    pub unanswered: Cell<u64>,
    /// When it began to talk.
    pub began_us: Cell<u64>,
    /// What was due until then is still sent.
    pub ended_us: Cell<u64>,
    /// What each second was like.
    pub samples: RefCell<Vec<Sample>>,
    figures: RefCell<Vec<Figure>>,
    orders: watch::Sender<Orders>,
    failure: RefCell<Option<String>>,
    is_interrupted: Cell<bool>,
    stopped: Notify,
}

impl Run {
    /// A run that has not begun.
    ///
    /// # Errors
    /// See [`Meter::new`].
    pub fn new(
        id: u32,
        target: Rc<Target>,
        node: Option<NodeProcess>,
        content_bytes: usize,
        at_once: usize,
        is_whole: bool,
        mix: ChangeMix,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            id,
            clock: Clock::start(),
            meter: Meter::new()?,
            checks: Checks::default(),
            target,
            node,
            content_bytes,
            handshakes: Semaphore::new(at_once),
            lives: Semaphore::new(LIVES_MAX),
            servers_of_calls: RefCell::default(),
            posts: Posts::default(),
            is_whole,
            mix,
            pool: Pool::default(),
            unanswered: Cell::new(0),
            orders: watch::Sender::new(Orders { phase: Phase::Waiting, cuts: 0 }),
            began_us: Cell::new(0),
            ended_us: Cell::new(u64::MAX),
            samples: RefCell::default(),
            figures: RefCell::default(),
            failure: RefCell::new(None),
            is_interrupted: Cell::new(false),
            stopped: Notify::new(),
        })
    }

    /// What everybody hears.
    pub fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// What is to be done now.
    pub fn phase(&self) -> Phase {
        self.orders.borrow().phase
    }

    /// Says what is to be done from now on.
    pub fn enter(&self, phase: Phase) {
        self.orders.send_modify(|orders| orders.phase = phase);
    }

    /// Cuts everybody off.
    pub fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// Says that the run cannot go on; the first reason counts.
    pub fn fail(&self, why: String) {
        self.failure.borrow_mut().get_or_insert(why);
        self.stopped.notify_one();
    }

    /// Somebody wants it to end now.
    pub fn interrupt(&self) {
        self.is_interrupted.set(true);
        self.stopped.notify_one();
    }

    /// Why the run cannot go on.
    pub fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Whether it ends before its time.
    pub fn is_stopped(&self) -> bool {
        self.is_interrupted.get() || self.failure.borrow().is_some()
    }

    /// Whether somebody wanted it to end.
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted.get()
    }

    /// Keeps a headline figure.
    pub fn figure(&self, name: &str, value: f64, unit: &'static str) {
        self.figures.borrow_mut().push(Figure { name: name.into(), value, unit });
    }

    /// The headline figures, and the errors.
    pub fn figures(&self) -> Vec<Figure> {
        let mut figures = self.figures.borrow().clone();
        figures.extend(self.meter.error_figures());
        figures
    }

    /// What a socket costs, where the node's memory can be seen.
    pub fn memory(&self, before_kib: Option<u64>, sockets: u64) {
        let now_kib = self.node.filter(|_| self.is_whole).and_then(|node| node.resident_kib());
        if let Some((now, before)) = now_kib.zip(before_kib) {
            let each = now.saturating_sub(before) as f64 / sockets.max(1) as f64;
            self.figure("memory of the node process per socket", each, "KiB");
        }
    }

    /// Starts to look at what processors do.
    pub fn processors(&self) -> Processors {
        let own = NodeProcess(std::process::id());
        Processors {
            began_us: self.clock.now_us(),
            node_us: self.node.and_then(|node| node.cpu_us()),
            own,
            own_us: own.cpu_us(),
        }
    }

    /// Waits until something is so, the run is stopped, or the time is over; answers whether it is so.
    pub async fn until(&self, longest: Duration, mut is_so: impl FnMut() -> bool) -> bool {
        let since = std::time::Instant::now();
        while !is_so() {
            if since.elapsed() > longest || self.failure.borrow().is_some() {
                return false;
            }
            tokio::time::sleep(GLANCE).await;
        }
        true
    }

    /// Waits until `left` is 0, as long as it goes on falling: `longest` is for a time without that. Answers whether it is.
    pub async fn drained(&self, longest: Duration, mut left: impl FnMut() -> u64) -> bool {
        let (mut least, mut since) = (u64::MAX, std::time::Instant::now());
        loop {
            let now = left();
            if now < least {
                (least, since) = (now, std::time::Instant::now());
            }
            if now == 0 {
                return true;
            }
            if since.elapsed() > longest || self.failure.borrow().is_some() {
                return false;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Lets `duration` pass, and tells what each second of it was like; shorter if the run is stopped.
    pub async fn watch(&self, title: &str, duration: Duration, main: &Times, mut each_second: impl FnMut(u64)) {
        let progress = Progress::begin(title, duration.as_secs());
        let began_s = self.clock.elapsed_s();
        let before_s = self.samples.borrow().last().map_or(0.0, |sample| sample.at_s);
        self.meter.begin(0.0, self.node.as_ref());
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + SECOND, SECOND);
        for second in 1..=duration.as_secs() {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.stopped.notified() => {}
            }
            let mut sample = self.meter.sample(self.clock.elapsed_s() - began_s, main, self.node.as_ref());
            progress.second(second, &sample, main.name());
            sample.at_s += before_s;
            self.samples.borrow_mut().push(sample);
            if self.is_stopped() {
                break;
            }
            each_second(second);
        }
        progress.end();
    }
}

/// What the processors had done when somebody began to look.
pub struct Processors {
    began_us: u64,
    node_us: Option<u64>,
    own: NodeProcess,
    own_us: Option<u64>,
}

impl Processors {
    /// Keeps what they have done since: in all, and for each of `parts`.
    pub fn figures(&self, run: &Run, parts: &[(&str, u64)]) {
        let took_us = (run.clock.now_us() - self.began_us).max(1) as f64;
        let spent = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before?) as f64);
        if let Some(spent_us) = spent(run.node.and_then(|node| node.cpu_us()), self.node_us) {
            run.figure("CPU of the node process (not PostgreSQL)", spent_us / took_us * 100.0, "%");
            for (name, count) in parts.iter().filter(|(_, count)| run.is_whole && *count > 0) {
                run.figure(&format!("CPU of the node process per {name}"), spent_us / *count as f64, "µs");
            }
        }
        if let Some(spent_us) = spent(self.own.cpu_us(), self.own_us) {
            let percent = spent_us / took_us * 100.0;
            run.figure("CPU of the load tool (one thread)", percent, "%");
            if percent > OWN_CPU_MAX_PERCENT {
                tell(
                    "this tool was as busy as one thread can be: its own waiting is in the times; use --shard or a lower --rate",
                );
            }
        }
    }
}
