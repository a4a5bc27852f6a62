//! The target's own telemetry against what was sent: each fault of the demo target is found by the check that is there for it and by no
//! other, and the healthy one raises none.

use serde_json::Value;

use crate::support::{Done, at_once, beside_others, gander, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: telemetry
target: { demo: { path: /mcp, arguments: [ARGUMENTS] } }
load: { rate: 50/s, max_users: 50, duration: LENGTH, warm_up: 1s }
transactions:
  - { name: list tools, weight: 3, list_tools: {} }
  - { name: search, weight: 5, call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 100) }}\" } } }
  - { name: calculate, weight: 2, call_tool: { tool: calculate, arguments: { expression: \"1 + {{ random.int(1, 100) }}\" } } }
  - { name: no such tool, weight: 1, call_tool: { tool: nothing } }
  - { name: health, weight: 1, get: /health }
observe: { metrics: { url: /metrics, interval: 1s } }
slo: [slo.yaml]
";

const SLO: &str = "version: 1
objectives:
  - { name: search within half a second, of: { tool: search }, latency: { p95: 500ms } }
checks:
  truth: { names: guide }
";

/// A load at a demo target with these arguments.
fn run(arguments: &str, length: &str) -> Done {
    let text = SCENARIO.replace("ARGUMENTS", arguments).replace("LENGTH", length);
    let (folder, file) = scenario(&text);
    std::fs::write(folder.path().join("slo.yaml"), SLO).unwrap();
    start_run(&file, &[]).finish()
}

fn checks(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = |check: &Value| {
        let finding = &check["finding"];
        (text(&finding["name"]), text(&finding["verdict"]), text(&finding["because"]))
    };
    report["telemetry"].as_array().unwrap().iter().map(told).collect()
}

/// Runs a demo target with `arguments`; `check` alone must fail, and say `because`.
fn caught(arguments: &str, check: &str, because: &str) {
    let done = run(arguments, "10s");
    let report = done.report();
    let checks = checks(&report);
    assert_eq!(checks.len(), 7, "{checks:#?}");
    for (name, verdict, said) in &checks {
        let expected = if name == check { "FAIL" } else { "PASS" };
        assert_eq!(verdict, expected, "{arguments}: {name}: {said}");
        assert!(name != check || said.contains(because), "{arguments}: {said}");
    }
    done.expect_code(1);
    let evidence = report["telemetry"].as_array().unwrap().iter().find(|it| it["finding"]["name"] == check);
    let rows = evidence.unwrap()["evidence"]["rows"].as_array().unwrap();
    assert!(!rows.is_empty(), "{report:#}");
    assert!(done.stdout.contains("TELEMETRY"), "{}", done.stdout);
    let again = gander(&["check", done.run_folder().to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    let junit = std::fs::read_to_string(done.run_folder().join("junit.xml")).unwrap();
    assert!(junit.contains(check), "{junit}");
}

#[test]
fn each_lie_of_the_metrics_is_found_by_its_check_alone() {
    let _beside_others = beside_others();
    let lies = [
        ("--lie, errors-as-success, --tool-error-share, \"0.1\"", "truth: errors", "counted as failed"),
        ("--lie, lost-counts", "truth: counts", "are lost"),
        ("--lie, duration-unit, --latency, 3ms", "truth: durations", "by the target's clock"),
        ("--lie, stuck-connections", "truth: gauges", "with all that gander opened closed"),
    ];
    at_once(lies, |(arguments, check, because)| caught(arguments, check, because));
}

#[test]
fn an_honest_target_raises_nothing() {
    let _beside_others = beside_others();
    let honest = [
        "",
        "--tool-error-share, \"0.1\", --rpc-error-share, \"0.05\"",
        "--http-error-share, \"0.1\", --reset-share, \"0.05\"",
        "--latency-lognormal, \"20ms,0.8\"",
    ];
    at_once(honest, |arguments| {
        let done = run(arguments, "6s");
        for (name, verdict, because) in checks(&done.report()) {
            assert_eq!(verdict, "PASS", "{arguments}: {name}: {because}");
        }
    });
}
