//! What happens in a round: drawn from its seed, which is all that is needed to draw it again.

use super::dice::Dice;
use std::fmt;

/// As many rounds have the same channels: each round's check reads all of their logs.
const ROUNDS_A_LOG: u64 = 10;
const POSITION: u64 = 31;

/// What is killed, by SIGKILL, or stopped for a while, by SIGSTOP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Node,
    /// PostgreSQL's first process: the node has to notice and start another.
    Postmaster,
    /// The process that serves the node's writer: PostgreSQL throws everyone out and recovers by itself.
    WriterBackend,
    /// PostgreSQL, again whenever it comes back, for longer than the node lets a send wait.
    PostgresForAWhile,
    /// Both in one moment, PostgreSQL first.
    PostmasterAndNode,
    /// The node stands still for so many milliseconds.
    NodePaused(u64),
    /// So does the process that serves the node's writer: it comes late to what it was sent.
    WriterBackendPaused(u64),
    /// What passes between the node and PostgreSQL takes up to so many milliseconds, for so many.
    Slow(u64, u64),
    /// Nothing passes between them for so many milliseconds.
    Stalled(u64),
    /// Every connection between them breaks.
    Broken,
    /// The bus is away for so many milliseconds, and begins anew.
    Bus(u64),
    /// It takes and brings nothing for so many.
    BusPaused(u64),
    /// The writer's connection breaks, and what it has asked comes so many milliseconds later.
    Late(u64),
}

/// Where the node has its PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The node's own: it starts it, and it ends with the node.
    Own,
    /// Elsewhere, behind a proxy that can be slow, or pass nothing.
    Elsewhere,
}

impl fmt::Display for Victim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Node => "node",
            Self::Postmaster => "postmaster",
            Self::WriterBackend => "writer's backend",
            Self::PostgresForAWhile => "PostgreSQL for a while",
            Self::PostmasterAndNode => "postmaster and node",
            Self::NodePaused(ms) => return write!(out, "node (paused for {ms} ms)"),
            Self::WriterBackendPaused(ms) => return write!(out, "writer's backend (paused for {ms} ms)"),
            Self::Slow(up_to_ms, ms) => {
                return write!(out, "the way to PostgreSQL (up to {up_to_ms} ms slow for {ms} ms)");
            }
            Self::Stalled(ms) => return write!(out, "the way to PostgreSQL (passed nothing for {ms} ms)"),
            Self::Bus(ms) => return write!(out, "the bus (away for {ms} ms)"),
            Self::BusPaused(ms) => return write!(out, "the bus (paused for {ms} ms)"),
            Self::Broken => "every connection to PostgreSQL",
            Self::Late(ms) => return write!(out, "the writer's connection (its question came {ms} ms late)"),
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Blow {
    pub victim: Victim,
    /// Since the round began, or since the blow before.
    pub after_ms: u64,
}

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub blows: Vec<Blow>,
    /// Everybody falls silent before the blow: what is not told then is told by nobody's next message.
    pub is_quiet: bool,
}

impl Plan {
    /// What happens in the round of a seed, with a bus or without.
    pub fn new(seed: u64, has_bus: bool) -> Self {
        let mut dice = Dice::new(seed);
        let storage = storage(seed);
        let mut blows = vec![Blow { victim: victim(storage, has_bus, &mut dice), after_ms: dice.between(200..=1_200) }];
        // A second one, while everybody is busy with the first.
        if dice.one_in(4) {
            blows.push(Blow { victim: victim(storage, has_bus, &mut dice), after_ms: dice.between(0..=600) });
        }
        Self { seed, blows, is_quiet: dice.one_in(2) }
    }

    /// A seed to begin with.
    pub fn first_seed(chance: u64) -> u64 {
        chance & !POSITION
    }

    /// The next round's seed: a run can be taken up at any of its rounds.
    pub fn next_seed(&self) -> u64 {
        let roll = Dice::of(self.seed, 1_000).roll();
        (roll & !POSITION) | ((position(self.seed) + 1) % (2 * ROUNDS_A_LOG))
    }

    /// Whether the channels are new ones in this round.
    pub fn begins_logs(&self) -> bool {
        position(self.seed).is_multiple_of(ROUNDS_A_LOG)
    }
}

/// The lowest bits of a seed say which round of a run it is, as far as that matters.
fn position(seed: u64) -> u64 {
    (seed & POSITION) % (2 * ROUNDS_A_LOG)
}

/// So many rounds with one, so many with the other.
pub fn storage(seed: u64) -> Storage {
    if position(seed) < ROUNDS_A_LOG { Storage::Own } else { Storage::Elsewhere }
}

/// Some are longer than a writer waits for its answer.
fn pause_ms(dice: &mut Dice) -> u64 {
    if dice.one_in(3) { dice.between(5_600..=7_500) } else { dice.between(300..=2_500) }
}

/// PostgreSQL in a quarter of all cases; a pause in another. Elsewhere, half of all befalls the way to it.
fn victim(storage: Storage, has_bus: bool, dice: &mut Dice) -> Victim {
    if has_bus && dice.one_in(5) {
        let ms = dice.between(300..=2_500);
        return if dice.one_in(2) { Victim::Bus(ms) } else { Victim::BusPaused(ms) };
    }
    if storage == Storage::Elsewhere && dice.one_in(2) {
        return match dice.between(0..=3) {
            0 => Victim::Slow(dice.between(5..=400), dice.between(500..=2_500)),
            1 => Victim::Stalled(pause_ms(dice)),
            2 => Victim::Broken,
            _ => Victim::Late(dice.between(0..=3_000)),
        };
    }
    match dice.between(0..=15) {
        4 => Victim::NodePaused(pause_ms(dice)),
        5..=7 => Victim::WriterBackendPaused(pause_ms(dice)),
        0 => Victim::Postmaster,
        1 => Victim::WriterBackend,
        2 => Victim::PostgresForAWhile,
        3 => Victim::PostmasterAndNode,
        _ => Victim::Node,
    }
}
