//! Tools that run as tasks: at a server that other people wrote, over every transport of the legacy era; and at one of the modern
//! era over standard input.

use serde_json::{Value, json};

use crate::support::{beside_others, fake, has_python, real_server, real_stdio_server, scenario, start_run};
use crate::transports::{count, notes, row};

/// What `simulate-research-query` takes: four seconds, and in the third it asks what is meant.
const RESEARCH: &str = "
version: 1
name: tasks
target: TARGET
timeout: 20s
load: { users: 8, duration: 3s }
answers: { elicitation: { action: accept, content: { interpretation: technical }, after: 100ms } }
transactions:
  - name: research
    call_tool: { tool: simulate-research-query, arguments: { topic: \"geese {{ nonce }}\" } }
    task: { ttl: 60s, poll_every: 100ms }
    checks: [{ contains: Research Report }, { contains: \"gander-\" }]
  - name: asks
    call_tool: { tool: simulate-research-query, arguments: { topic: geese, ambiguous: true } }
    task: true
    checks: [{ contains: technical }]
  - name: impatient
    call_tool: { tool: simulate-research-query, arguments: { topic: x } }
    task: { poll_every: 50ms }
    cancel_after: 400ms
";

fn report_at(text: &str, target: &str) -> Value {
    let (_folder, file) = scenario(&text.replace("TARGET", target));
    start_run(&file, &[]).finish().report()
}

#[track_caller]
fn tasks_are_seen_through(target: &str) {
    let report = report_at(RESEARCH, target);
    for name in ["research", "asks"] {
        let row = row(&report, name);
        assert!(count(&row["calls"]) > 0 && row["ok"] == row["calls"], "{row:#} {:#}", report["errors"]);
        let p50 = row["p50"].as_f64().unwrap();
        assert!((4.0..8.0).contains(&p50), "it takes four seconds: {p50}");
    }
    let impatient = row(&report, "impatient");
    assert_eq!(impatient["failures"], json!([["cancelled", impatient["calls"]]]));
    let tasks = &report["messages"]["tasks"];
    let calls = count(&report["total"]["calls"]);
    assert_eq!((count(&tasks["created"]), count(&tasks["failed"])), (calls, 0), "{tasks}");
    assert_eq!(tasks["cancel_requests"], impatient["calls"], "{tasks}");
    assert_eq!(count(&tasks["completed"]) + count(&tasks["cancel_requests"]), calls, "{tasks}");
    assert!(count(&tasks["polls"]) > 30 * count(&row(&report, "research")["calls"]), "{tasks}");
    let strays = report["strays"].as_object().unwrap();
    assert!(strays.values().all(|value| *value == 0), "{strays:?}");
    assert!(notes(&report).contains("calls ran as tasks"), "{}", notes(&report));
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn tasks_of_everything_are_seen_through_over_every_transport() {
    let _beside_others = beside_others();
    if let Some(server) = real_server("everything") {
        tasks_are_seen_through(&server.base);
    }
    if let Some(server) = real_server("everything-sse") {
        tasks_are_seen_through(&format!("{{ url: '{}', transport: sse }}", server.base));
    }
    if let Some(command) = real_stdio_server("everything-stdio") {
        tasks_are_seen_through(&format!("{{ stdio: {command:?} }}"));
    }
}

const MODERN: &str = "
version: 1
name: modern tasks
target: TARGET
protocol: 2026-07-28
timeout: 5s
load: { users: 2, duration: 2s, think_time: 10ms }
answers: { roots: [{ uri: \"file:///home\" }] }
transactions:
  - name: all
    steps:
      - name: works
        call_tool: { tool: works, arguments: { polls: 3, text: \"{{ nonce }}\" } }
        task: true
        checks: [{ contains: \"gander-\" }]
      - { name: asks, call_tool: { tool: works, arguments: { polls: 1, asks: roots } }, task: true, checks: [{ contains: \"file:///home\" }] }
      - { name: fails, call_tool: { tool: works, arguments: { polls: 1, ends: failed } }, task: true }
      - { name: is cancelled, call_tool: { tool: works, arguments: { polls: 1, ends: cancelled } }, task: true }
      - { name: never ends, call_tool: { tool: works, arguments: { polls: 100000 } }, task: true, timeout: 200ms }
";

#[track_caller]
fn modern_tasks_end_in_their_own_classes(target: &str) {
    let report = report_at(MODERN, target);
    for name in ["works", "asks"] {
        let row = row(&report, name);
        assert!(count(&row["calls"]) > 2 && row["ok"] == row["calls"], "{row:#} {:#}", report["errors"]);
    }
    for (name, class) in [("fails", "json_rpc"), ("is cancelled", "tool"), ("never ends", "timeout")] {
        let row = row(&report, name);
        assert_eq!(row["failures"], json!([[class, row["calls"]]]), "{name}");
    }
    let tasks = &report["messages"]["tasks"];
    assert_eq!(tasks["created"], report["total"]["calls"], "{tasks}");
    assert_eq!(tasks["failed"], row(&report, "fails")["calls"], "{tasks}");
    assert_eq!(tasks["cancelled"], row(&report, "is cancelled")["calls"], "{tasks}");
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn tasks_of_the_modern_era_end_in_their_own_classes() {
    if !has_python() {
        return;
    }
    let _beside_others = beside_others();
    modern_tasks_end_in_their_own_classes(&crate::transports::fake_at("http", &[]).url);
    modern_tasks_end_in_their_own_classes(&format!("{{ stdio: [python3, {}, stdio] }}", fake()));
}
