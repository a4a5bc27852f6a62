//! L1: objectives as users write them, and the verdicts on them.

mod abort;
mod abort_file;
mod alerts;
mod bursts;
mod called;
mod criteria;
mod draft;
mod evidence;
mod feed;
mod file;
mod finding;
mod generator;
mod judge;
mod metric;
mod metric_file;
mod objective;
mod part;
mod scraped;
mod stream;
mod terms;
mod terms_file;
mod unit;
mod windows;

pub use abort::{AbortWatch, AbortWhen};
pub use alerts::{
    AlertCriteria, AlertExpectation, AlertHistory, AlertNews, AlertProjection, AlertReading, AlertRow,
    AlertSpan, Expected, HeldBackRow, LiveAlerts, LiveState, PageRow, ProjectedReading, TextFile,
    alert_findings, alert_history,
};
pub use criteria::Criteria;
pub use file::{load, load_all, load_for};
pub use finding::Finding;
pub use generator::{GeneratorCheck, check_generator, generator_finding, own_lateness};
pub use judge::{Measurements, fails_despite, judge};
pub use objective::{
    Aggregation, Bound, Divisor, Indicator, MetricIndicator, Objective, Reading, Scope, Selector,
};
pub use part::During;
pub use scraped::Recorded;
pub use stream::stream_limits;
pub use terms::{InEvery, Terms, Tolerance};
pub use unit::Unit;

pub(crate) use called::{Call, Called};
pub(crate) use file::{WrittenAlerts, WrittenCriteria, WrittenObjective, check_names, read};
