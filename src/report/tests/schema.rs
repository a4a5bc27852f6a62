//! `report.json` and its schema say the same: the report validates, and neither knows a field the other lacks.

use serde_json::{Value, json};

use crate::model::{Era, HealthState, OutcomeClass, Verdict};
use crate::report::alert_fixture::{alert_history, prometheus};
use crate::report::fixture::{aborted, build, empty, findings, fixture, partial, streamed, unmeasured};
use crate::report::{REPORT_SCHEMA, RunLog, RunReport};
use crate::slo::AlertReading;

fn schema() -> Value {
    serde_json::from_str(REPORT_SCHEMA).unwrap()
}

fn report_json(log: &RunLog) -> Value {
    serde_json::to_value(build(log, findings())).unwrap()
}

/// A report in which every list has an entry and every optional field a value.
fn full_report() -> Value {
    let mut report = report_json(&streamed());
    report["alerts"] = serde_json::to_value(alert_history()).unwrap();
    report["prometheus"] = serde_json::to_value(prometheus()).unwrap();
    report["telemetry"] = json!([{
        "finding": report["objectives"][0], "wrong": 1, "on_time": false,
        "evidence": {"columns": ["requests"], "rows": [["tools/call"]], "more": 0}
    }]);
    report["cost"] = json!({
        "currency": "USD", "calls": 10, "seconds": 2.0, "total": 0.1, "per_thousand_calls": 10.0, "per_hour": null,
        "parts": [{"name": "CPU", "amount": null, "basis": "not known"}],
        "rows": [{"name": "search", "calls": 10, "amount": 0.1, "per_thousand_calls": 10.0}]
    });
    report["saturation"] = json!([{"name": "CPU", "unit": "cores", "points": [[1.0, 0.5]], "peak": 0.5}]);
    report
}

#[track_caller]
fn check(report: &Value, valid: bool) {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors.is_empty(), valid, "{errors:#?}");
}

#[test]
fn every_kind_of_run_validates() {
    for log in [fixture, streamed, partial, empty, aborted, unmeasured] {
        check(&report_json(&log()), true);
    }
}

#[test]
fn a_report_reads_back_from_its_json() {
    let report = build(&fixture(), findings());
    let back: RunReport = serde_json::from_value(serde_json::to_value(&report).unwrap()).unwrap();
    assert_eq!(back, report);
}

#[test]
fn a_report_that_lacks_a_field_or_has_one_more_does_not_validate() {
    let whole = full_report();
    check(&whole, true);
    for path in objects(&whole) {
        let mut more = whole.clone();
        more.pointer_mut(&path).unwrap()["unheard_of"] = json!(1);
        check(&more, false);
        let fields: Vec<String> =
            whole.pointer(&path).unwrap().as_object().unwrap().keys().cloned().collect();
        for field in fields {
            let mut less = whole.clone();
            less.pointer_mut(&path).unwrap().as_object_mut().unwrap().remove(&field);
            check(&less, false);
        }
    }
}

/// Pointers to one object of every kind in `report`: the report itself, its objects, and the first of each list.
fn objects(report: &Value) -> Vec<String> {
    let mut paths = vec![String::new()];
    for (field, value) in report.as_object().unwrap() {
        match value {
            Value::Object(inner) => {
                paths.push(format!("/{field}"));
                let lists = inner.iter().filter(|(_, value)| value[0].is_object());
                paths.extend(lists.map(|(name, _)| format!("/{field}/{name}/0")));
            }
            Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                paths.push(format!("/{field}/0"));
            }
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    assert!(paths.len() >= 13, "{paths:?}");
    paths
}

#[test]
fn the_schema_lists_the_words_that_the_code_knows() {
    let schema = schema();
    let words = |name: &str| schema["$defs"][name]["enum"].clone();
    assert_eq!(words("outcomeClass"), json!(OutcomeClass::ALL));
    let verdicts = [Verdict::Pass, Verdict::Inconclusive, Verdict::Invalid, Verdict::Fail];
    assert_eq!(words("verdict"), json!(verdicts));
    assert_eq!(words("era"), json!([Era::Legacy, Era::Modern, Era::Rest]));
    let states = [HealthState::Healthy, HealthState::Degraded, HealthState::Unhealthy];
    assert_eq!(words("healthState"), json!(states));
    let readings = [
        AlertReading::Fired,
        AlertReading::Pending,
        AlertReading::Silent,
        AlertReading::TooShort,
        AlertReading::NoSuchSeries,
        AlertReading::Failed,
        AlertReading::Refused,
    ];
    assert_eq!(words("alertReading"), json!(readings));
    assert_eq!(schema["properties"]["version"]["const"], json!(crate::report::REPORT_VERSION));
}
