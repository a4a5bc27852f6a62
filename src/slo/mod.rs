//! L1: objectives as users write them, and the verdicts on them.

mod file;
mod metric_file;
mod objective;

pub use file::{load, load_all};
pub use objective::{
    Aggregation, Bound, Divisor, Indicator, MetricIndicator, Objective, Reading, Scope, Selector,
};

pub(crate) use file::{WrittenObjective, check_names, read};
