//! The promise holds in every state that the rules allow, and each rule is needed for it.

use madang_model::lost_commits::{Bounds, Rules, System};
use stateright::{Checker, Model};

const BOUNDS: Bounds = Bounds { drafts: 2, batches: 4, restarts: 1 };

const NEVER: &str = "what is unavailable is not there and never will be";
const TWICE: &str = "nothing is there twice";
const MEMBERSHIP: &str = "what the node knows of a membership is so";

#[test]
fn the_promise_holds_in_every_state() {
    let checker = System { rules: Rules::NOW, bounds: BOUNDS }.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
}

/// Each message of the search names the rule that is missing.
fn breaks(rules: Rules, promise: &'static str) {
    let bounds = Bounds { drafts: 1, batches: 2, ..BOUNDS };
    let checker = System { rules, bounds }.checker().threads(2).spawn_bfs().join();
    let path = checker.discovery(promise).unwrap_or_else(|| panic!("{rules:?} keep it: {promise}"));
    println!("{promise}:\n{path}");
}

#[test]
fn a_claim_that_is_cleared_lets_what_was_refused_come() {
    breaks(Rules { claims_stay: false, ..Rules::NOW }, NEVER);
}

#[test]
fn a_claim_that_is_cleared_lets_what_was_written_again_come_twice() {
    breaks(Rules { claims_stay: false, ..Rules::NOW }, TWICE);
}

#[test]
fn a_change_that_is_decided_by_the_clock_may_come_later() {
    breaks(Rules { decides_by_process: false, ..Rules::NOW }, MEMBERSHIP);
}

#[test]
fn a_node_that_does_not_wait_for_the_one_before_is_overtaken_by_it() {
    breaks(Rules { begins_after_the_earlier: false, ..Rules::NOW }, MEMBERSHIP);
}
