//! The target's health endpoints against how its calls went: each fault of the demo target is found by the check that is there for it and by
//! no other, and the healthy one raises none.

use serde_json::Value;

use crate::support::{Done, alone, at_once, beside_others, gander, root, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: health
target: { demo: { path: /mcp, arguments: [ARGUMENTS] } }
load: { rate: 50/s, max_users: 50, duration: 12s, warm_up: 1s }
transactions:
  - { name: list tools, weight: 3, list_tools: {} }
  - { name: search, weight: 5, call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 100) }}\" } } }
observe: { health: PROBES }
slo: [slo.yaml]
";

const PROBES: &str = "{ health: '/health?detailed=true', ready: /ready, live: /live, interval: 500ms }";

const SLO: &str = "version: 1
objectives: [{ name: errors of all calls, error_ratio: 5% }]
checks: { health: { recover_within: 5s } }
";

fn run_with(arguments: &str, probes: &str, slo: &str) -> Done {
    let text = SCENARIO.replace("ARGUMENTS", arguments).replace("PROBES", probes);
    let (folder, file) = scenario(&text);
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run(&file, &[]).finish()
}

/// A finding of one of the checks: its verdict, value, and why.
fn check(report: &Value, name: &str) -> (String, String, String) {
    let checks = report["telemetry"].as_array().unwrap();
    let found = checks.iter().find(|check| check["finding"]["name"] == format!("health: {name}"));
    let finding = &found.unwrap_or_else(|| panic!("no {name} in {report:#}"))["finding"];
    let text = |field: &str| finding[field].as_str().unwrap().to_owned();
    (text("verdict"), text("value"), text("because"))
}

const CHECKS: [&str; 6] = ["live", "ready", "warning", "states", "latency", "recovery"];

/// `accused` alone fail, the first of them with `because`.
fn accuses(report: &Value, accused: &[&str], because: &str) {
    for name in CHECKS {
        let (verdict, value, said) = check(report, name);
        let expected = if accused.contains(&name) { "FAIL" } else { "PASS" };
        assert_eq!(verdict, expected, "{name}: {value}: {said}");
    }
    if let Some(first) = accused.first() {
        let (_, _, said) = check(report, first);
        assert!(said.contains(because), "{first}: {said}");
    }
}

#[test]
fn a_healthy_target_passes_them_all() {
    let _alone = alone();
    let done = run_with("", PROBES, SLO);
    accuses(&done.report(), &[], "");
    done.expect_code(0);
    let again = gander(&["check", done.run_folder().to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(0));
}

#[test]
fn an_outage_that_is_told_accuses_no_endpoint() {
    let _beside_others = beside_others();
    let done = run_with("--outage, 5s..8s", PROBES, SLO);
    let report = done.report();
    accuses(&report, &[], "");
    let (_, lag, said) = check(&report, "ready");
    assert!(lag.starts_with("no ") && said.contains("errors began at"), "{lag}: {said}");
    let (_, _, said) = check(&report, "warning");
    assert!(said.contains("broke at"), "{said}");
    let (_, _, said) = check(&report, "recovery");
    assert!(said.contains("after errors within"), "{said}");
    let (_, changes, said) = check(&report, "states");
    assert_eq!(changes, "4 changes", "{said}");
    let page = std::fs::read_to_string(done.run_folder().join("report.html")).unwrap();
    assert!(page.contains("backend"), "the timeline names the checks that failed");
}

#[test]
fn each_fault_of_the_endpoints_is_found_by_its_check_alone() {
    let _beside_others = beside_others();
    let faults = [
        (
            "--outage, 4s..9s, --ready-late, 4s",
            &["ready"][..],
            "clients were sent to a server that did not answer",
        ),
        ("--live-fails, 4s..6s", &["live"][..], "an orchestrator would have restarted a server that answers"),
        ("--outage, 5s..9s, --lie, health-ok", &["warning"][..], "it said healthy all the time"),
        ("--slow-probes, 1500ms", &["latency"][..], "longer than 1.00 s while calls were answered"),
        ("--unhealthy-at, 5s", &["ready", "warning", "recovery"][..], "taken out for nothing"),
    ];
    at_once(faults, |(arguments, accused, because)| {
        let done = run_with(arguments, PROBES, SLO);
        // Beside other loads gander itself may be too slow for a verdict on the run as a whole.
        assert!(matches!(done.code, Some(1 | 4)), "{}", done.stdout);
        accuses(&done.report(), accused, because);
        let junit = std::fs::read_to_string(done.run_folder().join("junit.xml")).unwrap();
        assert!(junit.contains(&format!("health: {}", accused[0])), "{junit}");
    });
}

#[test]
fn a_warning_before_an_outage_has_a_lead() {
    let _beside_others = beside_others();
    let slo = SLO.replace("5s }", "5s, warn_at_least: 2s }");
    at_once(
        [("--degraded-at, 1s, --outage, 6s..9s", "PASS"), ("--outage, 6s..9s", "FAIL")],
        |(arguments, expected)| {
            let report = run_with(arguments, PROBES, &slo).report();
            let (verdict, lead, said) = check(&report, "warning");
            assert_eq!(verdict, expected, "{lead}: {said}");
            assert_eq!(lead.ends_with("before"), expected == "PASS", "{lead}: {said}");
        },
    );
}

#[test]
fn endpoints_that_are_not_probed_say_nothing() {
    let _beside_others = beside_others();
    let done = run_with("", "{ health: /health, live: /nothing }", SLO);
    let report = done.report();
    for (name, verdict, because) in [
        ("ready", "INCONCLUSIVE", "observe: {health: {ready: ...}}"),
        ("live", "INCONCLUSIVE", "HTTP status 404"),
        ("warning", "PASS", ""),
    ] {
        let (found, _, said) = check(&report, name);
        assert_eq!(found, verdict, "{name}: {said}");
        assert!(said.contains(because), "{name}: {said}");
    }
}

#[test]
fn the_plan_says_which_checks_are_on() {
    let (folder, file) = scenario(&SCENARIO.replace("ARGUMENTS", "").replace("PROBES", PROBES));
    std::fs::copy(root().join("slos/health.yaml"), folder.path().join("slo.yaml")).unwrap();
    let told = gander(&["validate", file.to_str().unwrap()]);
    let text = String::from_utf8(told.stdout).unwrap();
    let expected = "health endpoints are checked: live, ready, warning, states, latency, recovery";
    assert!(text.contains(expected), "{text}");
}
