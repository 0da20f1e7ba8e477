//! Changes among the messages of a run: edits, reactions and deletions, sent over HTTP by those who send messages.
//!
//! A sender picks them ([`changer`]), makes their calls beside its socket ([`send`]), and notes what it has sent and what was
//! answered ([`record`]), so that the log can be held against it afterwards.

mod changer;
mod record;
mod send;

pub use changer::Changer;
pub use record::Record;
pub use send::{CALLS_MAX, Pool};

use super::options::Common;
use super::report::times::{DELETION, EDIT, REACTION};

/// With what somebody reacts; a message may have 20 kinds.
pub const EMOJI: [&str; 8] = ["👍", "😂", "🎉", "😮", "😢", "🔥", "👀", "🙏"];

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another text for a message of one's own.
    Edit,
    /// An emoji for a message.
    Reaction,
    /// The end of a message of one's own.
    Deletion,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Edit, Self::Reaction, Self::Deletion];

    /// Under which name it is timed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edit => EDIT,
            Self::Reaction => REACTION,
            Self::Deletion => DELETION,
        }
    }

    /// Its figure's name.
    pub fn acknowledged(self) -> &'static str {
        match self {
            Self::Edit => "edits acknowledged",
            Self::Reaction => "reactions acknowledged",
            Self::Deletion => "deletions acknowledged",
        }
    }
}

/// How many of a hundred sends are changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeMix {
    edits: u32,
    reactions: u32,
    deletions: u32,
}

impl ChangeMix {
    /// What was asked for.
    pub fn of(common: &Common) -> Self {
        let &Common { edits, reactions, deletions, .. } = common;
        Self { edits, reactions, deletions }
    }

    /// Whether messages are all that is sent.
    pub fn is_none(self) -> bool {
        self.percent() == 0
    }

    /// All together.
    pub fn percent(self) -> u32 {
        self.edits + self.reactions + self.deletions
    }

    /// The next one by chance; `None` for a message.
    fn pick(self) -> Option<Kind> {
        self.at(rand::random_range(0..100))
    }

    fn at(self, place: u32) -> Option<Kind> {
        let ends = [self.edits, self.edits + self.reactions, self.percent()];
        Kind::ALL.into_iter().zip(ends).find(|(_, end)| place < *end).map(|(kind, _)| kind)
    }
}

/// A message that its sender may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnMessage {
    /// The message's.
    pub id: i64,
    /// Where in the log it was made.
    pub seq: i64,
    /// What it said first.
    pub said: super::payload::Said,
    /// How often it has been edited.
    pub edits: u32,
}

/// A change that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The message as it is after the edit.
    Edit(OwnMessage),
    /// To which message, with which of [`EMOJI`].
    Reaction(i64, usize),
    /// The message as it was.
    Deletion(OwnMessage),
}

impl Change {
    /// What kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Edit(_) => Kind::Edit,
            Self::Reaction(..) => Kind::Reaction,
            Self::Deletion(_) => Kind::Deletion,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_part_and_messages_have_the_rest() {
        let mix = ChangeMix { edits: 20, reactions: 15, deletions: 5 };
        let count = |kind| (0..100).filter(|place| mix.at(*place) == kind).count();
        assert_eq!([Some(Kind::Edit), Some(Kind::Reaction), Some(Kind::Deletion), None].map(count), [20, 15, 5, 60]);
        assert!(ChangeMix::default().is_none() && (0..100).all(|place| ChangeMix::default().at(place).is_none()));
    }
}
