//! What comes from the other node's writer: by the bus, by heartbeats, by the ledger.

use super::Fault;
use super::database::log;
use super::state::{Action, Batch, CHANNELS, Life, Link, Stage, State, System, THERE};

impl System {
    pub(super) fn follower_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let here = &state.here;
        if here.link != Link::Primary && state.passes_barrier(self) {
            actions.push(Action::Reconnect);
        }
        if !here.follows {
            return;
        }
        let is_ours = |batch: &Batch| batch.timeline == here.timeline || self.has(Fault::TakesAnyHistory);
        let messages = state.bus.iter().filter(|batch| batch.number > here.last && is_ours(batch));
        actions.extend(messages.map(|batch| Action::Take(*batch)));
        if self.scope.loses {
            actions.extend(state.bus.iter().map(|batch| Action::LoseMessage(*batch)));
        }
        if here.link == Link::Broken {
            return;
        }
        let is_dark = state.is_dead || !self.scope.has_bus;
        if !is_dark && state.writers[THERE].prev > here.last && !self.has(Fault::NamesNoLastNumber) {
            actions.push(Action::Heartbeat);
        }
        if is_dark && !self.has(Fault::PollsNotTheDark) {
            actions.push(Action::Poll);
        }
        if state.is_dead && (self.is_ended(state) || self.has(Fault::ForgetsTheDead)) {
            actions.push(Action::Forget);
        }
    }

    /// No process is left that could commit for the dead node: a fact, which is looked for on the primary.
    fn is_ended(&self, state: &State) -> bool {
        let is_safe = state.batches[state.copied..].iter().all(|batch| usize::from(batch.writer) != THERE);
        state.here.link == Link::Primary
            && !matches!(state.writers[THERE].stage, Stage::Sent { .. })
            && (is_safe || self.scope.is_lossy)
    }

    pub(super) fn act_on_follower(&self, state: &mut State, action: Action) {
        match action {
            Action::Reconnect => self.reconnect(state),
            Action::Take(batch) => self.take(state, batch),
            Action::LoseMessage(batch) => {
                state.bus.remove(&batch);
            }
            Action::Heartbeat => {
                let number = state.writers[THERE].prev;
                self.read_notes(state);
                if self.has(Fault::TrustsTheNumber) {
                    state.here.last = number;
                }
            }
            Action::Poll => self.read_notes(state),
            Action::Forget => {
                if !self.has(Fault::ForgetsTheDead) && !self.has(Fault::PollsNotTheDark) {
                    self.read_notes(state);
                }
                state.here.follows = false;
            }
            _ => unreachable!("not of the follower"),
        }
    }

    fn take(&self, state: &mut State, batch: Batch) {
        if batch.prev != state.here.last && !self.has(Fault::IgnoresPrev) {
            self.read_notes(state);
        }
        let is_next = batch.prev == state.here.last;
        let is_taken = self.has(Fault::IgnoresPrev) || self.has(Fault::TrustsTheNumber);
        if is_next || is_taken && batch.number > state.here.last {
            state.here.last = batch.number;
            self.give(&mut state.here.channels[usize::from(batch.channel)], batch.seq, batch.id);
        }
    }

    /// Reads the notes after the last one, and takes them.
    fn read_notes(&self, state: &mut State) {
        let seen = self.read(state).to_vec();
        let by_id = self.has(Fault::ReadsAfterOneNumber);
        for note in self.notes(state) {
            let number = if by_id { note.id } else { note.number };
            if number <= state.here.last || !by_id && usize::from(note.writer) != THERE {
                continue;
            }
            if note.prev == state.here.last || by_id || self.has(Fault::TrustsAPrunedLedger) {
                self.give(&mut state.here.channels[usize::from(note.channel)], note.seq, note.id);
            } else {
                self.compare_all(state, &seen);
            }
            state.here.last = number;
        }
    }

    /// Every channel is told its whole log; what it has announced it drops.
    fn compare_all(&self, state: &mut State, seen: &[Batch]) {
        for channel in 0..CHANNELS {
            for (seq, id) in (1..).zip(log(seen, channel)) {
                self.give(&mut state.here.channels[channel], seq, id);
            }
        }
    }

    /// On another history what is remembered is compared with it.
    fn reconnect(&self, state: &mut State) {
        state.here.link = Link::Primary;
        if state.here.timeline == state.timeline {
            return;
        }
        state.here.timeline = state.timeline;
        let seen = state.batches[..state.visible(self.scope.is_lossy)].to_vec();
        for (index, channel) in state.here.channels.iter_mut().enumerate() {
            let has: Vec<_> = log(&seen, index).collect();
            let head = channel.announced.len();
            let is_same = if self.has(Fault::ComparesHeadsByNumber) {
                head <= has.len()
            } else {
                head <= has.len() && channel.announced.last() == has[..head].last()
            };
            if !self.has(Fault::KeepsWhatItHolds) {
                channel.held.clear();
            }
            let is_kept = is_same || self.has(Fault::KeepsHeads);
            if matches!(channel.life, Life::Read(_)) || channel.life == Life::Live && !is_kept {
                // `resync`: it begins anew.
                channel.life = Life::Reading;
                channel.announced.clear();
            }
        }
        self.compare_all(state, &seen);
    }
}
