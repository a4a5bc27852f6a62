//! Answers that come to the wrong call: a server that swaps them between two users is found out, whatever the objectives say,
//! and servers that do not are told to be sound by calls that could tell.

use serde_json::Value;

use crate::support::{
    Done, at_once, beside_others, fake, fake_over, has_python, real_server, run, scenario, start_run,
};

const SCENARIO: &str = "
version: 1
name: crosstalk
target: demo
timeout: 10s
load: { users: 4, duration: 3s, think_time: 10ms }
transactions:
  - { name: call, call_tool: CALL }
  - { name: without, call_tool: OTHER }
";

fn load(target: &[&str], call: &str, other: &str) -> Done {
    let (_folder, file) = scenario(&SCENARIO.replace("CALL", call).replace("OTHER", other));
    run(&file, target)
}

fn outcome(report: &Value, name: &str) -> u64 {
    let rows = report["outcomes"].as_array().unwrap();
    rows.iter().find(|row| row["outcome"] == name).map_or(0, |row| row["count"].as_u64().unwrap())
}

fn finding(report: &Value) -> Option<&Value> {
    report["objectives"].as_array().unwrap().iter().find(|finding| finding["name"] == "cross-talk")
}

/// The swapped answers are found, by what `told` says.
#[track_caller]
fn check_found_out(target: &[&str], tool: &str, told: &str) {
    if !has_python() {
        return;
    }
    let call = format!("{{ tool: {tool}, arguments: {{ text: \"{{{{ nonce }}}}\" }} }}");
    let done = load(target, &call, "{ tool: echo, arguments: { text: \"{{ nonce }}\" } }");
    done.expect_code(1);
    let report = done.report();
    let crossed = report["cross_talk"]["crossed"].as_u64().unwrap();
    assert!(crossed > 20, "{:#}", report["cross_talk"]);
    assert_eq!(outcome(&report, "protocol/cross_talk"), crossed);
    assert!(report["cross_talk"]["echoed"].as_u64().unwrap() > 20, "{:#}", report["cross_talk"]);
    assert_eq!(finding(&report).unwrap()["verdict"], "FAIL");
    let reasons: Vec<&str> =
        report["errors"].as_array().unwrap().iter().filter_map(|row| row["reason"].as_str()).collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].contains(&format!("found the {told} of call")), "{reasons:?}");
    let without = report["steps"].as_array().unwrap().iter().find(|row| row["name"] == "without").unwrap();
    assert_eq!(without["calls"], without["ok"], "{without:#}");
    assert!(done.stdout.contains(&format!("cross-talk  {crossed} of ")), "{}", done.stdout);
}

#[test]
fn contents_that_are_swapped_between_users_are_found_out() {
    let Some(server) = fake_over("swap", &[]) else { return };
    check_found_out(&["--target", &server.base], "swapped", "nonce");
}

#[test]
fn answers_that_are_swapped_between_users_are_found_out_in_streams_of_events() {
    let Some(server) = fake_over("swap", &["events"]) else { return };
    check_found_out(&["--target", &server.base], "crossed", "id");
}

#[test]
fn contents_that_a_shared_process_swaps_are_found_out() {
    let command = format!("python3 {} stdio", fake());
    let shared = format!("target={{stdio: \"{command}\", processes: shared}}");
    check_found_out(&["--set", &shared], "swapped", "nonce");
}

/// No cross-talk, and calls that could tell.
#[track_caller]
fn check_sound(target: &[&str], call: &str, other: &str) {
    let (_folder, file) = scenario(&SCENARIO.replace("CALL", call).replace("OTHER", other));
    let report = start_run(&file, target).finish().report();
    assert_eq!(report["cross_talk"]["crossed"], 0);
    let row = report["steps"].as_array().unwrap().iter().find(|row| row["name"] == "call").unwrap();
    assert!(row["ok"].as_u64().unwrap() > 20, "{row:#}");
    assert_eq!(report["cross_talk"]["echoed"], row["ok"], "every good answer held its nonce");
    assert_eq!(finding(&report).unwrap()["verdict"], "PASS");
}

#[test]
fn the_demo_target_answers_each_call_with_its_own_answer() {
    let _beside_others = beside_others();
    let echo = "{ tool: echo, arguments: { text: \"{{ nonce }}\" } }";
    at_once([&[][..], &["--set", "protocol=2025-11-25"]], |target| {
        check_sound(target, echo, "{ tool: echo, arguments: { text: hello } }");
    });
}

#[test]
fn real_servers_answer_each_call_with_its_own_answer() {
    let _beside_others = beside_others();
    at_once([("everything", "message"), ("py2-json", "text")], |(name, argument)| {
        let Some(server) = real_server(name) else { return };
        let echo = |text: &str| format!("{{ tool: echo, arguments: {{ {argument}: \"{text}\" }} }}");
        check_sound(&["--target", &server.base], &echo("{{ nonce }}"), &echo("hello"));
    });
}

#[test]
fn without_a_nonce_nothing_is_known_and_nothing_is_passed() {
    let call = "{ tool: echo, arguments: { text: hello } }";
    let report = load(&[], call, call).report();
    assert_eq!((&report["cross_talk"]["echoed"], finding(&report)), (&0.into(), None));
}
