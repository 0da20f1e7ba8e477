//! A writer, its ledger, and a change over HTTP, against a PostgreSQL that may come to a statement at any later time, lose any
//! answer, and be told to end a process that does not end at once. The whole space of what may happen is searched.
//!
//! What the server does is in `src/actors/writer/run.rs`, `src/store/backends.rs` and `src/http/commit.rs`; [`Rules`] names the parts
//! of it that the promise hangs on, so that the search can be made without them.

use stateright::{Model, Property};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What the server keeps to.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The ledger's clearing leaves claims.
    pub claims_stay: bool,
    /// A change is decided once the process that may carry it out is gone; else after a time.
    pub decides_by_process: bool,
    /// A node begins when the processes of the one before are gone; else at once.
    pub begins_after_the_earlier: bool,
}

impl Rules {
    /// As they are.
    pub const NOW: Self = Self { claims_stay: true, decides_by_process: true, begins_after_the_earlier: true };
}

/// How much there is of everything.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Messages that are sent.
    pub drafts: u8,
    /// Batches that are written for them.
    pub batches: u8,
    /// Times that the node dies and begins again.
    pub restarts: u8,
}

/// The search.
#[derive(Clone, Copy, Debug)]
pub struct System {
    pub rules: Rules,
    pub bounds: Bounds,
}

type DraftId = u8;
type Key = u8;
type Process = u8;

/// What a process of PostgreSQL has been sent and has not begun, or has done and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Statement {
    Append(Key, DraftId),
    Leave,
}

/// Where a draft stands, as its sender knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Unsent,
    Waiting,
    /// Told that it is not known yet.
    Unconfirmed,
    Acknowledged,
    /// It is not there and never will be.
    Unavailable,
}

/// What the writer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    Idle,
    Sent(Key, DraftId, Process),
    /// The answer is lost.
    InDoubt(Key, DraftId),
}

/// What the node knows of the membership that a leave ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Membership {
    Known(bool),
    Asked(Process),
    InDoubt(Process),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// PostgreSQL: the log, the ledger (whether a row is a claim), the membership, and the processes that live.
    log: Vec<DraftId>,
    ledger: BTreeMap<Key, bool>,
    is_member: bool,
    /// What each was sent; `None` once it has been carried out.
    processes: BTreeMap<Process, Option<Statement>>,
    /// Those that have been told to end: they may carry out what they were sent first.
    ending: BTreeSet<Process>,
    /// The node.
    writer: Writer,
    outcomes: Vec<Outcome>,
    membership: Membership,
    has_left: bool,
    next_key: Key,
    next_process: Process,
    restarts: u8,
    /// How far the log is announced.
    head: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Send(DraftId),
    /// The process comes to what it was sent.
    Run(Process),
    /// The writer, or the call, has its answer.
    Answer(Process),
    /// It is lost, or too late.
    Lose(Process),
    /// The sender's time is over.
    Tell(DraftId),
    /// A process that was told to end does.
    End(Process),
    /// The writer looks what became of its batch, by a claim.
    Claim,
    /// The same, and the answer to that is lost too.
    ClaimUnanswered,
    /// The ledger is cleared of what is settled.
    Clear,
    Leave,
    /// The node decides what became of the leave.
    Decide,
    /// The node dies and begins again.
    Restart,
    /// The channel looks how far its log goes.
    Watch,
}

impl State {
    fn outcome(&mut self, draft: DraftId, outcome: Outcome) {
        self.outcomes[usize::from(draft)] = outcome;
    }

    fn ask(&mut self, statement: Statement) -> Process {
        let process = self.next_process;
        self.next_process += 1;
        self.processes.insert(process, Some(statement));
        process
    }

    fn append(&mut self, draft: DraftId) {
        let key = self.next_key;
        self.next_key += 1;
        let process = self.ask(Statement::Append(key, draft));
        self.writer = Writer::Sent(key, draft, process);
    }

    /// One transaction: the note and the row, or neither.
    fn run(&mut self, process: Process) {
        let Some(statement) = self.processes.get_mut(&process).and_then(Option::take) else { return };
        match statement {
            Statement::Append(key, draft) => {
                if let Entry::Vacant(none) = self.ledger.entry(key) {
                    none.insert(false);
                    self.log.push(draft);
                }
            }
            Statement::Leave => self.is_member = false,
        }
    }

    fn acknowledge(&mut self, draft: DraftId) {
        self.head = self.log.len();
        self.outcome(draft, Outcome::Acknowledged);
        self.writer = Writer::Idle;
    }

    /// The key is there, or it is claimed now.
    fn claim(&mut self, key: Key) -> bool {
        *self.ledger.entry(key).or_insert(true)
    }

    fn count(&self, draft: DraftId) -> usize {
        self.log.iter().filter(|written| **written == draft).count()
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            log: Vec::new(),
            ledger: BTreeMap::new(),
            is_member: true,
            processes: BTreeMap::new(),
            ending: BTreeSet::new(),
            writer: Writer::Idle,
            outcomes: vec![Outcome::Unsent; usize::from(self.bounds.drafts)],
            membership: Membership::Known(true),
            has_left: false,
            next_key: 0,
            next_process: 0,
            restarts: 0,
            head: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.writer == Writer::Idle && state.next_key < self.bounds.batches {
            let unsent = state.outcomes.iter().position(|outcome| *outcome == Outcome::Unsent);
            actions.extend(unsent.map(|draft| Action::Send(draft as DraftId)));
        }
        for (process, statement) in &state.processes {
            actions.extend(statement.map(|_| Action::Run(*process)));
            if state.ending.contains(process) {
                actions.push(Action::End(*process));
            }
            let is_asked = matches!(state.writer, Writer::Sent(_, _, asked) if asked == *process)
                || state.membership == Membership::Asked(*process);
            if is_asked {
                actions.push(Action::Lose(*process));
                if statement.is_none() {
                    actions.push(Action::Answer(*process));
                }
            }
        }
        if let Writer::Sent(_, draft, _) | Writer::InDoubt(_, draft) = state.writer
            && state.outcomes[usize::from(draft)] == Outcome::Waiting
        {
            actions.push(Action::Tell(draft));
        }
        if let Writer::InDoubt(..) = state.writer {
            actions.extend([Action::Claim, Action::ClaimUnanswered]);
        }
        if state.writer == Writer::Idle && !state.ledger.is_empty() {
            actions.push(Action::Clear);
        }
        match state.membership {
            Membership::Known(true) if !state.has_left => actions.push(Action::Leave),
            Membership::InDoubt(process)
                if !self.rules.decides_by_process || !state.processes.contains_key(&process) =>
            {
                actions.push(Action::Decide);
            }
            _ => {}
        }
        if state.restarts < self.bounds.restarts {
            actions.push(Action::Restart);
        }
        if state.writer == Writer::Idle && state.head < state.log.len() {
            actions.push(Action::Watch);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Send(draft) => {
                state.outcome(draft, Outcome::Waiting);
                state.append(draft);
            }
            Action::Run(process) => state.run(process),
            Action::Answer(process) => {
                if let Writer::Sent(_, draft, asked) = state.writer
                    && asked == process
                {
                    state.acknowledge(draft);
                } else {
                    state.membership = Membership::Known(state.is_member);
                }
                state.processes.remove(&process);
            }
            Action::Lose(process) => {
                if let Writer::Sent(key, draft, asked) = state.writer
                    && asked == process
                {
                    state.writer = Writer::InDoubt(key, draft);
                } else {
                    state.membership = Membership::InDoubt(process);
                }
                // Told to end, and nothing more: it may be stopped.
                state.ending.insert(process);
            }
            Action::Tell(draft) => state.outcome(draft, Outcome::Unconfirmed),
            Action::End(process) => {
                state.ending.remove(&process);
                state.processes.remove(&process);
            }
            Action::ClaimUnanswered => {
                let Writer::InDoubt(key, _) = state.writer else { return None };
                state.claim(key);
            }
            Action::Claim => {
                let Writer::InDoubt(key, draft) = state.writer else { return None };
                let is_claim = state.claim(key);
                match state.outcomes[usize::from(draft)] {
                    _ if !is_claim => state.acknowledge(draft),
                    Outcome::Waiting if state.next_key < self.bounds.batches => state.append(draft),
                    _ => {
                        state.outcome(draft, Outcome::Unavailable);
                        state.writer = Writer::Idle;
                    }
                }
            }
            Action::Clear => state.ledger.retain(|_, is_claim| *is_claim && self.rules.claims_stay),
            Action::Leave => {
                state.has_left = true;
                let process = state.ask(Statement::Leave);
                state.membership = Membership::Asked(process);
            }
            Action::Decide => state.membership = Membership::Known(state.is_member),
            Action::Restart => {
                let earlier: Vec<Process> = state.processes.keys().copied().collect();
                if self.rules.begins_after_the_earlier {
                    // It ends them and waits: each may carry out what it has first, which `Run` before this is.
                    state.processes.clear();
                    state.ending.clear();
                } else {
                    state.ending.extend(earlier);
                }
                state.restarts += 1;
                state.writer = Writer::Idle;
                // Nobody is told anything any more.
                for outcome in &mut state.outcomes {
                    if matches!(outcome, Outcome::Waiting | Outcome::Unconfirmed) {
                        *outcome = Outcome::Unconfirmed;
                    }
                }
                state.membership = Membership::Known(state.is_member);
                state.head = state.log.len();
            }
            Action::Watch => state.head = state.log.len(),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn drafts(state: &State) -> impl Iterator<Item = (DraftId, Outcome)> {
            (0..).zip(state.outcomes.iter().copied())
        }
        vec![
            Property::always("what is unavailable is not there and never will be", |_, state: &State| {
                drafts(state).all(|(draft, outcome)| outcome != Outcome::Unavailable || state.count(draft) == 0)
            }),
            Property::always("what was acknowledged is there", |_, state: &State| {
                drafts(state).all(|(draft, outcome)| outcome != Outcome::Acknowledged || state.count(draft) > 0)
            }),
            Property::always("nothing is there twice", |_, state: &State| {
                drafts(state).all(|(draft, _)| state.count(draft) <= 1)
            }),
            Property::always(
                "what the node knows of a membership is so",
                |_, state: &State| !matches!(state.membership, Membership::Known(known) if known != state.is_member),
            ),
            Property::sometimes("a lost batch is found", |_, state: &State| {
                state.outcomes.contains(&Outcome::Acknowledged) && state.next_key > 1
            }),
            Property::sometimes("a lost batch is refused", |_, state: &State| {
                state.outcomes.contains(&Outcome::Unavailable)
            }),
        ]
    }
}
