//! `madang load`: sockets and calls against a running node, measured and verified.
//!
//! It speaks to the node as any client does and shares no state with it: HTTP by hyper ([`call`]), WebSocket by its own
//! small client side ([`link`], [`frames`]), because thousands of sockets on one thread must not be what is measured;
//! both over TLS where the URL says so ([`tls`]). What holds is checked while it runs ([`ledger`]: every event of every socket) and afterwards ([`audit`]: the history).
//! Among the messages there may be edits, reactions and deletions ([`changes`]).
//! Latency counts from when a message was due ([`payload`]). One process uses one thread; `--shard` adds processes.

mod audit;
mod call;
mod changes;
mod checks;
mod client;
mod clock;
mod close;
mod compare;
mod connect;
mod environment;
mod frames;
mod ledger;
mod link;
mod meter;
mod node;
mod options;
mod payload;
mod people;
mod posts;
mod progress;
pub mod report;
mod rest;
mod run;
mod shape;
mod stop;
mod stream;
mod summary;
mod talk;
mod talker;
mod target;
mod thresholds;
mod tls;

pub use options::Options;

use changes::{CALLS_MAX, ChangeMix};
use compare::Earlier;
use node::{NodeProcess, OwnNode};
use options::Scenario;
use os::descriptors;
use people::{People, Place};
use progress::tell;
use report::{End, Report};
use run::{Phase, Run};
use secrecy::SecretString;
use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use target::Target;
use tokio::task::LocalSet;

/// Descriptors beside the sockets: the runtime's, calls, files.
const SPARE_DESCRIPTORS: u64 = 100;
const DEFAULT_URL: &str = "http://127.0.0.1:8000";
/// All changes together, of what a sender sends.
const CHANGES_PERCENT_MAX: u32 = 90;
const INTERRUPTED: u8 = 130;
/// As long as the first shard waits for the others' end before it deletes what was made for all of them.
const SHARDS_MAX: Duration = Duration::from_secs(120);
/// The same, when somebody wants it to end.
const HASTE: Duration = Duration::from_secs(10);

/// Why there is no run, or none any more. One line, for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
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

/// Signs an access token of an account; `None` if it cannot.
pub type Signer = Box<dyn Fn(i64) -> Option<String>>;
/// What makes a signer of a node's `SECRET_KEY` and `ALGORITHM`. It is the node's own, so that this tool knows nothing of claims.
pub type MakeSigner = fn(&SecretString, &str) -> Signer;

/// Runs the tool to its end.
pub fn start(options: Options, make_signer: MakeSigner) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&LoadError::Input(format!("no runtime: {error}"))),
    };
    let report = runtime.block_on(LocalSet::new().run_until(whole(options, make_signer)));
    match report {
        Ok(report) if matches!(report.end, End::Interrupted) => ExitCode::from(INTERRUPTED),
        Ok(report) if report.all_held() => ExitCode::SUCCESS,
        Ok(report) => {
            if let End::Failed { why } = &report.end {
                tell(&format!("madang load: {why}"));
            }
            ExitCode::FAILURE
        }
        Err(trouble) => refuse(&trouble),
    }
}

fn refuse(trouble: &LoadError) -> ExitCode {
    tell(&format!("madang load: {trouble}"));
    match trouble {
        LoadError::Input(_) => ExitCode::from(2),
        LoadError::Node(_) => ExitCode::FAILURE,
        LoadError::Interrupted => ExitCode::from(INTERRUPTED),
    }
}

/// The run, its report shown and written; a node of its own is stopped whatever happens.
async fn whole(options: Options, make_signer: MakeSigner) -> Result<Report, LoadError> {
    let common = &options.common;
    let earlier = common.compare.as_deref().map(|path| Earlier::read(path, options.scenario.name())).transpose()?;
    let sockets = sockets(&options);
    check_descriptors(sockets)?;
    check_files(&options)?;
    check_cuts(&options)?;
    check_changes(&options)?;
    let own = match common.own_node {
        true => Some(OwnNode::start(stop::wish_to_stop()).await?),
        false => None,
    };
    let report = measured(&options, own.as_ref(), sockets, make_signer).await;
    if let Some(own) = own {
        own.stop().await;
    }
    let mut report = report?;
    report.comparison = earlier.map(|earlier| earlier.beside(&report));
    summary::write(&options, &report)?;
    // Nobody may be reading; the files are written.
    let _ = write!(std::io::stdout(), "{}", report::table(&report));
    Ok(report)
}

fn sockets(options: &Options) -> u64 {
    let of_scenario = match &options.scenario {
        Scenario::Fanout { sockets, .. } | Scenario::Connect { sockets, .. } | Scenario::Resume { sockets, .. } => {
            u64::from(*sockets)
        }
        Scenario::Rooms { channels, members, .. } => u64::from(*channels) * u64::from(*members),
        Scenario::Rest { connections, .. } => u64::from(*connections),
        Scenario::Soak { channels, members, connections, .. } => {
            u64::from(*channels) * u64::from(*members) + u64::from(*connections)
        }
    };
    let of_changes = if ChangeMix::of(&options.common).is_none() { 0 } else { CALLS_MAX as u64 };
    of_scenario + of_changes
}

fn check_descriptors(sockets: u64) -> Result<(), LoadError> {
    let needed = sockets + SPARE_DESCRIPTORS;
    let limit = descriptors::raise_limit().unwrap_or_else(|_| descriptors::limit());
    match limit {
        Some(limit) if limit < needed => Err(LoadError::Input(format!(
            "{sockets} sockets need {needed} file descriptors, and this process may have {limit}: raise the limit \
             (`ulimit -Hn`, LimitNOFILE), or use several processes with --shard"
        ))),
        _ => Ok(()),
    }
}

/// A file that cannot be written is better known before the run than after it.
fn check_files(options: &Options) -> Result<(), LoadError> {
    for path in [&options.common.json, &options.common.html].into_iter().flatten() {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(path);
        opened.map_err(|error| LoadError::Input(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

fn check_cuts(options: &Options) -> Result<(), LoadError> {
    match (&options.scenario, options.common.duration) {
        (Scenario::Resume { cuts, .. }, Some(duration)) if duration.as_secs() <= u64::from(*cuts) => {
            Err(LoadError::Input(format!(
                "--cuts {cuts}: there is a second between any two, so --duration must be at least {}s",
                cuts + 1
            )))
        }
        _ => Ok(()),
    }
}

fn check_changes(options: &Options) -> Result<(), LoadError> {
    let mix = ChangeMix::of(&options.common);
    let has_senders = !matches!(options.scenario, Scenario::Connect { .. } | Scenario::Rest { .. });
    if !mix.is_none() && !has_senders {
        let name = options.scenario.name();
        return Err(LoadError::Input(format!(
            "--edits, --reactions and --deletions are for fanout, rooms, resume and soak: {name} has no senders"
        )));
    }
    match mix.percent() {
        0..=CHANGES_PERCENT_MAX => Ok(()),
        all => Err(LoadError::Input(format!(
            "--edits, --reactions and --deletions are {all} per cent together; {CHANGES_PERCENT_MAX} at most, for there must be \
             messages to change"
        ))),
    }
}

async fn measured(
    options: &Options,
    own: Option<&OwnNode>,
    sockets: u64,
    make_signer: MakeSigner,
) -> Result<Report, LoadError> {
    let common = &options.common;
    let url = own.map_or_else(|| common.url.as_deref().unwrap_or(DEFAULT_URL), |own| own.url.as_str());
    let (shard, sockets) = (common.shard.unwrap_or((1, 1)), usize::try_from(sockets).unwrap_or(usize::MAX));
    let target = Rc::new(Target::new(url, common.ca.as_deref(), &common.from, sockets, shard)?);
    let node = own.and_then(OwnNode::process).or(common.pid.map(NodeProcess));
    if let Some(pid) = common.pid.filter(|pid| NodeProcess(*pid).resident_kib().is_none()) {
        return Err(LoadError::Input(format!("--pid {pid}: there is no such process on this machine")));
    }
    let name = common.run.clone().unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
    let at_once = match options.scenario {
        Scenario::Connect { at_once, .. } => at_once,
        _ => 1_000,
    };
    let (bytes, is_whole) = (common.bytes as usize, shard.1 == 1);
    let mix = ChangeMix::of(common);
    let run = Rc::new(Run::new(rand::random(), Rc::clone(&target), node, bytes, at_once as usize, is_whole, mix)?);
    tokio::task::spawn_local(stop::listen(Rc::clone(&run), own.map(OwnNode::leftovers)));
    let secret = own.map(|own| SecretString::from(own.secret_key.as_str()));
    let Some(people) = unless_stopped(&run, gather(options, &run, &name, secret.as_ref(), make_signer)).await else {
        return Ok(summary::report(options, &run, &name, own));
    };
    let people = people?;
    let settled = unless_stopped(&run, people.settle(channels(&options.scenario))).await;
    let (places, outcome) = match settled {
        Some(Ok(places)) => {
            let outcome =
                scenario(options, &run, &people, &places).await.map_err(|trouble| run.fail(trouble.to_string()));
            (places, outcome.map_err(|()| None))
        }
        Some(Err(trouble)) => (Vec::new(), Err(Some(trouble))),
        None => (Vec::new(), Ok(())),
    };
    run.enter(Phase::Over);
    if own.is_none() && !common.keep {
        people.also_delete(run.servers_of_calls.take());
        people.clear(&places, if run.is_stopped() { HASTE } else { SHARDS_MAX }).await;
    }
    match outcome {
        Err(Some(trouble)) => Err(trouble),
        _ => Ok(summary::report(options, &run, &name, own)),
    }
}

/// What comes of it, unless somebody wants to stop first: nothing has been measured yet.
async fn unless_stopped<T>(run: &Run, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        _ = run.until(Duration::MAX, || run.is_interrupted()) => None,
    }
}

async fn gather(
    options: &Options,
    run: &Rc<Run>,
    name: &str,
    secret: Option<&SecretString>,
    make_signer: MakeSigner,
) -> Result<People, LoadError> {
    let common = &options.common;
    run.target.probe().await?;
    let mut http = call::Http::new(Rc::clone(&run.target));
    let health = http.call(hyper::Method::GET, "/healthz", "", call::Body::None).await;
    let health = health.map_err(|trouble| match trouble.to_string() {
        // A node that wants TLS says so in TLS, or closes.
        why if ["connection closed", "invalid HTTP"].iter().any(|end| why.contains(end)) && !run.target.is_secret() => {
            LoadError::Input(format!("{why}; does the node speak TLS there? then it is https://"))
        }
        _ => trouble,
    })?;
    if health.status != 200 || health.json()["status"] != "ok" {
        let url = &run.target.url;
        return Err(LoadError::Input(format!(
            "--url {url}: this is not a Madang node: /healthz answers {}",
            health.says()
        )));
    }
    People::gather(&run.target, common, name, secret.or(common.secret_key.as_ref()), make_signer).await
}

fn channels(scenario: &Scenario) -> u32 {
    match scenario {
        Scenario::Fanout { .. } | Scenario::Connect { .. } | Scenario::Resume { .. } => 1,
        Scenario::Rooms { channels, .. } | Scenario::Soak { channels, .. } => *channels,
        Scenario::Rest { .. } => 10,
    }
}

async fn scenario(options: &Options, run: &Rc<Run>, people: &People, places: &[Place]) -> Result<(), LoadError> {
    let common = &options.common;
    let (rate, duration) = (options.rate(), options.duration());
    let plan = |members, senders| talk::Plan {
        members,
        senders,
        rate,
        window: common.window as usize,
        duration,
        cuts: None,
        connections: 0,
        shard: common.shard.map_or(0, |(shard, _)| shard - 1),
    };
    match &options.scenario {
        Scenario::Fanout { sockets, senders } => talk::drive(run, &plan(*sockets, *senders), people, places).await,
        Scenario::Rooms { members, senders, .. } => talk::drive(run, &plan(*members, *senders), people, places).await,
        Scenario::Connect { sockets, .. } => connect::drive(run, *sockets, duration, people, places).await,
        Scenario::Resume { sockets, senders, cuts } => {
            let every = Duration::from_secs((duration.as_secs() / (u64::from(*cuts) + 1)).max(1));
            let plan = talk::Plan { cuts: Some((every, *cuts)), ..plan(*sockets, *senders) };
            talk::drive(run, &plan, people, places).await
        }
        Scenario::Rest { connections, mix } => {
            let mix = mix.clone().unwrap_or_default();
            rest::drive(run, *connections, &mix, rate, duration, people, places).await
        }
        Scenario::Soak { members, connections, cut_every, .. } => {
            let (plan, cuts) = (plan(*members, 1), Some((*cut_every, u32::MAX)));
            let plan = talk::Plan { cuts, connections: *connections, ..plan };
            talk::drive(run, &plan, people, places).await
        }
    }
}
