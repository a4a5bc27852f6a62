//! What comes beside answers: what the target asks of its clients, and what it is told; in both eras, over every transport.

use serde_json::{Value, json};

use crate::support::{
    Done, alone, at_once, beside_others, demo, fake, has_python, real_server, real_stdio_server, scenario,
    start_run,
};
use crate::transports::{count, fake_at, notes, outcome, row};

const ASKING: &str = "
version: 1
name: asking
target: TARGET
protocol: 2025-11-25
timeout: 10s
load: { users: 2, duration: 4s, think_time: 10ms }
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
    let _beside_others = beside_others();
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
    let _beside_others = beside_others();
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
load: { users: 2, duration: 4s, think_time: 10ms }
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
    let _beside_others = beside_others();
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
    let _beside_others = beside_others();
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

const TOLD: &str = "
version: 1
name: told
target: TARGET
protocol: PROTOCOL
timeout: 10s
load: { users: 2, duration: 4s, think_time: 10ms }
transactions:
  - name: all
    steps:
      - { name: told, call_tool: { tool: TOOL }, progress: true }
      - { name: untold, call_tool: { tool: TOOL } }
";

/// One time of a step whose answers came in parts.
#[track_caller]
fn time<'r>(report: &'r Value, step: &str, what: &str) -> &'r Value {
    let streams = report["streams"].as_array().unwrap();
    let row = streams.iter().find(|row| row["step"] == step).unwrap_or_else(|| panic!("{streams:?}"));
    let times = row["times"].as_array().unwrap();
    times.iter().find(|time| time["what"] == what).unwrap_or_else(|| panic!("no {what}: {row:#}"))
}

/// Each call is told how far it is `steps` times, `apart` seconds or more from one another.
#[track_caller]
fn progress_is_told(text: &str, target: &str, steps: u64, apart: f64) -> Value {
    let _beside_others = beside_others();
    let done = run_at(text, target);
    let report = done.report();
    let calls = count(&row(&report, "told")["calls"]);
    assert!(calls > 2 && row(&report, "told")["ok"] == calls, "{:#}", report["errors"]);
    let streams = report["streams"].as_array().unwrap();
    let told = streams.iter().find(|row| row["step"] == "told").unwrap();
    assert_eq!((count(&told["calls"]), count(&told["progress"])), (calls, calls * steps), "{told:#}");
    assert!(streams.iter().all(|row| row["step"] == "told" || row["progress"] == 0), "{streams:#?}");
    let notifications = report["messages"]["notifications"].as_array().unwrap();
    let counted = notifications.iter().find(|told| told["method"] == "notifications/progress").unwrap();
    assert!(count(&counted["count"]) >= calls * steps, "{counted}");
    let first = time(&report, "told", "first progress");
    assert!(count(&first["calls"]) == calls && first["p50"].as_f64().unwrap() >= apart, "{first}");
    assert!(first["p50"].as_f64() <= time(&report, "told", "answer")["p50"].as_f64());
    assert!(time(&report, "told", "longest gap")["p50"].as_f64().unwrap() >= apart * 0.9);
    for text in [&done.stdout, &std::fs::read_to_string(done.run_folder().join("summary.md")).unwrap()] {
        assert!(text.contains("longest gap") && text.contains("told"), "{text}");
    }
    report
}

fn telling(tool: &str, protocol: &str) -> String {
    TOLD.replace("tool: TOOL", tool).replace("PROTOCOL", protocol)
}

const STEPS: &str = "tool: steps, arguments: { steps: 4, ms: 20 }";

#[test]
fn progress_on_the_stream_of_an_answer_is_counted_and_timed() {
    if has_python() {
        at_once(["2025-11-25", "2026-07-28"], |protocol| {
            let server = fake_at("http", &[]);
            let report = progress_is_told(&telling(STEPS, protocol), &server.url, 4, 0.02);
            // What came without being asked for is none of it: the server tells nothing then.
            assert_eq!(time(&report, "untold", "first message")["calls"], row(&report, "untold")["calls"]);
        });
    }
}

#[test]
fn progress_over_channels_is_counted_and_timed() {
    if has_python() {
        let stdio = format!("{{ stdio: [python3, {}, stdio] }}", fake());
        let server = fake_at("sse", &[]);
        let sse = format!("{{ url: '{}', transport: sse }}", server.url);
        at_once([stdio, sse], |target| {
            let report = progress_is_told(&telling(STEPS, "2025-11-25"), &target, 4, 0.02);
            assert_eq!(
                report["streams"].as_array().unwrap().len(),
                1,
                "nothing came before the other answers"
            );
        });
    }
}

const OPERATION: &str = "tool: trigger-long-running-operation, arguments: { duration: 0.2, steps: 4 }";

#[test]
fn everything_tells_how_far_it_is() {
    let (server, command) = (real_server("everything"), real_stdio_server("everything-stdio"));
    let process = command.map(|command| format!("{{ stdio: '{command}' }}"));
    at_once(server.iter().map(|server| &server.base).chain(&process), |target| {
        progress_is_told(&telling(OPERATION, "auto"), target, 4, 0.045);
    });
}

#[test]
fn the_second_python_sdk_tells_how_far_it_is_in_both_eras() {
    let Some(server) = real_server("py2") else { return };
    at_once(["2025-11-25", "2026-07-28"], |protocol| {
        let slow = telling("tool: slow, arguments: { ms: 90 }", protocol);
        progress_is_told(&slow, &server.base, 3, 0.028);
    });
}

const CANCELLING: &str = "
version: 1
name: cancelling
target: TARGET
protocol: PROTOCOL
timeout: 5s
load: { users: 2, duration: 4s, think_time: 10ms }
transactions:
  - name: all
    steps:
      - { name: slow, call_tool: { tool: slow, arguments: { ms: 300 } }, cancel_after: 50ms }
      - { name: fast, call_tool: { tool: slow, arguments: { ms: 1 } }, cancel_after: 4s }
      - { name: cancelled, call_tool: cancelled }
";

#[track_caller]
fn calls_are_cancelled(target: &str) -> Value {
    let _beside_others = beside_others();
    let report = run_at(&CANCELLING.replace("PROTOCOL", "2025-11-25"), target).report();
    let slow = row(&report, "slow");
    assert!(count(&slow["calls"]) > 3, "{slow:#}");
    assert_eq!(slow["failures"], json!([["cancelled", slow["calls"]]]));
    assert_eq!((&slow["error_ratio"], &slow["p50"], &slow["max"]), (&json!(0.0), &Value::Null, &Value::Null));
    for name in ["fast", "cancelled"] {
        let row = row(&report, name);
        assert_eq!(row["ok"], row["calls"], "{row:#} {:#}", report["errors"]);
    }
    assert_eq!(outcome(&report, "cancelled"), count(&slow["calls"]));
    assert_eq!((&report["planned"], &report["strays"]["late"]), (&report["recorded"], &json!(0)));
    assert!(notes(&report).contains("were cancelled as the scenario asks"), "{}", notes(&report));
    report
}

#[test]
fn a_call_over_http_is_cancelled_and_the_server_is_told() {
    if has_python() {
        calls_are_cancelled(&fake_at("http", &[]).url);
    }
}

#[test]
fn answers_to_cancelled_calls_over_channels_are_known_as_such() {
    if has_python() {
        let stdio = format!("{{ stdio: [python3, {}, stdio] }}", fake());
        let server = fake_at("sse", &[]);
        let sse = format!("{{ url: '{}', transport: sse }}", server.url);
        at_once([stdio, sse], |target| {
            let report = calls_are_cancelled(&target);
            let (late, calls) = (&report["messages"]["late_to_cancelled"], &row(&report, "slow")["calls"]);
            assert!(count(late) > 2 && count(late) <= count(calls), "{late} of {calls}");
        });
    }
}

#[test]
fn everything_is_told_of_cancelled_calls() {
    let Some(command) = real_stdio_server("everything-stdio") else { return };
    let _beside_others = beside_others();
    let text = telling("tool: trigger-long-running-operation, arguments: { duration: 5, steps: 5 }", "auto");
    let text = text
        .replace("progress: true", "cancel_after: 100ms")
        .replace("name: untold", "name: untold, if: { value: a, equals: b }");
    let report = run_at(&text, &format!("{{ stdio: '{command}' }}")).report();
    let told = row(&report, "told");
    assert_eq!(told["failures"], json!([["cancelled", told["calls"]]]), "{:#}", report["errors"]);
    // It does not answer what was cancelled.
    assert_eq!((count(&report["messages"]["late_to_cancelled"]), count(&report["strays"]["late"])), (0, 0));
}

const PAGED: &str = "
version: 1
name: paged
target: TARGET
protocol: PROTOCOL
timeout: 5s
load: { users: 2, duration: 4s, think_time: 20ms }
transactions:
  - name: all
    steps:
      - { name: first, list_resources: {} }
      - { name: whole, list_resources: { pages: all } }
      - { name: some, list_resources: { pages: 3 } }
      - { name: circle, list_prompts: { pages: all } }
";

#[track_caller]
fn pages_are_read(target: &str, protocol: &str) {
    let _beside_others = beside_others();
    let report = run_at(&PAGED.replace("PROTOCOL", protocol), target).report();
    let iterations = count(&row(&report, "first")["calls"]);
    assert!(iterations > 4);
    for (name, pages) in [("whole", 5), ("some", 3), ("circle", 4)] {
        let row = row(&report, name);
        assert_eq!(row["ok"], row["calls"], "{name}: {row:#} {:#}", report["errors"]);
        // The last iteration of each user may have been broken off.
        let calls = count(&row["calls"]);
        assert!(
            calls <= pages * iterations && calls >= pages * (iterations - 2),
            "{name}: {calls}, {iterations}"
        );
    }
    let repeated = count(&report["messages"]["repeated_cursors"]);
    assert!(repeated <= iterations && repeated >= iterations - 2, "{repeated} {iterations}");
    assert!(notes(&report).contains("came back to a page"), "{}", notes(&report));
}

#[test]
fn lists_are_read_page_by_page() {
    if has_python() {
        let (legacy, modern) = (fake_at("http", &[]), fake_at("http", &[]));
        let process = format!("{{ stdio: [python3, {}, stdio] }}", fake());
        let targets = [(&legacy.url, "2025-11-25"), (&modern.url, "2026-07-28"), (&process, "2025-11-25")];
        at_once(targets, |(target, protocol)| pages_are_read(target, protocol));
    }
}

const LISTENING: &str = "
version: 1
name: listening
target: TARGET
protocol: PROTOCOL
timeout: 5s
load: { users: 2, duration: 3s, think_time: 10ms }
transactions:
  - name: all
    steps:
      - FIRST
      - { name: news, listen: { for: 450ms, resources: [\"demo://readme\"] } }
      - { name: quiet, listen: { for: 100ms } }
      - { name: call, call_tool: { tool: echo, arguments: { text: hello } } }
";

#[track_caller]
fn news_come_on_a_stream(protocol: &str, first: &str) {
    // A stream that is kept open for a tenth of a second must be open by then.
    let _alone = alone();
    let server = demo(&[]);
    let text = LISTENING.replace("PROTOCOL", protocol).replace("FIRST", first);
    let report = run_at(&text, &format!("{}/mcp", server.base)).report();
    for name in ["news", "quiet", "call"] {
        let row = row(&report, name);
        assert!(count(&row["calls"]) > 3, "{name}: {row:#}");
        assert_eq!(row["ok"], row["calls"], "{name}: {row:#} {:#}", report["errors"]);
    }
    let calls = count(&row(&report, "news")["calls"]);
    // The target tells of an update every 100 ms, and the stream opens before the first.
    let first = time(&report, "news", "first notification");
    assert_eq!(count(&first["calls"]), calls, "{first}");
    assert!(first["p50"].as_f64() > row(&report, "news")["p50"].as_f64(), "it is open before that");
    let told = report["messages"]["notifications"].as_array().unwrap();
    let updates = told.iter().find(|told| told["method"] == "notifications/resources/updated").unwrap();
    assert!(count(&updates["count"]) >= 2 * calls, "{updates} {calls}");
    // How long it was open is in no latency.
    assert!(row(&report, "news")["p50"].as_f64().unwrap() < 0.45);
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn a_subscription_of_the_modern_era_is_kept_open_for_a_while() {
    news_come_on_a_stream("2026-07-28", "ping");
}

#[test]
fn the_stream_of_a_legacy_session_is_kept_open_for_a_while() {
    news_come_on_a_stream("2025-11-25", "subscribe_resource: \"demo://readme\"");
}

#[test]
fn a_stream_that_is_not_offered_is_a_failure() {
    if !has_python() {
        return;
    }
    let _alone = alone();
    for (protocol, class) in [("2025-11-25", "http"), ("2026-07-28", "json_rpc")] {
        let text = LISTENING.replace("PROTOCOL", protocol).replace("FIRST", "list_tools");
        let report = run_at(&text, &fake_at("http", &[]).url).report();
        assert_eq!(row(&report, "quiet")["failures"], json!([[class, row(&report, "quiet")["calls"]]]));
    }
}

#[test]
fn everything_tells_of_updates_on_the_stream_of_its_session() {
    let Some(server) = real_server("everything") else { return };
    let _beside_others = beside_others();
    let text = LISTENING
        .replace("PROTOCOL", "auto")
        .replace("FIRST", "{ name: subscribe, subscribe_resource: \"demo://resource/dynamic/text/1\" }")
        .replace(
            "- { name: quiet, listen: { for: 100ms } }",
            "- { name: switch, call_tool: toggle-subscriber-updates }",
        )
        .replace("echo, arguments: { text: hello }", "echo, arguments: { message: hello }");
    let report = run_at(&text, &server.base).report();
    for step in report["steps"].as_array().unwrap() {
        assert!(count(&step["calls"]) > 1 && step["ok"] == step["calls"], "{step:#} {:#}", report["errors"]);
    }
}
