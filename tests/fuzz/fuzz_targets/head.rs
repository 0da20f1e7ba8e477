#![no_main]

#[path = "../../properties/head.rs"]
mod head;
#[path = "../../properties/pieces.rs"]
mod pieces;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| head::holds(bytes));
