//! Any text as a query.

#![no_main]

mod promql_property;

libfuzzer_sys::fuzz_target!(|text: &str| promql_property::holds(text));
