//! Loads that gander stops by itself, because what was to hold did not; and one that it does not.

use serde_json::Value;

use crate::support::{Done, beside_others, demo, fake_over, gander, read_json, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: stopped
target: TARGET
timeout: 2s
load: { users: 4, duration: LENGTH, think_time: 20ms }
transactions:
  - { name: echo, call_tool: { tool: echo, arguments: { text: hello } } }
slo: [slo.yaml]
";

/// A load at a demo target with `flags`, judged by `slo`.
fn run(flags: &[&str], length: &str, slo: &str) -> Done {
    let target = demo(flags);
    let text = SCENARIO.replace("TARGET", &format!("{}/mcp", target.base)).replace("LENGTH", length);
    let (folder, file) = scenario(&text);
    std::fs::write(folder.path().join("slo.yaml"), format!("version: 1\n{slo}")).unwrap();
    start_run(&file, &[]).finish()
}

fn finding<'r>(report: &'r Value, name: &str) -> Option<&'r Value> {
    report["objectives"].as_array().unwrap().iter().find(|finding| finding["name"] == name)
}

const ERRORS: &str = "objectives:\n  - { name: errors, error_ratio: 5%, abort: true }\n";

#[test]
fn a_load_with_far_too_many_errors_is_stopped_and_fails() {
    let _beside_others = beside_others();
    let done = run(&["--tool-error-share", "0.4"], "120s", ERRORS);
    done.expect_code(1);
    let report = done.report();
    assert_eq!(report["state"], "aborted");
    assert_eq!(report["verdict"], "FAIL");
    let because = report["because"].as_str().unwrap();
    assert!(because.starts_with("aborted after ") && because.contains("errors: "), "{because}");
    assert!(report["duration"].as_f64().unwrap() < 110.0, "{:#}", report["duration"]);
    assert_eq!(report["planned"], report["recorded"]);
    let abort = finding(&report, "abort").unwrap();
    assert_eq!((&abort["verdict"], &abort["origin"]), (&"FAIL".into(), &"gander".into()));
    assert!(finding(&report, "whole load").is_none());
    assert_eq!(finding(&report, "errors").unwrap()["verdict"], "FAIL");
    assert!(done.stderr.contains("aborting: errors: "), "{}", done.stderr);
    let events = std::fs::read_to_string(done.run_folder().join("events.ndjson")).unwrap();
    assert!(events.contains("\"event\":\"aborted\",\"why\":\"budget\",\"objective\":\"errors\""), "{events}");
    // The same again from the directory alone.
    let again = gander(&["check", done.run_folder().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&again.stdout);
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.contains("aborted after "), "{said}");
    let junit = std::fs::read_to_string(done.run_folder().join("junit.xml"));
    assert!(junit.is_ok_and(|junit| junit.contains("aborted after ")));
}

#[test]
fn a_load_all_of_whose_calls_fail_is_stopped_by_its_guard() {
    let _beside_others = beside_others();
    let slo = "abort_when: { all_calls_fail_for: 3s }\nobjectives:\n  - { name: errors, error_ratio: 5% }\n";
    let done = run(&["--tool-error-share", "1"], "60s", slo);
    done.expect_code(1);
    let report = done.report();
    assert_eq!(report["state"], "aborted");
    let because = report["because"].as_str().unwrap();
    assert!(because.contains("all calls failed for 3 s"), "{because}");
    assert!(report["duration"].as_f64().unwrap() < 50.0);
}

#[test]
fn a_load_that_nothing_answers_is_stopped_before_its_calls_time_out() {
    let Some(target) = fake_over("http", &[]) else { return };
    let _beside_others = beside_others();
    let text = SCENARIO.replace("TARGET", &target.base).replace("LENGTH", "60s");
    let text = text.replace("timeout: 2s", "timeout: 30s").replace("tool: echo", "tool: never");
    let (folder, file) = scenario(&text);
    let slo = "version: 1\nabort_when: { all_calls_fail_for: 3s, no_answer_for: 3s }\n\
               objectives:\n  - { name: errors, error_ratio: 5% }\n";
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    let done = start_run(&file, &[]).finish();
    done.expect_code(1);
    let report = done.report();
    assert_eq!((&report["state"], &report["verdict"]), (&"aborted".into(), &"FAIL".into()));
    let because = report["because"].as_str().unwrap();
    assert!(because.ends_with("nothing answered for 3 s: 4 calls in flight"), "{because}");
    assert_eq!(finding(&report, "abort").unwrap()["verdict"], "FAIL");
    let again = gander(&["check", done.run_folder().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&again.stdout);
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.contains("nothing answered for 3 s"), "{said}");
}

#[test]
fn a_healthy_load_is_not_stopped() {
    let _beside_others = beside_others();
    let slo = format!("abort_when: {{ all_calls_fail_for: 2s, no_answer_for: 2s }}\n{ERRORS}");
    let done = run(&[], "13s", &slo);
    let report = done.report();
    assert_eq!(report["state"], "complete", "{:#}", report["because"]);
    assert!(finding(&report, "abort").is_none());
    let objectives = read_json(&done.run_folder().join("objectives.json"));
    assert_eq!(objectives[0]["abort"], true);
}
