//! How a node follows what other nodes write: the notes of `write_batches`, the bus, the channels.
//!
//! # The protocol
//!
//! A writer writes one batch after another, each with a number of its own (numbers have gaps: each attempt takes one). In the transaction of
//! the batch goes a note into the ledger: its number, the entries that it has given to channels, and `prev`, the number of the writer's last
//! batch that has committed. Once the writer knows of the commit it publishes the same on the bus. Another node keeps, for each writer, the
//! `last` number up to which it has all. What comes with `prev == last` it takes. Else it reads the notes after `last`, and takes them as far as each
//! is the next one. A heartbeat names the writer's last number, so that the last batch before a silence is missed too. Where there is no
//! heartbeat (no bus, a node that is dead) the notes are polled. A channel announces what is next in its own numbers, drops what it has
//! announced, and holds what comes too early until it has read the gap.
//!
//! # What is modelled how
//!
//! - **One node that follows is looked at**, `here`. What others announce changes nothing for it: nodes meet in the database and on the bus alone.
//!   It has a writer of its own, and another node, `there`, has one.
//! - **The bus** is what was published. It may be received at any time, again, in any order, and never.
//! - **The database**: a batch is on the primary first, and is seen and answered when a standby has it. A crash shows it before, a failover
//!   loses what no standby has. The primary of before lives on and answers reads from then on with what it had. With `is_lossy` commits do not
//!   wait for the standby, and a failover loses what was answered.
//! - **Pauses**: any part may take no step for as long as it likes. There are no times: whatever has one in the server (the wait for what
//!   crosses, the age of notes that are pruned) may here be over at once, or never.
//! - **A batch** has one entry. With more it is taken, or lost, as a whole all the same.
//! - **The end**: from everywhere, `here` can come to have announced all that is committed, without anybody writing more.
//!
//! # What the design does not say, and the model needs
//!
//! - Notes that are read are taken **while each is the next** (`prev == last`), and `last` is the number of the last one taken. The number that has
//!   shown the gap is not: the connection may be to a server that is no primary any more, and shows less ([`Fault::TrustsTheNumber`]).
//! - A note that is there and is **not** the next: the ones between are pruned, or a failover has lost them. Then every channel compares with its whole log
//!   ([`Fault::TrustsAPrunedLedger`]), as is seen by the same statement.
//! - **The newest note of a writer is not pruned**, however old it is: who comes back from a long pause sees by it that notes are gone
//!   ([`Fault::PrunesTheNewest`]).
//! - A writer that is dead is followed until **no process of it is left** ([`Fault::ForgetsTheDead`]); every time is shorter than some pause.
//! - On another history of the database a channel compares **the entry** at its head, not the number ([`Fault::ComparesHeadsByNumber`]), since
//!   other nodes may have written on before this one has noticed; and messages say of **which history** they are
//!   ([`Fault::TakesAnyHistory`]).
//!
//! # What is left out
//!
//! - How a lost commit is looked up, and that what is claimed never commits ([`crate::lost_commits`]). Rights, and the horizon ([`crate::rights`]).
//! - Bounds: how much is held, how large a gap is read. What is beyond ends with `1012`, which is a new beginning ([`Action::Start`]).
//! - A primary of before that goes on committing alone. It is what a cluster has to be kept from.

mod channel;
mod database;
mod fault;
mod follower;
mod promises;
mod state;
mod writer;

pub use fault::Fault;
pub use promises::{DIFFERS, HAS_ALL, VANISHES};
pub use state::{Action, Scope, State, System};

use stateright::{Model, Property};

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::begin()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.database_actions(state, actions);
        self.writer_actions(state, actions);
        self.follower_actions(state, actions);
        self.channel_actions(state, actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Copy | Action::FailOver | Action::Crash | Action::Prune => self.act_on_database(&mut state, action),
            Action::Send { writer, .. }
            | Action::Run(writer)
            | Action::Answer(writer)
            | Action::Lose(writer)
            | Action::Claim(writer) => self.act_on_writer(&mut state, usize::from(writer), action),
            Action::Die | Action::EndProcess => self.end_there(&mut state, action),
            Action::Reconnect
            | Action::Take(_)
            | Action::LoseMessage(_)
            | Action::Heartbeat
            | Action::Poll
            | Action::Forget => {
                self.act_on_follower(&mut state, action);
            }
            Action::Start(channel)
            | Action::Read(channel)
            | Action::Join(channel)
            | Action::ReadGap(channel)
            | Action::ForgetHeld(channel) => {
                self.act_on_channel(&mut state, usize::from(channel), action);
            }
        }
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties(&self.scope)
    }
}
