//! L1: objectives as users write them, and the verdicts on them.

mod objective;

pub use objective::{
    Aggregation, Bound, Divisor, Indicator, MetricIndicator, Objective, Reading, Scope, Selector,
};
