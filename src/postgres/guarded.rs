//! A child process that does not outlive us, however we end.
//!
//! Beside each child a shell waits on a pipe whose other end only we hold. The pipe closes when we close it and when we
//! are killed; the shell then stops the child: SIGINT (PostgreSQL's fast shutdown), later SIGQUIT, at last SIGKILL. An
//! orderly stop takes the same way, so that the way is taken every day.

use super::account::Account;
use super::error::EmbeddedError;
use std::io::{self, PipeWriter, Write};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Reads the child's process id, then waits for the end of the pipe. An empty line means that there is nothing to stop.
const WATCH: &str = r#"
trap '' HUP INT TERM
while read -r line; do pid=$line; done
[ -n "$pid" ] || exit 0
gone_within() {
    tenths=$1
    while kill -0 "$pid" 2>/dev/null; do
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}
kill -INT "$pid"; gone_within 30 && exit 0
kill -QUIT "$pid"; gone_within 15 && exit 0
kill -KILL "$pid"
"#;

/// As long as [`Guarded::stop`] waits: what the shell grants, and a little.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A child and the shell that watches over it.
#[derive(Debug)]
pub(super) struct Guarded {
    child: Child,
    pid: u32,
    watchdog: Watchdog,
}

impl Guarded {
    /// Starts `command`, which must be one of `account`'s.
    pub fn spawn(account: &Account, program: &Path, command: &mut Command) -> Result<Self, EmbeddedError> {
        let mut watchdog = Watchdog::spawn(account)?;
        let child = command.spawn().map_err(|source| account.spawn_error(program, source))?;
        let pid = child.id().unwrap_or_default();
        watchdog.watch(pid).map_err(|source| account.spawn_error(Path::new(SHELL), source))?;
        Ok(Self { child, pid, watchdog })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The child's end, if it has come.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// The child's end. Meanwhile a watchdog that dies is replaced. May be dropped and called again.
    pub async fn wait(&mut self, account: &Account) -> io::Result<ExitStatus> {
        loop {
            tokio::select! {
                biased;
                status = self.child.wait() => {
                    self.watchdog.release();
                    return status;
                }
                _ = self.watchdog.shell.wait() => {
                    self.replace_watchdog(account);
                    // A machine that cannot keep a shell alive must not keep us busy.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// The child's output and end; for one that was started with pipes.
    pub async fn output(self) -> io::Result<std::process::Output> {
        let Self { child, mut watchdog, .. } = self;
        let output = child.wait_with_output().await;
        watchdog.release();
        output
    }

    /// Stops the child and waits for its end.
    pub async fn stop(mut self, account: &Account) -> Result<ExitStatus, EmbeddedError> {
        if matches!(self.watchdog.shell.try_wait(), Ok(Some(_))) {
            self.replace_watchdog(account);
        }
        self.watchdog.pipe = None;
        match timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(Ok(status)) => {
                // It would find out by itself, but only at its next look.
                let _ = self.watchdog.shell.kill().await;
                Ok(status)
            }
            _ => {
                let _ = self.child.start_kill();
                Err(EmbeddedError::NotStopped { pid: self.pid, seconds: STOP_LIMIT.as_secs() })
            }
        }
    }

    fn replace_watchdog(&mut self, account: &Account) {
        tracing::warn!("the watchdog of PostgreSQL ended; starting another");
        match Watchdog::spawn(account) {
            Ok(mut watchdog) => {
                if watchdog.watch(self.pid).is_ok() {
                    self.watchdog = watchdog;
                }
            }
            Err(error) => tracing::error!(%error, "PostgreSQL runs without a watchdog"),
        }
    }
}

const SHELL: &str = "/bin/sh";

#[derive(Debug)]
struct Watchdog {
    shell: Child,
    /// Closed on exec, so no other child holds it open.
    pipe: Option<PipeWriter>,
}

impl Watchdog {
    fn spawn(account: &Account) -> Result<Self, EmbeddedError> {
        let failed = |source| account.spawn_error(Path::new(SHELL), source);
        let (reader, writer) = io::pipe().map_err(failed)?;
        let mut command = account.command(SHELL);
        command.args(["-c", WATCH]).stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = command.spawn().map_err(failed)?;
        Ok(Self { shell, pipe: Some(writer) })
    }

    fn watch(&mut self, pid: u32) -> io::Result<()> {
        match &mut self.pipe {
            Some(pipe) => writeln!(pipe, "{pid}"),
            None => Ok(()),
        }
    }

    /// The child has ended: its number may soon be another's.
    fn release(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = writeln!(pipe);
        }
    }
}
