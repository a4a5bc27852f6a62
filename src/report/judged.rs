//! A run, judged: the pure function behind `run`, `check` and `report`.

use std::ops::Range;
use std::time::Duration;

use super::{RunLog, RunReport, build};
use crate::metrics::Aggregates;
use crate::model::Event;
use crate::slo::{self, Objective};

/// The report of `log`, judged against `objectives`.
pub fn judged(log: &RunLog, objectives: &[Objective]) -> RunReport {
    let aggregates = Aggregates::of(&log.seconds);
    let findings = slo::judge(objectives, &log.plan, &aggregates, &log.series, &steady_phase(log));
    build(log, findings)
}

/// From the end of the warm-up to the moment when no new calls were made, in the time of the run. A run that never got so
/// far is taken up to its last second.
fn steady_phase(log: &RunLog) -> Range<Duration> {
    let when = |wanted: &Event| log.events.iter().find(|event| event.what == *wanted).map(|event| event.at);
    let started = when(&Event::LoadStarted).unwrap_or_default();
    let last_second = log.seconds.last().map_or(0, |second| u64::from(second.second) + 1);
    let planned_end = Duration::from_secs(last_second).min(log.plan.load.duration());
    let stopped = when(&Event::LoadStopped).unwrap_or(started + planned_end);
    let warm = started + log.plan.load.warm_up;
    warm..stopped.max(warm)
}
