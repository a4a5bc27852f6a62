//! The latencies on each of their clocks, over all steady load calls; and for a closed load the estimate of what it hides.

use std::time::Duration;

use super::rows::quantile_seconds;
use crate::metrics::{Aggregates, Second};
use crate::model::LatencyHistogram;
use crate::plan::Role;
use crate::report::measured::LoadClock;
use crate::report::{ClockRow, RunLog};

/// The clocks of an open load, or of a closed one.
pub(super) fn clocks(log: &RunLog, all: &Aggregates, clock: &LoadClock) -> Vec<ClockRow> {
    let calls = all.steady_load(&log.plan);
    if calls.latency.is_empty() {
        return Vec::new();
    }
    let successful = (calls.failed() > 0 && calls.ok() > 0).then(|| {
        row("successful calls", "the same clock, without the calls that failed", false, &calls.ok_latency)
    });
    if let (Some(service), Some(lag)) = (&calls.service, &calls.lag) {
        let response = row(
            "response time",
            "from due to the end of the answer: what objectives judge",
            false,
            &calls.latency,
        );
        let others = [
            row("service time", "from setting about the call to the end of the answer", false, service),
            row(
                "send lag",
                "from due to setting about the call: waiting for a free user, and gander's own delay",
                false,
                lag,
            ),
        ];
        return std::iter::once(response).chain(successful).chain(others).collect();
    }
    let service = row(
        "service time",
        "from setting about the call to the end of the answer: what objectives judge",
        false,
        &calls.latency,
    );
    let corrected = pace(log, clock).map(|pace| {
        let meaning = "an estimate: as if each user had gone on calling at its usual pace while it waited";
        row("response time", meaning, true, &calls.latency.corrected(pace))
    });
    std::iter::once(service).chain(successful).chain(corrected).collect()
}

/// The usual time from one call of a user to its next: users over the rate, in the median second.
fn pace(log: &RunLog, clock: &LoadClock) -> Option<Duration> {
    let is_load = |second: &&Second| {
        let at = f64::from(second.second);
        at >= clock.warm_up && at + 1.0 <= clock.duration && second.users > 0
    };
    let mut rates: Vec<f64> = log
        .seconds
        .iter()
        .filter(is_load)
        .map(|second| {
            let load = second.cells.iter().filter(|cell| log.plan.step(cell.step).role == Role::Load);
            load.map(|cell| cell.count).sum::<u64>() as f64 / f64::from(second.users)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates.get(rates.len() / 2).copied().filter(|rate| *rate > 0.0)?;
    Duration::try_from_secs_f64(1.0 / median).ok()
}

fn row(name: &str, meaning: &str, estimate: bool, histogram: &LatencyHistogram) -> ClockRow {
    let quantile = |quantile| quantile_seconds(histogram, quantile);
    ClockRow {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        estimate,
        calls: histogram.count(),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p95: quantile(0.95),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: histogram.max().map(|latency| latency.as_secs_f64()),
    }
}
