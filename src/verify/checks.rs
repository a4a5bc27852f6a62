//! Which checks are on, and on what terms.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{LogChecks, MetricNames};

/// The checks that an SLO file switches on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Checks {
    /// The target's metrics against what was sent and what came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<TruthChecks>,
    /// The target's log against the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogChecks>,
}

impl Checks {
    /// True when none is on.
    pub fn is_empty(&self) -> bool {
        self.truth.is_none() && self.logs.is_none()
    }

    /// Where the checks are written that this one belongs to, by its name.
    pub(crate) fn origin_of(&self, name: &str) -> &str {
        let truth = self.truth.as_ref().map(|truth| ("truth: ", &truth.origin));
        let logs = self.logs.as_ref().map(|logs| ("logs: ", &logs.origin));
        let found = truth.into_iter().chain(logs).find(|(kind, _)| name.starts_with(kind));
        found.map(|(_, origin)| origin.as_str()).unwrap_or_default()
    }

    /// How long to wait after the load for what the target's metrics say once all is over; `None` where nobody asks.
    pub fn settle(&self) -> Option<Duration> {
        self.truth.as_ref().map(|truth| truth.settle)
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
