//! `docs/ERRORS.md`, held to the tables that it is made from.

use madang::domain::close::CLOSE_CODES;
use madang::error::Code;
use std::fmt::Write;
use std::fs;

const FILE: &str = "docs/ERRORS.md";

/// What the file says.
fn list() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Every code that a client may meet. A code stays what it is; the text beside it (`detail`, or a close frame's reason) is for people\n\
         and may change. This file is made from `src/error/codes.rs` and the list of close codes in `src/domain/close.rs`:\n\
         `RENEW=1 cargo test --test api codes` writes it anew.\n\n\
         ## Answers to calls and handshakes\n\n\
         `{\"detail\": \"…\", \"code\": \"…\"}`, and of a `422` a list in `detail`. `/openapi.json` says which call may answer which of them.\n\n\
         | status | `code` | what has happened | what a client does |\n|---|---|---|---|\n",
    );
    let mut answers: Vec<_> = Code::ALL.iter().filter_map(|code| Some((code.status()?, code))).collect();
    answers.sort_by_key(|(status, _)| *status);
    for (status, code) in answers {
        let _ = writeln!(text, "| `{status}` | `{}` | {} | {} |", code.as_str(), code.meaning(), code.action());
    }
    text.push_str(
        "\n## Error frames\n\n\
         `{\"type\": \"error\", \"code\": \"…\", \"detail\": \"…\"}` on a socket, which lives on. [PROTOCOL.md](PROTOCOL.md#error-frames) says what else is in it, and\n\
         what was saved.\n\n| `code` | what has happened | what a client does |\n|---|---|---|\n",
    );
    for code in Code::ALL.iter().filter(|code| code.is_of_frames()) {
        let _ = writeln!(text, "| `{}` | {} | {} |", code.as_str(), code.meaning(), code.action());
    }
    text.push_str(
        "\n## Close codes\n\n\
         With which the node ends a socket. `1006` is what a browser reports where there was no close frame: reconnect, as after `1012`.\n\n\
         | code | why | reconnect? |\n|---|---|---|\n",
    );
    for close in CLOSE_CODES {
        let _ = writeln!(text, "| `{}` | {} | {} |", close.code, close.meaning, close.reconnect);
    }
    text
}

#[test]
fn the_list_of_errors_is_what_the_tables_give() {
    if std::env::var_os("RENEW").is_some() {
        fs::write(FILE, list()).expect("it can be written");
    }
    let is = fs::read_to_string(FILE).expect("text");
    assert!(is == list(), "{FILE} is not what the tables give: `RENEW=1 cargo test --test api codes` writes it anew");
}

#[test]
fn the_protocol_names_every_code_of_its_frames_and_closes() {
    let protocol = fs::read_to_string("docs/PROTOCOL.md").expect("text");
    for code in Code::ALL.iter().filter(|code| code.is_of_frames()) {
        assert!(protocol.contains(&format!("`{}`", code.as_str())), "it has no {}", code.as_str());
    }
    for close in CLOSE_CODES {
        assert!(protocol.contains(&format!("| `{}` |", close.code)), "it has no {}", close.code);
    }
}
