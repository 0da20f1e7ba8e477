//! What the kernel says about a PostgreSQL server.

use super::node::cpu_of;
use std::time::Duration;

/// The CPU time of a server so far: of its first process, of all that it has started, and of those that have ended.
pub fn cpu_of_server(postmaster: u32) -> Duration {
    let living = children(postmaster).into_iter().filter_map(|pid| std::fs::read_to_string(stat(pid)).ok());
    let ended = fields(&std::fs::read_to_string(stat(postmaster)).expect("it runs"), [13, 14]);
    let living: u64 = living.map(|stat| fields(&stat, [11, 12])).sum();
    cpu_of(postmaster) + Duration::from_millis((living + ended) * 10)
}

fn stat(pid: u32) -> String {
    format!("/proc/{pid}/stat")
}

/// The sum of two counters, in ticks of 10 ms, named by their places behind the program's name.
fn fields(stat: &str, places: [usize; 2]) -> u64 {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    places.iter().map(|place| fields[*place].parse::<u64>().expect("a number")).sum()
}

fn children(parent: u32) -> Vec<u32> {
    let list =
        std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).expect("the kernel lists them");
    list.split_whitespace().map(|pid| pid.parse().expect("a process id")).collect()
}
