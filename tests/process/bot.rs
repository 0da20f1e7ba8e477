//! An example bot as a process, and what it needs, got once under `target/`.

use super::node::{PATIENCE, Signal, signal};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Who has no network waits no longer before the bot is passed over.
const INSTALL_PATIENCE: Duration = Duration::from_secs(150);

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bots").join(name)
}

/// How a bot is started: an interpreter and a script.
pub struct Program {
    interpreter: PathBuf,
    script: PathBuf,
}

/// `None`, after a line that says why, where it cannot be had.
pub async fn python_program() -> Option<Program> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bot-python");
    let wanted = example("requirements.txt");
    let install = async {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).await?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args("-m pip install --quiet --disable-pip-version-check --retries 1 --timeout 15".split(' '));
        run(pip.arg("-r").arg(&wanted)).await
    };
    had("Python", &folder, &wanted, install).await?;
    Some(Program { interpreter: folder.join("bin/python"), script: example("bot.py") })
}

/// The same for Node.js, whose modules are found beside the script.
pub async fn node_program() -> Option<Program> {
    let is_old =
        "const [major, minor] = process.versions.node.split('.'); process.exit(major * 100 + +minor < 2010 ? 1 : 0)";
    if let Err(why) = run(Command::new("node").args(["-e", is_old])).await {
        eprintln!("the bot for Node.js is not tried, for it needs version 20.10 or newer: {why}");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bot-node");
    let wanted = example("package-lock.json");
    let install = async {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(example(name), folder.join(name)).map_err(|error| error.to_string())?;
        }
        let mut npm = Command::new("npm");
        npm.args(["ci", "--loglevel=error", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=15000"]);
        run(npm.current_dir(&folder)).await
    };
    had("Node.js", &folder, &wanted, install).await?;
    let script = folder.join("bot.mjs");
    std::fs::copy(example("bot.mjs"), &script).expect("it can be copied");
    Some(Program { interpreter: "node".into(), script })
}

/// Installs what is `wanted` unless that was done before.
async fn had(
    name: &str,
    folder: &Path,
    wanted: &Path,
    install: impl Future<Output = Result<(), String>>,
) -> Option<()> {
    let (stamp, text) = (folder.join("installed"), std::fs::read(wanted).expect("the example is there"));
    if std::fs::read(&stamp).is_ok_and(|installed| installed == text) {
        return Some(());
    }
    let done = timeout(INSTALL_PATIENCE, install).await.unwrap_or_else(|_| Err("it takes too long".to_owned()));
    match done {
        Ok(()) => {
            std::fs::write(stamp, text).expect("it can be written");
            Some(())
        }
        Err(why) => {
            eprintln!("the bot for {name} is not tried, for what it needs cannot be had: {why}");
            None
        }
    }
}

/// Runs a command; says in a line why it failed.
async fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let line = said.lines().find(|line| line.contains("rror")).or(said.lines().next()).unwrap_or_default();
    let line: String = line.chars().take(300).collect();
    if output.status.success() { Ok(()) } else { Err(format!("{}: {line}", output.status)) }
}

/// A bot that runs, or has run, with what it has printed.
pub struct Bot {
    child: Child,
    heard: PathBuf,
    said: PathBuf,
}

impl Bot {
    /// Starts one whose place is kept in `folder`.
    pub fn start(program: &Program, folder: &Path, settings: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (heard, said) = (folder.join(format!("bot-{number}.heard")), folder.join(format!("bot-{number}.said")));
        let file = |path| std::fs::File::create(path).expect("a file can be made");
        let mut command = Command::new(&program.interpreter);
        command.arg(&program.script).arg("--log").current_dir(folder).envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(file(&heard)).stderr(file(&said)).kill_on_drop(true);
        Self { child: command.spawn().expect("it starts"), heard, said }
    }

    /// The entries that it has printed, each on a line; one that is not written to its end is not among them.
    pub fn heard(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.heard).expect("text");
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// What it has said to people.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).expect("text")
    }

    /// Its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("it goes on").expect("it ends").code()
    }

    /// Asks it to end.
    pub async fn stop(&mut self) -> Option<i32> {
        signal(&self.child.id().expect("it runs").to_string(), Signal::TERM);
        self.ended().await
    }

    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it runs");
    }
}
