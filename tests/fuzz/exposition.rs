//! Any bytes as a scrape.

#![no_main]

mod exposition_property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exposition_property::holds(bytes));
