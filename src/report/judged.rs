//! A run, judged: the pure function behind `run`, `check` and `report`.

use super::build::build;
use super::measured::Measured;
use super::{RunLog, RunReport};
use crate::slo::{self, Objective};

/// The report of `log`, judged against `objectives`.
pub fn judged(log: &RunLog, objectives: &[Objective]) -> RunReport {
    let measured = Measured::of(log);
    let steady = measured.clock.steady_phase();
    let findings = slo::judge(objectives, &log.plan, &measured.all, &measured.flow, &log.series, &steady);
    let late = slo::own_lateness(&log.seconds, &measured.clock.steady_seconds());
    let fails_anyway =
        slo::fails_despite(late, objectives, &log.plan, &measured.all, &measured.flow, &log.series, &steady);
    build(log, &measured, findings, fails_anyway)
}
