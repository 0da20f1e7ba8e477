//! The database: a primary and a standby.

use super::Fault;
use super::state::{Action, Batch, HERE, Id, Link, Stage, State, System, THERE};

impl State {
    /// How many batches a statement on the primary sees.
    pub(super) fn visible(&self, is_lossy: bool) -> usize {
        if is_lossy { self.batches.len() } else { self.copied.max(self.shown) }
    }
}

/// A channel's log.
pub(super) fn log(batches: &[Batch], channel: usize) -> impl Iterator<Item = Id> {
    batches.iter().filter(move |batch| usize::from(batch.channel) == channel).map(|batch| batch.id)
}

impl System {
    /// The batches that the node that is looked at would read now.
    pub(super) fn read<'a>(&self, state: &'a State) -> &'a [Batch] {
        match state.here.link {
            Link::Primary => &state.batches[..state.visible(self.scope.is_lossy)],
            Link::Deposed => &state.deposed,
            Link::Broken => &[],
        }
    }

    /// Their notes, as far as they are in the ledger. The newest note of each writer stays.
    pub(super) fn notes(&self, state: &State) -> Vec<Batch> {
        let seen = self.read(state);
        let pruned = if state.here.link == Link::Primary { state.pruned } else { 0 };
        let stays = |(place, batch): &(usize, &Batch)| {
            let is_newest = seen[place + 1..].iter().all(|later| later.writer != batch.writer);
            *place >= pruned || is_newest && !self.has(Fault::PrunesTheNewest)
        };
        seen.iter().enumerate().filter(stays).map(|(_, batch)| *batch).collect()
    }

    pub(super) fn database_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.copied < state.batches.len() {
            actions.push(Action::Copy);
            if state.crashes < self.scope.crashes {
                actions.push(Action::Crash);
            }
        }
        if state.timeline < self.scope.failovers {
            actions.push(Action::FailOver);
        }
        if self.scope.prunes && state.pruned < state.copied {
            actions.push(Action::Prune);
        }
    }

    pub(super) fn act_on_database(&self, state: &mut State, action: Action) {
        match action {
            Action::Copy => {
                state.copied += 1;
                if state.copied >= state.shown {
                    state.shown = 0;
                }
            }
            Action::Prune => state.pruned += 1,
            Action::FailOver => {
                state.deposed = state.batches[..state.visible(self.scope.is_lossy)].to_vec();
                state.batches.truncate(state.copied);
                state.shown = 0;
                state.timeline += 1;
                if state.here.link == Link::Primary {
                    state.here.link = Link::Deposed;
                }
                self.cut(state, false);
            }
            Action::Crash => {
                state.crashes += 1;
                state.shown = state.batches.len();
                state.here.link = Link::Broken;
                self.cut(state, true);
            }
            _ => unreachable!("not of the database"),
        }
    }

    /// No statement that is on its way runs any more. What has run and is safe may still be answered by a deposed primary.
    fn cut(&self, state: &mut State, is_crash: bool) {
        for writer in [THERE, HERE] {
            let is_safe = !is_crash && !self.scope.is_lossy && state.own_batch(writer).is_some();
            let stage = &mut state.writers[writer].stage;
            if matches!(stage, Stage::Sent { .. }) || *stage == Stage::Run && !is_safe {
                *stage = Stage::InDoubt;
            }
        }
    }
}
