//! Hands: keys and the wheel, as WebDriver's actions have them. They go to whatever has the focus, or lies under the pointer.

use super::browser::Browser;
use serde_json::{Value, json};

/// Keys that are no characters (W3C WebDriver, 17.4.2).
pub mod key {
    pub const TAB: char = '\u{e004}';
    pub const ENTER: char = '\u{e006}';
    pub const SHIFT: char = '\u{e008}';
    pub const CONTROL: char = '\u{e009}';
    pub const ESCAPE: char = '\u{e00c}';
    pub const PAGE_UP: char = '\u{e00e}';
    pub const END: char = '\u{e010}';
    pub const HOME: char = '\u{e011}';
    pub const UP: char = '\u{e013}';
    pub const DOWN: char = '\u{e015}';
    pub const DELETE: char = '\u{e017}';
}

impl Browser {
    /// Presses keys together, one after the other, and lets them go.
    pub async fn press(&self, keys: &[char]) {
        let down = keys.iter().map(|key| stroke("keyDown", *key));
        let up = keys.iter().rev().map(|key| stroke("keyUp", *key));
        self.act("key", down.chain(up).collect()).await;
    }

    /// Types a text.
    pub async fn write(&self, text: &str) {
        let strokes = text.chars().flat_map(|key| [stroke("keyDown", key), stroke("keyUp", key)]);
        self.act("key", strokes.collect()).await;
    }

    /// Turns the wheel at a point of the window; down, where the pixels are more than zero.
    pub async fn roll(&self, (x, y): (i64, i64), pixels: i64) {
        let step = json!({
            "type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": pixels, "duration": 0, "origin": "viewport",
        });
        self.act("wheel", vec![step]).await;
    }

    async fn act(&self, source: &str, steps: Vec<Value>) {
        let actions = json!({ "actions": [{ "type": source, "id": source, "actions": steps }] });
        self.command("actions", actions).await.unwrap_or_else(|error| panic!("{source}: {error}"));
    }
}

fn stroke(kind: &str, key: char) -> Value {
    json!({ "type": kind, "value": key.to_string() })
}
