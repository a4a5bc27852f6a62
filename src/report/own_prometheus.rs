//! What a run had from the user's own Prometheus, and what that made of the same alerts.

use serde::{Deserialize, Serialize};

use crate::slo::TheirAlertRow;

/// The Prometheus that was asked for metrics in place of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrometheusReport {
    /// Where it is, without credentials.
    pub url: String,
    /// What narrowed the series that were asked for.
    pub select: Option<String>,
    /// Its version; `None` where it did not tell, or was never reached.
    pub version: Option<String>,
    /// How often it scrapes, in seconds; `None` where that is not known.
    pub scrape_interval: Option<f64>,
    /// How many series it gave.
    pub series: u64,
    /// How many samples.
    pub samples: u64,
    /// How far back of the load all that was asked for is known, in seconds.
    pub history: f64,
    /// From when on it gave nothing, in seconds; `None` where all of the load is covered.
    pub unknown_from: Option<f64>,
    /// Why; empty where all of the load is covered.
    pub because: String,
    /// Selectors that were answered, and that no series fits.
    pub without_series: Vec<String>,
    /// Each alert of the rules beside what it made of it; empty where there are no rules.
    pub alerts: Vec<TheirAlertRow>,
}
