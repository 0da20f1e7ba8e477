//! A node that listens: its row, its lease, what it has heard and applied, and what its relay writes.

use super::state::{Action, Entry, Life, Link, Node, NodeId, Relay, Renewal, Seq, Set, State, System};
use super::{Fault, LEASE};

impl Node {
    /// What it remembers and whom it serves is gone.
    fn end(&mut self, life: Life) {
        self.life = life;
        self.heard = Set::default();
        self.applied = Set::default();
        self.lease = 0;
        self.renewal = Renewal::None;
        self.relay = Relay::Idle;
    }

    fn grant(&mut self, age: u8) {
        self.lease = self.lease.max(LEASE - age);
        self.renewal = Renewal::None;
    }
}

impl System {
    pub(super) fn node_actions(&self, state: &State, id: NodeId, actions: &mut Vec<Action>) {
        let node = &state.nodes[usize::from(id)];
        let limit = if self.has(Fault::RemovesAtOnce) { LEASE - 1 } else { LEASE };
        if self.scope.removals && node.row && node.silent >= limit {
            actions.push(Action::Remove(id));
        }
        if node.append.is_some() {
            actions.push(Action::CommitAppend(id));
        }
        if node.life == Life::Dead {
            return;
        }
        let is_current = node.link == Link::Primary;
        // The commit of nothing is answered when what was committed before it is safe.
        if !is_current && (state.pending.is_none() || self.has(Fault::ResolvesWithoutABarrier)) {
            actions.push(Action::Reconnect(id));
        }
        if is_current && self.scope.authors.contains(&id) && node.append.is_none() {
            actions.push(Action::BeginAppend(id));
        }
        if node.life == Life::Outside {
            if is_current && !node.row {
                actions.push(Action::Register(id));
            }
            return;
        }
        for seq in state.calls.iter().filter_map(|call| call.published()) {
            let is_next = seq == node.heard.last() + 1;
            if is_next || self.has(Fault::TakesEntriesAsTheyCome) && seq > node.heard.last() {
                actions.push(Action::Hear { node: id, seq });
            }
        }
        if node.heard != node.applied && !matches!(node.relay, Relay::Checked(_)) {
            actions.push(Action::Settle(id));
        }
        if self.scope.listeners.contains(&id) {
            self.listener_actions(state, id, actions);
        }
    }

    fn listener_actions(&self, state: &State, id: NodeId, actions: &mut Vec<Action>) {
        let node = &state.nodes[usize::from(id)];
        if self.scope.deaths && id != 0 {
            actions.push(Action::Die(id));
        }
        let reads = self.has(Fault::RenewsByReading) && node.link == Link::Deposed;
        match node.renewal {
            Renewal::None if node.link == Link::Primary || reads => actions.push(Action::SendRenewal(id)),
            Renewal::Sent { .. } if node.link == Link::Primary || reads => actions.push(Action::RunRenewal(id)),
            // Its own commit is behind what it has read.
            Renewal::Run { head, .. } if usize::from(head) <= state.log.len() || self.has(Fault::RenewsByReading) => {
                actions.push(Action::AnswerRenewal(id));
            }
            _ => {}
        }
        let (lease, horizon) = (node.lease > 0, node.applied.last());
        match node.relay {
            Relay::Idle | Relay::CheckedNothing => {
                let is_open = !self.has(Fault::ChecksBeforeReceiving) || node.relay == Relay::CheckedNothing;
                if is_open {
                    actions.extend(state.entries.iter().map(|entry| Action::Receive { node: id, entry: *entry }));
                } else if lease {
                    actions.push(Action::Check(id));
                }
                if is_open && node.link == Link::Primary {
                    actions.extend(state.entries.iter().map(|entry| Action::Read { node: id, entry: *entry }));
                }
            }
            Relay::Received(entry) => {
                let is_known = entry.horizon <= horizon || self.has(Fault::IgnoresTheHorizon);
                if (lease || self.has(Fault::SkipsTheLease)) && is_known {
                    actions.push(Action::Check(id));
                }
            }
            Relay::Checked(_) => actions.push(Action::Write(id)),
        }
    }

    pub(super) fn act_on_node(&self, state: &mut State, id: NodeId, action: Action) {
        let (head, deposed_head) = (state.head(), state.deposed_head);
        let node = &mut state.nodes[usize::from(id)];
        match action {
            Action::Reconnect(_) => {
                node.link = Link::Primary;
                if !matches!(node.renewal, Renewal::Applying { .. }) {
                    node.renewal = Renewal::None;
                }
            }
            Action::Register(_) => (node.life, node.row, node.silent) = (Life::Registered, true, 0),
            Action::Remove(_) => (node.row, node.silent) = (false, 0),
            Action::Die(_) => node.end(Life::Dead),
            Action::SendRenewal(_) => node.renewal = Renewal::Sent { age: 0 },
            Action::RunRenewal(_) => {
                let Renewal::Sent { age } = node.renewal else { return };
                let is_current = node.link == Link::Primary;
                // The deposed primary still has the row.
                let found = node.row || !is_current;
                node.renewal = Renewal::Run { age, head: if is_current { head } else { deposed_head }, found };
                if node.row && is_current {
                    node.silent = 0;
                }
            }
            Action::AnswerRenewal(_) => self.take_renewal(node),
            Action::Hear { seq, .. } => node.heard = node.heard.with(seq),
            Action::Settle(_) => {
                node.applied = node.heard;
                if let Renewal::Applying { age, head } = node.renewal
                    && node.applied.last() >= head
                {
                    node.grant(age);
                }
            }
            _ => unreachable!("not of a node"),
        }
    }

    fn take_renewal(&self, node: &mut Node) {
        let Renewal::Run { age, head, found } = node.renewal else { return };
        if !found && !self.has(Fault::RenewsWithoutARow) {
            node.end(Life::Outside);
            return;
        }
        if head > node.heard.last() {
            node.heard = node.heard.union(Set::up_to(head));
        }
        if node.applied.last() >= head || self.has(Fault::LeaseBeforeApplied) {
            let age = if self.has(Fault::LeaseFromTheAnswer) { 0 } else { age };
            node.grant(age);
        } else {
            node.renewal = Renewal::Applying { age: if self.has(Fault::LeaseFromTheAnswer) { 0 } else { age }, head };
        }
    }

    pub(super) fn act_on_relay(&self, state: &mut State, id: NodeId, action: Action) {
        let head = state.head();
        let node = &mut state.nodes[usize::from(id)];
        match action {
            Action::BeginAppend(_) => {
                node.append = Some(head);
                if !self.scope.slow_appends {
                    self.commit_append(state, id);
                }
            }
            Action::CommitAppend(_) => self.commit_append(state, id),
            Action::Receive { entry, .. } => self.receive(node, entry),
            Action::Read { entry, .. } => {
                let horizon = if self.has(Fault::ReadsWithoutAHorizon) { 0 } else { head };
                self.receive(node, Entry { horizon, ..entry });
            }
            Action::Check(_) => {
                node.relay = match node.relay {
                    Relay::Received(entry) => Relay::Checked(entry),
                    _ => Relay::CheckedNothing,
                }
            }
            Action::Write(_) => node.relay = Relay::Idle,
            _ => unreachable!("not of a relay"),
        }
    }

    fn receive(&self, node: &mut Node, entry: Entry) {
        let is_checked = node.relay == Relay::CheckedNothing;
        node.relay = if is_checked { Relay::Checked(entry) } else { Relay::Received(entry) };
    }

    fn commit_append(&self, state: &mut State, id: NodeId) {
        let after = state.answered();
        let node = &mut state.nodes[usize::from(id)];
        let snapshot: Option<Seq> = node.append.take();
        let applied = node.applied.last();
        let horizon = if self.has(Fault::HorizonOfTheSender) { Some(applied) } else { snapshot };
        if let Some(horizon) = horizon
            && (self.scope.early_entries || !after.is_empty())
        {
            state.entries.insert(Entry { after, horizon });
        }
    }
}
