//! One round: load, a blow, the way back, quiet, judgement.

use super::check::check;
use super::client::{Client, Lines, Phase, Progress, Ticket};
use super::dice::Dice;
use super::history::Skeptic;
use super::plan::{Plan, Victim};
use super::process_node::{Signal, signal};
use super::scene::{Scene, place};
use super::skeptic::doubt;
use super::tally::Tally;
use super::violation::Violation;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout};

/// Messages acknowledged after the last blow, before the load ends.
const AFTERMATH: u64 = 100;
/// Nothing takes that long: what is not there by then never comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// A send waits at most 1 s.
const A_WHILE: Duration = Duration::from_millis(1_300);
const HOLD_DOWN_PAUSE: Duration = Duration::from_millis(2);
/// A node that cannot finish its start because PostgreSQL was killed under it is started again so many times.
const START_AGAIN_MAX: u32 = 5;

/// What became of a round.
#[derive(Default)]
pub struct Outcome {
    pub tally: Tally,
    pub violations: Vec<Violation>,
    /// Of each blow, whether there was somebody to hit.
    pub hits: Vec<bool>,
    pub pace: Pace,
    /// What did not happen, if anything.
    pub stuck: Option<String>,
    /// The entries of all logs together.
    pub entries: usize,
    pub took: Duration,
}

/// How long the way back was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// From the last blow until the load went on.
    pub back: Duration,
    /// From the end of the load until everything had its answer and everybody had seen everything.
    pub quiet: Duration,
}

struct Round<'a> {
    scene: &'a mut Scene,
    phase: watch::Sender<Phase>,
    news: mpsc::UnboundedReceiver<(usize, Progress)>,
    latest: Vec<Progress>,
    tasks: Vec<JoinHandle<Client>>,
    doubts: Vec<JoinHandle<(Skeptic, Ticket)>>,
    starts_left: u32,
    hits: Vec<bool>,
    pace: Pace,
}

/// Plays a round and judges everything that was seen since the logs began.
pub async fn play(scene: &mut Scene, plan: &Plan) -> Outcome {
    let started = Instant::now();
    let tally = |clients: &[Client]| clients.iter().map(|client| client.progress().tally).sum::<Tally>();
    let before = tally(&scene.clients);
    let mut round = Round::begin(scene, plan.seed);
    let stuck = round.go(plan).await.err();
    let (hits, pace) = round.end().await;
    let tally = tally(&scene.clients) - before;
    let (mut outcome, observed) = (Outcome { tally, hits, pace, stuck, ..Outcome::default() }, scene.observe());
    match timeout(PATIENCE, observed).await {
        Ok(Ok(observations)) => {
            outcome.violations = check(&observations);
            outcome.entries = observations.logs.iter().map(|log| log.stored.len()).sum();
        }
        Ok(Err(error)) => outcome.stuck = outcome.stuck.or(Some(format!("the database cannot be read: {error:?}"))),
        Err(_) => outcome.stuck = outcome.stuck.or(Some("the logs are not served".to_owned())),
    }
    outcome.took = started.elapsed();
    outcome
}

impl<'a> Round<'a> {
    fn begin(scene: &'a mut Scene, seed: u64) -> Self {
        let (phase, phases) = watch::channel(Phase::Load);
        let (progress, news) = mpsc::unbounded_channel();
        let latest = scene.clients.iter().map(Client::progress).collect();
        let tasks = std::mem::take(&mut scene.clients)
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let lines = Lines { number, phase: phases.clone(), progress: progress.clone() };
                tokio::spawn(client.take_part(Dice::of(seed, number), lines))
            })
            .collect();
        let doubts = std::mem::take(&mut scene.skeptics).into_iter().map(|(skeptic, ticket)| {
            let phases = phases.clone();
            tokio::spawn(async move { (doubt(skeptic, ticket.clone(), phases).await, ticket) })
        });
        let doubts = doubts.collect();
        Self {
            scene,
            phase,
            news,
            latest,
            tasks,
            doubts,
            starts_left: START_AGAIN_MAX,
            hits: Vec::new(),
            pace: Pace::default(),
        }
    }

    async fn go(&mut self, plan: &Plan) -> Result<(), String> {
        for blow in &plan.blows {
            sleep(Duration::from_millis(blow.after_ms)).await;
            self.strike(blow.victim).await?;
        }
        let enough = self.acknowledged() + AFTERMATH;
        let last_blow = Instant::now();
        self.until("messages are acknowledged again", |all| acknowledged(all) >= enough).await?;
        self.pace.back = last_blow.elapsed();
        let load_ended = Instant::now();
        self.phase.send_replace(Phase::Settle);
        // The last outcome of each: after this nothing is on its way.
        for skeptic in std::mem::take(&mut self.doubts) {
            let skeptic = timeout(PATIENCE, skeptic).await.map_err(|_| "a skeptic has no outcome".to_owned())?;
            self.scene.skeptics.push(skeptic.expect("a skeptic does not fail"));
        }
        self.until("every send is acknowledged", |all| all.iter().all(|one| one.unsettled == 0)).await?;
        let mut ends = Vec::new();
        for channel in self.scene.channels.clone() {
            let scene = &*self.scene;
            let end = scene.api.last_seq(&scene.observer, channel);
            ends.push(timeout(PATIENCE, end).await.map_err(|_| "the log is not served".to_owned())?);
        }
        let at_end = move |(number, one): (usize, &Progress)| one.is_live && one.view >= ends[place(number)];
        self.until("every view reaches the log's end", |all| all.iter().enumerate().all(&at_end)).await?;
        self.pace.quiet = load_ended.elapsed();
        Ok(())
    }

    async fn strike(&mut self, victim: Victim) -> Result<(), String> {
        let node = &mut self.scene.node;
        if let Some(status) = node.ended_by_itself() {
            return Err(format!("the node ended by itself, {status}"));
        }
        self.hits.push(match victim {
            Victim::Node => true,
            Victim::Postmaster | Victim::PostmasterAndNode => node.kill_postmaster(),
            Victim::PostgresForAWhile => {
                let end = Instant::now() + A_WHILE;
                let mut is_hit = false;
                while Instant::now() < end {
                    is_hit |= node.kill_postmaster();
                    sleep(HOLD_DOWN_PAUSE).await;
                }
                is_hit
            }
            Victim::WriterBackend => node.signal_writer_backend(Signal::KILL).await.is_some(),
            Victim::NodePaused(ms) => {
                node.pause(Duration::from_millis(ms)).await;
                true
            }
            Victim::WriterBackendPaused(ms) => match node.signal_writer_backend(Signal::STOP).await {
                Some(pid) => {
                    sleep(Duration::from_millis(ms)).await;
                    signal(&pid, Signal::CONT);
                    true
                }
                None => false,
            },
        });
        if matches!(victim, Victim::Node | Victim::PostmasterAndNode) {
            node.kill().await;
            node.start_again();
        }
        Ok(())
    }

    fn hear(&mut self) {
        while let Ok((number, progress)) = self.news.try_recv() {
            self.latest[number] = progress;
        }
    }

    fn acknowledged(&mut self) -> u64 {
        self.hear();
        acknowledged(&self.latest)
    }

    /// Waits until the clients' progress is as it should be.
    async fn until(&mut self, what: &str, is_so: impl Fn(&[Progress]) -> bool) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        self.hear();
        while !is_so(&self.latest) {
            tokio::select! {
                Some((number, progress)) = self.news.recv() => self.latest[number] = progress,
                status = self.scene.node.ended() => {
                    if self.scene.node.ended_by_itself().is_some() || self.starts_left == 0 {
                        return Err(format!("waiting until {what}: the node ended by itself, {status}"));
                    }
                    self.starts_left -= 1;
                    self.scene.node.start_again();
                }
                () = sleep_until(deadline) => {
                    let each: Vec<_> = self.latest.iter().map(|one| format!("  {one:?}")).collect();
                    return Err(format!("waited {PATIENCE:?} until {what}:\n{}", each.join("\n")));
                }
            }
        }
        Ok(())
    }

    async fn end(self) -> (Vec<bool>, Pace) {
        self.phase.send_replace(Phase::Over);
        for skeptic in self.doubts {
            self.scene.skeptics.push(skeptic.await.expect("a skeptic does not fail"));
        }
        for task in self.tasks {
            self.scene.clients.push(task.await.expect("a client does not fail"));
        }
        (self.hits, self.pace)
    }
}

fn acknowledged(all: &[Progress]) -> u64 {
    all.iter().map(|one| one.tally.acknowledged).sum()
}
