//! `madang load`: sockets and calls against a running node, measured and verified.
//!
//! It speaks to the node as any client does and shares no state with it: HTTP by hyper ([`call`]), WebSocket by its own
//! small client side ([`link`], [`frames`]), because thousands of sockets on one thread must not be what is measured.
//! What holds is checked while it runs ([`ledger`]: every event of every socket) and afterwards ([`audit`]: the history).
//! Latency counts from when a message was due ([`payload`]). One process uses one thread; `--shard` adds processes.

mod audit;
mod call;
mod checks;
mod client;
mod clock;
mod connect;
mod frames;
mod ledger;
mod link;
mod meter;
mod node;
mod options;
mod payload;
mod people;
mod progress;
pub mod report;
mod rest;
mod run;
mod talk;
mod talker;
mod target;

pub use options::Options;

use crate::descriptors;
use node::{NodeProcess, OwnNode};
use options::Scenario;
use people::{People, Place};
use report::{End, Report};
use run::{Phase, Run};
use secrecy::SecretString;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use target::Target;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

/// Descriptors beside the sockets: the runtime's, calls, files.
const SPARE_DESCRIPTORS: u64 = 100;
const DEFAULT_URL: &str = "http://127.0.0.1:8000";
const INTERRUPTED: u8 = 130;

/// Why there is no run, or none any more. One line, for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// What was asked for cannot be done.
    #[error("{0}")]
    Input(String),
    /// The node does not do its part.
    #[error("{0}")]
    Node(String),
    /// Somebody wanted it to end before it had begun.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

/// Runs the tool to its end.
pub fn start(options: Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&Trouble::Input(format!("no runtime: {error}"))),
    };
    let report = runtime.block_on(LocalSet::new().run_until(whole(options)));
    match report {
        Ok(report) if matches!(report.end, End::Interrupted) => ExitCode::from(INTERRUPTED),
        Ok(report) if report.all_held() => ExitCode::SUCCESS,
        Ok(report) => {
            if let End::Failed { why } = &report.end {
                eprintln!("madang load: {why}");
            }
            ExitCode::FAILURE
        }
        Err(trouble) => refuse(&trouble),
    }
}

fn refuse(trouble: &Trouble) -> ExitCode {
    eprintln!("madang load: {trouble}");
    match trouble {
        Trouble::Input(_) => ExitCode::from(2),
        Trouble::Node(_) => ExitCode::FAILURE,
        Trouble::Interrupted => ExitCode::from(INTERRUPTED),
    }
}

/// The run, its report shown and written; a node of its own is stopped whatever happens.
async fn whole(options: Options) -> Result<Report, Trouble> {
    let sockets = sockets(&options.scenario);
    check_descriptors(sockets)?;
    check_files(&options)?;
    let own = match options.common.own_node {
        true => Some(OwnNode::start(wish_to_stop()).await?),
        false => None,
    };
    let report = measured(&options, own.as_ref(), sockets).await;
    if let Some(own) = own {
        own.stop().await;
    }
    let report = report?;
    print!("{}", report::table(&report));
    write(&options, &report)?;
    Ok(report)
}

fn sockets(scenario: &Scenario) -> u64 {
    match scenario {
        Scenario::Fanout { sockets, .. } | Scenario::Connect { sockets, .. } | Scenario::Resume { sockets, .. } => {
            u64::from(*sockets)
        }
        Scenario::Rooms { channels, members, .. } => u64::from(*channels) * u64::from(*members),
        Scenario::Rest { connections, .. } => u64::from(*connections),
        Scenario::Soak { channels, members, connections, .. } => {
            u64::from(*channels) * u64::from(*members) + u64::from(*connections)
        }
    }
}

fn check_descriptors(sockets: u64) -> Result<(), Trouble> {
    let needed = sockets + SPARE_DESCRIPTORS;
    match descriptors::raise_limit() {
        Some(limit) if limit < needed => Err(Trouble::Input(format!(
            "{sockets} sockets need {needed} file descriptors, and this process may have {limit}: raise the limit \
             (`ulimit -Hn`, LimitNOFILE), or use several processes with --shard"
        ))),
        _ => Ok(()),
    }
}

/// A file that cannot be written is better known before the run than after it.
fn check_files(options: &Options) -> Result<(), Trouble> {
    for path in [&options.common.json, &options.common.html].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|error| Trouble::Input(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

async fn measured(options: &Options, own: Option<&OwnNode>, sockets: u64) -> Result<Report, Trouble> {
    let common = &options.common;
    let url = own.map_or_else(|| common.url.as_deref().unwrap_or(DEFAULT_URL), |own| own.url.as_str());
    let target = Rc::new(Target::new(url, &common.from, usize::try_from(sockets).unwrap_or(usize::MAX))?);
    let node = own.and_then(OwnNode::process).or(common.pid.map(NodeProcess));
    if let Some(pid) = common.pid.filter(|pid| NodeProcess(*pid).resident_kib().is_none()) {
        return Err(Trouble::Input(format!("--pid {pid}: there is no such process on this machine")));
    }
    let name = common.run.clone().unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
    let at_once = match options.scenario {
        Scenario::Connect { at_once, .. } => at_once,
        _ => 1_000,
    };
    let run = Rc::new(Run::new(rand::random(), Rc::clone(&target), node, common.bytes as usize, at_once as usize)?);
    let interrupted = tokio::task::spawn_local(listen(Rc::clone(&run), own.and_then(OwnNode::process)));
    let secret = own.map(|own| SecretString::from(own.secret_key.as_str()));
    let made = tokio::select! {
        made = set_up(options, &run, &name, secret.as_ref()) => made?,
        // Nothing has been measured yet.
        _ = run.until(Duration::MAX, || run.is_interrupted()) => return Ok(report(options, &run, &name)),
    };
    let (people, places) = made;
    let outcome = scenario(options, &run, &people, &places).await;
    run.enter(Phase::Over);
    if let Err(trouble) = outcome {
        run.fail(trouble.to_string());
    }
    if own.is_none() && !common.keep && run.failure().is_none() {
        people.clear(&places).await;
    }
    interrupted.abort();
    Ok(report(options, &run, &name))
}

/// Waits for Ctrl-C, or for SIGTERM.
async fn wish_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Ctrl-C once ends the run in order, twice at once.
async fn listen(run: Rc<Run>, own: Option<NodeProcess>) {
    for is_first in [true, false] {
        wish_to_stop().await;
        if is_first {
            eprintln!("interrupted: finishing what is on its way (once more ends it at once)");
            run.interrupt();
        }
    }
    own.iter().for_each(NodeProcess::terminate);
    std::process::exit(i32::from(INTERRUPTED));
}

async fn set_up(
    options: &Options,
    run: &Rc<Run>,
    name: &str,
    secret: Option<&SecretString>,
) -> Result<(People, Vec<Place>), Trouble> {
    let common = &options.common;
    let mut http = call::Http::new(Rc::clone(&run.target));
    let health = http.call(hyper::Method::GET, "/healthz", "", call::Body::None).await?;
    if health.status != 200 || health.json()["status"] != "ok" {
        let url = &run.target.url;
        return Err(Trouble::Input(format!(
            "--url {url}: this is not a Madang node: /healthz answers {}",
            health.says()
        )));
    }
    let people = People::gather(&run.target, common, name, secret.or(common.secret_key.as_ref())).await?;
    let channels = match &options.scenario {
        Scenario::Fanout { .. } | Scenario::Connect { .. } | Scenario::Resume { .. } => 1,
        Scenario::Rooms { channels, .. } | Scenario::Soak { channels, .. } => *channels,
        Scenario::Rest { .. } => 10,
    };
    let places = people.settle(channels).await?;
    Ok((people, places))
}

async fn scenario(options: &Options, run: &Rc<Run>, people: &People, places: &[Place]) -> Result<(), Trouble> {
    let common = &options.common;
    let seconds = |default| common.duration.unwrap_or(Duration::from_secs(default));
    let plan = |members, senders, default_s| talk::Plan {
        members,
        senders,
        rate: common.rate,
        window: common.window as usize,
        duration: seconds(default_s),
        cut_every: None,
        connections: 0,
        shard: common.shard.map_or(0, |(shard, _)| shard - 1),
    };
    match &options.scenario {
        Scenario::Fanout { sockets, senders } => talk::drive(run, &plan(*sockets, *senders, 10), people, places).await,
        Scenario::Rooms { members, senders, .. } => {
            talk::drive(run, &plan(*members, *senders, 10), people, places).await
        }
        Scenario::Connect { sockets, .. } => connect::drive(run, *sockets, seconds(5), people, places).await,
        Scenario::Resume { sockets, senders, cuts } => {
            let plan = plan(*sockets, *senders, 5 * (u64::from(*cuts) + 1));
            let every = Duration::from_secs((plan.duration.as_secs() / (u64::from(*cuts) + 1)).max(1));
            let rate = plan.rate.or(Some(DEFAULT_RATE));
            talk::drive(run, &talk::Plan { cut_every: Some(every), rate, ..plan }, people, places).await
        }
        Scenario::Rest { connections, mix } => {
            let mix = mix.as_deref().map_or_else(|| Ok(rest::Mix::default()), rest::Mix::read)?;
            rest::drive(run, *connections, &mix, common.rate, seconds(10), people, places).await
        }
        Scenario::Soak { members, connections, cut_every, .. } => {
            let (plan, rate) = (plan(*members, 1, 3_600), common.rate.or(Some(DEFAULT_RATE)));
            let plan = talk::Plan { cut_every: Some(*cut_every), connections: *connections, rate, ..plan };
            talk::drive(run, &plan, people, places).await
        }
    }
}

/// Messages a second where sockets are cut off, if nobody says otherwise: what everybody has missed grows with it.
const DEFAULT_RATE: f64 = 200.0;

fn report(options: &Options, run: &Run, name: &str) -> Report {
    let took_s = run.clock.elapsed_s();
    let started = OffsetDateTime::now_utc() - Duration::from_secs_f64(took_s);
    let end = match run.failure() {
        Some(why) => End::Failed { why },
        None if run.is_interrupted() => End::Interrupted,
        None => End::Completed,
    };
    Report {
        version: env!("CARGO_PKG_VERSION"),
        scenario: options.scenario.name().into(),
        url: run.target.url.clone(),
        started_at: started.format(&Rfc3339).unwrap_or_default(),
        took_s,
        machine: machine(),
        settings: vec![("command".into(), command()), ("run".into(), name.into())],
        end,
        figures: run.figures(),
        latencies: run.meter.latencies(),
        samples: run.samples.take(),
        checks: run.checks.report(),
    }
}

/// The command line, without the key.
fn command() -> String {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut is_secret = false;
    for word in &mut words {
        if std::mem::take(&mut is_secret) {
            *word = "…".into();
        } else if word.starts_with("--secret-key=") {
            *word = "--secret-key=…".into();
        } else {
            is_secret = word == "--secret-key";
        }
    }
    format!("madang {}", words.join(" "))
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let memory = read("/proc/meminfo").split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    let memory = memory.map_or(String::new(), |kib| format!(", {:.0} GiB", kib as f64 / f64::from(1 << 20)));
    let system = read("/proc/sys/kernel/osrelease").trim().to_owned();
    format!("{cores} processors{memory}, {} {system}", std::env::consts::OS)
}

fn write(options: &Options, report: &Report) -> Result<(), Trouble> {
    let written = |path: &std::path::Path, text: &str| {
        std::fs::write(path, text).map_err(|error| Trouble::Input(format!("{}: {error}", path.display())))
    };
    if let Some(path) = &options.common.json {
        let json = serde_json::to_string_pretty(report).map_err(|error| Trouble::Input(error.to_string()))?;
        written(path, &json)?;
    }
    if let Some(path) = &options.common.html {
        written(path, &report::page(report))?;
    }
    Ok(())
}
