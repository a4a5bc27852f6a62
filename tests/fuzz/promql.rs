//! Any text as a query.

#![no_main]

#[allow(dead_code, reason = "each target looks at one of them")]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::promql(text));
