//! SLO files of other tools, as they are, over real runs against the demo target: healthy it holds them, with errors it does not, and
//! `gander check` says so of a run that was made without them.

use std::path::Path;

use serde_json::Value;

use crate::support::{Done, beside_others, gander, root, scenario, start_run};

/// The files that are shipped, each with what counts errors in it.
const FILES: [(&str, &str); 2] = [
    ("slos/openslo.example.yaml", "requests-succeed"),
    ("slos/sloth.example.yaml", "mcp-requests-availability"),
];

/// A run of 8 s with both files in its scenario, and with an objective that gander's checks of itself go by: beside others it is not well by
/// the millisecond.
fn run(demo: &str) -> Done {
    let files: Vec<String> =
        FILES.iter().map(|(file, _)| root().join(file).to_str().unwrap().to_owned()).collect();
    let (folder, file) = scenario(&format!(
        "version: 1\nname: slo files\ntarget: {{demo: {{path: /mcp, arguments: [{demo}]}}}}\n\
         load: {{rate: 100/s, duration: 8s, warm_up: 1s, max_users: 50}}\n\
         transactions: [{{name: t, call_tool: {{tool: echo, arguments: {{text: x}}}}}}]\n\
         observe: {{metrics: {{url: /metrics, interval: 500ms}}}}\nslo: [own.yaml, {}]\n",
        files.join(", ")
    ));
    let own = "version: 1\nobjectives: [{name: l, latency: {p50: 4s}}]\n";
    std::fs::write(folder.path().join("own.yaml"), own).unwrap();
    let _beside_others = beside_others();
    start_run(&file, &[]).finish()
}

fn finding(report: &Value, name: &str) -> Value {
    let findings = report["objectives"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["name"] == name);
    finding.unwrap_or_else(|| panic!("no finding {name} in {findings:?}")).clone()
}

#[test]
fn a_healthy_target_holds_the_objectives_of_other_tools() {
    let done = run("");
    let report = done.report();
    for name in [
        "requests-succeed",
        "requests-are-fast",
        "connections-are-left",
        "mcp-requests-availability",
        "mcp-requests-latency",
        "mcp-connections",
    ] {
        // Few slices and scrapes prove little: what holds plainly may be INCONCLUSIVE, and never fails.
        let finding = finding(&report, name);
        assert_eq!(finding["within_limit"], true, "{finding}");
        assert_ne!(finding["verdict"], "FAIL", "{finding}");
    }
    for (_, name) in FILES {
        let finding = finding(&report, name);
        assert_eq!((&finding["verdict"], &finding["bad"]), (&"PASS".into(), &0.into()), "{finding}");
        // The target counts what is sent in about seven seconds.
        assert!((550..=750).contains(&finding["samples"].as_u64().unwrap()), "{finding}");
        assert_eq!(finding["budget"]["burn"], 0.0, "{finding}");
    }
    assert_eq!(finding(&report, "requests-succeed")["budget"]["period"], 28.0 * 86_400.0);
}

#[test]
fn a_target_with_errors_does_not_and_its_budget_burns() {
    let done = run("--tool-error-share, '0.3'");
    let report = done.report();
    assert_eq!(report["verdict"], "FAIL");
    for (_, name) in FILES {
        let finding = finding(&report, name);
        assert_eq!(finding["verdict"], "FAIL", "{finding}");
        // 30 % where 5 % may be: six times as fast as the budget lasts.
        let burn = finding["budget"]["burn"].as_f64().unwrap();
        assert!((4.0..8.0).contains(&burn), "{finding}");
    }
    assert!(done.stdout.contains("budget  "), "{}", done.stdout);
    judged_again(&done.run_folder());
    done.expect_code(1);
}

/// A recorded run can be held against either file, and against a query that its target has nothing for.
fn judged_again(run: &Path) {
    for (file, name) in FILES {
        let done = gander(&["check", run.to_str().unwrap(), "--slo", file]);
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(said.lines().any(|line| line.contains("FAIL") && line.contains(name)), "{file}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("own.yaml");
    let text = "version: 1\nobjectives:\n  - {name: none, promql: {query: container_memory_usage_bytes, at_most: 1}}\n  \
                - {name: burning, events: {bad: 'mcp_requests_total{status=\"error\"}', total: mcp_requests_total, objective: 95%}, \
                burn_rate: {at_most: 1, long: 6m, short: 5m}}\n";
    std::fs::write(&file, text).unwrap();
    let done = gander(&["check", run.to_str().unwrap(), "--slo", file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stdout);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the target has no container_memory_usage_bytes"), "{said}");
    assert!(words.contains("FAIL burning burn rate"), "{said}");
}

#[test]
fn the_files_are_valid_by_themselves() {
    for (file, _) in FILES {
        let done = gander(&["validate", file]);
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("3 objectives"), "{said}");
        let warned = String::from_utf8_lossy(&done.stderr).contains("it is not connected to");
        assert_eq!(warned, file.contains("openslo"));
    }
}
