#![no_main]

#[path = "../../properties/codec.rs"]
mod codec;
#[path = "../../properties/pieces.rs"]
mod pieces;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| codec::holds(bytes));
