//! Rows of the tables: calls and latencies by step, and outcomes by frequency.

use std::time::Duration;

use crate::metrics::{Aggregates, Phase, Tally};
use crate::model::{Era, LatencyHistogram};
use crate::plan::{Operation, ProtocolChoice, Role, Step};
use crate::report::measured::Measured;
use crate::report::{ErrorRow, OutcomeCount, RunLog, StepRow};

/// Every table of calls in the report.
pub(super) struct Rows {
    pub(super) total: StepRow,
    pub(super) steps: Vec<StepRow>,
    pub(super) warm_up_total: StepRow,
    pub(super) around: Vec<StepRow>,
    /// The mean service time of steady load calls, where that is not their latency.
    pub(super) service: Option<Duration>,
}

impl Rows {
    pub(super) fn of(log: &RunLog, Measured { all, flow, clock }: &Measured) -> Self {
        let plan = &log.plan;
        // The rate of the steady phase is that of what the target did in it, whenever that was due.
        let flowing = |row: StepRow, wanted: &dyn Fn(&Step) -> bool| {
            let ended = flow.calls(plan, |step| step.role == Role::Load && wanted(step));
            StepRow { rate: flow.per_second(ended.counted() - ended.not_sent()), ..row }
        };
        let load = |phase| all.sum(plan, Some(phase), |step| step.role == Role::Load);
        let whole_run = |step: &Step| all.sum(plan, None, |other| other.id == step.id);
        Self {
            total: flowing(row_of_all(&load(Phase::Steady), clock.steady()), &|_| true),
            steps: plan
                .steps
                .iter()
                .filter(|step| step.role == Role::Load)
                .map(|step| {
                    let row = row(step, &all.step(step.id, Phase::Steady), clock.steady());
                    flowing(row, &|other| other.id == step.id)
                })
                .collect(),
            warm_up_total: row_of_all(&load(Phase::WarmUp), clock.warm_up),
            around: plan
                .steps
                .iter()
                .filter(|step| step.role != Role::Load)
                .map(|step| StepRow {
                    expected: is_refused_probe(log, step),
                    ..row(step, &whole_run(step), clock.duration)
                })
                .filter(|row| row.calls > 0)
                .collect(),
            service: load(Phase::Steady).service.and_then(|service| service.mean()),
        }
    }
}

/// True of the step that asks whether the target is modern, where it turned out not to be: its failure is the answer.
pub(super) fn is_refused_probe(log: &RunLog, step: &Step) -> bool {
    let found = log.target.as_ref().map(|target| target.era);
    step.operation == Operation::discover()
        && step.role != Role::Load
        && log.plan.protocol == ProtocolChoice::Auto
        && found == Some(Era::Legacy)
}

/// Every outcome of the run, most frequent first; what is expected is apart from what is not.
pub(super) fn outcomes(all: &Aggregates, log: &RunLog) -> Vec<OutcomeCount> {
    let counts = |expected: bool| {
        let tally = all.sum(&log.plan, None, |step| is_refused_probe(log, step) == expected);
        tally.outcomes.into_iter().map(move |(outcome, count)| OutcomeCount {
            outcome: outcome.to_string(),
            class: outcome.class(),
            count,
            expected: expected && outcome.is_failure(),
        })
    };
    let mut outcomes: Vec<OutcomeCount> = counts(false).chain(counts(true)).collect();
    outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.count));
    outcomes
}

/// Why calls failed that should not have.
pub(super) fn errors(all: &Aggregates, log: &RunLog) -> Vec<ErrorRow> {
    let mut rows: Vec<ErrorRow> = all
        .errors()
        .into_iter()
        .filter(|sample| !is_refused_probe(log, log.plan.step(sample.step)))
        .map(|sample| ErrorRow {
            step: log.plan.step(sample.step).name.clone(),
            phase: sample.phase,
            class: sample.class,
            calls: sample.calls,
            reason: sample.reason,
        })
        .collect();
    // What the verdict rests on comes first.
    rows.sort_by_key(|row| (row.phase == Phase::WarmUp, std::cmp::Reverse(row.calls)));
    rows
}

fn row(step: &Step, tally: &Tally, seconds: f64) -> StepRow {
    StepRow {
        name: step.name.clone(),
        method: step.method.clone(),
        tool: step.tool.clone(),
        ..row_of_all(tally, seconds)
    }
}

fn row_of_all(tally: &Tally, seconds: f64) -> StepRow {
    let in_seconds = |latency: Option<Duration>| latency.map(|latency| latency.as_secs_f64());
    let quantile = |quantile| quantile_seconds(&tally.latency, quantile);
    StepRow {
        name: "all".to_owned(),
        method: String::new(),
        tool: None,
        calls: tally.calls(),
        ok: tally.ok(),
        failures: tally.failures(),
        expected: false,
        rate: ratio(tally.calls() as f64, seconds),
        error_ratio: ratio(tally.failed() as f64, tally.counted() as f64),
        min: in_seconds(tally.latency.min()),
        mean: in_seconds(tally.latency.mean()),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p95: quantile(0.95),
        p99: quantile(0.99),
        max: in_seconds(tally.latency.max()),
    }
}

/// A quantile in seconds; `None` without calls.
pub(super) fn quantile_seconds(histogram: &LatencyHistogram, quantile: f64) -> Option<f64> {
    histogram.quantile(quantile).map(|latency| latency.as_secs_f64())
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
