//! Which checks are on, and on what terms.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AuditChecks, DashboardChecks, HealthChecks, LogChecks, MetricNames, Prices, RedactionChecks};

/// The checks that an SLO file switches on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Checks {
    /// The target's metrics against what was sent and what came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<TruthChecks>,
    /// The target's health endpoints against how its calls went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthChecks>,
    /// The target's log against the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogChecks>,
    /// Its audit log: a record for each call of a tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditChecks>,
    /// What requests carried as if it were secret turns up nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redaction: Option<RedactionChecks>,
    /// Dashboards over what was scraped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dashboards: Option<DashboardChecks>,
    /// What the run cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Prices>,
}

impl Checks {
    /// True when none is on.
    pub fn is_empty(&self) -> bool {
        let Self { truth, health, logs, audit, redaction, dashboards, cost } = self;
        let is_of_metrics = truth.is_some() || dashboards.is_some() || cost.is_some();
        let is_of_logs = logs.is_some() || audit.is_some() || redaction.is_some();
        !is_of_metrics && !is_of_logs && health.is_none()
    }

    /// How long to wait after the load for what the target's metrics say once all is over; `None` where nobody asks.
    pub fn settle(&self) -> Option<Duration> {
        let truth = self.truth.as_ref().map(|truth| truth.settle);
        truth.max(self.cost.as_ref().and_then(Prices::settle))
    }

    /// How long after the load the health endpoints are asked until they say that all is well; `None` where nobody asks.
    pub fn recover_within(&self) -> Option<Duration> {
        self.health.as_ref().and_then(HealthChecks::patience)
    }

    /// Where the check that reports call `name` is switched on: `file:line`.
    pub fn origin(&self, name: &str) -> &str {
        let origin = match name.split(':').next() {
            Some("cost") => self.cost.as_ref().map(|prices| &prices.origin),
            Some("dashboards") => self.dashboards.as_ref().map(|dashboards| &dashboards.origin),
            Some("logs") => self.logs.as_ref().map(|logs| &logs.origin),
            Some("audit") => self.audit.as_ref().map(|audit| &audit.origin),
            Some("redaction") => self.redaction.as_ref().map(|redaction| &redaction.origin),
            Some("health") => self.health.as_ref().map(|health| &health.origin),
            _ => self.truth.as_ref().map(|truth| &truth.origin),
        };
        origin.map(String::as_str).unwrap_or_default()
    }
}

/// The target's metrics against what was sent and what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthChecks {
    /// What the target calls its metrics.
    pub names: MetricNames,
    /// Which of the checks are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<TruthCheck>,
    /// True where others call the target, too: then it may have counted more than was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_clients: bool,
    /// The most label sets that one metric may have.
    pub label_sets: u64,
    /// How long after the load the last scrape is made.
    pub settle: Duration,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl TruthChecks {
    /// The checks that are wanted, in the order of reports.
    pub fn wanted(&self) -> impl Iterator<Item = TruthCheck> + '_ {
        TruthCheck::ALL.into_iter().filter(|check| !self.except.contains(check))
    }

    /// As reports call them.
    pub fn wanted_words(&self) -> Vec<&'static str> {
        self.wanted().map(TruthCheck::word).collect()
    }
}

/// One of the checks of the target's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TruthCheck {
    /// Requests by method and tool: as many as were sent.
    Counts,
    /// Failed requests are counted as failed, and no others.
    Errors,
    /// The histogram of durations brackets what the client saw.
    Durations,
    /// The histogram's buckets can tell the limits of the objectives.
    Buckets,
    /// Gauges of sessions and connections come back to where they were.
    Gauges,
    /// No metric has too many label sets.
    Cardinality,
    /// Counters never fall without a restart.
    Counters,
}

impl TruthCheck {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Counts,
        Self::Errors,
        Self::Durations,
        Self::Buckets,
        Self::Gauges,
        Self::Cardinality,
        Self::Counters,
    ];

    /// As SLO files and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Errors => "errors",
            Self::Durations => "durations",
            Self::Buckets => "buckets",
            Self::Gauges => "gauges",
            Self::Cardinality => "cardinality",
            Self::Counters => "counters",
        }
    }
}
