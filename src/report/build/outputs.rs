//! Were answers what their tools said that they would be? What the samples of the run told, by step, and what follows from it.

use std::collections::BTreeMap;

use super::findings::OWN_ORIGIN;
use crate::metrics::OutputCheck;
use crate::model::{Verdict, format_count};
use crate::plan::{OnViolation, StepId};
use crate::report::{Finding, OutputRow, RunLog};

/// The samples of `log`, by step.
pub(super) fn outputs(log: &RunLog) -> Vec<OutputRow> {
    let mut by_step: BTreeMap<StepId, OutputCheck> = BTreeMap::new();
    for check in log.seconds.iter().flat_map(|second| &second.outputs) {
        by_step.entry(check.step).or_insert_with(|| OutputCheck::none(check.step)).add(check);
    }
    let row = |check: OutputCheck| OutputRow {
        step: log.plan.step(check.step).name.clone(),
        checked: check.checked,
        unchecked: check.unchecked,
        violations: check.violations,
        example: check.example,
    };
    by_step.into_values().map(row).collect()
}

/// A line for each step whose answers break its tool's schema, and one for all the others.
pub(super) fn notes(rows: &[OutputRow]) -> Vec<String> {
    let broken = rows.iter().filter(|row| row.violations > 0).map(|row| {
        format!(
            "warning: {}: {} of {} sampled answers break the tool's output schema; the first: {}",
            row.step,
            format_count(row.violations),
            format_count(row.checked),
            row.example.as_deref().unwrap_or("(not kept)")
        )
    });
    let mut notes: Vec<String> = broken.collect();
    let sound: u64 = rows.iter().filter(|row| row.violations == 0).map(|row| row.checked).sum();
    if sound > 0 {
        notes.push(format!("{} sampled answers hold their tools' output schemas", format_count(sound)));
    }
    let unchecked: u64 = rows.iter().map(|row| row.unchecked).sum();
    if unchecked > 0 {
        notes.push(format!(
            "{} sampled answers were not held against output schemas: too many at once, too large, or too much work",
            format_count(unchecked)
        ));
    }
    notes
}

/// The verdict, where the scenario wants one.
pub(super) fn finding(log: &RunLog, rows: &[OutputRow]) -> Option<Finding> {
    if log.plan.output_schema.on_violation != OnViolation::Fail {
        return None;
    }
    let checked: u64 = rows.iter().map(|row| row.checked).sum();
    let violations: u64 = rows.iter().map(|row| row.violations).sum();
    let first = rows.iter().find(|row| row.violations > 0);
    let (verdict, because) = match (first, checked) {
        (Some(row), _) => {
            let example = row.example.as_deref().unwrap_or("(not kept)");
            (Verdict::Fail, format!("{}: {example}", row.step))
        }
        (None, 0) => {
            let why = "no answer was held against an output schema: no tool that is called has one, or none answered";
            (Verdict::Inconclusive, why.to_owned())
        }
        (None, _) => (Verdict::Pass, "every sampled answer holds its tool's output schema".to_owned()),
    };
    Some(Finding {
        name: "output schema".to_owned(),
        scope: Finding::WHOLE_RUN.to_owned(),
        indicator: "sampled answers that break their tools' output schemas".to_owned(),
        verdict,
        value: if checked == 0 { "no data".to_owned() } else { format_count(violations) },
        value_number: Some(violations as f64),
        limit: "0".to_owned(),
        samples: checked,
        bad: Some(violations),
        within_limit: None,
        budget: None,
        because,
        origin: OWN_ORIGIN.to_owned(),
    })
}
