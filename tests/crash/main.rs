//! `make crash`: the node, its PostgreSQL or the way between them is struck under load, again and again, and everything that
//! anybody was told is held against the log. `ROUNDS` says how often, `CRASH_SEED` with which chance: the seed of a round is printed, and a run that is given
//! it plays that round first, and after it the same ones. With `NODES` there are several on one PostgreSQL, with a bus where
//! there is a `nats-server`, and everybody comes to any of them. The moment and the victim come from the seed; which messages
//! are on their way at that moment is the machine's.
//!
//! There is everything in the logs that there can be: messages, and what is done to them later.
//!
//! `check` judges, and knows only `history`: `view` and `telling` what was told, `promise` what was answered, `fold` what the tables have.
//! `faults` and `change_faults` hold it to the truth. All other files make history.

#![allow(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unwrap_used)]

mod api;
mod blow;
mod change_faults;
mod changer;
mod check;
mod client;
mod database;
mod dice;
mod door;
mod entry;
mod erasure;
mod faults;
mod fold;
mod good;
mod history;
mod index;
mod latecomer;
mod lines;
mod moment;
#[path = "../api/support/nats.rs"]
mod nats;
mod node;
mod outbox;
mod owner;
mod plan;
#[allow(dead_code)]
#[path = "../process/node.rs"]
mod process_node;
mod promise;
mod round;
mod scene;
#[allow(dead_code)]
#[path = "../api/support/secrets.rs"]
mod secrets;
mod skeptic;
mod slow_link;
mod tally;
mod telling;
mod view;
mod violation;
mod visitor;
mod wire;

use dice::Dice;
use node::Node;
use plan::{Plan, Storage, storage};
use round::Outcome;
use scene::Scene;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};
use tally::Tally;

const ROUNDS: u64 = 20;
/// As long as anything may take to start.
const SOON: Duration = Duration::from_secs(180);
/// As many violations of a kind are printed.
const SHOWN_MAX: usize = 3;

#[tokio::test(flavor = "current_thread")]
async fn what_was_acknowledged_survives_and_all_see_one_log_however_the_node_dies() {
    let rounds = setting("ROUNDS", |text| text.parse().ok()).unwrap_or(ROUNDS);
    let seed = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let mut seed = setting("CRASH_SEED", seed).unwrap_or_else(|| Plan::first_seed(rand::random()));
    let nodes =
        setting("NODES", |text| text.parse().ok()).map_or(1, |count| usize::try_from(count).expect("a few").max(1));
    // Nodes share no PostgreSQL that is one node's own.
    let open = async |seed| Scene::open(if nodes > 1 { Storage::Elsewhere } else { storage(seed) }, seed, nodes).await;
    let started = Instant::now();
    let mut scene = open(seed).await;
    let (mut all, mut kills) = (Tally::default(), 0);
    for number in 1..=rounds {
        let plan = Plan::new(seed, scene.bus.is_some());
        let _last_wish = LastWish(seed);
        if number == 1 || plan.begins_logs() {
            if number > 1 {
                scene.close().await;
                scene = open(seed).await;
            }
            scene.begin_logs().await;
        }
        let outcome = round::play(&mut scene, &plan).await;
        println!("{}", line(number, &plan, &outcome));
        if outcome.stuck.is_some() || !outcome.violations.is_empty() {
            panic!("{}", verdict(&scene, &outcome));
        }
        scene.forget(&mut Dice::of(seed, 2_000));
        all = all + outcome.tally;
        kills += outcome.hits.iter().filter(|is_hit| **is_hit).count();
        seed = plan.next_seed();
    }
    scene.close().await;
    let took = started.elapsed().as_secs_f32();
    println!("{rounds} rounds, {kills} blows in {took:.0} s: {all}; nothing lost, nothing twice, one order for all");
}

/// Names the round that a failure of the test itself happened in.
struct LastWish(u64);

impl Drop for LastWish {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody may be reading any more, and a second panic would leave the node behind.
            let _ = writeln!(std::io::stderr(), "this was the round of CRASH_SEED={:016x}", self.0);
        }
    }
}

/// A number from the environment, if it is set.
fn setting(name: &str, read: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(read(&text).unwrap_or_else(|| panic!("{name} cannot be `{text}`")))
}

fn line(number: u64, plan: &Plan, outcome: &Outcome) -> String {
    let quiet = if plan.is_quiet { ", and all fell silent" } else { "" };
    let blows = plan.blows.iter().zip(&outcome.hits).map(|(blow, is_hit)| {
        let miss = if *is_hit { "" } else { " (was gone)" };
        format!("{}{miss} after {} ms", blow.victim, blow.after_ms)
    });
    format!(
        "round {number:>3}, seed {:016x}: {}, {:>5} entries, {:>3} visits judged, {:>2} erased, {:.1} s, back in {:.2} s, quiet in {:.2} s; hit {}{quiet}",
        plan.seed,
        outcome.tally,
        outcome.entries,
        outcome.visits,
        outcome.erased,
        outcome.took.as_secs_f32(),
        outcome.pace.back.as_secs_f32(),
        outcome.pace.quiet.as_secs_f32(),
        blows.collect::<Vec<_>>().join(", then ")
    )
}

/// What was wrong, and where to look.
fn verdict(scene: &Scene, outcome: &Outcome) -> String {
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in outcome.violations.iter().map(|violation| format!("{violation:?}")) {
        let kind = text.split(' ').next().unwrap_or_default().to_owned();
        kinds.entry(kind).or_default().push(text);
    }
    let kinds = kinds.iter().map(|(kind, texts)| {
        let shown: Vec<_> = texts.iter().take(SHOWN_MAX).map(|text| format!("    {text}")).collect();
        format!("  {} of {kind}\n{}", texts.len(), shown.join("\n"))
    });
    format!(
        "{} violations\n{}\n{}\ndata and log: {}\n{}",
        outcome.violations.len(),
        kinds.collect::<Vec<_>>().join("\n"),
        outcome.stuck.as_deref().unwrap_or("nothing was waited for in vain"),
        scene.folder.display(),
        scene.nodes.iter().map(Node::last_words).collect::<Vec<_>>().join("\n")
    )
}
