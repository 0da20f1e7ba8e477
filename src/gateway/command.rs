//! What a client may say on a socket, one text frame a command.

use crate::domain::text::Content;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The deepest nesting of a frame.
const DEPTH_MAX: usize = 16;

/// A command that has been understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Put a message into the channel's log.
    SendMessage {
        /// Its text.
        content: Content,
    },
}

/// Why a frame was not understood: what the error frame says.
#[derive(Debug, PartialEq, Eq)]
pub struct BadFrame {
    /// Stable, for a program.
    pub code: &'static str,
    /// What to change, for a person.
    pub detail: Cow<'static, str>,
}

impl BadFrame {
    fn new(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// The error frame's text.
    pub fn to_text(&self) -> String {
        json!({ "type": "error", "code": self.code, "detail": self.detail }).to_string()
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    content: Option<Value>,
}

/// Understands a text frame of the channel socket. `type` may be left out.
pub fn parse(text: &str) -> Result<Command, BadFrame> {
    if depth(text) > DEPTH_MAX {
        return Err(BadFrame::new("too_deep", "A frame may nest at most 16 levels"));
    }
    // Serde would take an array for an object without names.
    if text.trim_start().starts_with('[') {
        return Err(BadFrame::new("invalid_frame", "Send a JSON object, not an array"));
    }
    let frame: Frame<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => BadFrame::new("invalid_frame", format!("Send a JSON object: {error}")),
        _ => BadFrame::new("invalid_json", format!("Send one JSON object a frame: {error}")),
    })?;
    match frame.kind.as_deref() {
        None | Some("message.send") => {}
        Some(_) => {
            return Err(BadFrame::new("unknown_type", "`type` must be message.send, or be left out"));
        }
    }
    let content = match &frame.content {
        Some(Value::String(content)) => content,
        Some(_) => return Err(BadFrame::new("content_not_text", "`content` must be a string")),
        None => return Err(BadFrame::new("content_missing", r#"`content` is missing: send {"content": "…"}"#)),
    };
    let content = Content::try_from(content.as_str()).map_err(|refusal| BadFrame::new(refusal.kind, refusal.msg))?;
    Ok(Command::SendMessage { content })
}

/// How deep brackets nest outside strings; exact for JSON, and bounded work for anything else.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_understood_with_and_without_its_type() {
        for text in [
            r#"{"content": "hi"}"#,
            r#"{"type": "message.send", "content": "hi"}"#,
            r#"{"content": "hi", "else": {"ignored": [1]}}"#,
            r#"{"type": null, "content": "\u0068i"}"#,
        ] {
            let Ok(Command::SendMessage { content }) = parse(text) else { panic!("{text}") };
            assert_eq!(content.as_str(), "hi");
        }
    }

    #[test]
    fn each_mistake_has_its_code() {
        let long = format!(r#"{{"content": "{}"}}"#, "x".repeat(4_001));
        let deep = format!(r#"{{"content": "hi", "x": {}{}}}"#, "[".repeat(16), "]".repeat(16));
        for (text, code) in [
            ("", "invalid_json"),
            ("hello", "invalid_json"),
            (r#"{"content": "a"} {"content": "b"}"#, "invalid_json"),
            (r#"["content"]"#, "invalid_frame"),
            (" []", "invalid_frame"),
            ("null", "invalid_frame"),
            (r#"{"type": 7, "content": "a"}"#, "invalid_frame"),
            (r#"{"content": "a", "content": "b"}"#, "invalid_frame"),
            (r#"{"type": "dance", "content": "a"}"#, "unknown_type"),
            ("{}", "content_missing"),
            (r#"{"content": null}"#, "content_missing"),
            (r#"{"content": 7}"#, "content_not_text"),
            (r#"{"content": " \n"}"#, "content_blank"),
            (r#"{"content": "a\u0000"}"#, "content_has_nul"),
            (&long, "content_too_long"),
            (&deep, "too_deep"),
        ] {
            assert_eq!(parse(text).map_err(|bad| bad.code), Err(code), "{text}");
        }
    }

    #[test]
    fn depth_counts_brackets_outside_strings_only() {
        assert_eq!(depth(r#"{"a": "[[[[\"[[", "b": [1, [2]]}"#), 3);
    }
}
