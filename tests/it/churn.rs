//! Sessions as load: opened and closed anew for each iteration, or left behind, and what that costs the target.

use serde_json::Value;

use crate::support::{beside_others, scenario, start_run};

/// What each session takes of the leaky demo target, in bytes.
const LEAK: f64 = 512.0 * 1024.0;

/// The report of a load that opens a session for each iteration, and ends it so.
fn churn(end: &str) -> Value {
    let (_folder, file) = scenario(&format!(
        "
version: 1
name: churn
target: {{ demo: {{ arguments: [--leak-per-session, 512KiB] }} }}
protocol: 2025-11-25
session: {{ policy: per_iteration, end: {end} }}
load: {{ rate: 30/s, duration: 9s, warm_up: 1s, max_users: 20 }}
transactions: [{{ name: list, list_tools: {{}} }}]
"
    ));
    start_run(&file, &[]).finish().report()
}

fn around<'r>(report: &'r Value, name: &str) -> Option<&'r Value> {
    report["around"].as_array().unwrap().iter().find(|step| step["name"] == name)
}

#[track_caller]
fn check_growth(report: &Value) {
    let growth = &report["session_growth"];
    let each = growth["bytes_per_session"].as_f64().unwrap_or_else(|| panic!("no growth: {growth}"));
    assert!((each / LEAK - 1.0).abs() < 0.2, "{each} bytes for each session, {LEAK} in truth: {growth}");
}

#[test]
fn a_leak_shows_as_growth_for_each_session_that_is_ended() {
    let _beside_others = beside_others();
    let report = churn("delete");
    let ended = around(&report, "end session").unwrap()["calls"].as_u64().unwrap();
    assert!(ended > 200, "{}", report["around"]);
    check_growth(&report);
}

#[test]
fn a_leak_shows_as_growth_for_each_session_that_is_left_behind() {
    let _beside_others = beside_others();
    let report = churn("abandon");
    let opened = around(&report, "initialize").unwrap()["calls"].as_u64().unwrap();
    let ended = around(&report, "end session").map_or(0, |step| step["calls"].as_u64().unwrap());
    // That of the first contact is ended all the same.
    assert!(opened > 200 && ended <= 1, "{}", report["around"]);
    check_growth(&report);
}
