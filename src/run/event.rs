//! What the run tells whoever watches it. Watchers never call back.

use std::path::Path;

use crate::metrics::Second;
use crate::model::{Event, Stamped, TargetInfo};
use crate::slo::AlertNews;

/// One thing that happened, as it happens.
#[derive(Debug, Clone, Copy)]
pub enum RunEvent<'a> {
    /// The run directory is there.
    Opened {
        /// Where.
        folder: &'a Path,
    },
    /// The target answered.
    Contact {
        /// What it said of itself.
        target: &'a TargetInfo,
    },
    /// A second of load is over.
    Second {
        /// What it was.
        second: &'a Second,
    },
    /// A phase, a probe, a sample, a scrape or a note.
    Observed {
        /// Which.
        event: &'a Stamped<Event>,
    },
    /// An alert of the run's rules came to another state.
    Alert {
        /// Which, and to which.
        news: &'a AlertNews,
    },
    /// A signal came: the load is being stopped.
    Stopping {
        /// Which signal.
        signal: i32,
    },
    /// The load is over; the last observations are made.
    Ended,
}
