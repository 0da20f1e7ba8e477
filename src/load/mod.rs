//! `madang load`: sockets and calls against a running node, measured and verified.

pub mod report;
