//! The promise about rights holds in every state that the rules allow, and each rule is needed for it.

use madang_model::rights::{ANSWERS, Change, Fault, IS_SETTLED, LEAKS, LOSES, Scope, System};
use madang_model::search::search_ends;
use stateright::{Checker, HasDiscoveries, Model};

const fn leave(node: u8, user: u8) -> Change {
    Change { node, user, gives: false }
}

/// One node makes the change, the other has the sockets; the database fails over, rows are removed.
const FAILOVER: Scope = Scope {
    nodes: 2,
    listeners: &[1],
    authors: &[0],
    changes: &[leave(0, 0)],
    failovers: 1,
    crashes: 1,
    losses: true,
    removals: true,
    deaths: false,
    slow_appends: true,
    early_entries: false,
    stopped_clock: None,
};

/// The node with the sockets dies.
const DEATHS: Scope = Scope { deaths: true, ..FAILOVER };

/// Two nodes, both with sockets; one makes the change.
const OWN_SOCKETS: Scope = Scope {
    listeners: &[0, 1],
    failovers: 0,
    crashes: 0,
    losses: false,
    removals: false,
    slow_appends: false,
    ..FAILOVER
};

/// One node makes two changes at once, the other has the sockets.
const TWO_LEAVES: Scope = Scope { listeners: &[1], changes: &[leave(0, 0), leave(0, 1)], ..OWN_SOCKETS };

/// A leave on one node and a join of the same user on the other, which has the sockets.
const REJOIN: Scope = Scope { changes: &[leave(0, 0), Change { node: 1, user: 0, gives: true }], ..TWO_LEAVES };

/// Three nodes: one makes the change, one writes, one with sockets is stopped together with its clock.
const STOPPED_CLOCK: Scope =
    Scope { nodes: 3, listeners: &[1], authors: &[1, 2], removals: true, stopped_clock: Some(1), ..OWN_SOCKETS };

/// What was committed before the answer is followed too.
const EARLY: Scope = Scope { early_entries: true, listeners: &[1], slow_appends: true, ..OWN_SOCKETS };

/// Everything was searched: by the checker, and by the search for dead ends.
fn holds(scope: Scope) {
    holds_with(None, scope);
}

fn holds_with(fault: Option<Fault>, scope: Scope) {
    let system = System { scope, fault };
    let checker = system.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.is_done());
    let ends = search_ends(&system, IS_SETTLED);
    assert_eq!(ends.states, checker.unique_state_count(), "both searches have seen everything");
    assert!(ends.dead_end.is_none(), "{:#?}", ends.dead_end);
}

#[test]
fn the_promise_holds_through_failovers_deaths_and_removals() {
    holds(FAILOVER);
    holds(DEATHS);
}

#[test]
fn the_promise_holds_for_the_sockets_of_both_nodes() {
    holds(OWN_SOCKETS);
}

#[test]
fn the_promise_holds_with_two_leaves() {
    holds(TWO_LEAVES);
}

#[test]
fn the_promise_holds_with_a_leave_and_a_join() {
    holds(REJOIN);
}

#[test]
fn the_promise_holds_with_a_stopped_clock() {
    holds(STOPPED_CLOCK);
}

#[test]
fn what_was_checked_before_the_answer_may_be_written_after_it() {
    holds(EARLY);
}

/// Each message of the search names the rule that is missing.
fn breaks(fault: Fault, scope: Scope, promise: &'static str) {
    let system = System { scope, fault: Some(fault) };
    let search = system.checker().threads(2).finish_when(HasDiscoveries::AnyOf([promise].into()));
    let path = search.spawn_bfs().join().discovery(promise).unwrap_or_else(|| panic!("{fault:?} keeps it: {promise}"));
    println!("{fault:?}: {promise}:\n{:#?}", path.into_actions());
}

/// The same, where what is missing is the end.
fn never_ends(fault: Fault, scope: Scope) {
    let ends = search_ends(&System { scope, fault: Some(fault) }, IS_SETTLED);
    println!("{fault:?}:\n{:#?}", ends.dead_end.unwrap_or_else(|| panic!("{fault:?} ends")));
}

#[test]
fn each_rule_of_the_lease_is_needed() {
    breaks(Fault::SkipsTheLease, FAILOVER, LEAKS);
    breaks(Fault::ChecksBeforeReceiving, FAILOVER, LEAKS);
    breaks(Fault::LeaseFromTheAnswer, FAILOVER, LEAKS);
    breaks(Fault::LeaseBeforeApplied, FAILOVER, LEAKS);
    breaks(Fault::RenewsByReading, FAILOVER, LEAKS);
    breaks(Fault::RenewsWithoutARow, FAILOVER, LEAKS);
    breaks(Fault::RemovesAtOnce, FAILOVER, LEAKS);
}

#[test]
fn each_rule_of_the_answer_is_needed() {
    breaks(Fault::AcknowledgesBeforeApplied, FAILOVER, LEAKS);
    breaks(Fault::TakesEntriesAsTheyCome, TWO_LEAVES, LEAKS);
    breaks(Fault::WaitsFromTheSending, FAILOVER, LEAKS);
    breaks(Fault::WaitsHalfALease, FAILOVER, LEAKS);
    breaks(Fault::ListsNodesBeforeTheCommit, FAILOVER, LEAKS);
    breaks(Fault::AnswersBeforeItsOwnNode, OWN_SOCKETS, ANSWERS);
    breaks(Fault::ResolvesWithoutABarrier, FAILOVER, LOSES);
    never_ends(Fault::WaitsForEveryNode, DEATHS);
}

#[test]
fn a_join_that_a_node_has_not_heard_is_refused_there() {
    breaks(Fault::WaitsHalfALease, REJOIN, ANSWERS);
    breaks(Fault::TakesEntriesAsTheyCome, REJOIN, ANSWERS);
}

#[test]
fn where_clocks_stop_each_rule_of_the_horizon_is_needed() {
    breaks(Fault::IgnoresTheHorizon, STOPPED_CLOCK, LEAKS);
    breaks(Fault::ReadsWithoutAHorizon, STOPPED_CLOCK, LEAKS);
    // The node that writes has sockets too: the change has waited for it.
    let writes = Scope { listeners: &[1, 2], authors: &[2], ..STOPPED_CLOCK };
    breaks(Fault::HorizonOfTheSender, writes, LEAKS);
}

#[test]
fn while_clocks_go_on_the_lease_alone_is_enough() {
    holds_with(Some(Fault::IgnoresTheHorizon), FAILOVER);
}

/// What `STOPPED_CLOCK` leaves out: an append of the stopped node that has its snapshot before the change and commits after the answer.
#[test]
fn an_append_that_takes_longer_than_a_stop_of_the_clock_leaks() {
    let system = System { scope: Scope { slow_appends: true, authors: &[1], ..STOPPED_CLOCK }, fault: None };
    let path = system.checker().threads(2).spawn_bfs().join().discovery(LEAKS).expect("it is known to leak");
    println!("{:#?}", path.into_actions());
}
