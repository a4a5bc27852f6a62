//! A run, judged: the pure function behind `run`, `check` and `report`.

use super::build::build;
use super::measured::Measured;
use super::{RunLog, RunReport};
use crate::slo::{self, Criteria, Measurements, Recorded};

/// The report of `log`, judged against `criteria`.
pub fn judged(log: &RunLog, criteria: &Criteria) -> RunReport {
    let objectives = &criteria.objectives;
    let measured = Measured::of(log);
    let steady = measured.clock.steady_phase();
    let run = Measurements {
        plan: &log.plan,
        seconds: &log.seconds,
        aggregates: &measured.all,
        flow: &measured.flow,
        series: &log.series,
        steady: &steady,
        began: measured.clock.started(),
    };
    let mut findings = slo::judge(objectives, &run);
    let late = slo::own_lateness(&log.seconds, &measured.clock.steady_seconds());
    let fails_anyway = slo::fails_despite(late, objectives, &run);
    let alerts = criteria.alerts.as_ref().map(|alerts| {
        let history = slo::alert_history(alerts, recorded(log), &steady);
        findings.extend(slo::alert_findings(alerts, &history));
        history
    });
    RunReport { alerts, ..build(log, &measured, findings, fails_anyway) }
}

/// What was scraped, on the clock of the day.
fn recorded(log: &RunLog) -> Recorded<'_> {
    Recorded { series: &log.series, events: &log.events, zero_ms: log.manifest.started_ms() }
}
