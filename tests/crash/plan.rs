//! What happens in a round: drawn from its seed, which is all that is needed to draw it again.

use super::dice::Dice;
use std::fmt;

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
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut blows = vec![Blow { victim: victim(&mut dice), after_ms: dice.between(200..=1_200) }];
        // A second one, while everybody is busy with the first.
        if dice.one_in(4) {
            blows.push(Blow { victim: victim(&mut dice), after_ms: dice.between(0..=600) });
        }
        Self { seed, blows }
    }

    /// The next round's seed: a run can be taken up at any of its rounds.
    pub fn next_seed(&self) -> u64 {
        Dice::of(self.seed, 1_000).roll()
    }
}

/// PostgreSQL in a third of all cases; a pause in a quarter. Some are longer than a writer waits for its answer.
fn victim(dice: &mut Dice) -> Victim {
    let pause = |dice: &mut Dice| if dice.one_in(3) { dice.between(5_600..=7_500) } else { dice.between(300..=2_500) };
    match dice.between(0..=15) {
        4 => Victim::NodePaused(pause(dice)),
        5..=7 => Victim::WriterBackendPaused(pause(dice)),
        0 => Victim::Postmaster,
        1 => Victim::WriterBackend,
        2 => Victim::PostgresForAWhile,
        3 => Victim::PostmasterAndNode,
        _ => Victim::Node,
    }
}
