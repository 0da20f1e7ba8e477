//! What has to hold in every state, and what has to be possible.

use super::database::log;
use super::state::{CHANNELS, Id, Life, Link, Scope, Stage, State, System, THERE};
use stateright::Property;

pub const DIFFERS: &str = "what a channel has announced is the beginning of its log, each entry once and none left out";
pub const VANISHES: &str = "what a channel has announced is not lost by a failover";

/// In the end: no statement is on its way, and all that is committed is announced.
pub const HAS_ALL: fn(&System, &State) -> bool = |_, state| {
    let is_done = |writer: usize| {
        let is_dead = writer == THERE && state.is_dead;
        match state.writers[writer].stage {
            Stage::Idle => true,
            Stage::Run => is_dead,
            _ => false,
        }
    };
    let has_all = |channel: usize| {
        let held = &state.here.channels[channel];
        held.life == Life::Live && held.announced == log(&state.batches, channel).collect::<Vec<Id>>()
    };
    let is_whole = state.copied == state.batches.len() && state.here.link == Link::Primary;
    is_whole && (0..2).all(is_done) && (0..CHANNELS).all(has_all)
};

fn is_beginning(state: &State, channel: usize) -> bool {
    let announced = &state.here.channels[channel].announced;
    announced.len() <= log(&state.batches, channel).count()
        && announced.iter().copied().eq(log(&state.batches, channel).take(announced.len()))
}

pub(super) fn properties(scope: &Scope) -> Vec<Property<System>> {
    let mut properties = vec![
        // What it has announced of a history that is no more is told with `resync` when it knows.
        Property::always(DIFFERS, |system: &System, state: &State| {
            let knows = state.here.timeline == state.timeline || !system.scope.is_lossy;
            !knows || (0..CHANNELS).all(|channel| is_beginning(state, channel))
        }),
        Property::sometimes("all batches are announced", |system: &System, state: &State| {
            let announced: usize = state.here.channels.iter().map(|channel| channel.announced.len()).sum();
            announced == usize::from(system.scope.batches)
        }),
        Property::sometimes("something is held", |_, state: &State| {
            state.here.channels.iter().any(|channel| channel.life == Life::Live && !channel.held.is_empty())
        }),
    ];
    if !scope.is_lossy {
        properties.push(Property::always(VANISHES, |_, state: &State| {
            let safe = &state.batches[..state.copied];
            let mut announced = state.here.channels.iter().flat_map(|channel| &channel.announced);
            announced.all(|id| safe.iter().any(|batch| batch.id == *id))
        }));
    }
    properties
}
