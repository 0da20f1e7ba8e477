//! The node as a process of its own, and what the kernel says about it.

use super::secrets::{look_at_file, none_was_logged, watch};
use rustix::io::Errno;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, test_kill_process};
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Nothing takes that long: a test that waits longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// A line for each call is there to be looked at; it has its price, which no measurement pays.
const LOGGED: &str = if cfg!(debug_assertions) { "warn,madang=info" } else { "warn" };

/// A running node.
pub struct Node {
    child: Child,
    folder: PathBuf,
    pub url: String,
    pub address: String,
}

/// A fresh folder that the database's user can reach.
pub fn data_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("madang-node-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::fs::set_permissions(&folder, open_to_all()).expect("it can be opened");
    folder
}

/// A fresh folder with what a node that was stopped leaves there: a copy takes less than `initdb` and all migrations.
pub fn furnished_folder() -> PathBuf {
    static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(|| {
        remove_templates_of_ended_processes();
        let folder = std::env::temp_dir().join(format!("{TEMPLATES}{}", std::process::id()));
        // Of an earlier process of the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::set_permissions(&folder, open_to_all()).expect("it can be opened");
        let log = std::fs::File::create(folder.join("log")).expect("a file can be made");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env_remove("DATABASE_URL").env("DATA_DIR", &folder).env("PORT", "0").stderr(log);
        let mut node = command.stdout(Stdio::piped()).spawn().expect("the node starts");
        let lines = std::io::BufReader::new(node.stdout.take().expect("it has an output")).lines();
        if !lines.map_while(Result::ok).any(|line| line.starts_with("API")) {
            panic!("no node starts: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default());
        }
        signal(&node.id().to_string(), Signal::TERM);
        assert!(node.wait().expect("it ends").success());
        std::fs::remove_file(folder.join("log")).expect("it is there");
        folder
    });
    let folder = data_folder();
    let copied = std::process::Command::new("cp").arg("-Rp").arg(TEMPLATE.join(".")).arg(&folder).status();
    assert!(copied.expect("cp runs").success());
    folder
}

const TEMPLATES: &str = "madang-template-";

fn remove_templates_of_ended_processes() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(TEMPLATES)?.parse().ok()).and_then(Pid::from_raw);
        if pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH)) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn open_to_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

impl Node {
    /// Starts the binary on its own database in `folder`.
    pub async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[]).await
    }

    /// The same with settings.
    pub async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        let command = command.env_remove("DATABASE_URL").env("DATA_DIR", folder);
        let mut node = Self::launch(command.stderr(watched()), settings).await;
        node.folder = folder.to_owned();
        node
    }

    /// The same with its log in a file, as a supervisor would have it, rather than on our own standard error.
    pub async fn start_logging(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let log = std::fs::File::create(folder.join("log")).expect("a file can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env_remove("DATABASE_URL").env("DATA_DIR", folder).current_dir(folder).stderr(log);
        let mut node = Self::launch(&mut command, settings).await;
        node.folder = folder.to_owned();
        node
    }

    /// Starts the binary on a database that runs.
    pub async fn start_on(database_url: &str) -> Self {
        Self::start_on_with(database_url, &[]).await
    }

    /// The same with settings.
    pub async fn start_on_with(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env("DATABASE_URL", database_url).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        Self::launch(command.stderr(watched()), settings).await
    }

    /// The same with its log in a file.
    pub async fn start_on_logging(database_url: &str, log: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env("DATABASE_URL", database_url).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        command.stderr(std::fs::File::create(log).expect("a file can be made"));
        Self::launch(&mut command, &[]).await
    }

    /// Waits until the node says where it is.
    async fn launch(command: &mut Command, settings: &[(&str, &str)]) -> Self {
        let mut child = command
            .env("PORT", "0")
            .env("RATE_LIMIT", "off")
            .env("BCRYPT_COST", "4")
            .env("RUST_LOG", LOGGED)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        while let Ok(Some(line)) = timeout(PATIENCE, lines.next_line()).await.expect("it says nothing") {
            if let Some(url) = line.strip_prefix("API") {
                let url = url.trim().to_owned();
                let address = url.split("://").nth(1).expect("a URL").to_owned();
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Self { child, folder: PathBuf::new(), url, address };
            }
        }
        panic!("the node did not start");
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id().expect("it runs"))).expect("it runs")
    }

    /// Resident memory.
    pub fn resident_kib(&self) -> usize {
        self.status_kib("VmRSS")
    }

    /// The most resident memory that it ever had.
    pub fn peak_kib(&self) -> usize {
        self.status_kib("VmHWM")
    }

    fn status_kib(&self, name: &str) -> usize {
        status_kib(self.pid(), name)
    }

    /// How many files and connections it has open.
    pub fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id().expect("it runs"));
        std::fs::read_dir(folder).expect("it runs").count()
    }

    /// User and system time so far; PostgreSQL's is not in it.
    pub fn cpu(&self) -> Duration {
        cpu_of(self.pid())
    }

    /// Which process it is.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The embedded database's first process, while it runs.
    pub fn postmaster(&self) -> Option<String> {
        let file = std::fs::read_to_string(self.folder.join("postgres/postmaster.pid")).ok()?;
        let pid = file.lines().next()?.trim().to_owned();
        // In the file of a dead one the node names itself, so that the next one can start.
        (Some(&pid) != self.child.id().map(|own| own.to_string()).as_ref()).then_some(pid)
    }

    /// Sends a signal to the node.
    pub fn signal(&self, number: Signal) {
        signal(&self.child.id().expect("it runs").to_string(), number);
    }

    /// How it ended.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(PATIENCE, self.child.wait()).await.expect("it goes on").expect("it ends")
    }

    /// Stops it as an operator would.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(self.ended().await.success());
        look_at_file(&self.folder.join("log"));
        none_was_logged();
    }
}

/// Where a node's log goes to be looked at.
fn watched() -> Stdio {
    let (log, end) = std::io::pipe().expect("a pipe");
    watch(log);
    end.into()
}

/// Sends a signal to a process that may be gone.
pub fn signal(pid: &str, signal: Signal) {
    let pid = pid.parse().ok().and_then(Pid::from_raw).expect("a process id");
    let _ = kill_process(pid, signal);
}

/// As many open files as the system allows: each socket is one.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("it may be raised to the hard limit");
}

/// The CPU time that a process has used so far.
pub fn status_kib(pid: u32, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the kernel says it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

pub fn cpu_of(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
    // USER_HZ is 100 on every Linux architecture that Rust's standard library supports.
    Duration::from_millis(ticks * 10)
}
