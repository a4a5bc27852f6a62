//! `mcp_tool_success_rate`: successes per request over the last minute, from the counters themselves, so that the
//! way of a call pays nothing for it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::demo::tools::Tool;

/// The label value of `time_window`.
pub(super) const WINDOW: &str = "1m";
/// Ticks, one a second, that the window is long.
const TICKS: usize = 60;

/// (successes, requests) of each tool since the start.
pub(super) type Counts = [(u64, u64); Tool::ALL.len()];

/// The counts at each second of the window, oldest first.
#[derive(Debug, Default)]
pub(super) struct SuccessRates(Mutex<VecDeque<Counts>>);

impl SuccessRates {
    /// A second has passed.
    pub(super) fn tick(&self, counts: Counts) {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if past.len() == TICKS {
            past.pop_front();
        }
        past.push_back(counts);
    }

    /// The rate of each tool; `None` when it was not called in the window.
    pub(super) fn rates(&self, now: Counts) -> [Option<f64>; Tool::ALL.len()] {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the window is full, it reaches back to the start, when all was zero.
        let before = if past.len() == TICKS { past[0] } else { Counts::default() };
        std::array::from_fn(|tool| {
            let requests = now[tool].1 - before[tool].1;
            (requests > 0).then(|| (now[tool].0 - before[tool].0) as f64 / requests as f64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(success: u64, requests: u64) -> Counts {
        let mut counts = Counts::default();
        counts[0] = (success, requests);
        counts
    }

    #[test]
    fn only_the_last_minute_counts() {
        let rates = SuccessRates::default();
        assert_eq!(rates.rates(counts(0, 0))[0], None);
        assert_eq!(rates.rates(counts(1, 4))[0], Some(0.25));
        rates.tick(counts(0, 100));
        for _ in 0..59 {
            rates.tick(counts(50, 150));
        }
        assert_eq!(rates.rates(counts(50, 150))[0], Some(1.0));
        rates.tick(counts(50, 150));
        assert_eq!(rates.rates(counts(50, 150))[0], None);
    }
}
