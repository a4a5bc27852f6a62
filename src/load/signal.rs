//! How a load is stopped. Looking whether it is costs one read of memory: every user looks before every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

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
    token: CancellationToken,
}

impl Signal {
    /// Raises it; raising it again changes nothing.
    pub fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// True once it was raised.
    pub fn is_raised(&self) -> bool {
        self.is_raised.load(Ordering::Acquire)
    }

    /// Ends when it is raised.
    pub async fn raised(&self) {
        self.token.cancelled().await;
    }
}
