//! How a change of rights reaches every node before it is answered: the `rights` log, the lease, the acknowledgements.
//!
//! # The protocol
//!
//! A change (a leave, a join) commits as an entry of the `rights` log, which is dense and in the order of the commits. Every node holds a
//! *lease* of [`LEASE`] units of time, counted from the moment in which it has *sent* its last renewal. A renewal is a synchronous commit
//! on the primary: it reads the entries that the node has not heard and counts up the beat of the node's row. The node hears entries in
//! their order, from the bus or from a renewal, and has *applied* them when its relays have acted; then it acknowledges them, and only then
//! does it use the lease. It writes an entry of a channel to a socket if, after it has received it, its lease holds, and it has applied all
//! of the rights log that the entry's *horizon* names. The node that has made a change applies it too, reads the list of nodes after the
//! commit, and answers when all of the list have acknowledged, or when [`LEASE`] has passed since the commit's answer. A row whose beat has
//! stood still for longer than a lease may be removed; a node that finds its row gone ends all sockets and registers anew.
//!
//! # What is modelled how
//!
//! - **Pauses.** Any node may take no step while time goes on ([`Action::Tick`]), for as long as it likes: between the check and the writing,
//!   between the snapshot and the answer, between the commit and the publishing.
//! - **The bus** is what was published. It may be received at any time, again, in any order, and never.
//! - **The database**: a commit is on the primary first, and is seen and answered when a standby has it. A crash shows it before
//!   ([`Action::Crash`]), a failover loses what no standby has ([`Action::FailOver`]). The primary of before lives on and answers reads.
//! - **Times** are whole units; only the node's own clock and differences count. In a [`Scope`] with a `stopped_clock` time passes without
//!   that node's clock noticing, as when a machine is stopped with its clocks.
//! - **Entries of channels**: only what the promise hangs on, which is which changes had been answered when it committed, and its horizon.
//!   So there are as many as there may be. Their order and their numbers are [`crate::ledgers`].
//! - **The end**: `search::search_ends` asks whether every change can be answered and every living node can apply all, from everywhere.
//!
//! # What is left out
//!
//! - ε, the allowance for clocks of different speed: all run alike, so that a lease and a wait of the same length are enough.
//! - How the outcome of a lost commit is found ([`crate::lost_commits`]). Here the process of a commit without an answer is gone when its
//!   outcome is looked up.
//! - Acknowledgements by heartbeat and by column: the same as by reply, but later. Ten seconds without a lease, which end all sockets: that
//!   is mercy for the clients, and nothing of the promise hangs on it. The death of the node that makes a change: nobody has an answer then.
//! - What is *not* promised: a message that was allowed while the right was there may be committed after the answer.

mod call;
mod database;
mod fault;
mod node;
mod promises;
mod state;

pub use fault::Fault;
pub use promises::{ANSWERS, IS_SETTLED, LATE, LEAKS, LOSES};
pub use state::{Action, Change, Scope, State, System};

/// How long a lease holds, in units of time. Two, so that something can happen half way.
pub const LEASE: u8 = 2;

use stateright::{Model, Property};

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::begin(&self.scope)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick { without: None });
        actions.extend(self.scope.stopped_clock.map(|node| Action::Tick { without: Some(node) }));
        self.database_actions(state, actions);
        for change in 0..state.calls.len() as u8 {
            self.call_actions(state, change, actions);
        }
        for node in 0..state.nodes.len() as u8 {
            self.node_actions(state, node, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.act(&mut state, action);
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties(&self.scope)
    }
}

impl System {
    fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Tick { without } => self.tick(state, without),
            Action::Copy | Action::FailOver | Action::Crash => self.act_on_database(state, action),
            Action::Send(change)
            | Action::Run(change)
            | Action::Answer(change)
            | Action::Lose(change)
            | Action::LookUp(change)
            | Action::ReadNodes(change)
            | Action::Acknowledge { change, .. }
            | Action::AnswerCall(change) => self.act_on_call(state, change, action),
            Action::Reconnect(node)
            | Action::Register(node)
            | Action::Remove(node)
            | Action::Die(node)
            | Action::SendRenewal(node)
            | Action::RunRenewal(node)
            | Action::AnswerRenewal(node)
            | Action::Hear { node, .. }
            | Action::Settle(node) => self.act_on_node(state, node, action),
            Action::BeginAppend(node)
            | Action::CommitAppend(node)
            | Action::Check(node)
            | Action::Write(node)
            | Action::Receive { node, .. }
            | Action::Read { node, .. } => self.act_on_relay(state, node, action),
        }
    }
}
