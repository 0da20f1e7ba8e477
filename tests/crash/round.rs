//! One round: load, a blow, the way back, quiet, judgement.

use super::blow::strike;
use super::check::{check, check_fates};
use super::client::Client;
use super::database::End;
use super::dice::Dice;
use super::erasure::speak_and_be_erased;
use super::history::{Erased, Hears, Owner, Skeptic, Visitor, Witness};
use super::latecomer::look_in;
use super::lines::{Lines, Phase, Progress, Ticket};
use super::moment;
use super::node::Node;
use super::owner::{Survey, tidy_up};
use super::plan::Plan;
use super::scene::{Scene, place};
use super::skeptic::doubt;
use super::tally::Tally;
use super::violation::Violation;
use super::visitor::{Path, visit_again};
use futures_util::future::select_all;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout};

/// Messages acknowledged after the last blow, before the load ends.
const AFTERMATH: u64 = 100;
/// Nothing takes that long: what is not there by then never comes.
const PATIENCE: Duration = Duration::from_secs(180);
const AGREE_PAUSE: Duration = Duration::from_millis(50);
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
    /// How many sockets of somebody who had left were listened to since the logs began, and how many accounts have been erased.
    pub visits: usize,
    pub erased: usize,
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
    walks: Vec<JoinHandle<(Visitor, Arc<Path>)>>,
    reigns: Vec<JoinHandle<(Owner, Survey, Ticket)>>,
    looks: Vec<JoinHandle<Vec<Witness>>>,
    erasure: Option<JoinHandle<Erased>>,
    seed: u64,
    starts_left: u32,
    hits: Vec<bool>,
    pace: Pace,
    violations: Vec<Violation>,
}

/// Plays a round and judges everything that was seen since the logs began.
pub async fn play(scene: &mut Scene, plan: &Plan) -> Outcome {
    let started = Instant::now();
    let tally = |clients: &[Client]| clients.iter().map(|client| client.progress().tally).sum::<Tally>();
    let before = tally(&scene.clients);
    let short_lived = scene.short_lived().await;
    scene.latecomers.clear();
    let mut round = Round::begin(scene, plan.seed);
    let dice = Dice::of(plan.seed, 4_000);
    round.erasure =
        Some(tokio::spawn(speak_and_be_erased(short_lived.0, short_lived.1, dice, round.phase.subscribe())));
    let stuck = round.go(plan).await.err();
    let (hits, pace, violations) = round.end().await;
    let tally = tally(&scene.clients) - before;
    let (mut outcome, observed) =
        (Outcome { tally, hits, pace, violations, stuck, ..Outcome::default() }, scene.observe());
    match timeout(PATIENCE, observed).await {
        Ok(Ok(observations)) => {
            outcome.violations.extend(check(&observations));
            outcome.visits = observations.visitors.iter().map(|visitor| visitor.after_leave.len()).sum();
            outcome.erased = observations.erased.iter().filter(|erased| erased.is_gone).count();
            outcome.entries =
                observations.logs.iter().map(|log| log.stored.messages.len() + log.stored.changes.len()).sum();
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
        let mut round = Self {
            scene,
            phase,
            news,
            latest,
            tasks,
            doubts: Vec::new(),
            walks: Vec::new(),
            reigns: Vec::new(),
            looks: Vec::new(),
            erasure: None,
            seed,
            starts_left: START_AGAIN_MAX,
            hits: Vec::new(),
            pace: Pace::default(),
            violations: Vec::new(),
        };
        round.send_out();
        round
    }

    /// Those who are there while there is load.
    fn send_out(&mut self) {
        self.doubts.extend(std::mem::take(&mut self.scene.skeptics).into_iter().map(|(skeptic, ticket)| {
            let phases = self.phase.subscribe();
            tokio::spawn(async move { (doubt(skeptic, ticket.clone(), phases).await, ticket) })
        }));
        let visitors = std::mem::take(&mut self.scene.visitors).into_iter().enumerate();
        self.walks.extend(visitors.map(|(number, (seen, path))| {
            let (phases, dice) = (self.phase.subscribe(), Dice::of(self.seed, 5_000 + number));
            tokio::spawn(async move { (visit_again(seen, &path, dice, phases).await, path) })
        }));
        let owners = std::mem::take(&mut self.scene.owners).into_iter().enumerate();
        self.reigns.extend(owners.map(|(number, (owner, survey, ticket))| {
            let (phases, dice) = (self.phase.subscribe(), Dice::of(self.seed, 6_000 + number));
            tokio::spawn(async move {
                let (owner, survey) = tidy_up(owner, survey, ticket.clone(), dice, phases).await;
                (owner, survey, ticket)
            })
        }));
        let tickets = self.scene.tickets().into_iter().enumerate();
        self.looks.extend(tickets.map(|(number, ticket)| {
            tokio::spawn(look_in(ticket, Dice::of(self.seed, 7_000 + number), self.phase.subscribe()))
        }));
    }

    async fn go(&mut self, plan: &Plan) -> Result<(), String> {
        for blow in &plan.blows {
            sleep(Duration::from_millis(blow.after_ms)).await;
            if plan.is_quiet {
                self.phase.send_replace(Phase::Quiet);
            }
            let is_hit = strike(self.scene, *blow).await?;
            self.hits.push(is_hit);
        }
        let last_blow = Instant::now();
        if plan.is_quiet {
            self.views_reach_the_end().await?;
            self.collect().await?;
            self.doubt_again().await?;
            self.phase.send_replace(Phase::Load);
            self.send_out();
        }
        let enough = self.acknowledged() + AFTERMATH;
        self.until("messages are acknowledged again", |all| acknowledged(all) >= enough).await?;
        self.pace.back = last_blow.elapsed();
        let load_ended = Instant::now();
        self.phase.send_replace(Phase::Settle);
        self.until("every send is acknowledged", |all| all.iter().all(|one| one.unsettled == 0)).await?;
        self.collect().await?;
        self.views_reach_the_end().await?;
        let agree = async {
            while self.scene.memberships_agree().await != Some(true) {
                sleep(AGREE_PAUSE).await;
            }
        };
        timeout(PATIENCE, agree).await.map_err(|_| "who may see is not let in, or somebody else is".to_owned())?;
        for erased in self.scene.erased.iter_mut().filter(|erased| erased.is_gone) {
            erased.answered.get_or_insert_with(moment::next);
        }
        self.pace.quiet = load_ended.elapsed();
        Ok(())
    }

    /// Waits for the outcome of whatever those have begun who are there while there is load.
    async fn collect(&mut self) -> Result<(), String> {
        for skeptic in std::mem::take(&mut self.doubts) {
            let skeptic = timeout(PATIENCE, skeptic).await.map_err(|_| "a skeptic has no outcome".to_owned())?;
            self.scene.skeptics.push(skeptic.expect("a skeptic does not fail"));
        }
        for walk in std::mem::take(&mut self.walks) {
            let walk = timeout(PATIENCE, walk).await.map_err(|_| "a visitor gets nowhere".to_owned())?;
            self.scene.visitors.push(walk.expect("a visitor does not fail"));
        }
        for reign in std::mem::take(&mut self.reigns) {
            let reign = timeout(PATIENCE, reign).await.map_err(|_| "an owner's change has no answer".to_owned())?;
            self.scene.owners.push(reign.expect("an owner does not fail"));
        }
        for look in std::mem::take(&mut self.looks) {
            let visits = timeout(PATIENCE, look).await.map_err(|_| "somebody who looks in gets nowhere".to_owned())?;
            self.scene.latecomers.extend(visits.expect("who looks in does not fail"));
        }
        if let Some(erasure) = self.erasure.take() {
            let erased = timeout(PATIENCE, erasure).await.map_err(|_| "an account is not erased".to_owned())?;
            self.scene.erased.push(erased.expect("an erasure does not fail"));
        }
        Ok(())
    }

    /// Everybody knows all there is to know: what PostgreSQL has, not what the node says.
    async fn views_reach_the_end(&mut self) -> Result<(), String> {
        let mut ends = self.ends().await?;
        loop {
            let upto = ends.clone();
            let at_end = move |(number, one): (usize, &Progress)| {
                let End { last_seq, last_shown } = upto[place(number)];
                one.is_live && one.view >= if one.hears == Hears::All { last_seq } else { last_shown }
            };
            self.until("every view reaches the log's end", |all| all.iter().enumerate().all(&at_end)).await?;
            let now = self.ends().await?;
            if now == ends {
                return Ok(());
            }
            ends = now;
        }
    }

    async fn ends(&self) -> Result<Vec<End>, String> {
        let ends = async {
            loop {
                match self.scene.ends().await {
                    Ok(ends) => return ends,
                    Err(_) => sleep(AGREE_PAUSE).await,
                }
            }
        };
        timeout(PATIENCE, ends).await.map_err(|_| "the database cannot be read".to_owned())
    }

    /// What the skeptics were told is so at this moment too, not only at the end.
    async fn doubt_again(&mut self) -> Result<(), String> {
        let unread = |error: tokio_postgres::Error| format!("the database cannot be read: {error:?}");
        let logs = self.scene.stored().await.map_err(unread)?;
        for (skeptic, _) in &self.scene.skeptics {
            let log = self.scene.channels.iter().zip(&logs).find(|(channel, _)| **channel == skeptic.channel);
            check_fates(skeptic, log.map_or(&[], |(_, log)| &log.messages), &mut self.violations);
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
                (at, status) = one_ended(&mut self.scene.nodes) => {
                    let node = &mut self.scene.nodes[at];
                    if node.ended_by_itself().is_some() || self.starts_left == 0 {
                        return Err(format!("waiting until {what}: a node ended by itself, {status}"));
                    }
                    self.starts_left -= 1;
                    node.start_again();
                }
                () = sleep_until(deadline) => {
                    let each: Vec<_> = self.latest.iter().map(|one| format!("  {one:?}")).collect();
                    return Err(format!("waited {PATIENCE:?} until {what}:\n{}", each.join("\n")));
                }
            }
        }
        Ok(())
    }

    async fn end(self) -> (Vec<bool>, Pace, Vec<Violation>) {
        self.phase.send_replace(Phase::Over);
        for skeptic in self.doubts {
            self.scene.skeptics.push(skeptic.await.expect("a skeptic does not fail"));
        }
        for walk in self.walks {
            self.scene.visitors.push(walk.await.expect("a visitor does not fail"));
        }
        for reign in self.reigns {
            self.scene.owners.push(reign.await.expect("an owner does not fail"));
        }
        for look in self.looks {
            self.scene.latecomers.extend(look.await.expect("who looks in does not fail"));
        }
        if let Some(erasure) = self.erasure {
            self.scene.erased.push(erasure.await.expect("an erasure does not fail"));
        }
        for task in self.tasks {
            self.scene.clients.push(task.await.expect("a client does not fail"));
        }
        (self.hits, self.pace, self.violations)
    }
}

/// Which node has ended, and how.
async fn one_ended(nodes: &mut [Node]) -> (usize, ExitStatus) {
    let (status, at, _) = select_all(nodes.iter_mut().map(|node| Box::pin(node.ended()))).await;
    (at, status)
}

fn acknowledged(all: &[Progress]) -> u64 {
    all.iter().map(|one| one.tally.acknowledged).sum()
}
