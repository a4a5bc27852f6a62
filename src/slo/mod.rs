//! L1: objectives as users write them, and the verdicts on them.

mod evidence;
mod finding;
mod judge;
mod metric;
mod objective;

pub use finding::Finding;
pub use judge::judge;
pub use objective::{
    Aggregation, Bound, Divisor, Indicator, MetricIndicator, Objective, Reading, Scope, Selector,
};
