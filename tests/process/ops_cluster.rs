//! `make cluster`, as a person plays with it: three nodes, NATS and a PostgreSQL pair, of which nothing is left afterwards.

use super::client::{Account, Api, Socket};
use super::node::{Signal, data_folder, signal};
use serde_json::{Value, json};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Nothing takes that long, though eight processes are started one after another.
const PATIENCE: Duration = super::node::PATIENCE.saturating_mul(3);
const POLL: Duration = Duration::from_millis(50);
/// The last line that a start says.
const STARTED: &str = "Nothing promotes the standby";
/// Below those that the kernel gives to connections, which would come and go.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

async fn in_time<T>(event: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("never: {event}"))
}

/// So many that nobody listens at.
fn free_ports(count: usize) -> Vec<String> {
    let first = usize::from(PORTS.start) + std::process::id() as usize * 29 % PORTS.len();
    let free =
        (0..PORTS.len()).map(|step| PORTS.start + ((first - usize::from(PORTS.start) + step) % PORTS.len()) as u16);
    let free = free.filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.take(count).map(|port| port.to_string()).collect()
}

/// `ops/cluster` with a folder and ports of its own.
struct Cluster {
    folder: PathBuf,
    ports: Vec<String>,
    shell: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Cluster {
    async fn start(folder: &Path) -> Self {
        let ports = free_ports(11);
        let mut command = Self::command(folder, &[]);
        for (name, range) in
            [("NODE_PORTS", 0..3), ("NATS_PORTS", 3..6), ("ROUTE_PORTS", 6..9), ("POSTGRES_PORTS", 9..11)]
        {
            command.env(name, ports[range].join(" "));
        }
        command.env("MADANG", env!("CARGO_BIN_EXE_madang")).env("RATE_LIMIT", "off").env("BCRYPT_COST", "4");
        let mut shell = command.stdout(Stdio::piped()).spawn().expect("bash is there");
        let lines = BufReader::new(shell.stdout.take().expect("it has an output")).lines();
        let mut cluster = Self { folder: folder.to_owned(), ports, shell, lines };
        cluster.until_it_says(STARTED).await;
        cluster
    }

    fn command(folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/ops/cluster"));
        command.args(arguments).env("DIR", folder).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn until_it_says(&mut self, words: &str) {
        let mut said = Vec::new();
        let read = async {
            while let Some(line) = self.lines.next_line().await.expect("text") {
                if line.contains(words) {
                    return true;
                }
                said.push(line);
            }
            false
        };
        assert!(in_time(words, read).await, "it ends without `{words}`: {said:#?}");
    }

    /// Asks for something from another shell.
    async fn ask(&self, arguments: &[&str]) {
        let asked = Self::command(&self.folder, arguments).stdout(Stdio::null()).status().await.expect("bash is there");
        assert!(asked.success(), "{arguments:?}");
    }

    fn address(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.ports[node - 1])
    }

    fn api(&self, node: usize) -> Api {
        Api::new(&format!("http://{}", self.address(node)))
    }

    fn pid(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.folder.join(name).with_extension("pid")).expect("it runs");
        text.trim().to_owned()
    }

    fn shell_pid(&self) -> String {
        self.shell.id().expect("it runs").to_string()
    }

    /// What it says is read, or it could not go on.
    async fn ended(mut self) -> ExitStatus {
        let read = async { while let Ok(Some(_)) = self.lines.next_line().await {} };
        in_time("the end of its output", read).await;
        in_time("its end", self.shell.wait()).await.expect("it ends")
    }
}

/// Whoever works in the folder, or was told of it.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder_text = folder.to_str().expect("text");
    let told = |process: &Path, file: &str| {
        let bytes = std::fs::read(process.join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(folder_text)
    };
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").expect("it is there").flatten().map(|entry| entry.path()) {
        let works_there = std::fs::read_link(process.join("cwd")).is_ok_and(|at| at.starts_with(folder));
        if works_there || told(&process, "cmdline") || told(&process, "environ") {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    found
}

async fn until_none_is_left(folder: &Path) {
    let wait = async {
        while !processes_of(folder).is_empty() {
            tokio::time::sleep(POLL).await;
        }
    };
    let is_in_time = tokio::time::timeout(PATIENCE, wait).await.is_ok();
    assert!(is_in_time, "left over: {:#?}", processes_of(folder));
}

/// Sends a message until it is in the log, as clients do.
async fn say(api: &Api, account: &Account, channel: i64, content: &str) {
    let path = format!("/channels/{channel}/messages");
    let say = async {
        loop {
            let answer = api.post(&path, &account.token, json!({ "content": content, "nonce": content })).await;
            if answer["content"] == content {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    in_time(content, say).await;
}

/// It is stopped, started again with what it had, fails over, and is killed.
#[tokio::test(flavor = "current_thread")]
async fn three_nodes_have_one_chat_which_stays_and_leave_no_process() {
    let folder = data_folder();
    let cluster = Cluster::start(&folder).await;
    assert!(processes_of(&folder).len() > 5, "they are seen");
    let owner = cluster.api(1).account("owner").await;
    let channel = cluster.api(1).channel(&owner).await;
    let mut socket = Socket::open(&cluster.address(2), channel, &owner).await;
    say(&cluster.api(1), &owner, channel, "through the first").await;
    let heard: Value = in_time("an event", socket.read_event()).await;
    assert_eq!(heard["content"], "through the first", "{heard}");
    // As Ctrl-C does it; but a shell does not hear that where whoever has started all of this in the background has it ignored.
    signal(&cluster.shell_pid(), Signal::TERM);
    assert!(cluster.ended().await.success());
    until_none_is_left(&folder).await;

    let mut cluster = Cluster::start(&folder).await;
    let history = cluster.api(3).history(&owner, channel).await;
    assert_eq!(history.len(), 1, "{history:?}");
    signal(&cluster.pid("postgres-1"), Signal::KILL);
    cluster.until_it_says("postgres-1 has ended").await;
    cluster.ask(&["promote"]).await;
    cluster.until_it_says("postgres-2 is the primary").await;
    say(&cluster.api(3), &owner, channel, "after the failover").await;
    cluster.ask(&["start", "postgres-1"]).await;
    cluster.until_it_says("postgres-1 is back").await;
    say(&cluster.api(2), &owner, channel, "with a standby again").await;
    signal(&cluster.shell_pid(), Signal::KILL);
    assert!(!cluster.ended().await.success());
    until_none_is_left(&folder).await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
