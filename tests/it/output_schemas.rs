//! Answers of tools, held against the output schemas that the tools gave.

use serde_json::Value;

use crate::support::{Done, at_once, beside_others, fake_over, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: outputs
target: demo
timeout: 10s
output_schema: SAMPLED
load: { users: 3, duration: 3s, think_time: 10ms }
transactions:
  - { name: first, call_tool: { tool: FIRST, arguments: { ARGUMENTS } } }
  - { name: second, call_tool: { tool: SECOND, arguments: {} } }
";

fn load(target: &[&str], sampled: &str, tools: (&str, &str), arguments: &str) -> Done {
    let text = SCENARIO.replace("SAMPLED", sampled).replace("ARGUMENTS", arguments);
    let (_folder, file) = scenario(&text.replace("FIRST", tools.0).replace("SECOND", tools.1));
    start_run(&file, target).finish()
}

fn row<'r>(report: &'r Value, step: &str) -> &'r Value {
    report["output_schemas"].as_array().unwrap().iter().find(|row| row["step"] == step).unwrap()
}

fn notes(report: &Value) -> String {
    let notes = report["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap());
    notes.collect::<Vec<_>>().join("\n")
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn answers_that_break_their_schema_are_counted_and_told_with_one_example() {
    let Some(server) = fake_over("swap", &[]) else { return };
    let _beside_others = beside_others();
    let done = load(&["--target", &server.base], "{ sample: 20% }", ("typed", "mistyped"), "");
    let report = done.report();
    let (sound, broken) = (row(&report, "first"), row(&report, "second"));
    assert!(count(&sound["checked"]) > 5 && count(&broken["checked"]) > 5, "{:#}", report["output_schemas"]);
    assert_eq!((&sound["violations"], &sound["example"]), (&0.into(), &Value::Null));
    assert_eq!(broken["violations"], broken["checked"]);
    let example = "`type` does not hold of `structuredContent` (/text)";
    assert_eq!(broken["example"], example);
    let calls = count(&report["total"]["calls"]);
    let checked = count(&sound["checked"]) + count(&broken["checked"]);
    assert!(checked * 2 < calls, "{checked} of {calls}");
    let told = notes(&report);
    assert!(told.contains("warning: second: ") && told.contains(example), "{told}");
    // A warning is no verdict.
    assert!(
        report["objectives"].as_array().unwrap().iter().all(|finding| finding["name"] != "output schema")
    );
    assert_eq!(report["total"]["calls"], report["total"]["ok"]);
}

#[test]
fn a_violation_fails_the_run_where_the_scenario_says_so() {
    let Some(server) = fake_over("swap", &["events"]) else { return };
    let target = ["--target", &server.base];
    let fail = "{ sample: 100%, on_violation: fail }";
    let _beside_others = beside_others();
    let judged =
        [("typed", "mistyped", "FAIL"), ("typed", "typed", "PASS"), ("echo", "echo", "INCONCLUSIVE")];
    at_once(judged, |(first, second, verdict)| {
        let done = load(&target, fail, (first, second), "");
        let report = done.report();
        let findings = report["objectives"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["name"] == "output schema").unwrap();
        assert_eq!(finding["verdict"], verdict, "{finding:#}");
        if verdict == "FAIL" {
            done.expect_code(1);
            assert!(done.stdout.contains("output schema (the whole run)"), "{}", done.stdout);
        }
    });
}

#[test]
fn the_demo_target_keeps_its_schemas_and_the_first_of_each_step_is_checked() {
    let _beside_others = beside_others();
    let report = load(&[], "{ sample: 0.001% }", ("search", "fail"), "query: error").report();
    let row = row(&report, "first");
    assert!(count(&row["checked"]) >= 1, "{row:#}");
    assert_eq!((&row["violations"], &row["unchecked"]), (&0.into(), &0.into()));
    assert_eq!(report["output_schemas"].as_array().unwrap().len(), 1, "a tool without a schema is in no row");
    let off = load(&[], "{ sample: 0% }", ("search", "fail"), "query: error").report();
    assert_eq!(off["output_schemas"].as_array().unwrap().len(), 0);
}
