//! L1: objectives as users write them, and the verdicts on them.

mod bursts;
mod called;
mod draft;
mod evidence;
mod file;
mod finding;
mod generator;
mod judge;
mod metric;
mod metric_file;
mod objective;
mod stream;
mod unit;

pub use file::{load, load_all, load_for};
pub use finding::Finding;
pub use generator::{GeneratorCheck, check_generator, generator_finding, own_lateness};
pub use judge::{Measurements, fails_despite, judge};
pub use objective::{
    Aggregation, Bound, Divisor, Indicator, MetricIndicator, Objective, Reading, Scope, Selector,
};
pub use stream::stream_limits;
pub use unit::Unit;

pub(crate) use called::{Call, Called};
pub(crate) use file::{WrittenObjective, check_names, read};
