//! What several things that may happen in any order can do to a promise, searched whole.
//!
//! - [`lost_commits`]: a writer, its ledger and a change over HTTP, on one node, as the server is built.
//! - [`rights`]: how a change of rights reaches every node before it is answered, as it is going to be built.
//! - [`ledgers`]: how every node follows what the others write, as it is going to be built.
//!
//! Each model says what it leaves out. Each has a list of faults, a rule left out at a time, and its test shows that the search finds
//! every one of them, and nothing without. [`search`] looks for what must be possible in the end.

pub mod ledgers;
pub mod lost_commits;
pub mod rights;
pub mod search;
