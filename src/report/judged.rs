//! A run, judged: the pure function behind `run`, `check` and `report`.

use super::build::{build, own_prometheus, telemetry};
use super::measured::Measured;
use super::{RunLog, RunReport, TelemetryCheck};
use crate::metrics::FetchedStore;
use crate::slo::{self, Criteria, Measurements, Recorded};

/// The report of `log`, judged against `criteria`.
pub fn judged(log: &RunLog, criteria: &Criteria) -> RunReport {
    let objectives = &criteria.objectives;
    let measured = Measured::of(log);
    let steady = measured.clock.steady_phase();
    let fetched = log.fetched.as_ref().map(slo::fetched_series);
    let run = Measurements {
        plan: &log.plan,
        seconds: &log.seconds,
        aggregates: &measured.all,
        flow: &measured.flow,
        recorded: Recorded { series: fetched.as_ref().unwrap_or(&log.series), ..recorded(log) },
        labels: criteria.labels(),
        steady: &steady,
        began: measured.clock.started(),
    };
    let mut findings = slo::judge(objectives, &run);
    let broken = slo::broken(objectives, &findings, &run);
    own_prometheus::unsettle(log, steady.end, &mut findings, criteria);
    let late = slo::own_lateness(&log.seconds, &measured.clock.steady_seconds());
    let fails_anyway = slo::fails_despite(late, objectives, &run);
    let alerts = criteria.alerts.as_ref().map(|alerts| {
        let history = slo::alert_history(alerts, recorded(log), &steady);
        findings.extend(slo::alert_findings(alerts, &history));
        history
    });
    let shown = slo::shown(criteria, &run.recorded, &steady);
    let prometheus = own_prometheus::report(log, steady.end, alerts.as_ref());
    let (telemetry, cost) = telemetry::report(log, &measured.all, criteria, &broken, shown.as_ref());
    findings.extend(telemetry.iter().map(|check| check.finding.clone()));
    let fails_anyway = fails_anyway || telemetry.iter().any(TelemetryCheck::fails_despite_lateness);
    RunReport { alerts, prometheus, telemetry, cost, ..build(log, &measured, findings, fails_anyway) }
}

/// What was scraped, on the clock of the day.
fn recorded(log: &RunLog) -> Recorded<'_> {
    let zero_ms = log.fetched.as_ref().map_or_else(|| log.manifest.started_ms(), FetchedStore::zero_ms);
    Recorded { series: &log.series, events: &log.events, fetched: log.fetched.as_ref(), zero_ms }
}
