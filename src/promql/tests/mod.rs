//! Tests of the engine as a whole; those of one file stand in it.
#![expect(
    clippy::disallowed_methods,
    clippy::float_cmp,
    reason = "tests read the scripts that they run, and know their samples exactly"
)]

/// Mistakes in queries: what is said of them, and where.
mod mistakes;

/// The runner of test scripts.
mod runner;

/// The language of test scripts.
mod script;

/// Prometheus's own scripts, and ours.
mod scripts;

/// The store of series.
mod storing;
