//! The target's own telemetry against what was sent: each fault of the demo target is found by the check that is there for it and by no
//! other, and the healthy one raises none.

use crate::support::{Done, at_once, beside_others, expect_one_check, scenario, start_run, telemetry};

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

/// Runs a demo target with `arguments`; `check` alone must fail, and say `because`.
fn caught(arguments: &str, check: &str, because: &str) {
    expect_one_check(&run(arguments, "10s"), 7, check, because);
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
        for (name, verdict, because) in telemetry(&done.report()) {
            assert_eq!(verdict, "PASS", "{arguments}: {name}: {because}");
        }
    });
}
