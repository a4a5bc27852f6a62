//! A run, judged: the pure function behind `run`, `check` and `report`.

use super::build::build;
use super::measured::Measured;
use super::{RunLog, RunReport};
use crate::slo::{self, Measurements, Objective};

/// The report of `log`, judged against `objectives`.
pub fn judged(log: &RunLog, objectives: &[Objective]) -> RunReport {
    let measured = Measured::of(log);
    let steady = measured.clock.steady_phase();
    let run = Measurements {
        plan: &log.plan,
        seconds: &log.seconds,
        aggregates: &measured.all,
        flow: &measured.flow,
        series: &log.series,
        steady: &steady,
    };
    let findings = slo::judge(objectives, &run);
    let late = slo::own_lateness(&log.seconds, &measured.clock.steady_seconds());
    let fails_anyway = slo::fails_despite(late, objectives, &run);
    build(log, &measured, findings, fails_anyway)
}
