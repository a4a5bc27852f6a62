//! A latency limit that calls are held against at the moment they end.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::LatencyClock;

/// Calls over `limit` on `clock` are counted when they end: exactly, whatever a histogram can resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Threshold {
    /// Which latency.
    pub clock: LatencyClock,
    /// The longest that is not over it.
    pub limit: Duration,
}

impl Threshold {
    /// A limit of the response time.
    pub fn response(limit: Duration) -> Self {
        Self { clock: LatencyClock::Response, limit }
    }
}

/// Plans from before there were other clocks hold the limit alone.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Response(Duration),
    On { clock: LatencyClock, limit: Duration },
}

impl From<Written> for Threshold {
    fn from(written: Written) -> Self {
        match written {
            Written::Response(limit) => Self::response(limit),
            Written::On { clock, limit } => Self { clock, limit },
        }
    }
}

impl From<Threshold> for Written {
    fn from(Threshold { clock, limit }: Threshold) -> Self {
        match clock {
            LatencyClock::Response => Self::Response(limit),
            LatencyClock::Service | LatencyClock::SendLag => Self::On { clock, limit },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_response_times_are_read_as_old_plans_hold_them() {
        let limit = Duration::from_millis(1500);
        for clock in [LatencyClock::Response, LatencyClock::Service, LatencyClock::SendLag] {
            let threshold = Threshold { clock, limit };
            let json = serde_json::to_string(&threshold).unwrap();
            assert_eq!(serde_json::from_str::<Threshold>(&json).unwrap(), threshold, "{json}");
        }
        let old: Threshold = serde_json::from_str(r#"{"secs":1,"nanos":500000000}"#).unwrap();
        assert_eq!(old, Threshold::response(limit));
    }
}
