//! `madang`: starts a node and runs it until SIGTERM or Ctrl-C. `madang load` puts load on one.

use clap::Parser;
use madang::app::{Application, StartError};
use madang::config::{Config, Database};
use madang::wire::tls::Tls;
use madang::{load, telemetry};
use std::io::Write;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

const HELP: &str = "\
madang: a Discord-style chat backend

Usage: madang [--help | --version | --until-input-ends]
       madang load <scenario> [options]     put load on a running node; see `madang load --help`

--until-input-ends is for a program that starts madang: it stops when its standard input ends, and so with its parent.
Settings come from the environment or a .env file in the working folder; README.md lists them.
With nothing set, madang starts its own PostgreSQL under ./data and serves http://127.0.0.1:8000";

fn main() -> ExitCode {
    let (mut is_load, mut until_input_ends) = (false, false);
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("load") => is_load = true,
        Some("--until-input-ends") => until_input_ends = true,
        Some("--help" | "-h" | "help") => return say(HELP),
        Some("--version" | "-V") => return say(concat!("madang ", env!("CARGO_PKG_VERSION"))),
        Some(other) => return refuse(format_args!("unknown argument `{other}`; try `madang --help`"), 2),
    }
    match dotenvy::from_path(".env") {
        Ok(_) => {}
        Err(error) if error.not_found() => {}
        // The error's own text may quote the line, and with it a secret.
        Err(_) => return refuse(format_args!(".env cannot be read: each line must be NAME=value"), 2),
    }
    if is_load {
        return load::start(load::Options::parse_from(std::env::args_os().skip(1)));
    }
    let config = match Config::from_lookup(|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(error) => return refuse(error, 2),
    };
    let _log = telemetry::start();
    match actix_web::rt::System::new().block_on(run(config, until_input_ends)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(error, 1),
    }
}

async fn run(config: Config, until_input_ends: bool) -> Result<(), StartError> {
    // Heard from the first moment: a Ctrl-C during the start stops it, and what it had started.
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| StartError::Other(error.to_string()))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| StartError::Other(error.to_string()))?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = end_of_input(), if until_input_ends => {}
        }
    };
    let mut stop = std::pin::pin!(stop);
    let data = match &config.database {
        Database::Embedded => std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone()),
        Database::Url(_) => "the database of DATABASE_URL".into(),
    };
    let application = tokio::select! {
        built = Application::build(config) => built?,
        () = &mut stop => return Ok(()),
    };
    let scheme = if application.tls().is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", application.address());
    let inside = application.embedded().map(|embedded| format!(" (look inside: {})", embedded.url_for_humans()));
    let data = format!("{}{}", data.display(), inside.unwrap_or_default());
    // Nobody may be reading: the node runs all the same.
    let _ = writeln!(std::io::stdout(), "API   {url}\nDocs  {url}/docs\nData  {data}");
    if let Some(tls) = application.tls() {
        reload_at_hang_up(tls.clone())?;
    }
    application.run_until(stop).await
}

/// SIGHUP: a certificate has been renewed.
fn reload_at_hang_up(tls: Tls) -> Result<(), StartError> {
    let mut hang_up = signal(SignalKind::hangup()).map_err(|error| StartError::Other(error.to_string()))?;
    actix_web::rt::spawn(async move {
        while hang_up.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => tracing::info!("the certificate has been read again"),
                Err(error) => tracing::error!(%error, "the certificate stays as it was"),
            }
        }
    });
    Ok(())
}

async fn end_of_input() {
    let (ended, end) = tokio::sync::oneshot::channel();
    // Not the runtime's thread: nothing waits for it at the end.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

fn refuse(problem: impl std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("madang: {problem}");
    ExitCode::from(code)
}
