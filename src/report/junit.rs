//! `junit.xml`: a test case for each objective, so that a CI system shows which one did not hold.
//!
//! What is not a pass must not look like one: FAIL is a failure, INVALID and INCONCLUSIVE are errors, never skipped.

use std::time::Duration;

use chrono::DateTime;
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Finding, RunReport, budget_words, figures};
use crate::model::{Verdict, counted, format_count};
use crate::verify::TELEMETRY;

pub(super) fn render(report: &RunReport) -> Vec<u8> {
    let mut suite = TestSuite::new(format!("gander: {}", report.scenario));
    suite.add_property(Property::new("verdict", report.verdict.as_str()));
    suite.add_property(Property::new("because", &report.because));
    suite.add_property(Property::new("run", &report.run.run_id));
    suite.add_property(Property::new("state", &report.state));
    suite.add_property(Property::new("target", figures::target(report)));
    suite.add_property(Property::new("calls", figures::books_in_full(report)));
    if let Some(lost) = figures::lost_sessions(report) {
        suite.add_property(Property::new("sessions", lost));
    }
    suite.add_property(Property::new("cross-talk", figures::cross_talk(report)));
    suite.add_property(Property::new("by", figures::gander(report)));
    suite.add_test_cases(report.objectives.iter().map(|objective| test_case(report, objective)));
    let mut junit = Report::new(format!("gander: {}", report.scenario));
    let load = Duration::try_from_secs_f64(report.duration).unwrap_or_default();
    suite.set_time(load);
    junit.set_time(load);
    // A run directory that somebody else wrote may name no proper time.
    if let Ok(started) = DateTime::parse_from_rfc3339(&report.run.started_at) {
        suite.set_timestamp(started);
        junit.set_timestamp(started);
    }
    junit.add_test_suite(suite);
    junit.to_string().expect("the document is built of printable text").into_bytes()
}

fn test_case(report: &RunReport, objective: &Finding) -> TestCase {
    let mut case = TestCase::new(&objective.name, status(report, objective));
    case.set_classname(&objective.scope);
    case.set_system_out(format!(
        "{}: {} (limit {}{}), {}{}; {}{}; {}",
        objective.indicator,
        objective.value,
        objective.limit,
        plainly(objective),
        counted(objective.samples, "sample"),
        objective.bad.map(|bad| format!(", {} bad", format_count(bad))).unwrap_or_default(),
        objective.because,
        objective
            .budget
            .as_ref()
            .map(|budget| format!("; {}", budget_words::line(budget)))
            .unwrap_or_default(),
        objective.origin,
    ));
    case
}

/// The plain comparison, where there is one.
fn plainly(objective: &Finding) -> String {
    objective.within_limit.map(|_| format!(", plainly {}", objective.plainly())).unwrap_or_default()
}

fn status(report: &RunReport, objective: &Finding) -> TestCaseStatus {
    let (kind, word) = match objective.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Fail => (NonSuccessKind::Failure, "fail"),
        Verdict::Invalid => (NonSuccessKind::Error, "invalid"),
        Verdict::Inconclusive => (NonSuccessKind::Error, "inconclusive"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word);
    status.set_message(match objective.verdict {
        Verdict::Inconclusive | Verdict::Invalid => {
            let plainly = match objective.within_limit {
                Some(true) => " (plainly within the limit)",
                Some(false) => " (plainly outside the limit)",
                None => "",
            };
            format!("{word}{plainly}: {}", objective.because)
        }
        Verdict::Pass | Verdict::Fail if objective.indicator == TELEMETRY => objective.because.clone(),
        Verdict::Pass | Verdict::Fail if objective.value_number.is_none() => {
            format!("{} {} does not hold: {}", objective.indicator, objective.limit, objective.because)
        }
        Verdict::Pass | Verdict::Fail => {
            format!("{} is {}, the limit is {}", objective.indicator, objective.value, objective.limit)
        }
    });
    status.set_description(description(report, objective));
    status
}

/// Why the verdict is what it is, and why calls failed that it rests on.
fn description(report: &RunReport, objective: &Finding) -> String {
    let errors = if objective.bad.is_some() { figures::errors_behind(report, objective) } else { Vec::new() };
    let lines = errors.into_iter().map(|error| {
        format!(
            "{}, {} ({}): {}",
            error.step,
            error.class.label(),
            format_count(error.calls),
            figures::reason(error)
        )
    });
    std::iter::once(objective.because.clone()).chain(lines).collect::<Vec<_>>().join("\n")
}
