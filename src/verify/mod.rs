//! L1: the target's own telemetry held against what gander saw. Whoever sent every call knows what the target's counters, histograms and
//! gauges should say.
//!
//! Each check is a pure function of what a run recorded ([`Seen`]), and ends in a [`Checked`]: a verdict, the sentence that says why, and the
//! rows it rests on. SLO files switch checks on (`checks`); what the target calls its metrics is data ([`MetricNames`]), never code.

mod checked;
mod checks;
mod file;
mod logs;
mod names;
mod names_file;
mod selector;
mod truth;

#[cfg(test)]
mod tests;

pub use checked::{Checked, Evidence};
pub use checks::{Checks, TruthCheck, TruthChecks};
pub use logs::{LogCheck, LogChecks};
pub use names::{Durations, LabelledCounter, MetricNames, Requests};
pub use selector::SeriesSelector;

pub(crate) use file::read;

use crate::metrics::{Aggregates, LogStore, Second, SeriesStore};
use crate::model::{Event, Stamped, TargetInfo};
use crate::plan::Plan;

/// What a run recorded, as far as checks look at it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// Who was called.
    pub target: Option<&'a TargetInfo>,
    /// What was measured, by the second.
    pub seconds: &'a [Second],
    /// The same, added up.
    pub aggregates: &'a Aggregates,
    /// What else happened.
    pub events: &'a [Stamped<Event>],
    /// What was scraped.
    pub series: &'a SeriesStore,
    /// True where a Prometheus gave series in place of scrapes.
    pub is_fetched: bool,
    /// What was seen of the target's log; `None` where nobody followed it.
    pub log: Option<&'a LogStore>,
    /// The latency limits of the run's objectives, in seconds, each with its objective's name.
    pub latency_limits: &'a [(String, f64)],
}

/// What came of each of `checks`, in their own order.
pub fn checked(checks: &Checks, seen: &Seen<'_>) -> Vec<Checked> {
    let truth = checks.truth.iter().flat_map(|truth| truth::checked(truth, seen));
    truth.chain(checks.logs.iter().flat_map(|logs| logs::checked(logs, seen))).collect()
}
