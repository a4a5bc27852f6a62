//! Gander: load-testing and SLO verification for Model Context Protocol (MCP) servers.
//!
//! Data flows one way: scenario YAML -> plan -> (load | observe) -> seconds, series, events -> verdicts -> reports.
//! The rooms below are listed in the order to read them, lowest level first; `ARCHITECTURE.md` says who may use
//! whom, and `tests/it/tidy.rs` holds the code to it.

// L0
pub mod model;
// L1
pub mod input;
pub mod plan;
pub mod metrics;
pub mod stats;
pub mod schema;
pub mod promql;
pub mod rules;
pub mod alertmanager;
pub mod verify;
pub mod slo;
pub mod scenario;
pub mod report;
// L2
pub mod clock;
pub mod mcp;
pub mod load;
pub mod observe;
pub mod record;
pub mod demo;
pub mod drill;
// L3
pub mod run;
pub mod init;
// L4
pub mod selftest;
// L5
pub mod cli;
