//! A real NATS server.

use super::SOON;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// A server that runs until it is dropped.
pub struct NatsServer {
    port: u16,
    arguments: Vec<String>,
    running: Child,
    folder: TempDir,
}

/// Debian has it where only root's path leads.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join("nats-server")).find(|program| program.is_file())
}

impl NatsServer {
    /// One on a free port; `None`, and a line that says so, where there is none on this machine.
    pub async fn start(arguments: &[&str]) -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("left out: there is no nats-server here, and `.ci/need nats-server` could not install it");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let running = run(&program, &folder, -1, &arguments);
        let port = written_port(&folder).await;
        Some(Self { port, arguments, running, folder })
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub fn pid(&self) -> String {
        self.running.id().to_string()
    }

    /// Ends it as a machine does that loses its power.
    pub fn kill(&mut self) {
        self.running.kill().expect("it runs");
        self.running.wait().expect("it has ended");
    }

    /// Starts it anew where it was.
    pub fn start_again(&mut self) {
        let program = program().expect("it was there before");
        self.running = run(&program, &self.folder, i32::from(self.port), &self.arguments);
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

fn run(program: &PathBuf, folder: &TempDir, port: i32, arguments: &[String]) -> Child {
    let mut command = Command::new(program);
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "--ports_file_dir"]).arg(folder.path()).args(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

async fn written_port(folder: &TempDir) -> u16 {
    let begun = Instant::now();
    while begun.elapsed() < SOON {
        let files = std::fs::read_dir(folder.path()).expect("the folder").flatten();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let port = texts.filter_map(|text| {
            let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
            ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
        });
        if let Some(port) = { port }.next() {
            return port;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("nats-server does not say where it listens");
}
