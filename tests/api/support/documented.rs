//! Answers, held against `/openapi.json`: whatever a call answers, its operation lists, with its code and its headers.

use super::client::{Answer, keys};
use reqwest::Method;
use serde_json::Value;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| madang::http::document().expect("it can be written"));

/// Headers that an answer has only where the document says so.
const HEADERS: [&str; 6] = [
    "x-request-id",
    "www-authenticate",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];

/// What a reference points to; anything else is itself.
fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(path) => resolve(DOCUMENT.pointer(path.trim_start_matches('#')).expect("it leads somewhere")),
        None => value,
    }
}

/// Whether a path is of a template, and how many of its parts stand for themselves.
fn likeness(template: &str, path: &str) -> Option<usize> {
    let (template, path) = (template.trim_end_matches('/'), path.strip_suffix('/').unwrap_or(path));
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let fits = |(template, part): (&&str, &&str)| template == part || (template.starts_with('{') && !part.is_empty());
    let is_alike = template.len() == path.len() && template.iter().zip(&path).all(fits);
    is_alike.then(|| template.iter().filter(|part| !part.starts_with('{')).count())
}

/// What the document says of a call; `None` of one that it does not have.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let items = DOCUMENT["paths"].as_object().expect("paths").iter();
    let (_, item) = items
        .filter_map(|(template, item)| Some((likeness(template, path)?, item)))
        .max_by_key(|(own_parts, _)| *own_parts)?;
    let method = if *method == Method::HEAD { Method::GET } else { method.clone() };
    item.get(method.as_str().to_lowercase())
}

/// Panics where the document does not know this answer.
pub fn check(method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "the document lists no such status: {answer:?}");
    if answer.status >= 400 && *method != Method::HEAD {
        let parts = response["content"]["application/json"]["schema"]["allOf"].as_array().expect("a body in parts");
        let listed = parts.iter().find_map(|part| part["properties"]["code"]["enum"].as_array()).expect("codes");
        assert!(listed.contains(&answer.json()["code"]), "the document lists {listed:?} only: {answer:?}");
    }
    let listed: Vec<String> = keys(&response["headers"]).into_iter().map(str::to_lowercase).collect();
    for name in HEADERS.iter().filter(|name| answer.headers.contains_key(**name)) {
        assert!(listed.contains(&(*name).to_owned()), "the document lists no {name}: {answer:?}");
    }
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let is_there = answer.headers.contains_key(name);
        assert!(is_there || resolve(header)["required"] != true, "{name} is missing: {answer:?}");
    }
}
