//! What was expected of alerts, held against what became of them.

use std::time::Duration;

use super::{AlertCriteria, AlertExpectation, AlertHistory, AlertReading, AlertRow, Expected};
use crate::model::{Labels, Verdict, format_seconds};
use crate::slo::Finding;

/// The indicator of findings on alerts.
pub const ALERT: &str = "alert";

/// A finding for each expectation, and for each alert of those that are on all.
pub fn alert_findings(alerts: &AlertCriteria, history: &AlertHistory) -> Vec<Finding> {
    let findings = alerts.expectations.iter().flat_map(|expectation| {
        let wanted = history.rules.iter().filter(move |row| match &expectation.alert {
            Some(name) => row.alert == *name,
            None => !alerts.out_of_reach.contains(&row.alert),
        });
        wanted.map(move |row| finding(expectation, row, history))
    });
    findings.collect()
}

fn finding(expectation: &AlertExpectation, row: &AlertRow, history: &AlertHistory) -> Finding {
    let labels = &expectation.labels;
    let (verdict, because) = match expectation.expected {
        Expected::Fires { within } => fires(row, labels, within, history.span),
        Expected::StaysSilent => stays_silent(row, labels),
        Expected::Resolves { within } => resolves(row, labels, within, history),
    };
    let scale = match history.time_scale {
        1 => String::new(),
        scale => format!("; times of the rule divided by {scale}"),
    };
    let scope = if labels.is_empty() { "any labels".to_owned() } else { labels.to_string() };
    Finding {
        name: format!("alert {}", row.alert),
        scope,
        indicator: ALERT.to_owned(),
        verdict,
        value: row.reading.text().to_owned(),
        value_number: first(row, labels).map(|(fired, _)| fired),
        limit: expectation.expected.limit(),
        samples: row.spans_with(labels).count() as u64,
        bad: None,
        within_limit: None,
        budget: None,
        because: because + &scale,
        origin: expectation.origin.clone(),
    }
}

/// When the first alert of `row` with `labels` fired, and when it was over.
fn first(row: &AlertRow, labels: &Labels) -> Option<(f64, Option<f64>)> {
    let fired = row.spans_with(labels).filter_map(|span| Some((span.fired_at?, span.ended_at)));
    fired.min_by(|a, b| a.0.total_cmp(&b.0))
}

fn fires(row: &AlertRow, labels: &Labels, within: Option<Duration>, span: f64) -> (Verdict, String) {
    if let Some((fired, _)) = first(row, labels) {
        return match within {
            Some(within) if fired > within.as_secs_f64() => {
                (Verdict::Fail, format!("it fired after {}, which is too late", format_seconds(fired)))
            }
            Some(_) | None => (Verdict::Pass, format!("it fired after {}", format_seconds(fired))),
        };
    }
    // It may still fire in the time that it was given.
    let has_time = within.is_none_or(|within| within.as_secs_f64() > span);
    match row.reading {
        AlertReading::Fired => (Verdict::Fail, format!("it fired, but not with {labels}")),
        AlertReading::Silent => (Verdict::Fail, format!("it did not fire: {}", row.because)),
        AlertReading::NoSuchSeries => {
            (Verdict::Fail, format!("a dead alert, which can't tell anybody of anything: {}", row.because))
        }
        AlertReading::Pending | AlertReading::TooShort if !has_time => {
            (Verdict::Fail, format!("it did not fire in that time: {}", row.because))
        }
        AlertReading::Pending | AlertReading::TooShort | AlertReading::Failed | AlertReading::Refused => {
            (Verdict::Inconclusive, format!("not known: {}", row.because))
        }
    }
}

fn stays_silent(row: &AlertRow, labels: &Labels) -> (Verdict, String) {
    if let Some((fired, _)) = first(row, labels) {
        let told = match row.receivers.as_slice() {
            [] => String::new(),
            receivers => format!(" and would have been told to {}", receivers.join(", ")),
        };
        return (Verdict::Fail, format!("it fired after {}{told}", format_seconds(fired)));
    }
    match row.reading {
        AlertReading::Fired => (Verdict::Pass, format!("no alert with {labels} fired")),
        AlertReading::Silent => (Verdict::Pass, row.because.clone()),
        AlertReading::NoSuchSeries => {
            let way_out = "name it in `out_of_reach` if this target can't have them";
            (Verdict::Inconclusive, format!("{}, so its silence says nothing: {way_out}", row.because))
        }
        AlertReading::Pending | AlertReading::TooShort | AlertReading::Failed | AlertReading::Refused => {
            (Verdict::Inconclusive, format!("not contradicted, but not shown: {}", row.because))
        }
    }
}

fn resolves(
    row: &AlertRow,
    labels: &Labels,
    within: Option<Duration>,
    history: &AlertHistory,
) -> (Verdict, String) {
    let span = history.span;
    let Some((fired, ended)) = first(row, labels) else {
        return (
            Verdict::Inconclusive,
            format!("it never fired, so it could not be resolved: {}", row.because),
        );
    };
    let limit = within.map(|within| within.as_secs_f64());
    match ended {
        Some(ended) if limit.is_some_and(|limit| ended - fired > limit) => (
            Verdict::Fail,
            format!("it was resolved {} after it fired, which is too late", format_seconds(ended - fired)),
        ),
        Some(ended) => {
            (Verdict::Pass, format!("it was resolved {} after it fired", format_seconds(ended - fired)))
        }
        None if limit.is_some_and(|limit| span - fired <= limit) => (
            Verdict::Inconclusive,
            format!(
                "it fired after {} and the load ended before the limit was reached",
                format_seconds(fired)
            ),
        ),
        None if history.unknown_from.is_some() => (
            Verdict::Inconclusive,
            format!(
                "it fired after {}; what became of it after {} is not known",
                format_seconds(fired),
                format_seconds(span)
            ),
        ),
        None => (Verdict::Fail, format!("it fired after {} and was never resolved", format_seconds(fired))),
    }
}
