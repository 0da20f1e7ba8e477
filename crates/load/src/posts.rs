//! What was posted over HTTP and answered with its place in the log: the history must have it there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Posts that are kept to be looked up; of those beyond, only the channel's last is.
const KEPT_MAX: usize = 1_000_000;

/// Of every channel.
#[derive(Default)]
pub struct Posts(RefCell<Kept>);

#[derive(Default)]
struct Kept {
    heads: HashMap<i64, i64>,
    digests: HashMap<(i64, i64), u64>,
    beyond: u64,
}

impl Posts {
    /// Keeps an answer: the place, the id and what was said.
    pub fn keep(&self, channel_id: i64, seq: i64, id: i64, content: &str) {
        let mut kept = self.0.borrow_mut();
        let head = kept.heads.entry(channel_id).or_default();
        *head = seq.max(*head);
        if kept.digests.len() < KEPT_MAX {
            kept.digests.insert((channel_id, seq), digest(id, content));
        } else {
            kept.beyond += 1;
        }
    }

    /// The last place that an answer named; 0 before the first.
    pub fn head(&self, channel_id: i64) -> i64 {
        self.0.borrow().heads.get(&channel_id).copied().unwrap_or(0)
    }

    /// In which channels something was posted.
    pub fn channels(&self) -> Vec<i64> {
        self.0.borrow().heads.keys().copied().collect()
    }

    /// Whether what is at this place is what was posted; `None` if nothing is known of it.
    pub fn is_there(&self, channel_id: i64, seq: i64, id: i64, content: &str) -> Option<bool> {
        self.0.borrow().digests.get(&(channel_id, seq)).map(|known| *known == digest(id, content))
    }

    /// How many were too many to be kept.
    pub fn beyond(&self) -> u64 {
        self.0.borrow().beyond
    }
}

fn digest(id: i64, content: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (id, content).hash(&mut hasher);
    hasher.finish()
}
