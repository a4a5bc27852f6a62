//! Any bytes as a scrape.

#![no_main]

#[allow(dead_code, reason = "each target looks at one of them")]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::exposition(bytes));
