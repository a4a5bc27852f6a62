//! Error budgets: how fast an objective's budget burns, and which burn-rate alerts would have fired.
//!
//! Burn is the share of bad ones over the share that may be. The alerts are those of the SRE workbook (chapter 5, multiwindow,
//! multi-burn-rate): their factors are kept, their windows are divided by one scale so that they fit into the run.

mod burn;
mod file;
#[cfg(test)]
mod tests;
mod windows;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::burn::BURN_RATE;
pub(crate) use self::burn::burn_scale;
pub(super) use self::burn::{burned, limit_finding, steady_phase_for};
pub(super) use self::file::{read_burn_limit, read_terms};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a budget is for, and what its burning must keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetTerms {
    /// How long the budget is to last.
    pub period: Duration,
    /// Windows of burn rates are divided by this; `None`: by as much as fits the run.
    pub time_scale: Option<u32>,
    /// How fast it may burn.
    pub limit: Option<BurnLimit>,
    /// Burn-rate alerts that are not asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<BurnSeverity>,
}

/// A burn rate that must not be exceeded in both windows at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BurnLimit {
    /// The factor.
    pub at_most: f64,
    /// The long window, as in production.
    pub long: Duration,
    /// The short window, as in production.
    pub short: Duration,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl Default for BudgetTerms {
    /// 30 days.
    fn default() -> Self {
        Self { period: DAY * 30, time_scale: None, limit: None, without: Vec::new() }
    }
}

impl BudgetTerms {
    /// True where nothing else was said.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A period or a window as people write it: `28d`, `5m`. Whole days are not made weeks or years.
pub(crate) fn as_written(duration: Duration) -> String {
    let days = duration.as_secs() / DAY.as_secs();
    if days > 0 && DAY.checked_mul(u32::try_from(days).unwrap_or(u32::MAX)) == Some(duration) {
        return format!("{days}d");
    }
    crate::rules::format_duration(duration)
}

/// The budget of an objective as a run burnt it. All of it but `share` is an estimate: a run is short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorBudget {
    /// The share (0 to 1) that may be bad.
    pub share: f64,
    /// The share that was bad over the one that may be: above 1 the budget does not last.
    pub burn: f64,
    /// How long the budget is to last, in seconds.
    pub period: f64,
    /// When it would be gone at this burn, in seconds; `None` where nothing burnt.
    pub gone_in: Option<f64>,
    /// Windows of the alerts were divided by this.
    pub scale: f64,
    /// What became of the alerts.
    pub alerts: Vec<BurnAlert>,
}

/// An alert on a burn rate in two windows at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BurnAlert {
    /// Who is told.
    pub severity: BurnSeverity,
    /// The burn rate that both windows must exceed.
    pub factor: f64,
    /// The long window as in production, in seconds.
    pub long: f64,
    /// The short window as in production, in seconds.
    pub short: f64,
    /// What became of it.
    pub reading: BurnReading,
    /// When it would have fired first, in seconds since the load began.
    pub fired_at: Option<f64>,
    /// The highest burn rate that both windows had at once; `None` where there was no such moment.
    pub peak: Option<f64>,
}

/// Who is told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurnSeverity {
    /// Somebody is woken.
    Page,
    /// Somebody looks at it in time.
    Ticket,
}

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurnReading {
    /// It would have fired.
    Fired,
    /// It would not have.
    Silent,
    /// The long window is longer than the steady phase.
    TooShort,
    /// The short window is shorter than what is counted at once.
    TooFine,
}

impl BurnSeverity {
    /// As it is called.
    pub fn text(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}
