//! What the load itself costs in latency.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The latency of a load against a server that answers at once: no target can seem faster than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// How many calls it rests on, whatever came of them.
    pub calls: u64,
    /// Their p99; `None` without calls.
    pub p99: Option<Duration>,
    /// For how long it was measured.
    pub length: Duration,
}
