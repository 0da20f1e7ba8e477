//! What is secret in all of these tests, and must turn up in no line of a log and in no error.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Mutex, Once, PoisonError};

/// Passwords, keys, and how every hash, refresh token, token and ticket begins.
const CANARIES: [&str; 17] = [
    "correct horse battery",
    "correct+horse",
    "correct%20horse",
    "better horse",
    "wrong horse",
    "the thief's own",
    "canary",
    "the key that the nodes of these tests sign with",
    "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "$2a$",
    "$2b$",
    "$2y$",
    "madang_refresh_",
    "eyJ0eXAi",
    "eyJhbGci",
    "eyJpc3Mi",
    "PRIVATE KEY",
];

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The secret that a text has in it, if there is one.
pub fn find(text: &str) -> Option<&'static str> {
    CANARIES.into_iter().find(|canary| text.contains(canary))
}

/// Nothing that has been logged so far, by any node of this process or by one that is watched, has a secret in it.
#[track_caller]
pub fn none_was_logged() {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(seen.is_empty(), "a log has a secret in it: {seen:?}");
}

fn look_at(line: &str) {
    if find(line).is_some() {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

/// A log that is looked at, and kept nowhere.
struct Watched;

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        look_at(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Watches all that the nodes of this process log, from now on, however little they would say by themselves.
pub fn watch_own_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // The tests' own clients talk in this process too.
        let clients = "hyper=off,hyper_util=off,reqwest=off,tokio_tungstenite=off,tungstenite=off";
        let filter = madang::telemetry::filter(&format!("trace,{clients}"));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Watched).init();
    });
}

/// Looks at the log that a node has written into a file, if it has.
pub fn look_at_file(log: &std::path::Path) {
    std::fs::read_to_string(log).iter().flat_map(|log| log.lines()).for_each(look_at);
}

/// Watches the log of a node that is a process of its own, and passes on what is more than a call's line.
pub fn watch(log: impl Read + Send + 'static) {
    // A thread: a node that nobody reads would wait for its reader.
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            look_at(&line);
            if !line.contains(r#""level":"INFO""#) {
                // Captured with what the test itself says: seen where it fails.
                eprintln!("{line}");
            }
        }
    });
}
