//! What has to hold in every state, and what has to be possible.

use super::state::{Life, Link, Node, Relay, Scope, Seq, Set, Stage, State, System};
use stateright::Property;

pub const LEAKS: &str = "no entry that is committed after the answer to a leave is written to a socket of who left";
pub const ANSWERS: &str = "whoever may answer knows every change that has been answered";
pub const LOSES: &str = "what has been answered stays, and nothing is applied that may be lost";
/// Not promised: it was checked before the answer, and the node has paused since.
pub const LATE: &str = "an entry that was committed before the answer may be written after it";

/// In the end: every call has its answer, and every node that lives has applied all and holds a lease.
pub const IS_SETTLED: fn(&System, &State) -> bool = |system, state| {
    let is_final = |stage| matches!(stage, Stage::Answered(_) | Stage::Refused);
    let is_well = |(id, node): (u8, &Node)| {
        let listens = system.scope.listeners.contains(&id);
        let has_all = node.applied == Set::up_to(state.log.len() as Seq) && node.lease > 0;
        node.life == Life::Dead || !listens || node.life == Life::Registered && has_all && node.link == Link::Primary
    };
    state.calls.iter().all(|call| is_final(call.stage)) && (0..).zip(&state.nodes).all(is_well)
};

/// The answered leaves among `after` that no join has followed.
fn leaves(system: &System, state: &State, after: Set) -> impl Iterator<Item = Seq> {
    let change =
        |seq: Seq| state.log.get(usize::from(seq) - 1).map(|change| system.scope.changes[usize::from(*change)]);
    let last = state.log.len() as Seq;
    let is_final = move |seq: Seq| {
        change(seq).is_some_and(|left| {
            let joins = |later: Seq| change(later).is_some_and(|later| later.user == left.user && later.gives);
            !left.gives && !(seq..=last).any(joins)
        })
    };
    let leaves: Vec<Seq> = (1..=last).filter(|seq| after.has(*seq) && is_final(*seq)).collect();
    leaves.into_iter()
}

fn checked(state: &State) -> impl Iterator<Item = (&Node, super::state::Entry)> {
    state.nodes.iter().filter_map(|node| match node.relay {
        Relay::Checked(entry) => Some((node, entry)),
        _ => None,
    })
}

pub(super) fn properties(scope: &Scope) -> Vec<Property<System>> {
    let mut properties = vec![
        Property::always(LEAKS, |system: &System, state: &State| {
            checked(state).all(|(node, entry)| leaves(system, state, entry.after).all(|seq| node.applied.has(seq)))
        }),
        Property::always(LOSES, |_, state: &State| {
            let answered = (0..).zip(&state.calls).all(|(change, call)| match call.stage {
                Stage::Answered(seq) => state.log.get(usize::from(seq) - 1) == Some(&change),
                _ => true,
            });
            answered && state.nodes.iter().all(|node| usize::from(node.applied.last()) <= state.log.len())
        }),
        Property::sometimes("an entry is written after the answer", |_, state: &State| {
            checked(state).any(|(_, entry)| !entry.after.is_empty())
        }),
    ];
    // A node whose clock has stood still thinks that its lease holds; only what comes with a horizon is safe there.
    if scope.stopped_clock.is_none() {
        properties.push(Property::always(ANSWERS, |_, state: &State| {
            let answered = state.answered();
            state.nodes.iter().all(|node| node.lease == 0 || node.heard.covers(answered))
        }));
    }
    if scope.early_entries {
        properties.push(Property::sometimes(LATE, |system: &System, state: &State| {
            let answered = state.answered();
            let is_late = |(node, entry): (&Node, super::state::Entry)| {
                entry.after.is_empty() && leaves(system, state, answered).any(|seq| !node.applied.has(seq))
            };
            checked(state).any(is_late)
        }));
    }
    if scope.removals {
        properties.push(Property::sometimes("a node finds its row gone", |_, state: &State| {
            state.nodes.iter().any(|node| node.life == Life::Outside)
        }));
    }
    properties
}
