//! Scraped series in memory, and the records that carry them to disk and back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Labels;

/// One series over the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The sample's name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its values over time.
    pub points: Vec<Point>,
}

/// A value of a series, or its disappearance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Since the start of the run.
    pub at: Duration,
    /// `None`: the series was gone from here on (a stale marker).
    pub value: Option<f64>,
}

/// All series of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesStore {
    series: Vec<Series>,
}

/// What one scrape adds: on disk one line. Only what changed is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScrapeRecord {
    /// Since the start of the run, in microseconds.
    pub at_us: u64,
}

impl SeriesStore {
    /// Every series, sorted by name and labels.
    pub fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.iter()
    }
}
