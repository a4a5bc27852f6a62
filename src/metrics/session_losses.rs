//! Sessions that servers lost, and how long it took their users to be served again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::LatencyHistogram;

/// Lost sessions of a part of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SessionLosses {
    /// How often a user lost its session. What is lost again before an answer was good is one loss.
    pub lost: u64,
    /// From the answer that told of a loss to the end of the user's next good answer of the load.
    pub regained: LatencyHistogram,
}

impl SessionLosses {
    /// True when nothing is to be told.
    pub fn is_none(&self) -> bool {
        self.lost == 0 && self.regained.is_empty()
    }

    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.regained.merge(&other.regained);
    }

    /// The time within which this share of the losses that were made good was.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        self.regained.quantile(quantile)
    }
}
