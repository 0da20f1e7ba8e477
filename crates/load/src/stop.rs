//! Wishes to stop: Ctrl-C, SIGTERM, and the end of the terminal.

use super::INTERRUPTED;
use super::node::Leftovers;
use super::progress::tell;
use super::run::Run;
use std::rc::Rc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for Ctrl-C, SIGTERM, or the end of the terminal (unless it was started so as to outlive that).
pub async fn wish_to_stop() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    let mut hangup = if outlives_terminal() { None } else { signal(SignalKind::hangup()).ok() };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = received(&mut hangup) => {}
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP is ignored, as `nohup` has it: to listen for it would undo that.
fn outlives_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is 1, the lowest bit.
    ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & 1 == 1)
}

/// Once ends the run in order, twice at once.
pub async fn listen(run: Rc<Run>, own: Option<Leftovers>) {
    wish_to_stop().await;
    tell("interrupted: finishing what is on its way (once more ends it at once)");
    run.interrupt();
    wish_to_stop().await;
    own.iter().for_each(Leftovers::sweep);
    std::process::exit(i32::from(INTERRUPTED));
}
