//! The two writers.

use super::Fault;
use super::state::{Action, Batch, HERE, Stage, State, System, THERE};

impl State {
    /// Where the batch of a writer's last attempt is, if it is there.
    pub(super) fn own_batch(&self, writer: usize) -> Option<usize> {
        let number = self.writers[writer].number;
        self.batches.iter().position(|batch| usize::from(batch.writer) == writer && batch.number == number)
    }

    /// Whether everything that was committed before a commit of nothing is safe when that is answered now.
    pub(super) fn passes_barrier(&self, system: &System) -> bool {
        let has_barrier = !system.has(Fault::ConnectsWithoutABarrier);
        let safe = if has_barrier { self.copied } else { self.visible(system.scope.is_lossy) };
        safe == self.batches.len() || system.scope.is_lossy
    }

    /// The row of a channel is locked until the batch before is safe.
    fn is_locked(&self, channel: u8, is_lossy: bool) -> bool {
        self.batches[self.visible(is_lossy)..].iter().any(|batch| batch.channel == channel)
    }
}

impl System {
    pub(super) fn writer_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for writer in [THERE, HERE] {
            let id = writer as u8;
            if writer == THERE && state.is_dead {
                match state.writers[writer].stage {
                    Stage::Sent { channel, .. } => {
                        actions.push(Action::EndProcess);
                        if !state.is_locked(channel, self.scope.is_lossy) {
                            actions.push(Action::Run(id));
                        }
                    }
                    Stage::InDoubt => actions.push(Action::EndProcess),
                    _ => {}
                }
                continue;
            }
            match state.writers[writer].stage {
                Stage::Idle => {
                    // What is remembered here is compared before anything is written to another history.
                    let is_open = writer == THERE
                        || state.here.timeline == state.timeline && state.writers[HERE].number < self.scope.own_batches;
                    if state.sent < self.scope.batches && is_open {
                        actions.extend([0, 1].map(|channel| Action::Send { writer: id, channel }));
                    }
                }
                Stage::Sent { channel, .. } => {
                    actions.push(Action::Lose(id));
                    if !state.is_locked(channel, self.scope.is_lossy) {
                        actions.push(Action::Run(id));
                    }
                }
                Stage::Run => {
                    actions.push(Action::Lose(id));
                    if state.own_batch(writer).is_some_and(|place| place < state.visible(self.scope.is_lossy)) {
                        actions.push(Action::Answer(id));
                    }
                }
                Stage::InDoubt if state.passes_barrier(self) => actions.push(Action::Claim(id)),
                Stage::InDoubt => {}
            }
        }
        if self.scope.dies && !state.is_dead {
            actions.push(Action::Die);
        }
    }

    pub(super) fn act_on_writer(&self, state: &mut State, writer: usize, action: Action) {
        let Some(found) = state.writers.get(writer).copied() else { return };
        match action {
            Action::Send { channel, .. } => {
                state.sent += 1;
                let sent = &mut state.writers[writer];
                sent.number += 1;
                sent.stage = Stage::Sent { id: state.sent, channel };
            }
            Action::Run(_) => {
                let Stage::Sent { id, channel } = found.stage else { return };
                let seq = state.batches.iter().filter(|batch| batch.channel == channel).count() as u8 + 1;
                let (number, prev, timeline) = (found.number, found.prev, state.timeline);
                state.batches.push(Batch { id, writer: writer as u8, number, prev, channel, seq, timeline });
                state.writers[writer].stage = Stage::Run;
            }
            Action::Lose(_) => state.writers[writer].stage = Stage::InDoubt,
            Action::Answer(_) | Action::Claim(_) => {
                state.writers[writer].stage = Stage::Idle;
                if let Some(place) = state.own_batch(writer) {
                    let batch = state.batches[place];
                    state.writers[writer].prev = batch.number;
                    self.publish(state, writer, batch);
                }
            }
            _ => unreachable!("not of a writer"),
        }
    }

    /// The writer knows that its batch is committed.
    fn publish(&self, state: &mut State, writer: usize, batch: Batch) {
        if writer == HERE {
            self.give(&mut state.here.channels[usize::from(batch.channel)], batch.seq, batch.id);
        } else if self.scope.has_bus {
            state.bus.insert(batch);
        }
    }

    pub(super) fn end_there(&self, state: &mut State, action: Action) {
        match action {
            // A statement that it has sent may run all the same.
            Action::Die => state.is_dead = true,
            Action::EndProcess => state.writers[THERE].stage = Stage::Idle,
            _ => unreachable!("not of the other node"),
        }
    }
}
