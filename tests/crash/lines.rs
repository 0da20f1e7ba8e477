//! What those who take part are told, and what they tell.

use super::api::Api;
use super::history::Hears;
use super::tally::Tally;
use tokio::sync::{mpsc, watch};

/// What the clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Write, read, come and go.
    Load,
    /// Send nothing at all: neither anything new nor what has no answer.
    Quiet,
    /// Write nothing new.
    Settle,
    /// Report.
    Over,
}

/// What a client tells of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub unsettled: usize,
    /// How far its view goes.
    pub view: i64,
    /// Whether it is told of every number, or of messages only.
    pub hears: Hears,
    /// Its socket is open, and the replay is done.
    pub is_live: bool,
    pub tally: Tally,
}

/// Where a client is to go.
#[derive(Clone)]
pub struct Ticket {
    pub api: Api,
    pub token: String,
    pub channel: i64,
}

/// A client's lines to the one who watches.
pub struct Lines {
    pub number: usize,
    pub phase: watch::Receiver<Phase>,
    pub progress: mpsc::UnboundedSender<(usize, Progress)>,
}
