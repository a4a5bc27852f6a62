//! L1: objectives as users write them, and the verdicts on them.

mod abort;
mod abort_file;
mod alerts;
mod broken;
mod budget;
mod bursts;
mod called;
mod criteria;
mod draft;
mod evidence;
mod feed;
mod fetched;
mod file;
mod finding;
mod foreign;
mod generator;
mod judge;
mod metric;
mod metric_file;
mod objective;
mod part;
mod queried;
mod run_length;
mod scraped;
mod shown;
mod stream;
mod terms;
mod terms_file;
mod tick;
mod their_alerts;
mod unit;
mod wanted;
mod windows;

pub use abort::{AbortWatch, AbortWhen};
pub use alerts::{
    ALERT, AlertCriteria, AlertExpectation, AlertHistory, AlertNews, AlertProjection, AlertReading, AlertRow,
    AlertSpan, Expected, HeldBackRow, LiveAlerts, LiveState, PageRow, ProjectedReading, TextFile,
    alert_findings, alert_history,
};
pub use broken::broken;
pub use budget::{BURN_RATE, BudgetTerms, BurnAlert, BurnLimit, BurnReading, BurnSeverity, ErrorBudget};
pub use criteria::Criteria;
pub use fetched::{FetchGap, fetch_gap, fetched_series, without_series};
pub use file::{load, load_all, load_for};
pub use finding::Finding;
pub use generator::{GeneratorCheck, check_generator, generator_finding, own_lateness};
pub use judge::{Measurements, fails_despite, judge};
pub use objective::{
    Aggregation, Bound, Divisor, Indicator, MetricIndicator, Objective, Reading, Scope, Selector,
};
pub use part::During;
pub use queried::{Comparison, Counted, EventsIndicator, Holding, QueryIndicator, QueryLimit, Slices};
pub use scraped::Recorded;
pub use shown::shown;
pub use stream::stream_limits;
pub use terms::{InEvery, Terms, Tolerance};
pub use their_alerts::{Agreement, TheirAlertRow, TheirRuleState, their_alerts};
pub use unit::Unit;
pub use wanted::{Wanted, WantedSeries, reads_metrics, wanted};

pub(crate) use budget::{as_written, burn_scale};
pub(crate) use called::{Call, Called};
pub(crate) use file::{WrittenAlerts, WrittenCriteria, WrittenObjective, check_names, read};
pub(crate) use run_length::RunLength;
pub(crate) use wanted::read_select;

use evidence::{exact_percent, without_binary_noise};
