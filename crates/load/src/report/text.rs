//! Names, addresses and errors come from outside: here they become safe to show.

/// For HTML, SVG and their attributes.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(visible(c)),
        }
    }
    safe
}

/// For a terminal: one line, and nothing in it that a terminal obeys.
pub fn plain(text: &str) -> String {
    text.chars().map(visible).map(|c| if c == '\n' || c == '\t' { ' ' } else { c }).collect()
}

/// JSON for a `<script>`: nothing in it ends the element.
pub fn script_json(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// XML has no place for control characters, a terminal obeys them, and marks of direction make a line lie.
fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escaped(r#"<script>alert("1" & '2')</script>"#),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"
        );
        assert_eq!(escaped("한글 µs"), "한글 µs");
        assert_eq!(script_json(r#"["</script><!--"]"#), r#"["\u003c/script\u003e\u003c!--"]"#);
    }

    #[test]
    fn nothing_that_a_terminal_or_xml_minds_is_left() {
        assert_eq!(plain("a\x1b[31mb\r\nc\u{202E}d\u{9b}e"), "a\u{FFFD}[31mb\u{FFFD} c\u{FFFD}d\u{FFFD}e");
        assert_eq!(escaped("\0\x08\u{FFFF}\n"), "\u{FFFD}\u{FFFD}\u{FFFD}\n");
    }
}
