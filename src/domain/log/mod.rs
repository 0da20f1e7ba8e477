//! A channel's log: what it is made of, and how a change becomes one of its entries.

mod change;
mod entry;
mod state;

pub use change::{ChangeRefused, MESSAGES_DELETED_MAX, MessageChange, MessageIds};
pub use entry::{
    Events, LogEntry, MessageCreated, MessageDeleted, MessageUpdated, MessagesDeleted, NewInLog, Pin, Reaction,
    ReactionsCleared, Skipped, Tombstone,
};
pub use state::{ChannelState, MadeChange, MessageState, PINS_MAX, REACTION_KINDS_MAX, Revision, Writes};
