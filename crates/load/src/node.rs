//! The node's process: one that is started for a run, and what the kernel says of any on this machine.

use super::LoadError;
use rustix::process::{Pid, Signal, kill_process};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(20);
const SWEEP_MAX: Duration = Duration::from_secs(10);

/// A process of this machine.
#[derive(Clone, Copy, Debug)]
pub struct NodeProcess(pub u32);

impl NodeProcess {
    /// Resident memory; `None` where the kernel does not say.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// The CPU time that it has used.
    pub fn cpu_us(&self) -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
        let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        // USER_HZ is 100 on every Linux architecture that Rust's standard library supports.
        Some((user + system) * 10_000)
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.0).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// What a node of its own is given of this process's environment, to find PostgreSQL and places for its files. Nothing
/// of a `.env` file here is for it otherwise.
const INHERITED: [&str; 9] =
    ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "PG_BIN_DIR", "RUST_BACKTRACE"];

/// With what it is started, beside its key and the folder of its data.
const SETTINGS: [(&str, &str); 6] = [
    ("ALGORITHM", "HS256"),
    ("HOST", "127.0.0.1"),
    ("PORT", "0"),
    ("RATE_LIMIT", "off"),
    ("BCRYPT_COST", "4"),
    ("RUST_LOG", "error"),
];

/// A node that was started for a run, on a database of its own.
pub struct OwnNode {
    child: Child,
    folder: Folder,
    /// Where it is.
    pub url: String,
    /// Signs its tokens.
    pub secret_key: String,
}

impl OwnNode {
    /// Starts this program as a node, unless `stop` comes first.
    ///
    /// # Errors
    /// What the node says when it cannot start.
    pub async fn start(stop: impl Future<Output = ()>) -> Result<Self, LoadError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| LoadError::Input(format!("--self: {what}: {error}"));
        let own = std::env::current_exe().map_err(|error| failed("this program cannot be found", &error))?;
        let folder = Folder::fresh().map_err(|error| failed("no folder for its data", &error))?;
        let secret_key = format!("{:032x}", rand::random::<u128>());
        let mut child = Command::new(own)
            // Its end is the end of this process, however that comes.
            .arg("--until-input-ends")
            .stdin(Stdio::piped())
            .current_dir(&folder.0)
            .env_clear()
            .envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("DATA_DIR", folder.data())
            .env("SECRET_KEY", &secret_key)
            .envs(SETTINGS)
            .stdout(Stdio::piped())
            // Ctrl-C is for the tool, which stops the node when it has read what it needs.
            .process_group(0)
            .spawn()
            .map_err(|error| failed("the node does not start", &error))?;
        let stdout = child.stdout.take();
        let url = tokio::select! {
            url = tokio::time::timeout(START_MAX, first_url(stdout)) => Ok(url.unwrap_or_default()),
            () = stop => Err(LoadError::Interrupted),
        };
        let own = Self { child, folder, url: String::new(), secret_key };
        match url {
            Ok(Some(url)) => Ok(Self { url, ..own }),
            Ok(None) => {
                own.stop().await;
                Err(LoadError::Input("--self: the node did not start; what it says is above".into()))
            }
            Err(interrupted) => {
                own.stop().await;
                Err(interrupted)
            }
        }
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<NodeProcess> {
        self.child.id().map(NodeProcess)
    }

    /// With what it was started, without its key.
    pub fn settings(&self) -> Vec<(String, String)> {
        SETTINGS.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    /// The version of its PostgreSQL: what the program says that runs, or else what its files are of.
    pub fn postgres(&self) -> Option<String> {
        let read = |file: &str| std::fs::read_to_string(self.folder.data().join("postgres").join(file)).ok();
        let options = read("postmaster.opts").unwrap_or_default();
        let said = options.split(" \"").next().and_then(|program| {
            let output = std::process::Command::new(program).arg("--version").output().ok()?;
            version(&String::from_utf8_lossy(&output.stdout))
        });
        said.or_else(|| Some(read("PG_VERSION")?.trim().to_owned()))
    }

    /// Stops it, and removes what it has written.
    pub async fn stop(mut self) {
        self.process().iter().for_each(NodeProcess::terminate);
        let _ = tokio::time::timeout(STOP_MAX, self.child.wait()).await;
    }

    /// What has to go when there is no time for [`stop`](Self::stop).
    pub fn leftovers(&self) -> Leftovers {
        Leftovers { process: self.process(), folder: self.folder.0.clone() }
    }
}

/// `postgres (PostgreSQL) 17.6 (Debian 17.6-1)` is 17.6.
fn version(text: &str) -> Option<String> {
    text.split_once("(PostgreSQL) ")?.1.split_whitespace().next().map(str::to_owned)
}

async fn first_url(stdout: Option<tokio::process::ChildStdout>) -> Option<String> {
    let mut lines = BufReader::new(stdout?).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(url) = line.strip_prefix("API") {
            let url = url.trim().to_owned();
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(url);
        }
    }
    None
}

/// A node and its folder, for who ends at once.
#[derive(Debug)]
pub struct Leftovers {
    process: Option<NodeProcess>,
    folder: PathBuf,
}

impl Leftovers {
    /// Stops the node and removes its folder; waits for that, but not long.
    pub fn sweep(&self) {
        if let Some(process) = self.process {
            process.terminate();
            let since = Instant::now();
            while since.elapsed() < SWEEP_MAX && process.resident_kib().is_some() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// It goes with its owner.
struct Folder(PathBuf);

impl Folder {
    /// The database's user has to reach it.
    fn fresh() -> std::io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let folder = std::env::temp_dir().join(format!("madang-load-{:08x}", rand::random::<u32>()));
        std::fs::create_dir(&folder)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self(folder))
    }

    /// Where the node keeps its own.
    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_its_version() {
        assert_eq!(version("postgres (PostgreSQL) 17.6 (Debian 17.6-1)\n").as_deref(), Some("17.6"));
        assert_eq!(version("postgres (PostgreSQL) 18beta1\n").as_deref(), Some("18beta1"));
        assert_eq!(version("command not found"), None);
    }
}
