//! PostgreSQL's log: one file, bounded, and what it says about a failure. What PostgreSQL writes in it is its own.

use super::error::EmbeddedError;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Past this the log is moved to `postgres.log.1`, over the one before.
const BOUND: u64 = 16 * 1024 * 1024;
/// As much as is looked at for an error.
const READ_BYTES: u64 = 8 * 1024;
/// As many lines as stand in an error where none of them names the cause.
const LAST_LINES: usize = 3;

#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
}

impl Log {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opened to append, so that [`Log::bound`] may cut it while PostgreSQL writes.
    pub fn open(&self) -> Result<File, EmbeddedError> {
        let opened = File::options().create(true).append(true).mode(0o600).open(&self.path);
        opened.map_err(|source| EmbeddedError::Folder { action: "write to", path: self.path.clone(), source })
    }

    pub fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Cuts the log when it is past its bound. The running server keeps its open file, hence a copy and not a rename.
    pub fn bound(&self) {
        if self.len() <= BOUND {
            return;
        }
        let old = self.path.with_extension("log.1");
        let cut = fs::copy(&self.path, &old)
            .and_then(|_| File::options().write(true).open(&self.path))
            .and_then(|file| file.set_len(0));
        if let Err(error) = cut {
            tracing::warn!(log = %self.path.display(), %error, "the log of PostgreSQL is past its bound and cannot be cut");
        }
    }

    /// Why the server that logs since byte `start` ended.
    pub fn reason(&self, start: u64) -> String {
        reason(&self.read_end(start).unwrap_or_default())
    }

    fn read_end(&self, start: u64) -> Option<String> {
        let mut file = File::open(&self.path).ok()?;
        let length = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(start.min(length).max(length.saturating_sub(READ_BYTES)))).ok()?;
        let mut bytes = Vec::new();
        file.take(READ_BYTES).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What `text`, the output of a server or of `initdb`, says about a failure, in one line: the first error with what
/// explains it, else the last lines.
pub(super) fn reason(text: &str) -> String {
    let lines = text.lines().map(without_prefix).filter(|line| !line.is_empty());
    // Our own looks at a starting server meet these refusals.
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("FATAL:  the database system is")).collect();
    let chosen = match lines.iter().position(|line| is_cause(line)) {
        Some(first) => {
            let details = lines.iter().skip(first + 1).take_while(|line| is_detail(line)).count();
            lines.get(first..=first + details)
        }
        None => lines.get(lines.len().saturating_sub(LAST_LINES)..),
    };
    match chosen {
        None | Some([]) => "it said nothing".to_owned(),
        Some(lines) => lines.join(" | "),
    }
}

fn is_cause(line: &str) -> bool {
    ["FATAL:", "PANIC:", "ERROR:", "initdb: error:"].iter().any(|label| line.starts_with(label))
}

fn is_detail(line: &str) -> bool {
    ["DETAIL:", "HINT:", "initdb: detail:", "initdb: hint:"].iter().any(|label| line.starts_with(label))
}

/// Drops `2025-01-31 12:00:00.000 UTC [123] `, the default prefix.
fn without_prefix(line: &str) -> &str {
    let dated = line.starts_with(|c: char| c.is_ascii_digit());
    if dated { line.split_once("] ").map_or(line, |(_, rest)| rest) } else { line }.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_told_with_its_explanation() {
        let log = "\
2026-01-31 12:00:00.000 UTC [7] LOG:  starting PostgreSQL 15.12
2026-01-31 12:00:00.010 UTC [9] FATAL:  the database system is starting up
2026-01-31 12:00:00.020 UTC [8] PANIC:  could not write to file \"x\": No space left on device
2026-01-31 12:00:00.020 UTC [8] HINT:  Check free disk space.
2026-01-31 12:00:00.030 UTC [7] LOG:  startup process was terminated by signal 6: Aborted
2026-01-31 12:00:00.040 UTC [7] FATAL:  something that follows from it
";
        let told = "PANIC:  could not write to file \"x\": No space left on device | HINT:  Check free disk space.";
        assert_eq!(reason(log), told);
    }

    #[test]
    fn past_its_bound_it_is_moved_over_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::new(folder.path().join("postgres.log"));
        let old = folder.path().join("postgres.log.1");
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        fs::write(&old, "the one before").expect("written");
        let file = log.open().expect("a file");
        file.set_len(BOUND).expect("room");
        log.bound();
        assert_eq!((log.len(), length(&old)), (BOUND, 14));
        file.set_len(BOUND + 1).expect("room");
        log.bound();
        assert_eq!((log.len(), length(&old)), (0, BOUND + 1));
    }

    #[test]
    fn only_the_end_of_a_long_log_is_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::new(folder.path().join("postgres.log"));
        let lines = |bytes: u64| format!("FATAL:  an old fault\n{}the end\n", "x\n".repeat(bytes as usize / 2));
        fs::write(log.path(), lines(READ_BYTES / 2)).expect("written");
        assert_eq!(log.reason(0), "FATAL:  an old fault");
        fs::write(log.path(), lines(READ_BYTES)).expect("written");
        assert_eq!(log.reason(0), "x | x | the end");
    }

    #[test]
    fn without_an_error_the_last_lines_are_told() {
        assert_eq!(reason("a\nb\n\nc\nd\n"), "b | c | d");
        assert_eq!(reason(""), "it said nothing");
    }
}
