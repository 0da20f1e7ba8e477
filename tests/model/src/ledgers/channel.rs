//! A channel on the node that is looked at: what it announces, in the order of its numbers.

use super::Fault;
use super::database::log;
use super::state::{Action, CHANNELS, Channel, Id, Life, Link, State, System};

impl Channel {
    fn head(&self) -> u8 {
        self.announced.len() as u8
    }

    fn drain(&mut self) {
        let head = self.head();
        self.held.retain(|seq, _| *seq > head);
        while let Some(id) = self.held.get(&(self.head() + 1)).copied().flatten() {
            self.announced.push(id);
            self.held.remove(&self.head());
        }
    }
}

impl System {
    /// An entry comes, from wherever.
    pub(super) fn give(&self, channel: &mut Channel, seq: u8, id: Id) {
        match channel.life {
            Life::None => {}
            Life::Reading | Life::Read(_) => {
                if !self.has(Fault::ListensAfterReading) {
                    channel.held.insert(seq, Some(id));
                }
            }
            Life::Live if seq <= channel.head() && !self.has(Fault::AnnouncesAgain) => {}
            Life::Live if seq <= channel.head() || self.has(Fault::AnnouncesWhatComes) => channel.announced.push(id),
            Life::Live => {
                channel.held.insert(seq, Some(id));
                channel.drain();
            }
        }
    }

    pub(super) fn channel_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.here.link == Link::Broken {
            return;
        }
        for index in 0..CHANNELS as u8 {
            let channel = &state.here.channels[usize::from(index)];
            match channel.life {
                Life::None => actions.push(Action::Start(index)),
                Life::Reading => actions.push(Action::Read(index)),
                Life::Read(_) => actions.push(Action::Join(index)),
                Life::Live if !channel.held.is_empty() && !self.has(Fault::LeavesGaps) => {
                    actions.push(Action::ReadGap(index));
                }
                Life::Live => {}
            }
            if self.scope.forgets && channel.held.values().any(Option::is_some) {
                actions.push(Action::ForgetHeld(index));
            }
        }
    }

    pub(super) fn act_on_channel(&self, state: &mut State, index: usize, action: Action) {
        let has: Vec<Id> = log(self.read(state), index).collect();
        let channel = &mut state.here.channels[index];
        match action {
            Action::Start(_) => channel.life = Life::Reading,
            Action::Read(_) => channel.life = Life::Read(has),
            Action::Join(_) => {
                let Life::Read(read) = std::mem::replace(&mut channel.life, Life::Live) else { return };
                channel.announced = read;
                channel.drain();
            }
            Action::ReadGap(_) => {
                let Some(shown) = channel.held.keys().next().copied() else { return };
                for (seq, id) in (1..=shown).zip(has) {
                    if seq > channel.head() {
                        self.give(channel, seq, id);
                    }
                }
            }
            Action::ForgetHeld(_) => channel.held.values_mut().for_each(|id| *id = None),
            _ => unreachable!("not of a channel"),
        }
    }
}
