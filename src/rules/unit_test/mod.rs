//! Unit tests of rules in the format of `promtool test rules`: read, carried out, and what was expected held against
//! what came.

mod bill;
mod difference;
mod file;
mod run;
mod series;

#[cfg(test)]
pub(super) use bill::limit_of;
pub use file::{Test, TestFile, load_tests};
pub use run::{TestFailure, TestOutcome, run_tests};

#[cfg(test)]
mod tests;
