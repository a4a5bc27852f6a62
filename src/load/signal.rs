//! How a load is stopped. Looking whether it is costs one read of memory: every user looks before every call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// How a load is stopped, in two steps.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// No new calls.
    pub stop: Signal,
    /// Cut off what is still in flight.
    pub abort: Signal,
}

/// Raised once, seen by all who have a clone.
#[derive(Debug, Clone, Default)]
pub struct Signal {
    is_raised: Arc<AtomicBool>,
    since: Arc<OnceLock<Clock>>,
    token: CancellationToken,
}

impl Signal {
    /// Raises it; raising it again changes nothing.
    pub fn raise(&self) {
        self.since.get_or_init(Clock::start);
        self.is_raised.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// True once it was raised.
    pub fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }

    /// How long ago it was raised; zero when it was not.
    pub fn raised_for(&self) -> Duration {
        self.since.get().map(Clock::now).unwrap_or_default()
    }

    /// Ends when it is raised.
    pub async fn raised(&self) {
        self.token.cancelled().await;
    }
}
