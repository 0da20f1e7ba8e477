//! What everything in a run shares.

use super::Trouble;
use super::checks::Checks;
use super::clock::Clock;
use super::meter::Meter;
use super::meter::Times;
use super::node::NodeProcess;
use super::progress::Progress;
use super::report::Sample;
use super::target::Target;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};

const SECOND: Duration = Duration::from_secs(1);
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
    /// Sends that have no answer yet.
    pub unanswered: Cell<u64>,
    /// When it began to talk.
    pub began_us: Cell<u64>,
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
    ) -> Result<Self, Trouble> {
        Ok(Self {
            id,
            clock: Clock::start(),
            meter: Meter::new()?,
            checks: Checks::default(),
            target,
            node,
            content_bytes,
            handshakes: Semaphore::new(at_once),
            unanswered: Cell::new(0),
            orders: watch::Sender::new(Orders { phase: Phase::Waiting, cuts: 0 }),
            began_us: Cell::new(0),
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

    /// Lets `duration` pass, and tells what each second of it was like; shorter if the run is stopped.
    pub async fn watch(
        &self,
        title: &str,
        duration: Duration,
        main: &Times,
        mut each_second: impl FnMut(u64),
    ) -> Vec<Sample> {
        let progress = Progress::begin(title, duration.as_secs());
        let mut samples = Vec::new();
        let began_s = self.clock.elapsed_s();
        self.meter.begin(0.0, self.node.as_ref());
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + SECOND, SECOND);
        for second in 1..=duration.as_secs() {
            tokio::select! {
                _ = tick.tick() => {}
                () = self.stopped.notified() => {}
            }
            let sample = self.meter.sample(self.clock.elapsed_s() - began_s, main, self.node.as_ref());
            progress.second(second, &sample);
            samples.push(sample);
            if self.is_stopped() {
                break;
            }
            each_second(second);
        }
        progress.end();
        samples
    }
}
