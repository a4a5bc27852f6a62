//! Objectives on when the parts of answers come: what is judged is what the target did, and every report has its row.

use serde_json::Value;

use crate::support::{Done, beside_others, demo, gander, real_server, scenario, start_run};
use crate::transports::{count, row};

const SCENARIO: &str = "
version: 1
name: parts
target: TARGET
protocol: PROTOCOL
timeout: TIMEOUT
load: { users: 4, duration: 4s, think_time: 10ms }
transactions:
  - { name: parts, call_tool: CALL, progress: true }
  - { name: whole, list_tools: {} }
slo: [slo.yaml]
";

/// A load of CALL at `target`, judged by the lines of `objectives`.
fn judged(target: &str, protocol: &str, timeout: &str, call: &str, objectives: &str) -> Done {
    let text = SCENARIO.replace("TARGET", target).replace("PROTOCOL", protocol).replace("TIMEOUT", timeout);
    let (folder, file) = scenario(&text.replace("CALL", call));
    std::fs::write(folder.path().join("slo.yaml"), format!("version: 1\nobjectives:\n{objectives}")).unwrap();
    start_run(&file, &[]).finish()
}

fn finding<'r>(report: &'r Value, name: &str) -> &'r Value {
    let findings = report["objectives"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {findings:#?}"))
}

#[track_caller]
fn check(report: &Value, name: &str, verdict: &str) -> f64 {
    let finding = finding(report, name);
    assert_eq!(finding["verdict"], verdict, "{finding:#}");
    finding["value_number"].as_f64().unwrap_or(f64::NAN)
}

const SEARCH: &str = "{ tool: search, arguments: { query: error } }";

#[test]
fn a_head_that_comes_at_once_and_an_answer_that_does_not_are_told_apart_in_every_report() {
    let _beside_others = beside_others();
    // In a session the demo target sends the head of its answer first, and the one message when it has the result.
    let target = demo(&["--latency", "200ms"]);
    let done = judged(
        &format!("{}/mcp", target.base),
        "2025-11-25",
        "5s",
        SEARCH,
        "  - { name: begun, of: { step: parts }, first_byte: { p50: 150ms } }
  - { name: told, of: { tool: search }, first_message: { p50: 150ms } }
  - { name: never silent, of: { step: parts }, longest_gap: { p95: 10s } }
",
    );
    done.expect_code(1);
    let report = done.report();
    assert!(check(&report, "begun", "PASS") < 0.15);
    assert!(check(&report, "told", "FAIL") >= 0.2);
    // One message has no gap after it.
    let silent = finding(&report, "never silent");
    check(&report, "never silent", "INCONCLUSIVE");
    assert_eq!((count(&silent["samples"]), &silent["value"]), (0, &"no data".into()));
    let calls = count(&row(&report, "parts")["calls"]);
    let told = finding(&report, "told");
    assert!(
        calls > 5 && count(&told["samples"]) == calls && count(&told["bad"]) == calls,
        "{told:#} {calls}"
    );
    assert!(!told["because"].as_str().unwrap().contains("estimated"), "{told:#}");
    let folder = done.run_folder();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    for text in [done.stdout.clone(), read("summary.md"), read("junit.xml"), read("report.html")] {
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("p50 first message")).collect();
        assert!(lines.iter().any(|line| line.contains(&calls.to_string())), "{calls}: {lines:#?}");
        assert!(text.contains("p50 first byte") && text.contains("p95 longest gap"), "{text}");
    }
    // Judged again it is the same; by a limit that the run did not know, the histogram has to do.
    let check = |slo: &[&str]| gander(&[&["check", folder.to_str().unwrap()], slo].concat());
    assert_eq!(check(&[]).status.code(), Some(1));
    let other = folder.join("other.yaml");
    let objective = "{ name: o, of: { step: parts }, first_message: { p50: 100ms } }";
    std::fs::write(&other, format!("version: 1\nobjectives: [{objective}]\n")).unwrap();
    let said = String::from_utf8(check(&["--slo", other.to_str().unwrap()]).stdout).unwrap();
    assert!(said.contains("estimated") && said.contains("FAIL"), "{said}");
}

#[test]
fn a_head_without_an_answer_is_bad() {
    let _beside_others = beside_others();
    let target = demo(&["--lose-share", "0.5"]);
    let done = judged(
        &format!("{}/mcp", target.base),
        "2025-11-25",
        "300ms",
        SEARCH,
        "  - { name: begun, first_byte: { p90: 250ms } }\n",
    );
    let report = done.report();
    check(&report, "begun", "FAIL");
    let begun = finding(&report, "begun");
    let (parts, whole) = (row(&report, "parts"), row(&report, "whole"));
    // Lists are lost as well, and come in parts as well.
    assert_eq!(count(&begun["samples"]), count(&parts["calls"]) + count(&whole["calls"]), "{begun:#}");
    let lost = count(&parts["calls"]) - count(&parts["ok"]) + count(&whole["calls"]) - count(&whole["ok"]);
    assert!(lost > 5 && count(&begun["bad"]) >= lost, "{lost}: {begun:#}");
    assert!(begun["because"].as_str().unwrap().contains("failed without an answer"), "{begun:#}");
}

#[test]
fn everything_is_judged_by_its_first_message_and_by_its_silence() {
    let _beside_others = beside_others();
    let Some(server) = real_server("everything") else { return };
    let call = "{ tool: trigger-long-running-operation, arguments: { duration: 0.6, steps: 6 } }";
    let done = judged(
        &server.base,
        "auto",
        "10s",
        call,
        "  - { name: whole, of: { step: parts }, service_time: { p50: 500ms } }
  - { name: told, of: { step: parts }, first_message: { p50: 500ms } }
  - { name: told at once, of: { step: parts }, first_message: { p50: 50ms } }
  - { name: silent, of: { step: parts }, longest_gap: { p50: 500ms } }
  - { name: never silent, of: { step: parts }, longest_gap: { share: 50%, within: 50ms } }
",
    );
    done.expect_code(1);
    let report = done.report();
    let took = check(&report, "whole", "FAIL");
    // Six steps of 100 ms, each told of: a hundred milliseconds to the first, and no more from one to the next.
    let (told, silent) = (check(&report, "told", "PASS"), check(&report, "silent", "PASS"));
    assert!(took >= 0.58 && (0.09..took / 2.0).contains(&told) && (0.09..took / 2.0).contains(&silent));
    check(&report, "told at once", "FAIL");
    check(&report, "never silent", "FAIL");
    let calls = &row(&report, "parts")["calls"];
    for name in ["told", "told at once", "silent", "never silent"] {
        assert_eq!(&finding(&report, name)["samples"], calls, "{name}");
    }
}
