//! What a run costs, by a price sheet: reckoned from what the demo target used, was asked and counted.

use crate::support::{scenario, start_run};

const SCENARIO: &str = "
version: 1
name: cost
target: demo
load: { rate: 50/s, max_users: 20, duration: 3s }
transactions:
  - { name: search, weight: 3, call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 100) }}\" } } }
  - { name: list tools, list_tools: {} }
observe: { metrics: { url: /metrics, interval: 1s } }
slo: [slo.yaml]
";

fn run(sheet: &str) -> crate::support::Done {
    let (folder, file) = scenario(SCENARIO);
    let slo =
        format!("version: 1\nobjectives: [{{name: errors, error_ratio: 5%}}]\nchecks: {{cost: {sheet}}}\n");
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run(&file, &[]).finish()
}

#[test]
fn what_was_used_called_and_counted_has_its_price() {
    let done = run("{currency: USD, vcpu_hour: 36, gb_hour: 3600, fees: {search: 0.01, '*': 0}, \
         tokens: {counter: mcp_tokens_consumed_total, per_million: 1000}, budget: {per_1000_calls: 1000}}");
    let report = done.report();
    let cost = &report["cost"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or_else(|| panic!("{cost:#}"));
    let part = |name: &str| {
        let found = cost["parts"].as_array().unwrap().iter().find(|part| part["name"] == name);
        number(&found.unwrap()["amount"])
    };
    // A price of 36 an hour is a cent a second: the demo used some CPU, and less than both cores of a small machine or many of a large one.
    assert!((0.0..10.0).contains(&part("CPU")), "{cost:#}");
    assert!(part("memory") > 0.0 && part("tokens") > 0.0, "{cost:#}");
    let search = cost["rows"].as_array().unwrap().iter().find(|row| row["name"] == "search").unwrap();
    assert!((part("fees") - 0.01 * number(&search["calls"])).abs() < 1e-9, "{cost:#}");
    let parts: f64 = cost["parts"].as_array().unwrap().iter().map(|part| number(&part["amount"])).sum();
    let rows: f64 = cost["rows"].as_array().unwrap().iter().map(|row| number(&row["amount"])).sum();
    assert!((parts - number(&cost["total"])).abs() < 1e-9 * parts, "{cost:#}");
    assert!((rows - parts).abs() < 1e-9 * parts, "{cost:#}");
    assert_eq!(report["telemetry"][0]["finding"]["verdict"], "PASS", "{cost:#}");
}

#[test]
fn a_budget_that_is_overspent_fails_the_run() {
    let done = run("{currency: USD, fees: {search: 1}, budget: {run: 0.5}}");
    let report = done.report();
    let finding = &report["telemetry"][0]["finding"];
    assert_eq!(finding["name"], "cost: budget");
    assert_eq!(finding["verdict"], "FAIL", "{finding:#}");
    done.expect_code(1);
}
