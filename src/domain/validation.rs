//! What was wrong with an input, in the terms that FastAPI's clients know.

use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that is wrong with a body, a path or a query.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Issue {
    /// Where: `["body", "email"]`, `["path", "server_id"]`, `["query", "limit"]`.
    #[schema(example = json!(["body", "email"]))]
    pub loc: Vec<Step>,
    /// What, for a person.
    #[schema(example = "Field required")]
    pub msg: String,
    /// What, for a program.
    #[serde(rename = "type")]
    #[schema(example = "missing")]
    pub kind: &'static str,
}

/// A step on the way to what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Step {
    /// What a part or a field is called.
    Name(String),
    /// At which byte a body stopped being JSON, or which item of a list it is, from 0.
    Place(u64),
}

impl Step {
    /// What the part or the field is called.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Place(_) => None,
        }
    }
}

impl From<&str> for Step {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// Why a value is refused, before it is known where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The machine-readable kind (`string_too_short`, `value_error`, …).
    pub kind: &'static str,
    /// What to do about it, for a person.
    pub msg: String,
    /// Which item of a list it is about, if of one.
    pub item: Option<usize>,
}

impl Refusal {
    /// A refusal of `kind` that says `msg`.
    pub fn new(kind: &'static str, msg: impl Into<String>) -> Self {
        Self { kind, msg: msg.into(), item: None }
    }

    /// A rule that no length or type describes.
    pub fn value(msg: impl Into<String>) -> Self {
        Self::new("value_error", msg)
    }

    /// The refusal of this item of a list.
    pub fn of_item(self, item: usize) -> Self {
        Self { item: Some(item), ..self }
    }

    /// The refusal of the field `name` in `place` (`body`, `path`, `query`).
    pub fn at(self, place: &str, name: &str) -> Issue {
        let item = self.item.map(|item| Step::Place(item as u64));
        let loc = [Step::from(place), Step::from(name)].into_iter().chain(item).collect();
        Issue { loc, msg: self.msg, kind: self.kind }
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

impl Parse for String {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        string(value).map(str::to_owned)
    }
}

impl Parse for SecretString {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        string(value).map(Self::from)
    }
}

impl Parse for bool {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        // As a form has it, too.
        match value {
            Value::Bool(truth) => Ok(*truth),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Ok(true),
                "false" | "off" | "no" | "0" => Ok(false),
                _ => Err(Refusal::new("bool_parsing", "Input should be a valid boolean, unable to interpret input")),
            },
            _ => Err(Refusal::new("bool_type", "Input should be a valid boolean")),
        }
    }
}

impl Parse for i64 {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        match value {
            Value::Number(number) => match number.as_i64() {
                Some(number) => Ok(number),
                None if number.is_u64() => {
                    Err(Refusal::new("int_parsing_size", "Input should be a valid integer, exceeded maximum size"))
                }
                None => whole(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => integer(text)?.ok_or_else(|| {
                Refusal::new("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size")
            }),
            _ => Err(Refusal::new("int_type", "Input should be a valid integer")),
        }
    }
}

/// Below it each whole number of a JavaScript client is itself.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

fn whole(number: f64) -> Result<i64, Refusal> {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX {
        return Ok(number as i64);
    }
    let msg = "Input should be a valid integer, got a number with a fractional part";
    Err(Refusal::new("int_from_float", msg))
}

/// The integer in `text`, as lenient as FastAPI: with white space around it, a `+` before it, or `.0` behind. `None` where it is one
/// that does not fit.
pub fn integer(text: &str) -> Result<Option<i64>, Refusal> {
    let text = text.trim();
    let text = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
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
    let is_less = number.map_or(text.trim_start().starts_with('-'), |number| number < min);
    match number {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ if is_less => {
            Err(Refusal::new("greater_than_equal", format!("Input should be greater than or equal to {min}")))
        }
        _ => Err(Refusal::new("less_than_equal", format!("Input should be less than or equal to {max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_truth_may_be_a_text_of_a_form() {
        for (value, truth) in [(json!(true), true), (json!("true"), true), (json!(" On "), true), (json!("0"), false)] {
            assert_eq!(bool::parse(&value), Ok(truth), "{value}");
        }
        for (value, kind) in [(json!(""), "bool_parsing"), (json!("tru"), "bool_parsing"), (json!(1), "bool_type")] {
            assert_eq!(bool::parse(&value).map_err(|refusal| refusal.kind), Err(kind), "{value}");
        }
    }

    #[test]
    fn numbers_are_taken_as_leniently_as_fastapi_takes_them() {
        for value in [json!(7), json!(7.0), json!("7"), json!(" 7 "), json!("+7"), json!("7.0"), json!("007.000")] {
            assert_eq!(i64::parse(&value), Ok(7), "{value}");
        }
        for (value, kind) in [
            (json!(7.5), "int_from_float"),
            (json!(1e300), "int_from_float"),
            (json!("7.5"), "int_parsing"),
            (json!("7."), "int_parsing"),
            (json!("seven"), "int_parsing"),
            (json!(""), "int_parsing"),
            (json!("."), "int_parsing"),
            (json!("1e3"), "int_parsing"),
            (json!("99999999999999999999"), "int_parsing_size"),
            (json!(true), "int_type"),
            (json!(null), "int_type"),
            (json!([7]), "int_type"),
        ] {
            assert_eq!(i64::parse(&value).map_err(|refusal| refusal.kind), Err(kind), "{value}");
        }
        assert_eq!(bounded(" 10.0", 1, 100), Ok(10));
        assert_eq!(
            bounded(" -99999999999999999999", 1, 100).map_err(|refusal| refusal.kind),
            Err("greater_than_equal")
        );
    }
}
