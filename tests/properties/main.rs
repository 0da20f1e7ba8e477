//! What holds for any input at all, of everything that takes a stranger's bytes. Each property is one function, `holds`, that
//! panics where it does not; here it meets a bounded number of inputs, and under `make fuzz` as many as there is time for.

#![allow(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unwrap_used)]

mod codec;
mod decoding;
mod frame;
mod head;
mod pieces;
mod query;
mod settings;
mod token;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fs;
use std::path::Path;

const CASES: u32 = 1_500;

/// The seeds of a target. Those of a binary protocol are written in hexadecimal digits.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).expect("seeds").map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    let read = |path: &Path| {
        let bytes = fs::read(path).expect("a seed");
        if path.extension().is_some_and(|extension| extension == "hex") { unhex(&bytes) } else { bytes }
    };
    paths.iter().map(|path| read(path)).collect()
}

fn unhex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().filter_map(|c| char::from(*c).to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The front of one seed and the back of another, with some bytes changed.
fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds);
    let changes = vec((any::<Index>(), any::<u8>()), 0..4);
    (seed.clone(), seed, any::<(bool, Index, Index)>(), changes).prop_map(
        |(mut front, back, (joins, at, from), changes)| {
            if joins {
                front.truncate(at.index(front.len() + 1));
                front.extend(&back[from.index(back.len() + 1)..]);
            }
            for (at, byte) in changes {
                let length = front.len();
                if let Some(place) = front.get_mut(at.index(length.max(1))) {
                    // A bit of it, or all of it.
                    *place = if byte < 64 { *place ^ 1 << (byte % 8) } else { byte };
                }
            }
            front
        },
    )
}

/// The same inputs at each run: what fails, fails again.
fn check(target: &str, holds: fn(&[u8])) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds.iter().for_each(|seed| holds(seed));
    let inputs = prop_oneof![1 => vec(any::<u8>(), 0..600), 4 => mutated(seeds)];
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&inputs, |bytes| {
        holds(&bytes);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{target}: {error}"));
}

#[test]
fn bytes_of_a_socket_are_taken_apart_the_same_way_however_they_come() {
    check("codec", codec::holds);
}

#[test]
fn a_frame_that_is_understood_is_understood_again_as_it_is_written() {
    check("frame", frame::holds);
}

#[test]
fn a_token_that_was_not_issued_is_refused() {
    check("token", token::holds);
}

#[test]
fn a_query_an_address_and_an_origin_are_what_they_say_or_are_refused() {
    check("query", query::holds);
}

#[test]
fn a_setting_that_is_bad_is_named_without_what_is_secret() {
    check("settings", settings::holds);
}

#[test]
fn a_head_has_its_end_where_it_is_however_it_comes() {
    check("head", head::holds);
}
