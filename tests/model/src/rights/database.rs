//! The database: a primary, a standby, and the time.

use super::state::{Action, Link, NodeId, Renewal, Seq, Stage, State, System};
use super::{Fault, LEASE};

impl State {
    /// The end of the rights log, as a statement on the primary sees it.
    pub(super) fn head(&self) -> Seq {
        self.log.len() as Seq + Seq::from(self.shows_pending)
    }
}

impl System {
    pub(super) fn database_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.pending.is_some() {
            actions.push(Action::Copy);
            if state.crashes < self.scope.crashes {
                actions.push(Action::Crash);
            }
        }
        if state.failovers < self.scope.failovers {
            actions.push(Action::FailOver);
        }
    }

    pub(super) fn act_on_database(&self, state: &mut State, action: Action) {
        match action {
            Action::Copy => {
                state.log.extend(state.pending.take());
                state.shows_pending = false;
            }
            Action::FailOver => {
                state.failovers += 1;
                state.pending = None;
                state.shows_pending = false;
                state.deposed_head = state.log.len() as Seq;
                self.cut(state, Link::Deposed);
            }
            Action::Crash => {
                state.crashes += 1;
                state.shows_pending = true;
                self.cut(state, Link::Broken);
            }
            _ => unreachable!("not of the database"),
        }
    }

    /// No statement that is on its way runs any more. Answers of what has run and is safe still come from a deposed primary.
    fn cut(&self, state: &mut State, link: Link) {
        let head = state.log.len() as Seq;
        for node in &mut state.nodes {
            if node.link == Link::Primary || link == Link::Broken {
                node.link = link;
            }
            node.append = None;
            match node.renewal {
                Renewal::Sent { .. } if link == Link::Deposed && self.has(Fault::RenewsByReading) => {}
                Renewal::Run { head: read, .. } if link == Link::Deposed && read <= head => {}
                Renewal::Sent { .. } | Renewal::Run { .. } => node.renewal = Renewal::None,
                Renewal::None | Renewal::Applying { .. } => {}
            }
        }
        for (change, call) in (0..).zip(&mut state.calls) {
            let is_safe = link == Link::Deposed && state.log.contains(&change);
            if call.stage == Stage::Sent || call.stage == Stage::Run && !is_safe {
                call.stage = Stage::InDoubt;
            }
        }
    }

    pub(super) fn tick(&self, state: &mut State, without: Option<NodeId>) {
        let older = |age: u8| (age + 1).min(LEASE);
        for (id, node) in (0..).zip(&mut state.nodes) {
            if node.row {
                node.silent = older(node.silent);
            }
            if without == Some(id) {
                continue;
            }
            node.lease = node.lease.saturating_sub(1);
            match &mut node.renewal {
                Renewal::Sent { age } | Renewal::Run { age, .. } | Renewal::Applying { age, .. } => *age = older(*age),
                Renewal::None => {}
            }
        }
        for (change, call) in self.scope.changes.iter().zip(&mut state.calls) {
            let counts = match call.stage {
                Stage::Committed(_) => true,
                Stage::Sent | Stage::Run | Stage::InDoubt => self.has(Fault::WaitsFromTheSending),
                _ => false,
            };
            if counts && without != Some(change.node) {
                call.waited = older(call.waited);
            }
        }
    }
}
