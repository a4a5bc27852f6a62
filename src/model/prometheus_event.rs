//! What a Prometheus beside the run says of itself and of its alerts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Labels;
use super::event::optional_micros;

/// Something that was seen of the Prometheus that scrapes the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum PrometheusEvent {
    /// It answered for the first time.
    Reached {
        /// Its version; `None` where it does not tell.
        version: Option<String>,
        /// How often it scrapes the target, in microseconds on disk; `None` where neither its samples nor its configuration
        /// tell.
        #[serde(with = "optional_micros")]
        scrape_interval: Option<Duration>,
    },
    /// Which alerting rules it runs.
    Rules {
        /// Each of them.
        rules: Vec<TheirRule>,
    },
    /// One of its alerts came to another state.
    Alert(TheirAlert),
}

/// An alerting rule that it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TheirRule {
    /// The alert's name.
    pub name: String,
    /// The group's name.
    pub group: String,
    /// The expression, as it prints it.
    pub expr: String,
    /// `for`, in seconds.
    pub hold: f64,
    /// The time between evaluations, in seconds.
    pub interval: f64,
}

/// An alert of its, as its interface tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TheirAlert {
    /// All its labels, `alertname` among them.
    pub labels: Labels,
    /// What it is now.
    pub state: TheirState,
    /// Since when its condition holds, in milliseconds since 1970 on its clock; `None` of one that is over.
    pub active_ms: Option<i64>,
}

/// The state of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TheirState {
    /// The condition holds, not yet for long enough.
    Pending,
    /// It fires.
    Firing,
    /// It is not there any more.
    Inactive,
}
