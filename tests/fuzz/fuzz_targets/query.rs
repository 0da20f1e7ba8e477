#![no_main]

#[path = "../../properties/query.rs"]
mod query;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| query::holds(bytes));
