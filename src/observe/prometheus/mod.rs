//! The user's own Prometheus, asked at an interval for what it has: samples of the series that are wanted, and the states of
//! its alerts.
//!
//! Knows nothing of what the series mean. Times of day are those of the Prometheus: what it says of its clock, when it first
//! answers, ties it to the run's.

mod answer;
mod api;
mod collector;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

pub(super) use self::api::Api;
pub(super) use self::collector::Collector;
use crate::model::Secret;

/// What is asked of a Prometheus.
#[derive(Debug, Clone)]
pub struct PrometheusOptions {
    /// Where its API begins, up to `/api/v1`.
    pub url: Url,
    /// What each request carries.
    pub headers: BTreeMap<String, Secret>,
    /// How often it is asked; `None`: as often as it scrapes.
    pub interval: Option<Duration>,
    /// Which series.
    pub selectors: Vec<Asked>,
    /// How far back of the run.
    pub history: Duration,
    /// The names of the alerts whose states are told; empty for all.
    pub alerts: Vec<String>,
}

/// Series that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What they are recorded under.
    pub selector: String,
    /// The selector that is sent.
    pub query: String,
}
