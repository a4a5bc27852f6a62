//! Load over time, a point a second, and the percentile curve over all of it.

use super::rows::quantile_seconds;
use crate::metrics::Second;
use crate::model::LatencyHistogram;
use crate::plan::{Plan, Role};
use crate::report::measured::LoadClock;
use crate::report::{RunLog, TimelinePoint};

/// The last quantile of the percentile curve: five nines.
const LAST_QUANTILE: f64 = 0.99999;

/// Points of the percentile curve each time the distance to 100 % halves. It halves fewer than 17 times before
/// [`LAST_QUANTILE`], so the curve has fewer than 300 points whatever was measured.
const TICKS_PER_HALF: u32 = 16;

/// One point for each recorded second.
pub(super) fn timeline(log: &RunLog, clock: &LoadClock) -> Vec<TimelinePoint> {
    log.seconds.iter().map(|second| point(second, &log.plan, clock.duration)).collect()
}

fn point(second: &Second, plan: &Plan, duration: f64) -> TimelinePoint {
    let mut service = LatencyHistogram::new();
    let (mut calls, mut failed) = (0, 0);
    for cell in second.cells.iter().filter(|cell| plan.step(cell.step).role == Role::Load) {
        calls += cell.count;
        if cell.outcome.is_failure() {
            failed += cell.count;
        }
        if cell.outcome.counts() {
            service.merge(cell.latency());
        }
    }
    TimelinePoint {
        second: second.second,
        covered: (duration - f64::from(second.second)).clamp(0.0, 1.0),
        calls,
        failed,
        users: second.users,
        in_flight: second.in_flight,
        p50: quantile_seconds(&service, 0.5),
        p95: quantile_seconds(&service, 0.95),
        p99: quantile_seconds(&service, 0.99),
        max: service.max().map(|latency| latency.as_secs_f64()),
    }
}

/// (quantile, latency in seconds) up to five nines; empty without calls.
pub(super) fn percentile_curve(service: &LatencyHistogram) -> Vec<(f64, f64)> {
    service
        .curve(TICKS_PER_HALF)
        .into_iter()
        .map(|(quantile, latency, _)| (quantile, latency.as_secs_f64()))
        .take_while(|(quantile, _)| *quantile <= LAST_QUANTILE)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_percentile_curve_stays_small_and_ascends_whatever_was_measured() {
        let mut service = LatencyHistogram::new();
        for call in 1..400_000u64 {
            service.record(Duration::from_nanos(1_000_000_000_000 / call));
        }
        let curve = percentile_curve(&service);
        assert!((100..=300).contains(&curve.len()), "{}", curve.len());
        assert!(curve.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        assert!(curve.last().unwrap().0 > 0.9999);
    }

    #[test]
    fn without_calls_there_is_no_curve() {
        assert_eq!(percentile_curve(&LatencyHistogram::new()), vec![]);
    }
}
