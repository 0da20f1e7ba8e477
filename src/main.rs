//! `madang`: starts a node and runs it until SIGTERM or Ctrl-C. `madang load` puts load on one.

use clap::Parser;
use futures_util::FutureExt;
use madang::app::{Application, StartError};
use madang::auth::token;
use madang::config::{Config, Database, Environment, Unknown};
use madang::net::tls::Tls;
use madang::telemetry;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

const HELP: &str = "\
madang: a Discord-style chat backend

Usage: madang [--help | --version | --until-input-ends]
       madang load <scenario> [options]     put load on a running node; see `madang load --help`

--until-input-ends is for a program that starts madang: it stops when its standard input ends, and so with its parent.
Settings come from the environment or a .env file in the working folder; docs/SETTINGS.md lists them.
With nothing set, madang starts its own PostgreSQL under ./data and serves a chat at http://127.0.0.1:8000/";

fn main() -> ExitCode {
    let (mut is_load, mut until_input_ends) = (false, false);
    let argument = std::env::args_os().nth(1).map(|argument| argument.to_string_lossy().into_owned());
    match argument.as_deref() {
        None => {}
        Some("load") => is_load = true,
        Some("--until-input-ends") => until_input_ends = true,
        Some("--help" | "-h" | "help") => return say(HELP),
        Some("--version" | "-V") => return say(concat!("madang ", env!("CARGO_PKG_VERSION"))),
        Some(other) => return refuse(format_args!("unknown argument `{other}`; try `madang --help`"), 2),
    }
    let environment = match Environment::load() {
        Ok(environment) => environment,
        Err(error) => return refuse(error, 2),
    };
    if is_load {
        return load::start(load::Options::parse_from(load_arguments(&environment)), token::signer);
    }
    let settings =
        Config::from_lookup(|name| environment.get(name)).and_then(|config| Ok((config, environment.log()?)));
    let (config, log) = match settings {
        Ok(settings) => settings,
        Err(error) => return refuse(error, 2),
    };
    let log = telemetry::start(log.as_deref());
    tell(&environment);
    // What is waited for here is looked at in every turn of the core: a task of its own is so only when it is woken.
    let ended = actix_web::rt::System::new().block_on(async {
        let node = actix_web::rt::spawn(run(config, until_input_ends));
        node.await.unwrap_or_else(|error| Err(StartError::Other(error.to_string())))
    });
    // Why it ended is the last line.
    drop(log);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, if error.is_setting() { 2 } else { 1 }),
    }
}

/// What is started, and with which settings.
fn tell(environment: &Environment) {
    let (version, commit) = (
        env!("CARGO_PKG_VERSION"),
        option_env!("MADANG_COMMIT").filter(|commit| !commit.is_empty()).unwrap_or("unknown"),
    );
    tracing::info!(version, commit, settings = environment.told(), "starting");
    for Unknown { name, meant } in environment.unknown() {
        match meant {
            Some(meant) => tracing::warn!(name, "this is no setting; did you mean {meant}?"),
            None => tracing::warn!(name, "this is no setting"),
        }
    }
}

/// The load tool takes the node's key and algorithm from the same file, unless it is told otherwise.
fn load_arguments(environment: &Environment) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    for (name, option) in [("SECRET_KEY", "--secret-key"), ("ALGORITHM", "--algorithm")] {
        let is_said = arguments.iter().any(|argument| argument.to_string_lossy().starts_with(option));
        if let Some(value) = environment.get(name).filter(|_| !is_said && std::env::var_os(name).is_none()) {
            arguments.push(format!("{option}={value}").into());
        }
    }
    arguments
}

async fn run(config: Config, until_input_ends: bool) -> Result<(), StartError> {
    // Heard from the first moment: a Ctrl-C during the start stops it, and what it had started.
    let heard = |kind| signal(kind).map_err(|error| StartError::Other(error.to_string()));
    let (terminate, interrupt) = (heard(SignalKind::terminate())?, heard(SignalKind::interrupt())?);
    let hang_up = heard(SignalKind::hangup())?;
    let mut stops = Stops { terminate, interrupt, input: until_input_ends.then(end_of_input) };
    let data = match &config.database {
        Database::Embedded => std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone()),
        Database::Url(_) => "the database of DATABASE_URL".into(),
    };
    let has_web_client = config.web;
    let application = tokio::select! {
        built = Application::build(config) => built?,
        () = stops.next() => return Ok(()),
    };
    let scheme = if application.tls().is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", application.address());
    let chat =
        if has_web_client { format!("Chat  {scheme}://{}/\n", here(application.address())) } else { String::new() };
    let inside = application.embedded().map(|embedded| format!(" (look inside: {})", embedded.url_for_humans()));
    let data = format!("{}{}", data.display(), inside.unwrap_or_default());
    // Nobody may be reading: the node runs all the same.
    let _ = writeln!(std::io::stdout(), "{chat}API   {url}\nDocs  {url}/docs\nData  {data}");
    let mut hung_up = pin!(reload_at_hang_up(hang_up, application.tls().cloned()).fuse());
    let stop = async || {
        tokio::select! {
            () = stops.next() => {}
            () = &mut hung_up => {}
        }
    };
    application.run_until(stop).await
}

/// What tells the node to stop.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
    /// The end of the standard input, until it has come.
    input: Option<oneshot::Receiver<()>>,
}

impl Stops {
    async fn next(&mut self) {
        let ended = async {
            match &mut self.input {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = ended => self.input = None,
        }
    }
}

/// Where a browser on this machine finds a node that listens on all of its addresses, or on this one.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// SIGHUP: a certificate has been renewed. Without one, the terminal that this runs in has been closed, or there is nothing to do.
async fn reload_at_hang_up(mut hang_up: Signal, tls: Option<Tls>) {
    while hang_up.recv().await.is_some() {
        match tls.as_ref().map(Tls::reload) {
            Some(Ok(())) => tracing::info!("the certificate has been read again"),
            Some(Err(error)) => tracing::error!(%error, "the certificate stays as it was"),
            None if std::io::stdin().is_terminal() => return,
            None => tracing::info!("SIGHUP: there is no certificate to read again"),
        }
    }
    std::future::pending().await
}

fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    // Not the runtime's thread: nothing waits for it at the end.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    end
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

fn refuse(problem: impl std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("madang: {problem}");
    ExitCode::from(code)
}
