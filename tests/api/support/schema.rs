//! Frames, held against `/asyncapi.json`: the part of JSON Schema that the document uses.

use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| madang::sockets::asyncapi::document().expect("it can be written"));

/// Holds a frame against its message, which has to be one of `channel`'s (`channelSocket` or `gateway`).
pub fn check_frame(channel: &str, frame: &Value) {
    let name = frame["type"].as_str().unwrap_or("message.send");
    let listed = &DOCUMENT["channels"][channel]["messages"][name];
    assert!(listed.is_object(), "{channel} has no {name}: {frame}");
    let payload = &resolve(listed)["payload"];
    let mut wrong = Vec::new();
    check(payload, frame, "", &mut wrong);
    strict(payload, frame, "", &mut wrong);
    assert!(wrong.is_empty(), "{frame} is not as the document says: {wrong:?}");
}

fn resolve(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(path) => resolve(DOCUMENT.pointer(path.trim_start_matches('#')).expect("it leads somewhere")),
        None => schema,
    }
}

fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let schema = resolve(schema);
    if !type_fits(&schema["type"], value) {
        return wrong.push(format!("{at} is not {}", schema["type"]));
    }
    let is = |name: &str| schema.get(name);
    if is("const").is_some_and(|only| only != value)
        || is("enum").is_some_and(|all| !all.as_array().expect("a list").contains(value))
    {
        wrong.push(format!("{at} is {value}"));
    }
    if let (Some(minimum), Some(number)) = (is("minimum").and_then(Value::as_i64), value.as_i64())
        && number < minimum
    {
        wrong.push(format!("{at} is less than {minimum}"));
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        let fits = is("minLength").and_then(Value::as_u64).is_none_or(|min| length >= min)
            && is("maxLength").and_then(Value::as_u64).is_none_or(|max| length <= max);
        if !fits {
            wrong.push(format!("{at} has {length} characters"));
        }
    }
    for name in list(&schema["required"]).filter_map(Value::as_str).filter(|name| value.get(name).is_none()) {
        wrong.push(format!("{at}/{name} is missing"));
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            check(schema, value, &format!("{at}/{name}"), wrong);
        }
    }
    for (number, item) in list(value).enumerate().filter(|_| schema["items"].is_object()) {
        check(&schema["items"], item, &format!("{at}/{number}"), wrong);
    }
    list(&schema["allOf"]).for_each(|part| check(part, value, at, wrong));
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut wrong = Vec::new();
            check(choice, value, at, &mut wrong);
            wrong.is_empty()
        };
        if choices.iter().filter(fits).count() != 1 {
            wrong.push(format!("{at} fits none, or several, of its choices"));
        }
    }
}

fn type_fits(types: &Value, value: &Value) -> bool {
    let fits = |name: &Value| match name.as_str().expect("a type is a text") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("what is {other}?"),
    };
    match types {
        Value::Null => true,
        Value::Array(several) => several.iter().any(fits),
        one => fits(one),
    }
}

/// A client may get fields that it does not know; the document has to know them all.
fn strict(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut known = BTreeSet::new();
    properties(schema, &mut known);
    for name in value.as_object().into_iter().flat_map(|object| object.keys()).filter(|name| !known.contains(*name)) {
        wrong.push(format!("{at}/{name} is not in the document"));
    }
}

fn properties(schema: &Value, known: &mut BTreeSet<String>) {
    let schema = resolve(schema);
    known.extend(schema["properties"].as_object().into_iter().flat_map(|object| object.keys().cloned()));
    for part in ["allOf", "oneOf"].iter().flat_map(|key| list(&schema[key])) {
        properties(part, known);
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
