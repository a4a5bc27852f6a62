//! Alert rules over real runs against the demo target: a fault that must be told of is, a healthy target wakes nobody, and `gander
//! check` says the same again.

use std::time::Duration;

use gander::model::format_duration;
use serde_json::Value;

use crate::real_alertmanager::Alertmanager;
use crate::support::{Done, beside_others, gander, root, scenario, start_run};

/// A run of 20 s under the shipped rules, 60 times faster than they are written: of what becomes of them, and of what `expected` of
/// them says.
fn run(demo: &str, expected: &str) -> Done {
    let (folder, file) = scenario(&format!(
        "version: 1\nname: alerts\ntarget: {{demo: {{path: /mcp, arguments: [{demo}]}}}}\n\
         load: {{rate: 60/s, duration: 20s, warm_up: 1s, max_users: 50}}\n\
         transactions: [{{name: t, call_tool: {{tool: echo, arguments: {{text: x}}}}}}]\n\
         observe: {{metrics: {{url: /metrics, interval: 500ms}}}}\nslo: [slo.yaml]\n"
    ));
    let slos = root().join("slos");
    let (rules, alertmanager) = (slos.join("mcp-alerts.yml"), slos.join("alertmanager.yml"));
    // The second objective is one that gander's checks of itself go by: beside others it is not well by the millisecond.
    let slo = format!(
        "version: 1\nalerts:\n  rules: [{}]\n  alertmanager: {}\n  time_scale: 60\n  labels: {{job: mcp}}\n  \
         out_of_reach: [MCPHighMemoryUsage]\n  {expected}\n\
         objectives: [{{name: n, error_ratio: 50%}}, {{name: l, latency: {{p50: 4s}}}}]\n",
        rules.display(),
        alertmanager.display()
    );
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    let _beside_others = beside_others();
    start_run(&file, &[]).finish()
}

fn finding(report: &Value, name: &str) -> String {
    let findings = report["objectives"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["name"] == name);
    finding.unwrap_or_else(|| panic!("no finding {name} in {findings:?}"))["verdict"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn rule(report: &Value, alert: &str) -> Value {
    let rules = report["alerts"]["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["alert"] == alert).unwrap().clone()
}

#[test]
fn errors_are_told_to_whoever_is_on_call() {
    let expected = "must_fire: [{alert: MCPHighErrorRate, labels: {severity: critical}, within: 15s}]\n  \
                    must_stay_silent: [MCPHighLatency]";
    let done = run("--tool-error-share, '0.3'", expected);
    let report = done.report();
    assert_eq!(finding(&report, "alert MCPHighErrorRate"), "PASS", "{}", report["alerts"]);
    assert_eq!(finding(&report, "alert MCPHighLatency"), "PASS", "{}", report["alerts"]);
    let errors = rule(&report, "MCPHighErrorRate");
    assert_eq!(
        (&errors["reading"], &errors["receivers"]),
        (&"fired".into(), &serde_json::json!(["pagerduty"]))
    );
    assert!(errors["expr"].as_str().unwrap().contains("[5s]"), "{errors}");
    assert_eq!(rule(&report, "MCPHighMemoryUsage")["reading"], "no_such_series");
    assert!(done.stdout.contains("pagerduty (pagerduty): MCPHighErrorRate"), "{}", done.stdout);

    // It was told while the run went on, at the time that the report has.
    let fired = errors["spans"][0]["fired_at"].as_f64().unwrap();
    let told = done.stderr.lines().find(|line| line.starts_with("alert MCPHighErrorRate fires after "));
    let told = told.unwrap_or_else(|| panic!("{}", done.stderr));
    let at = format_duration(Duration::from_secs_f64(fired));
    assert!(told.contains(&format!("after {at}, for pagerduty: value ")), "{told}, at {fired} by the report");

    // A drill gives what fired to a real Alertmanager, whose routes are those that the run was judged by.
    if let Some(alertmanager) = Alertmanager::start(&shipped_alertmanager()) {
        let folder = done.run_folder();
        let drill =
            ["alerts", "drill", "--alertmanager", &alertmanager.base, "--run", folder.to_str().unwrap()];
        let drill = gander(&drill);
        let told = String::from_utf8(drill.stdout).unwrap();
        assert_eq!(drill.status.code(), Some(0), "{told}");
        assert!(
            told.contains("alertname=\"MCPHighErrorRate\"") && told.contains("routed to pagerduty; silenced"),
            "{told}"
        );
    }

    // The run directory alone says the same again.
    let again = gander(&["check", done.run_folder().to_str().unwrap()]);
    let again = String::from_utf8(again.stdout).unwrap();
    assert!(again.contains("pagerduty (pagerduty): MCPHighErrorRate"), "{again}");
}

fn shipped_alertmanager() -> String {
    std::fs::read_to_string(root().join("slos/alertmanager.yml")).unwrap()
}

#[test]
fn a_healthy_target_wakes_nobody() {
    let done = run("--container-memory-limit, '512'", "must_stay_silent: all");
    let report = done.report();
    for alert in ["MCPHighErrorRate", "MCPHighLatency", "MCPToolFailures", "MCPConnectionPoolExhausted"] {
        assert_eq!(finding(&report, &format!("alert {alert}")), "PASS", "{}", report["alerts"]);
    }
    // Out of reach, but this target has its series.
    assert_eq!(rule(&report, "MCPHighMemoryUsage")["reading"], "silent", "{}", report["alerts"]);
    assert_eq!(report["alerts"]["pages"], serde_json::json!([]));
    assert!(done.stdout.contains("nobody would have been paged"), "{}", done.stdout);
    // What never fired can't be drilled.
    let folder = done.run_folder();
    let nobody = "http://127.0.0.1:1";
    let drill = gander(&["alerts", "drill", "--alertmanager", nobody, "--run", folder.to_str().unwrap()]);
    assert_eq!(drill.status.code(), Some(3), "{}", String::from_utf8_lossy(&drill.stderr));
}

#[test]
fn memory_of_a_container_that_runs_short_is_told_of() {
    let done = run(
        "--container-memory-limit, '4'",
        "must_fire: [{alert: MCPHighMemoryUsage, labels: {pod: mcp-server-demo}}]",
    );
    let report = done.report();
    assert_eq!(finding(&report, "alert MCPHighMemoryUsage"), "PASS", "{}", report["alerts"]);
    assert_eq!(rule(&report, "MCPHighErrorRate")["reading"], "silent", "{}", report["alerts"]);
}

#[test]
fn an_alert_that_must_fire_and_does_not_fails_the_run() {
    let done = run("", "must_fire: [MCPHighErrorRate]");
    let report = done.report();
    assert_eq!(finding(&report, "alert MCPHighErrorRate"), "FAIL", "{}", report["alerts"]);
    assert_eq!(report["verdict"], "FAIL");
    done.expect_code(1);
}
