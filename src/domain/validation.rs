//! What was wrong with an input, in the terms that FastAPI's clients know.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that is wrong with a body, a path or a query.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Issue {
    /// Where: `["body", "email"]`, `["path", "server_id"]`, `["query", "limit"]`.
    #[schema(value_type = Vec<Step>, example = json!(["body", "email"]))]
    pub loc: Vec<Value>,
    /// What, for a person.
    #[schema(example = "Field required")]
    pub msg: String,
    /// What, for a program.
    #[serde(rename = "type")]
    #[schema(example = "missing")]
    pub kind: &'static str,
}

/// A step on the way to what is wrong.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Step {
    /// What a part or a field is called.
    Name(String),
    /// At which byte a body stopped being JSON.
    Byte(u64),
}

/// Why a value is refused, before it is known where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The machine-readable kind (`string_too_short`, `value_error`, …).
    pub kind: &'static str,
    /// What to do about it, for a person.
    pub msg: String,
}

impl Refusal {
    /// A refusal of `kind` that says `msg`.
    pub fn new(kind: &'static str, msg: impl Into<String>) -> Self {
        Self { kind, msg: msg.into() }
    }

    /// A rule that no length or type describes.
    pub fn value(msg: impl Into<String>) -> Self {
        Self::new("value_error", msg)
    }

    /// The refusal of the field `name` in `place` (`body`, `path`, `query`).
    pub fn at(self, place: &str, name: &str) -> Issue {
        Issue { loc: vec![place.into(), name.into()], msg: self.msg, kind: self.kind }
    }
}

/// A value that is made from one field of an input, and cannot exist unchecked.
pub trait Parse: Sized {
    /// Checks `value` and makes the field's type of it.
    fn parse(value: &Value) -> Result<Self, Refusal>;
}

/// The text in `value`, or FastAPI's refusal of anything else.
pub fn string(value: &Value) -> Result<&str, Refusal> {
    value.as_str().ok_or_else(|| Refusal::new("string_type", "Input should be a valid string"))
}

impl Parse for i64 {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        value.as_i64().ok_or_else(|| Refusal::new("int_type", "Input should be a valid integer"))
    }
}

/// The integer in `text`; `None` where it is one that does not fit.
pub fn integer(text: &str) -> Result<Option<i64>, Refusal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::new(
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
        ));
    }
    Ok(text.parse().ok())
}

/// The integer in `text`, if it is neither less than `min` nor more than `max`.
pub fn bounded(text: &str, min: i64, max: i64) -> Result<i64, Refusal> {
    let number = integer(text)?;
    // One that does not fit is beyond its sign's end.
    let is_less = number.map_or(text.starts_with('-'), |number| number < min);
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ if is_less => {
            Err(Refusal::new("greater_than_equal", format!("Input should be greater than or equal to {min}")))
        }
        _ => Err(Refusal::new("less_than_equal", format!("Input should be less than or equal to {max}"))),
    }
}
