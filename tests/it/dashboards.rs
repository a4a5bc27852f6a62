//! Grafana dashboards over runs against the demo target: the one that gander brings along shows something in every panel, and a panel that
//! shows nothing is named with its reason, again offline.

use serde_json::Value;

use crate::support::{Done, gander, root, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: dashboards
target: { demo: { path: /mcp, arguments: [ARGUMENTS] } }
load: { rate: 60/s, max_users: 50, duration: 8s, warm_up: 1s }
transactions:
  - { name: list tools, weight: 3, list_tools: {} }
  - { name: search, weight: 5, call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 20) }}\" } } }
  - { name: calculate, weight: 2, call_tool: { tool: calculate, arguments: { expression: \"1 + {{ random.int(1, 100) }}\" } } }
observe: { metrics: { url: /metrics, interval: 500ms } }
slo: [slo.yaml]
";

/// A run whose metrics must show in `dashboards`, on these further terms.
fn run(arguments: &str, dashboards: &[&str], terms: &str) -> Done {
    let (folder, file) = scenario(&SCENARIO.replace("ARGUMENTS", arguments));
    let files = serde_json::to_string(dashboards).unwrap();
    let slo = format!("version: 1\nchecks: {{dashboards: {{files: {files}{terms}}}}}\n");
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run(&file, &[]).finish()
}

fn of_this(name: &str) -> String {
    root().join("tests/golden/dashboards").join(name).to_str().unwrap().to_owned()
}

fn told(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = |check: &Value| {
        let finding = &check["finding"];
        (text(&finding["name"]), text(&finding["verdict"]), text(&finding["because"]))
    };
    report["telemetry"].as_array().unwrap().iter().map(told).collect()
}

/// `gander check` says the same of the run directory.
#[track_caller]
fn same_offline(done: &Done, code: i32) {
    let folder = done.run_folder();
    let folder = folder.to_str().unwrap();
    assert_eq!(gander(&["check", folder]).status.code(), Some(code));
    let judged: Value = serde_json::from_slice(&gander(&["report", folder, "-f", "json"]).stdout).unwrap();
    assert_eq!(told(&judged), told(&done.report()));
}

#[test]
fn every_panel_of_the_shipped_dashboard_is_alive_over_a_healthy_run() {
    let done = run("", &["mcp-overview"], "");
    let report = done.report();
    let all = told(&report);
    assert_eq!(all.len(), 1, "{all:?}");
    let (name, verdict, because) = &all[0];
    assert_eq!((name.as_str(), verdict.as_str()), ("dashboards: MCP overview", "PASS"), "{report:#}");
    assert!(because.starts_with("all 10 panels had data in the run"), "{because}");
    let rows = report["telemetry"][0]["evidence"]["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row[2].as_str().unwrap().starts_with("data: ")), "{rows:#?}");
    done.expect_code(0);
    same_offline(&done, 0);
}

#[test]
fn a_panel_whose_metric_is_gone_is_named() {
    let done = run("--without-metric, mcp_cache_misses_total", &["mcp-overview"], "");
    let all = told(&done.report());
    let because = &all[0].2;
    let expected = "panel `Cache hit ratio`: no data: there is no metric `mcp_cache_misses_total`";
    assert!(all[0].1 == "FAIL" && because.starts_with(expected), "{all:?}");
    assert!(!because.contains("likewise"), "{because}");
    done.expect_code(1);
    assert!(done.stdout.contains("mcp_cache_misses_total"), "{}", done.stdout);
    let junit = std::fs::read_to_string(done.run_folder().join("junit.xml")).unwrap();
    assert!(junit.contains("Cache hit ratio"), "{junit}");
    same_offline(&done, 1);
    // Left out, the others are enough.
    let done = run(
        "--without-metric, mcp_cache_misses_total",
        &["mcp-overview"],
        ", except_panels: [Cache hit ratio]",
    );
    assert_eq!(told(&done.report())[0].1, "PASS", "{:?}", told(&done.report()));
    done.expect_code(0);
}

#[test]
fn dashboards_in_the_forms_that_grafana_gives_are_read() {
    let labels = ", labels: {instance: \"demo:1\", job: mcp}, except_panels: [\"Logs of $tool\"]";
    let done = run("", &[&of_this("nested.json"), &of_this("rows.json")], labels);
    let report = done.report();
    let all = told(&report);
    // Of the tools that the target offers not all were called: their panels have data all the same.
    assert_eq!(
        (all[0].0.as_str(), all[0].1.as_str()),
        ("dashboards: Service 🚀 / tools", "PASS"),
        "{report:#}"
    );
    let rows = report["telemetry"][0]["evidence"]["rows"].as_array().unwrap();
    let row = |title: &str| {
        let found = rows.iter().find(|row| row[0].as_str().unwrap().contains(title));
        found.unwrap_or_else(|| panic!("{title}: {rows:#?}"))[1].as_str().unwrap().to_owned()
    };
    let by_status = row("Calls by status");
    assert!(
        by_status.contains(r#"status=~"success""#) && by_status.contains(r#"instance=~"demo:1""#),
        "{by_status}"
    );
    assert!(by_status.contains("|search)") || by_status.contains("|search|"), "{by_status}");
    assert!(row("Time of search (tool = search)").contains("tool=\"search\""), "{rows:#?}");
    assert!(row("In the whole range").contains("s]))"), "{rows:#?}");
    assert_eq!((all[1].0.as_str(), all[1].1.as_str()), ("dashboards: Old rows", "PASS"), "{report:#}");
    done.expect_code(0);
    same_offline(&done, 0);
}

#[test]
fn a_label_that_is_misspelt_is_named_with_those_that_there_are() {
    let text = std::fs::read_to_string(of_this("rows.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("misspelt.json");
    std::fs::write(
        &path,
        text.replace(
            "mcp_cache_entries or mcp_cache_misses_total",
            "mcp_cache_misses_total{cache_typ=\\\"search\\\"}",
        ),
    )
    .unwrap();
    let done = run("", &[path.to_str().unwrap()], "");
    let all = told(&done.report());
    let expected = "panel `Cache (k = 3)`: no data: no series of mcp_cache_misses_total has cache_typ=\"search\" (there: they have no such label)";
    assert!(all[0].1 == "FAIL" && all[0].2.starts_with(expected), "{all:?}");
    done.expect_code(1);
    same_offline(&done, 1);
}

#[test]
fn the_shipped_slo_file_names_the_shipped_dashboard() {
    let (_folder, file) = scenario(&SCENARIO.replace("ARGUMENTS", "").replace("slo: [slo.yaml]\n", ""));
    let slo = root().join("slos/dashboards.yaml");
    let output = gander(&["validate", file.to_str().unwrap(), "--slo", slo.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("dashboards must have data in 10 panels: MCP overview"), "{said}");
}
