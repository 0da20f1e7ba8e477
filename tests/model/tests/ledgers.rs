//! Every channel announces its log whole and in order, in every state that the rules allow, and each rule is needed for it.

use madang_model::ledgers::{DIFFERS, Fault, HAS_ALL, Scope, System, VANISHES};
use madang_model::search::search_ends;
use stateright::{Checker, HasDiscoveries, Model};

/// Two batches, and everything that may happen to them but what the other scopes are about.
const SMALL: Scope = Scope {
    batches: 2,
    own_batches: 1,
    has_bus: true,
    failovers: 1,
    crashes: 1,
    dies: true,
    prunes: false,
    loses: true,
    forgets: true,
    is_lossy: false,
};

/// Nobody dies, so nothing is polled.
const QUIET: Scope = Scope { dies: false, ..SMALL };

/// Three batches.
const BUS: Scope = Scope { batches: 3, crashes: 0, loses: false, forgets: false, ..QUIET };

/// The ledger alone.
const POLLING: Scope = Scope { batches: 3, has_bus: false, crashes: 0, loses: false, forgets: false, ..SMALL };

/// Notes are pruned while the node that follows does nothing.
const PRUNING: Scope = Scope { prunes: true, failovers: 0, dies: true, ..BUS };

/// A failover loses what was answered.
const LOSSY: Scope = Scope { is_lossy: true, ..BUS };

/// Everything was searched: by the checker, and by the search for dead ends.
fn holds(scope: Scope) {
    let system = System { scope, fault: None };
    let checker = system.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different", checker.state_count(), checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.is_done());
    let ends = search_ends(&system, HAS_ALL);
    assert_eq!(ends.states, checker.unique_state_count(), "both searches have seen everything");
    assert!(ends.dead_end.is_none(), "{:#?}", ends.dead_end);
}

/// Each message of the search names the rule that is missing.
fn breaks(fault: Fault, scope: Scope, promise: &'static str) {
    let system = System { scope, fault: Some(fault) };
    let search = system.checker().threads(2).finish_when(HasDiscoveries::AnyOf([promise].into()));
    let path = search.spawn_bfs().join().discovery(promise).unwrap_or_else(|| panic!("{fault:?} keeps it: {promise}"));
    println!("{fault:?}: {promise}:\n{:#?}", path.into_actions());
}

/// The same, where something is never announced.
fn never_ends(fault: Fault, scope: Scope) {
    let ends = search_ends(&System { scope, fault: Some(fault) }, HAS_ALL);
    println!("{fault:?}:\n{:#?}", ends.dead_end.unwrap_or_else(|| panic!("{fault:?} has all in the end")));
}

#[test]
fn logs_are_announced_whole_with_a_bus() {
    holds(BUS);
}

#[test]
fn logs_are_announced_whole_though_messages_are_lost_and_nobody_dies() {
    holds(QUIET);
}

#[test]
fn logs_are_announced_whole_through_crashes_failovers_and_deaths() {
    holds(SMALL);
}

#[test]
fn logs_are_announced_whole_by_polling() {
    holds(POLLING);
}

#[test]
fn logs_are_announced_whole_though_notes_are_pruned() {
    holds(PRUNING);
    holds(Scope { dies: false, ..PRUNING });
}

#[test]
fn logs_are_announced_whole_or_anew_where_a_failover_loses() {
    holds(LOSSY);
}

#[test]
fn each_rule_of_the_bus_is_needed() {
    never_ends(Fault::IgnoresPrev, SMALL);
    never_ends(Fault::TrustsTheNumber, SMALL);
    never_ends(Fault::NamesNoLastNumber, QUIET);
    never_ends(Fault::PollsNotTheDark, SMALL);
    never_ends(Fault::ForgetsTheDead, SMALL);
}

#[test]
fn each_rule_of_the_ledger_is_needed() {
    never_ends(Fault::ReadsAfterOneNumber, Scope { batches: 2, ..POLLING });
    never_ends(Fault::PollsNotTheDark, Scope { batches: 2, ..POLLING });
    never_ends(Fault::TrustsAPrunedLedger, Scope { batches: 2, ..PRUNING });
    never_ends(Fault::PrunesTheNewest, Scope { batches: 2, ..PRUNING });
}

#[test]
fn each_rule_of_a_channel_is_needed() {
    breaks(Fault::AnnouncesWhatComes, BUS, DIFFERS);
    breaks(Fault::AnnouncesAgain, BUS, DIFFERS);
    never_ends(Fault::LeavesGaps, QUIET);
    never_ends(Fault::ListensAfterReading, SMALL);
}

#[test]
fn each_rule_of_a_failover_is_needed() {
    breaks(Fault::ConnectsWithoutABarrier, SMALL, VANISHES);
    breaks(Fault::KeepsHeads, LOSSY, DIFFERS);
    breaks(Fault::ComparesHeadsByNumber, LOSSY, DIFFERS);
    breaks(Fault::KeepsWhatItHolds, LOSSY, DIFFERS);
    breaks(Fault::TakesAnyHistory, LOSSY, DIFFERS);
}
