//! A change, from its sending to its answer.

use super::state::{Action, ChangeId, Life, Link, Set, Stage, State, System};
use super::{Fault, LEASE};

impl System {
    pub(super) fn call_actions(&self, state: &State, change: ChangeId, actions: &mut Vec<Action>) {
        let call = &state.calls[usize::from(change)];
        let node = &state.nodes[usize::from(self.scope.changes[usize::from(change)].node)];
        if node.life == Life::Dead {
            return;
        }
        let is_current = node.link == Link::Primary;
        match call.stage {
            Stage::Unsent if is_current => actions.push(Action::Send(change)),
            Stage::Sent | Stage::Run => {
                if self.scope.losses {
                    actions.push(Action::Lose(change));
                }
                if call.stage == Stage::Run {
                    if state.log.contains(&change) {
                        actions.push(Action::Answer(change));
                    }
                } else if state.pending.is_none() {
                    actions.push(Action::Run(change));
                }
                if self.has(Fault::ListsNodesBeforeTheCommit) && call.list.is_none() {
                    actions.push(Action::ReadNodes(change));
                }
            }
            // As long as it waits for the standby, its process is there and nothing is decided.
            Stage::InDoubt if is_current && (state.pending != Some(change) || state.shows_pending) => {
                actions.push(Action::LookUp(change));
            }
            Stage::Committed(seq) => {
                if call.list.is_none() && node.link != Link::Broken && !self.has(Fault::ListsNodesBeforeTheCommit) {
                    actions.push(Action::ReadNodes(change));
                }
                for (id, other) in (0..).zip(&state.nodes) {
                    let has = if self.has(Fault::AcknowledgesBeforeApplied) { other.heard } else { other.applied };
                    if other.life == Life::Registered && has.last() >= seq && !call.acknowledged.has(id) {
                        actions.push(Action::Acknowledge { change, node: id });
                    }
                }
                let wait = if self.has(Fault::WaitsHalfALease) { LEASE / 2 } else { LEASE };
                let is_over = call.waited >= wait && !self.has(Fault::WaitsForEveryNode);
                let is_here = node.applied.last() >= seq || self.has(Fault::AnswersBeforeItsOwnNode);
                if is_here && (is_over || call.list.is_some_and(|list| call.acknowledged.covers(list))) {
                    actions.push(Action::AnswerCall(change));
                }
            }
            _ => {}
        }
    }

    pub(super) fn act_on_call(&self, state: &mut State, change: ChangeId, action: Action) {
        let id = self.scope.changes[usize::from(change)].node;
        let seq =
            state.log.iter().chain(&state.pending).position(|entry| *entry == change).map(|place| place as u8 + 1);
        let others = (0..).zip(&state.nodes).filter(|(other, node)| *other != id && node.row).map(|(other, _)| other);
        let list = others.fold(Set::default(), Set::with);
        let call = &mut state.calls[usize::from(change)];
        match action {
            Action::Send(_) => call.stage = Stage::Sent,
            Action::Run(_) => {
                call.stage = Stage::Run;
                state.pending = Some(change);
            }
            Action::Answer(_) | Action::LookUp(_) => {
                call.stage = seq.map_or(Stage::Refused, Stage::Committed);
                if call.stage == Stage::Refused {
                    (call.waited, call.list) = (0, None);
                }
            }
            Action::Lose(_) => {
                call.stage = Stage::InDoubt;
                let node = &mut state.nodes[usize::from(id)];
                if node.link == Link::Primary {
                    node.link = Link::Broken;
                }
            }
            Action::ReadNodes(_) => call.list = Some(list),
            Action::Acknowledge { node, .. } => call.acknowledged = call.acknowledged.with(node),
            Action::AnswerCall(_) => {
                if let Stage::Committed(seq) = call.stage {
                    call.stage = Stage::Answered(seq);
                    // Nothing looks at these any more.
                    (call.waited, call.list, call.acknowledged) = (0, None, Set::default());
                }
            }
            _ => unreachable!("not of a call"),
        }
    }
}
