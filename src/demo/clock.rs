//! The demo target's only clock: time since the server started, and the wall clock time it stands for.
//!
//! The wall clock is read once, so that lines written later are never out of order.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Time since the start of the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    started: Timestamp,
}

impl Clock {
    /// Starts now.
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), started: Timestamp::now() }
    }

    /// Since the start.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// When it started, in seconds since the epoch.
    pub(super) fn started(&self) -> f64 {
        self.started.as_microsecond() as f64 / 1e6
    }

    /// The wall clock time of `at`, since the epoch.
    pub(super) fn since_epoch(&self, at: Duration) -> Duration {
        Duration::from_micros(u64::try_from(self.started.as_microsecond()).unwrap_or_default()) + at
    }

    /// The moment `at` for the timer.
    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }

    /// The wall clock time of `at`, as RFC 3339 in UTC with microseconds.
    pub(super) fn timestamp(&self, at: Duration) -> String {
        let wall = self.started.checked_add(at).unwrap_or(self.started);
        format!("{wall:.6}")
    }
}
