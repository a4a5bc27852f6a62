//! The one place where time is read. Everything else gets it as an argument.

use std::time::{Duration, Instant, SystemTime};

/// Time since a chosen moment, monotonic.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    zero: Instant,
}

impl Clock {
    /// A clock whose zero is now.
    #[expect(clippy::disallowed_methods, reason = "this is the file that reads the clock")]
    pub fn start() -> Self {
        Self { zero: Instant::now() }
    }

    /// The moment at which [`Self::now`] says `at`.
    pub fn moment(&self, at: Duration) -> Instant {
        self.zero + at
    }

    /// How long ago the clock's zero is.
    pub fn now(&self) -> Duration {
        self.zero.elapsed()
    }
}

/// The time of day, UTC.
#[expect(clippy::disallowed_methods, reason = "this is the file that reads the clock")]
pub fn wall_clock() -> SystemTime {
    SystemTime::now()
}
