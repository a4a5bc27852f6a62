//! L1: the target's own telemetry held against what gander saw. Whoever sent every call knows what the target's counters, histograms and
//! gauges should say.
//!
//! Each check is a pure function of what a run recorded ([`Seen`]), and ends in a [`Checked`]: a verdict, the sentence that says why, and the
//! rows it rests on. SLO files switch checks on (`checks`); what the target calls its metrics is data ([`MetricNames`]), never code.

mod audit;
mod checked;
mod checks;
mod cost;
mod dashboards;
mod file;
mod growth;
mod health;
mod health_checks;
mod health_file;
mod logs;
mod names;
mod names_file;
mod redaction;
mod selector;
mod truth;

#[cfg(test)]
mod tests;

pub use audit::{AuditCheck, AuditChecks};
pub use checked::{Checked, Evidence};
pub use checks::{Checks, TruthCheck, TruthChecks};
pub use cost::{
    BudgetPer, Cost, CostBudget, CostPart, CostRow, Prices, Reserved, TokenCount, TokenPrice, cost, money,
};
pub use dashboards::{Dashboard, DashboardChecks, Panel, PanelQuery, Shown, Variable, VariableSource};
pub use health_checks::{HealthCheck, HealthChecks};
pub use logs::{LogCheck, LogChecks};
pub use names::{Durations, LabelledCounter, MetricNames, Requests};
pub use redaction::RedactionChecks;
pub use selector::SeriesSelector;

pub(crate) use file::{WrittenChecks, read};

use std::time::Duration;

use crate::metrics::{Aggregates, LogStore, Second, SeriesStore};
use crate::model::{Event, Stamped, TargetInfo};
use crate::plan::Plan;

/// What the indicator of findings on the target's telemetry is called.
pub const TELEMETRY: &str = "telemetry";

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
    /// What dashboards are asked of; `None` where none are checked.
    pub shown: Option<&'a Shown>,
    /// What was seen of its audit log.
    pub audit: Option<&'a LogStore>,
    /// The latency limits of the run's objectives, in seconds, each with its objective's name.
    pub latency_limits: &'a [(String, f64)],
    /// When the objectives on latencies and errors that failed were broken.
    pub broken: &'a [Broken],
}

/// An objective that failed, and when it was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub name: String,
    /// The beginning of the first second that shows it, in the time of the run.
    pub from: Duration,
    /// The end of the last one.
    pub to: Duration,
}

/// What came of each of `checks`, in their own order.
pub fn checked(checks: &Checks, seen: &Seen<'_>) -> Vec<Checked> {
    let truth = checks.truth.iter().flat_map(|truth| truth::checked(truth, seen));
    let health = checks.health.iter().flat_map(|health| health::checked(health, seen));
    let logs = checks.logs.iter().flat_map(|logs| logs::checked(logs, seen));
    let budget = checks.cost.iter().filter_map(|prices| cost::checked(prices, &cost(prices, seen)));
    let redaction = checks.redaction.iter().flat_map(|redaction| redaction::checked(redaction, checks, seen));
    let audit = checks.audit.iter().flat_map(|audit| audit::checked(audit, seen));
    let dashboards = checks.dashboards.iter().flat_map(|it| dashboards::checked(it, seen.shown));
    truth.chain(health).chain(logs).chain(audit).chain(redaction).chain(dashboards).chain(budget).collect()
}
