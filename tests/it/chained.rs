//! Steps that build on each other: what one takes out of its answer, the next is made of; and rows of the scenario's data.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{beside_others, demo, scenario, start_run};

/// The report of a scenario with these `lines` and the data file `rows.csv`, run against a demo target; and, by query, how often the
/// target was asked for it.
fn run(lines: &str, rows: &str) -> (Value, BTreeMap<String, usize>) {
    let (folder, file) = scenario(&format!(
        "version: 1\nname: chained\ntarget: demo\nprotocol: 2025-11-25\ntimeout: 5s\n{lines}\nslo: [slo.yaml]\n"
    ));
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    // The second limit is one that gander's checks of itself go by: beside others it is not well by the millisecond.
    let objectives = "[{name: e, error_ratio: 0%}, {name: l, latency: {p50: 4s}}]";
    std::fs::write(folder.path().join("slo.yaml"), format!("version: 1\nobjectives: {objectives}\n"))
        .unwrap();
    let log = folder.path().join("audit.jsonl");
    let target = demo(&["--log", log.to_str().unwrap(), "--leak-secret-in-log"]);
    let url = format!("{}/mcp/stateless", target.base.trim_end_matches('/'));
    let _beside_others = beside_others();
    let report = start_run(&file, &["--target", url.as_str()]).finish().report();
    drop(target);
    let mut asked = BTreeMap::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(query) = line.pointer("/args/query").and_then(Value::as_str) {
            *asked.entry(query.to_owned()).or_default() += 1;
        }
    }
    (report, asked)
}

fn step<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap_or(&Value::Null)
}

#[test]
fn what_a_step_finds_and_what_a_table_says_is_what_the_next_one_sends() {
    let lines = "
load: {users: 4, duration: 2s, think_time: 5ms}
data: {rows: rows.csv}
transactions:
  - name: chain
    steps:
      - name: list
        list_tools: {}
        extract: {tool: /tools/0/name}
      - name: search
        call_tool: {tool: '{{ tool }}', arguments: {query: '{{ rows.words }}'}}
        extract: {query: {json: /content/0/text, inside: /query}}
      - name: again
        call_tool: {tool: echo, arguments: {text: '{{ query }}'}}
        checks: [{contains: budget}]
      - name: never
        if: {value: '{{ query }}', matches: '^zebra'}
        call_tool: {tool: fail}";
    let (report, asked) = run(lines, "words\nerror budget\nthe budget\n");
    assert_eq!(report["verdict"], "PASS", "{}", report["because"]);
    let calls = |name: &str| step(&report, name)["calls"].as_u64().unwrap_or(0);
    assert!(calls("again") > 10 && calls("never") == 0, "{}", report["steps"]);
    // Rows go round: each is given as often as the other, but for the last one.
    let (one, other) = (asked["error budget"], asked["the budget"]);
    assert!(one.abs_diff(other) <= 1, "{asked:?}");
    assert_eq!(one + other, usize::try_from(calls("search")).unwrap());
}

#[test]
fn what_is_not_found_fails_and_what_needs_it_is_not_sent() {
    let lines = "
load: {rate: 20/s, duration: 2s, max_users: 5}
transactions:
  - name: chain
    steps:
      - name: search
        call_tool: {tool: search, arguments: {query: zebra}}
        extract: {title: /structuredContent/results/0/title}
      - name: again
        call_tool: {tool: echo, arguments: {text: '{{ title }}'}}";
    let (report, _) = run(lines, "x\n1\n");
    assert_eq!(report["verdict"], "FAIL", "{}", report["because"]);
    let calls = step(&report, "search")["calls"].clone();
    assert_eq!(step(&report, "search")["failures"], serde_json::json!([["check", calls]]));
    assert_eq!(step(&report, "again")["failures"], serde_json::json!([["not_sent", calls]]));
    let reasons = report["errors"].to_string();
    for reason in [
        "`extract: title` finds nothing at /structuredContent/results/0/title",
        "nothing was put into `title`",
    ] {
        assert!(reasons.contains(reason), "{reasons}");
    }
    assert_eq!(report["planned"], report["recorded"]);
}
