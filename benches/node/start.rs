//! From the program's start to its first answer, with its PostgreSQL; and how large it is.

use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use std::path::Path;
use std::time::{Duration, Instant};

const COLD_ROUNDS: usize = 3;
const WARM_ROUNDS: usize = 5;

pub async fn measure(results: &mut Results) {
    let (mut cold, mut warm, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..COLD_ROUNDS {
        let folder = data_folder();
        cold.push(start(&folder, &mut resident).await);
        if round == 0 {
            for _ in 0..WARM_ROUNDS {
                warm.push(start(&folder, &mut resident).await);
            }
        }
        let _ = std::fs::remove_dir_all(&folder);
    }
    let bytes = std::fs::metadata(env!("CARGO_BIN_EXE_madang")).expect("the binary is there").len();
    let size = bytes as f64 / f64::from(1 << 20);
    for (name, unit, rounds) in [
        ("cold: an empty folder, PostgreSQL made and started", "ms", cold),
        ("warm: PostgreSQL started", "ms", warm),
        ("resident memory just after", "MiB", resident),
        ("the binary", "MiB", vec![size]),
    ] {
        results.push(Row { part: "start", name: name.into(), unit, rounds, floor: Vec::new(), goal: Goal::None });
    }
}

/// Milliseconds until the node says where it is.
async fn start(folder: &Path, resident: &mut Vec<f64>) -> f64 {
    let began = Instant::now();
    let node = Node::start(folder).await;
    let took = began.elapsed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    resident.push(node.resident_kib() as f64 / 1_024.0);
    node.stop().await;
    took.as_secs_f64() * 1e3
}
