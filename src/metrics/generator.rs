//! How the load generator itself fared in one second: the proof that it was not the bottleneck.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::LatencyHistogram;

/// How often the generator looks whether it is on time.
pub const BEAT: Duration = Duration::from_millis(5);

/// What the generator's own process and machine did in one second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorSecond {
    /// The share of the processors that it may use which it did use; 1 is all of them. `None` where `/proc` can't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// The share of the machine's processor time that a hypervisor took away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<f64>,
    /// The share of the machine's processor time that anybody used, or that a hypervisor took away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<f64>,
    /// Scheduling periods in which a quota held it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<u64>,
    /// How late a task that only looks at the clock was run, each time.
    pub heartbeat: LatencyHistogram,
}
