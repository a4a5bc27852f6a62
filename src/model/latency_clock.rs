//! From when to when a call's latency counts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// From when to when a call's latency counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencyClock {
    /// From due to the end of the answer: what whoever waits for it sees. In a closed load, calls are due when they are sent.
    #[default]
    Response,
    /// From sent to the end of the answer.
    Service,
    /// From due to sent.
    SendLag,
}

impl fmt::Display for LatencyClock {
    /// As it stands after a percentile: `p95 latency`, `p95 service time`, `p95 send lag`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Response => "latency",
            Self::Service => "service time",
            Self::SendLag => "send lag",
        })
    }
}
