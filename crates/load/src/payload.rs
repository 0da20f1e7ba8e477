//! What the tool's messages say: which run and sender they are of, their number, and when they were to be sent.
//!
//! The time is the schedule's, not that of the write: a message that had to wait for the one before it is as late as it
//! would have been for a person who did not wait (Tene's "coordinated omission").

/// The content of one message, without its filling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Which run.
    pub run: u32,
    /// Which of its senders.
    pub sender: u32,
    /// 0, 1, 2, … for each sender.
    pub number: u64,
    /// When it was to be sent.
    pub due_us: u64,
}

const FILLING: &str = "the courtyard is where everyone gathers; ";

/// Before the number of edits; no word of [`FILLING`] begins so.
const EDIT: &str = "edit-";

impl Said {
    /// The content, filled up to `bytes`.
    pub fn content(&self, bytes: usize) -> String {
        self.edited(bytes, 0)
    }

    /// The content after so many edits: it says which message it is, as before, and how many edits.
    pub fn edited(&self, bytes: usize, edits: u32) -> String {
        let Self { run, sender, number, due_us } = self;
        let mut content = format!("load {run:x} {sender} {number} {due_us} ");
        if edits > 0 {
            content.push_str(&format!("{EDIT}{edits} "));
        }
        while content.len() < bytes {
            let rest = bytes - content.len();
            content.push_str(FILLING.get(..rest.min(FILLING.len())).unwrap_or_default());
        }
        content
    }

    /// What a content says; `None` if it is not one of the tool's.
    pub fn read(content: &str) -> Option<Self> {
        let mut words = content.strip_prefix("load ")?.split(' ');
        let run = u32::from_str_radix(words.next()?, 16).ok()?;
        let (sender, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { run, sender, number, due_us: words.next()?.parse().ok()? })
    }

    /// After how many edits a content of the tool's says this.
    pub fn edits(content: &str) -> u32 {
        let word = content.split(' ').nth(5);
        word.and_then(|word| word.strip_prefix(EDIT)?.parse().ok()).unwrap_or(0)
    }

    /// The key under which it is sent, and sent again.
    pub fn nonce(&self) -> String {
        format!("{:x}-{}-{}", self.run, self.sender, self.number)
    }

    /// The number in a nonce.
    pub fn number_of(nonce: &str) -> Option<u64> {
        nonce.rsplit('-').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_read_as_it_was_written() {
        let said = Said { run: 0xBEEF, sender: 3, number: 17, due_us: 1_700_000_000_000_000 };
        for bytes in [0, 64, 100, 4_000] {
            let content = said.content(bytes);
            assert_eq!(Said::read(&content), Some(said));
            assert!(bytes < 64 || content.len() == bytes);
        }
        for (edits, bytes) in [(0, 100), (1, 64), (12, 100), (u32::MAX, 4_000)] {
            let content = said.edited(bytes, edits);
            assert_eq!((Said::read(&content), Said::edits(&content)), (Some(said), edits));
        }
        assert_eq!(Said::number_of(&said.nonce()), Some(17));
        assert!(["", "load", "load x", "hello", "load 1 2 3"].iter().all(|other| Said::read(other).is_none()));
    }
}
