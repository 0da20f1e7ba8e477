//! What became of a batch, draft by draft.

use super::{Outcome, Refused};
use crate::store::changes::Changed;
use crate::store::messages::Written;

/// What became of a batch that was answered.
pub struct Batch {
    pub became: Vec<Became>,
    /// Whether the ledger has it.
    pub is_noted: bool,
}

impl Batch {
    /// One that changes nothing is not noted.
    pub fn of_changes(changed: Vec<Changed>) -> Self {
        let is_noted = changed.iter().any(|changed| matches!(changed, Changed::Made(_)));
        Self { became: changed.into_iter().map(Became::from).collect(), is_noted }
    }
}

/// What became of a write in a batch.
pub enum Became {
    Decided(Outcome),
    /// It waits for whoever holds the channel's row.
    ChannelHeld,
    /// It waits for whoever holds the author's row.
    AuthorHeld,
    /// Its batch left it out: it is to be sent again.
    Skipped,
}

impl From<Written> for Became {
    fn from(written: Written) -> Self {
        Self::Decided(match written {
            Written::Created(place) => Outcome::Committed(place),
            Written::Duplicate(place) => Outcome::Duplicate(place),
            Written::Changed(known) => Outcome::Known(known),
            Written::NonceConflict => Outcome::Refused(Refused::NonceConflict),
            Written::ReplyToNothing => Outcome::Refused(Refused::ReplyToNothing),
            Written::Gone => Outcome::Refused(Refused::Gone),
            Written::Held => return Self::ChannelHeld,
            Written::AuthorHeld => return Self::AuthorHeld,
            Written::Skipped => return Self::Skipped,
        })
    }
}

impl From<Changed> for Became {
    fn from(changed: Changed) -> Self {
        Self::Decided(match changed {
            Changed::Made(made) => Outcome::Changed(made),
            Changed::Unchanged => Outcome::Unchanged,
            Changed::Refused(refused) => Outcome::Refused(Refused::Change(refused)),
            Changed::Gone => Outcome::Refused(Refused::Gone),
            Changed::Held => return Self::ChannelHeld,
            Changed::MakerHeld => return Self::AuthorHeld,
            Changed::Skipped => return Self::Skipped,
        })
    }
}
