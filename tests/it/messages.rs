//! What comes beside answers: what the target asks of its clients, and what it is told; in both eras, over every transport.

use serde_json::{Value, json};

use crate::support::{Done, alone, real_server, real_stdio_server, scenario, start_run};
use crate::transports::{count, fake, fake_at, has_python, notes, outcome, row};

const ASKING: &str = "
version: 1
name: asking
target: TARGET
protocol: 2025-11-25
timeout: 10s
load: { users: 2, duration: 2s, think_time: 10ms }
answers:
  sampling: { text: \"sampled for {{ vu }}\", model: fake-1, after: 20ms }
  roots: [{ uri: \"file:///home/{{ vu }}\", name: home }]
transactions:
  - name: all
    steps:
      - name: sampling
        call_tool: { tool: asks, arguments: { for: sampling } }
        checks: [{ contains: \"sampled for \" }, { contains: fake-1 }, { contains: assistant }]
      - { name: roots, call_tool: { tool: asks, arguments: { for: roots } }, checks: [{ contains: \"file:///home/\" }] }
      - { name: elicitation, call_tool: { tool: asks, arguments: { for: elicitation } }, checks: [{ contains: \"-32601\" }] }
      - { name: ping, call_tool: pinging }
      - name: announced
        call_tool: announced
        checks: [{ contains: sampling }, { contains: roots }, { not_contains: elicitation }]
";

/// The counts of what was asked, by what it was.
fn wish<'r>(report: &'r Value, name: &str) -> &'r Value {
    let wishes = report["messages"]["wishes"].as_array().unwrap();
    wishes.iter().find(|wish| wish["wish"] == name).unwrap_or_else(|| panic!("no {name}: {wishes:?}"))
}

fn run_at(text: &str, target: &str) -> Done {
    let (_folder, file) = scenario(&text.replace("TARGET", target));
    start_run(&file, &[]).finish()
}

#[track_caller]
fn every_question_is_answered(target: &str) {
    let _alone = alone();
    let done = run_at(ASKING, target);
    let report = done.report();
    for name in ["sampling", "roots", "elicitation", "ping", "announced"] {
        let row = row(&report, name);
        assert!(count(&row["calls"]) > 3, "{name}: {row:#}");
        assert_eq!(row["ok"], row["calls"], "{name}: {row:#} {:#}", report["errors"]);
    }
    // It took so long to be sampled, and the rest went on beside it.
    assert!(row(&report, "sampling")["min"].as_f64().unwrap() >= 0.02);
    for (name, became) in
        [("sampling", "answered"), ("roots", "answered"), ("elicitation", "refused"), ("ping", "answered")]
    {
        let wish = wish(&report, name);
        assert!(count(&wish["asked"]) > 3, "{wish}");
        assert_eq!(wish[became], wish["asked"], "{wish}");
    }
    assert!(notes(&report).contains("the target asked its clients: sampling"), "{}", notes(&report));
}

#[test]
fn what_is_asked_on_the_stream_of_an_answer_is_answered_beside_it() {
    if has_python() {
        every_question_is_answered(&fake_at("http", &[]).url);
    }
}

#[test]
fn what_a_process_asks_is_answered() {
    if has_python() {
        every_question_is_answered(&format!("{{ stdio: [python3, {}, stdio] }}", fake()));
    }
}

#[test]
fn what_is_asked_over_http_and_sse_is_answered() {
    if has_python() {
        let server = fake_at("sse", &[]);
        every_question_is_answered(&format!("{{ url: '{}', transport: sse }}", server.url));
    }
}

const FLOODED: &str = "
version: 1
name: flooded
target: TARGET
protocol: 2025-11-25
timeout: 5s
load: { users: 1, duration: 2s, think_time: 50ms }
answers: { roots: [] }
transactions:
  - { name: floods, call_tool: { tool: floods, arguments: { times: 500 } } }
";

#[test]
fn a_server_that_asks_without_end_is_answered_as_far_as_there_is_room() {
    if !has_python() {
        return;
    }
    let _alone = alone();
    let server = fake_at("http", &[]);
    let report = run_at(FLOODED, &server.url).report();
    let (row, roots) = (row(&report, "floods"), wish(&report, "roots"));
    assert_eq!((&row["ok"], &row["failures"]), (&row["calls"], &json!([])));
    assert_eq!(count(&roots["asked"]), 500 * count(&row["calls"]));
    assert!(
        count(&roots["answered"]) >= 16 && roots["answered"].as_u64() < roots["asked"].as_u64(),
        "{roots}"
    );
    assert!(notes(&report).contains("not answered"), "{}", notes(&report));
}

const NEEDING: &str = "
version: 1
name: needing
target: TARGET
protocol: 2026-07-28
timeout: 3s
load: { users: 2, duration: 2s, think_time: 10ms }
answers:
  elicitation: { action: accept, content: { age: \"{{ random.int(18, 18) }}\" }, after: 20ms }
transactions:
  - name: all
    steps:
      - name: twice
        call_tool: { tool: needs, arguments: { for: elicitation, times: 2, which: \"{{ random.string(8) }}\" } }
        checks: [{ contains: \"\\\\\\\"age\\\\\\\": 18\" }]
      - { name: unanswered, call_tool: { tool: needs, arguments: { for: sampling, times: 1 } } }
      - { name: endless, call_tool: { tool: needs, arguments: { for: elicitation, times: 1000 } } }
      - { name: too late, call_tool: { tool: needs, arguments: { for: elicitation, times: 3 } }, timeout: 50ms }
      - { name: never, call_tool: { tool: needs, arguments: { for: elicitation, times: 0 } } }
";

#[track_caller]
fn input_is_given(target: &str) {
    let _alone = alone();
    let report = run_at(NEEDING, target).report();
    for name in ["twice", "never"] {
        let row = row(&report, name);
        assert!(count(&row["calls"]) > 2, "{name}: {row:#}");
        assert_eq!(row["ok"], row["calls"], "{name}: {row:#} {:#}", report["errors"]);
    }
    assert!(row(&report, "twice")["min"].as_f64().unwrap() >= 0.04, "two rounds of 20 ms are in the call");
    for (name, class, why) in [
        ("unanswered", "protocol", "asks for sampling"),
        ("endless", "protocol", "again and again"),
        ("too late", "timeout", "within 50.0 ms"),
    ] {
        let (row, errors) = (row(&report, name), report["errors"].as_array().unwrap());
        assert_eq!(row["failures"], json!([[class, row["calls"]]]), "{name}");
        let error = errors.iter().find(|error| error["step"] == name).unwrap();
        assert!(error["reason"].as_str().unwrap().contains(why), "{error}");
    }
    let failed = count(&row(&report, "unanswered")["calls"]) + count(&row(&report, "endless")["calls"]);
    assert_eq!(outcome(&report, "protocol/input_required"), failed);
    let rounds = count(&report["messages"]["rounds"]);
    let at_least = 2 * count(&row(&report, "twice")["calls"]) + 8 * count(&row(&report, "endless")["calls"]);
    assert!(rounds >= at_least, "{rounds} {at_least}");
    assert!(notes(&report).contains("asked for input"), "{}", notes(&report));
}

#[test]
fn a_modern_answer_that_asks_for_input_is_given_it() {
    if has_python() {
        input_is_given(&fake_at("http", &[]).url);
    }
}

#[test]
fn a_modern_process_that_asks_for_input_is_given_it() {
    if has_python() {
        input_is_given(&format!("{{ stdio: [python3, {}, stdio] }}", fake()));
    }
}

const EVERYTHING: &str = "
version: 1
name: everything
target: TARGET
timeout: 10s
load: { users: 2, duration: 4s, think_time: 50ms }
answers:
  sampling: { text: so it was sampled, model: fake-1 }
  elicitation: { action: accept, content: { name: Ann, check: true, email: ann@example.com } }
  roots: [{ uri: \"file:///home/ann\", name: home }]
transactions:
  - name: all
    steps:
      - name: sampling
        call_tool: { tool: trigger-sampling-request, arguments: { prompt: hello } }
        checks: [{ contains: so it was sampled }]
      - name: elicitation
        call_tool: { tool: trigger-elicitation-request, arguments: {} }
        checks: [{ contains: ann@example.com }]
";

#[track_caller]
fn everything_is_answered(target: &str, more: &str) {
    let _alone = alone();
    let report = run_at(&format!("{EVERYTHING}{more}"), target).report();
    for step in report["steps"].as_array().unwrap() {
        assert!(count(&step["calls"]) > 3, "{step:#}");
        assert_eq!(step["ok"], step["calls"], "{step:#} {:#}", report["errors"]);
    }
    for name in ["sampling", "elicitation"] {
        assert!(count(&wish(&report, name)["answered"]) > 3);
    }
}

const ROOTS: &str =
    "      - { name: roots, call_tool: get-roots-list, checks: [{ contains: \"file:///home/ann\" }] }\n";

#[test]
fn everything_asks_over_streamable_http() {
    if let Some(server) = real_server("everything") {
        everything_is_answered(&server.base, "");
    }
}

#[test]
fn everything_asks_over_http_and_sse() {
    if let Some(server) = real_server("everything-sse") {
        everything_is_answered(&server.base, ROOTS);
    }
}

#[test]
fn everything_asks_over_its_standard_output() {
    if let Some(command) = real_stdio_server("everything-stdio") {
        everything_is_answered(&format!("{{ stdio: '{command}' }}"), ROOTS);
    }
}
