//! The floors: the least that the same work can cost, and the usual way beside them; each a process of its own so that the kernel
//! counts its CPU apart.
//!
//! The bench starts itself again as `… floor <name>`; a floor says `ready <address>` on standard output and serves until it
//! is killed.

mod actors;
mod epoll;
mod insert;
pub mod route;

use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running floor.
pub struct Floor {
    child: Child,
    pub address: String,
}

/// Runs a floor, if that is what this process was started for; does not return then.
pub fn run_if_asked() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [first, name, arguments @ ..] = words.as_slice() else { return };
    if first == "floor" {
        match name.as_str() {
            "actors" => actors::serve(arguments),
            "epoll" => epoll::run(arguments),
            "route" => route::serve(arguments),
            "insert" => insert::run(arguments),
            other => panic!("there is no floor `{other}`"),
        }
        std::process::exit(0);
    }
}

impl Floor {
    /// Starts the floor of this name; `arguments` follow it on its command line.
    pub async fn start(name: &str, arguments: &[&str]) -> Self {
        let own = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(own)
            .args(["floor", name])
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the floor starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
        let line = lines.next_line().await.expect("it speaks").expect("it says where it is");
        let address = line.strip_prefix("ready ").expect("it is ready").to_owned();
        Self { child, address }
    }

    /// The CPU time that it has used.
    pub fn cpu(&self) -> Duration {
        super::node::cpu_of(self.pid())
    }

    /// Its resident memory.
    pub fn resident_kib(&self) -> usize {
        super::node::status_kib(self.pid(), "VmRSS")
    }

    fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }
}
