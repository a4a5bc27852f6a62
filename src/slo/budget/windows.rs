//! Burn rates in windows that slide over a run.

use std::ops::Range;
use std::time::Duration;

use super::BurnReading;
use crate::slo::tick::Tick;

/// Counts over time, to be asked for any stretch of it.
pub(super) struct Counted {
    /// The ends of what was counted, ascending.
    ends: Vec<Duration>,
    /// Calls and bad ones up to each end, from nothing on.
    so_far: Vec<(u64, u64)>,
    /// The share that may be bad.
    budget: f64,
    steady: Range<Duration>,
}

/// What became of a burn rate in two windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burnt {
    pub(super) reading: BurnReading,
    /// When both windows first exceeded the factor.
    pub(super) first: Option<Duration>,
    /// The highest that both had at once.
    pub(super) peak: Option<f64>,
}

impl Counted {
    pub(super) fn of(ticks: &[Tick], budget: f64, steady: &Range<Duration>) -> Self {
        let mut so_far = vec![(0, 0)];
        let (mut calls, mut bad) = (0, 0);
        for tick in ticks {
            calls += tick.calls;
            bad += tick.bad;
            so_far.push((calls, bad));
        }
        Self { ends: ticks.iter().map(|tick| tick.at).collect(), so_far, budget, steady: steady.clone() }
    }

    /// The mean time from one count to the next: windows can't be shorter.
    pub(super) fn resolution(&self) -> Duration {
        let (Some(first), Some(last)) = (self.ends.first(), self.ends.last()) else { return Duration::ZERO };
        let gaps = u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX);
        last.saturating_sub(*first) / gaps.max(1)
    }

    /// The burn rates of `long` and `short` windows, wherever the long one is within the steady phase as a whole.
    pub(super) fn burnt(&self, factor: f64, long: Duration, short: Duration) -> Burnt {
        let nothing = |reading| Burnt { reading, first: None, peak: None };
        // What is counted at once may lie a little apart.
        if short < self.resolution().mul_f64(0.9) {
            return nothing(BurnReading::TooFine);
        }
        let (mut first, mut peak, mut any) = (None, None, false);
        let full = self.steady.start + long;
        for &at in self.ends.iter().filter(|at| **at >= full) {
            any = true;
            let Some(burn) = self.burn(at, long).zip(self.burn(at, short)).map(|(a, b)| a.min(b)) else {
                continue;
            };
            peak = Some(peak.map_or(burn, |peak: f64| peak.max(burn)));
            if burn > factor && first.is_none() {
                first = Some(at);
            }
        }
        let reading = match (any, first) {
            (false, _) => BurnReading::TooShort,
            (true, Some(_)) => BurnReading::Fired,
            (true, None) => BurnReading::Silent,
        };
        Burnt { reading, first, peak }
    }

    /// Over the `window` before `at`; `None` where nothing was counted in it.
    fn burn(&self, at: Duration, window: Duration) -> Option<f64> {
        let up_to = |end: Duration| self.so_far[self.ends.partition_point(|tick| *tick <= end)];
        let (from, to) = (up_to(at.saturating_sub(window)), up_to(at));
        let (calls, bad) = (to.0 - from.0, to.1 - from.1);
        (calls > 0).then(|| bad as f64 / calls as f64 / self.budget)
    }
}
