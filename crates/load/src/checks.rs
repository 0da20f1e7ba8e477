//! What must hold, and what did not.

use super::report::Check;
use std::cell::{Cell, RefCell};

/// Violations of one rule that are told in full.
const EXAMPLES_MAX: usize = 5;

/// What a run checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A socket gets every event after the first that it asked for.
    NoneLost,
    /// It gets none of them twice.
    NoneRepeated,
    /// It gets them in the order of their `seq`.
    InOrder,
    /// Every socket gets the same bytes for a `seq`.
    SameForAll,
    /// A message that was sent, or sent again, is in the log once.
    OnceInLog,
    /// An event says what its sender said.
    AsSent,
    /// A send is acknowledged, or refused in a way that the tool can act on.
    Answered,
    /// What was seen is what the history says afterwards.
    SameAsHistory,
    /// A call has the answer that it must have.
    RightAnswer,
    /// A post that was answered with its place in the log is there.
    Kept,
    /// A change that was answered is in the log, once.
    ChangesKept,
    /// An edited message has the text of its last edit.
    LastText,
    /// The log has no change that nobody sent.
    NoneInvented,
    /// Who asks after a deletion does not get the text.
    Forgotten,
    /// Every frame is one that the protocol knows.
    Understood,
    /// A socket that was cut off is live again before the end.
    Back,
    /// A socket that was idle has not been closed, and answers a ping.
    StillThere,
}

impl Rule {
    const ALL: [Self; 17] = [
        Self::NoneLost,
        Self::NoneRepeated,
        Self::InOrder,
        Self::SameForAll,
        Self::OnceInLog,
        Self::AsSent,
        Self::Answered,
        Self::SameAsHistory,
        Self::RightAnswer,
        Self::Kept,
        Self::ChangesKept,
        Self::LastText,
        Self::NoneInvented,
        Self::Forgotten,
        Self::Understood,
        Self::Back,
        Self::StillThere,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NoneLost => "no event is lost",
            Self::NoneRepeated => "no event comes twice",
            Self::InOrder => "events come in the order of their seq",
            Self::SameForAll => "every socket gets the same bytes for a seq",
            Self::OnceInLog => "each message is in the log once",
            Self::AsSent => "each message says what was sent",
            Self::Answered => "each send is answered",
            Self::SameAsHistory => "the history is what was seen",
            Self::RightAnswer => "each call has the right answer",
            Self::Kept => "each post that was answered is in the history",
            Self::ChangesKept => "each change that was answered is in the log once",
            Self::LastText => "each edited message has its last text",
            Self::NoneInvented => "no change is in the log that nobody sent",
            Self::Forgotten => "nobody gets the text of a deleted message",
            Self::Understood => "each frame is understood",
            Self::Back => "each socket is live at the end",
            Self::StillThere => "each idle socket stays and answers",
        }
    }
}

#[derive(Debug, Default)]
struct Count {
    looked_at: Cell<u64>,
    violations: Cell<u64>,
    examples: RefCell<Vec<String>>,
}

/// The checks of a run.
#[derive(Debug, Default)]
pub struct Checks([Count; Rule::ALL.len()]);

impl Checks {
    fn count(&self, rule: Rule) -> Option<&Count> {
        self.0.get(Rule::ALL.iter().position(|other| *other == rule)?)
    }

    /// Notes that a rule was looked at so many times.
    pub fn look(&self, rule: Rule, times: u64) {
        if let Some(count) = self.count(rule) {
            count.looked_at.set(count.looked_at.get() + times);
        }
    }

    /// Notes that a rule did not hold.
    pub fn violate(&self, rule: Rule, example: impl FnOnce() -> String) {
        let Some(count) = self.count(rule) else { return };
        count.violations.set(count.violations.get() + 1);
        let mut examples = count.examples.borrow_mut();
        if examples.len() < EXAMPLES_MAX {
            examples.push(example());
        }
    }

    /// How many violations there are of all rules.
    #[cfg(test)]
    pub fn violations(&self) -> u64 {
        self.0.iter().map(|count| count.violations.get()).sum()
    }

    /// Those that were looked at.
    pub fn report(&self) -> Vec<Check> {
        let counted = Rule::ALL.iter().zip(&self.0);
        let seen = counted.filter(|(_, count)| count.looked_at.get() + count.violations.get() > 0);
        seen.map(|(rule, count)| Check {
            name: rule.name().into(),
            looked_at: count.looked_at.get(),
            violations: count.violations.get(),
            examples: count.examples.borrow().clone(),
        })
        .collect()
    }
}
