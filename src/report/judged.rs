//! A run, judged: the pure function behind `run`, `check` and `report`.

use super::build::build;
use super::measured::Measured;
use super::{RunLog, RunReport};
use crate::slo::{self, Criteria};

/// The report of `log`, judged against `criteria`.
pub fn judged(log: &RunLog, criteria: &Criteria) -> RunReport {
    let objectives = &criteria.objectives;
    let measured = Measured::of(log);
    let steady = measured.clock.steady_phase();
    let findings = slo::judge(objectives, &log.plan, &measured.all, &measured.flow, &log.series, &steady);
    let late = slo::own_lateness(&log.seconds, &measured.clock.steady_seconds());
    let fails_anyway =
        slo::fails_despite(late, objectives, &log.plan, &measured.all, &measured.flow, &log.series, &steady);
    build(log, &measured, findings, fails_anyway)
}
