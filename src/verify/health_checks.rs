//! Which checks of the target's health endpoints are on, and on what terms.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The target's health endpoints against how its calls went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthChecks {
    /// Which of the checks are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<HealthCheck>,
    /// The longest that a probe may take while calls are answered.
    pub probe_within: Duration,
    /// How long before an objective breaks `/health` must say that something is wrong.
    pub warn_at_least: Duration,
    /// How long after the load, or after errors, all endpoints may take to say that all is well.
    pub recover_within: Duration,
    /// The most changes of one endpoint's state within a minute.
    pub changes_per_minute: u64,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl HealthChecks {
    /// The checks that are wanted, in the order of reports.
    pub fn wanted(&self) -> impl Iterator<Item = HealthCheck> + '_ {
        HealthCheck::ALL.into_iter().filter(|check| !self.except.contains(check))
    }

    /// As reports call them.
    pub fn wanted_words(&self) -> Vec<&'static str> {
        self.wanted().map(HealthCheck::word).collect()
    }

    /// How long after the load the endpoints are asked until all is well; `None` where that is not checked.
    pub fn patience(&self) -> Option<Duration> {
        self.wanted().any(|check| check == HealthCheck::Recovery).then_some(self.recover_within)
    }
}

/// One of the checks of the health endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthCheck {
    /// `/live` never fails while calls are answered.
    Live,
    /// `/ready` says no when calls get no answer, and never while they do.
    Ready,
    /// `/health` says that something is wrong before an objective breaks.
    Warning,
    /// What the endpoints say does not contradict itself, and does not flap.
    States,
    /// Probes are answered in time.
    Latency,
    /// All is well again after the load, and after errors.
    Recovery,
}

impl HealthCheck {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Live, Self::Ready, Self::Warning, Self::States, Self::Latency, Self::Recovery];

    /// As SLO files and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ready => "ready",
            Self::Warning => "warning",
            Self::States => "states",
            Self::Latency => "latency",
            Self::Recovery => "recovery",
        }
    }
}
