//! Open loads: calls begin when they are due, whatever the target does, and the reports say what that did to them.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Done, Running, alone, beside_others, demo, gander, scenario, start_run};

fn open(load: &str, timeout: &str, objective: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, file) = scenario(&format!(
        "
version: 1
name: open
target: demo
protocol: 2025-11-25
timeout: {timeout}
load: {load}
transactions:
  - name: echo
    weight: 3
    call_tool: {{ tool: echo, arguments: {{ text: \"{{{{ nonce }}}}\" }} }}
  - name: calculate
    weight: 1
    call_tool: {{ tool: calculate, arguments: {{ expression: \"1 + {{{{ random.int(1, 9) }}}}\" }} }}
slo: [slo.yaml]
"
    ));
    let slo = format!("version: 1\nobjectives: [{{ name: fast, latency: {objective} }}]\n");
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    (folder, file)
}

fn start_against(file: &Path, base: &str, arguments: &[&str]) -> Running {
    let url = format!("{}/mcp/stateless", base.trim_end_matches('/'));
    start_run(file, &[&["--target", url.as_str()], arguments].concat())
}

fn against(file: &Path, base: &str) -> Done {
    start_against(file, base, &[]).finish()
}

fn clock<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["clocks"].as_array().unwrap().iter().find(|clock| clock["name"] == name).unwrap()
}

#[test]
fn what_is_due_is_sent_and_the_seed_alone_decides_what_is_due() {
    let _beside_others = beside_others();
    let load = "{ rate: 300/s, duration: 4s, max_users: 50 }";
    let (_folder, file) = open(load, "5s", "{ p95: 2s }");
    let arrivals = || {
        let printed = gander(&["validate", "--arrivals", file.to_str().unwrap()]);
        String::from_utf8(printed.stdout).unwrap()
    };
    let schedule = arrivals();
    assert_eq!(schedule, arrivals());
    let target = demo(&[]);
    let done = against(&file, &target.base);
    let report = done.report();
    assert_eq!(report["total"]["calls"].as_u64(), Some(schedule.lines().count() as u64), "{}", done.stderr);
    for step in report["steps"].as_array().unwrap() {
        let name = format!(" {}", step["name"].as_str().unwrap());
        let due = schedule.lines().filter(|line| line.ends_with(&name)).count();
        assert_eq!(step["calls"].as_u64(), Some(due as u64), "{name}");
    }
}

#[test]
fn a_target_that_stands_still_does_not_slow_the_load_down() {
    let _alone = alone();
    // Even spacing, and as many users as calls that pile up: the truth is a straight line.
    let load = "{ rate: 200/s, spacing: constant, duration: 6s, users: 400, max_users: 400 }";
    let (_folder, file) = open(load, "5s", "{ p50: 2s }");
    let target = demo(&["--freeze-at", "3s", "--freeze-for", "1s"]);
    let report = against(&file, &target.base).report();
    assert_eq!(report["total"]["calls"], 1_200);
    let response = clock(&report, "response time");
    // 200 calls are due while it stands still; those due first wait longest. The twelfth of 1,200 is p99.
    let truth = 1.0 - 12.0 / 200.0;
    let p99 = response["p99"].as_f64().unwrap();
    // What comes on top is the time in which the pile is worked off.
    assert!((truth * 0.98..truth + 0.4).contains(&p99), "p99 {p99}, truth {truth}");
    assert!(response["max"].as_f64().unwrap() >= 0.98);
}

#[test]
fn a_target_that_can_not_keep_up_fails_and_what_was_not_sent_counts() {
    let _alone = alone();
    let load = "{ rate: 100/s, spacing: constant, duration: 4s, max_users: 10 }";
    let (_folder, file) = open(load, "1s", "{ p95: 500ms }");
    let target = demo(&["--latency", "400ms"]);
    let done = against(&file, &target.base);
    let report = done.report();
    done.expect_code(1);
    assert_eq!(report["total"]["calls"], 400);
    let not_sent =
        report["outcomes"].as_array().unwrap().iter().find(|row| row["outcome"] == "not_sent/no_user");
    assert!(not_sent.is_some_and(|row| row["count"].as_u64() > Some(100)), "{}", report["outcomes"]);
    // It is a failure of the target's, or of a pool that is too small: the report says what to look at.
    let because = report["because"].as_str().unwrap();
    assert!(because.contains("were never sent"), "{because}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("are busy at a time"), "{notes}");
    // A rate that was not kept is a failure in itself, where gander was well.
    let well = report["generator"].as_array().unwrap().iter().all(|check| check["holds"] != false);
    let rate = report["objectives"].as_array().unwrap().iter().find(|finding| finding["name"] == "rate");
    assert_eq!(rate.map(|finding| finding["verdict"].clone()), well.then(|| "FAIL".into()));
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn what_has_waited_for_too_long_is_not_sent_by_a_user_that_becomes_free() {
    let _alone = alone();
    // A burst every 4 s. Its second iteration would wait for 1.4 s, and nothing else is due meanwhile.
    let load = "{ rate: 0.5/s, burst: 2, spacing: constant, duration: 5s, users: 1, max_users: 1 }";
    let (_folder, file) = open(load, "1s", "{ p50: 10s }");
    in_two_steps(&file);
    let target = demo(&["--latency", "700ms"]);
    let report = against(&file, &target.base).report();
    // Neither step of such an iteration is done.
    for name in ["a", "b"] {
        let step = report["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap();
        assert_eq!(step["failures"][0], serde_json::json!(["not_sent", 2]), "{}", report["steps"]);
    }
    let longest = clock(&report, "send lag")["max"].as_f64().unwrap();
    assert!((0.99..1.01).contains(&longest), "given up at its timeout: {longest}");
}

/// Has the scenario `file` do two steps in an iteration, `a` and `b`.
fn in_two_steps(file: &Path) {
    let steps = std::fs::read_to_string(file).unwrap();
    let (head, _) = steps.split_once("transactions:").unwrap();
    let call = "call_tool: { tool: echo, arguments: { text: x } }";
    let steps =
        format!("transactions: [{{ name: two, steps: [{{ name: a, {call} }}, {{ name: b, {call} }}] }}]");
    std::fs::write(file, format!("{head}{steps}\nslo: [slo.yaml]\n")).unwrap();
}

#[test]
fn iterations_that_were_given_up_fail_every_step_and_the_rate_although_the_load_ends_quietly() {
    let _alone = alone();
    // Two users do 10 iterations a second of the 100 that are due, and in the end all is quiet.
    let stages = "[{ duration: 0s, rate: 100/s }, { duration: 4s, rate: 100/s }, { duration: 0s, rate: 1/s }, \
                  { duration: 3s, rate: 1/s }]";
    let load = format!("{{ stages: {stages}, spacing: constant, users: 2, max_users: 2 }}");
    let (folder, file) = open(&load, "1s", "{ p95: 500ms }");
    in_two_steps(&file);
    let slo = "version: 1\nobjectives: [{ name: last, of: { step: b }, error_ratio: 50% }]\n";
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    let target = demo(&["--latency", "100ms"]);
    let done = against(&file, &target.base);
    let report = done.report();
    done.expect_code(1);
    let verdict = |name: &str| {
        let finding = report["objectives"].as_array().unwrap().iter().find(|finding| finding["name"] == name);
        finding.map(|finding| finding["verdict"].clone())
    };
    assert_eq!(verdict("last"), Some("FAIL".into()));
    let well = report["generator"].as_array().unwrap().iter().all(|check| check["holds"] != false);
    assert_eq!(verdict("rate"), well.then(|| "FAIL".into()));
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn a_pool_that_runs_dry_changes_neither_what_was_done_nor_how_long_it_took() {
    let _alone = alone();
    // 20 users and calls of 200 ms: 100 a second can be done of the 300 that are due.
    let load = "{ rate: 300/s, spacing: constant, duration: 6s, warm_up: 2s, max_users: 20 }";
    let (folder, file) = open(load, "1s", "{ p95: 500ms }");
    let slo = "version: 1\nobjectives: [{ name: done, throughput: 90/s }]\n";
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    let target = demo(&["--latency", "200ms"]);
    let done = against(&file, &target.base);
    let report = done.report();
    assert_eq!(report["duration"], 6.0, "what is done after that was due before");
    let throughput =
        report["objectives"].as_array().unwrap().iter().find(|row| row["name"] == "done").unwrap();
    let rate = throughput["value_number"].as_f64().unwrap();
    assert!((90.0..=100.5).contains(&rate), "{throughput}");
    assert!((rate - report["total"]["rate"].as_f64().unwrap()).abs() < 0.01, "{}", report["total"]);
    let service = clock(&report, "service time");
    assert!(service["p50"].as_f64().unwrap() >= 0.2, "{service}");
    assert_eq!(service["calls"], report["total"]["ok"], "what was never sent took no time");
    assert_eq!(throughput["verdict"], "PASS");
}

#[test]
fn the_floor_is_what_the_load_costs_by_itself() {
    let _alone = alone();
    let load = "{ rate: 200/s, duration: 3s, max_users: 50 }";
    let (folder, file) = open(load, "5s", "{ p95: 10s }");
    let target = demo(&["--latency", "100ms"]);
    let floor_of = |limit: &str| {
        let slo = format!("version: 1\nobjectives: [{{ name: fast, latency: {{ p50: {limit} }} }}]\n");
        std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
        let done = start_against(&file, &target.base, &["--floor=1s"]).finish();
        let events = std::fs::read_to_string(done.run_folder().join("events.ndjson")).unwrap();
        let mut events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let floor = events.find(|event| event["event"] == "floor").unwrap();
        // 200 a second, of which the first second is warm-up; Poisson spacing.
        let calls = floor["calls"].as_u64().unwrap();
        assert!((120..300).contains(&calls), "{floor:?}");
        let p99 = floor["p99"].as_f64().unwrap() / 1e6;
        assert!(p99 < 0.1, "the target's 100 ms are not the load's: {p99}");
        let report = done.report();
        let generator = report["generator"].as_array().unwrap();
        let check = generator.iter().find(|check| check["name"].as_str().unwrap().starts_with("floor"));
        (check.unwrap()["holds"].clone(), p99)
    };
    let (holds, p99) = floor_of("20s");
    assert!(holds == (p99 <= 2.0), "{holds} {p99}");
    // No machine answers within a tenth of a microsecond.
    assert_eq!(floor_of("1us").0, false);
}

#[test]
fn a_load_that_is_cut_short_is_not_blamed_on_this_machine() {
    let _alone = alone();
    let load = "{ rate: 100/s, spacing: constant, duration: 20s, warm_up: 1s, max_users: 50 }";
    let (_folder, file) = open(load, "5s", "{ p50: 10s }");
    let target = demo(&[]);
    let running = start_against(&file, &target.base, &[]);
    running.wait_for_seconds(3);
    std::thread::sleep(Duration::from_millis(400));
    running.signal("INT");
    let done = running.finish();
    done.expect_code(130);
    let report = done.report();
    let offered =
        report["generator"].as_array().unwrap().iter().find(|check| check["name"] == "offered load");
    assert_eq!(offered.unwrap()["holds"], true, "{}", report["generator"]);
    // Every call that was due before the end is booked; the next one may have been sent at the very moment of the signal.
    let due = ((report["duration"].as_f64().unwrap() - 1.0) * 100.0).ceil();
    let planned = report["total"]["calls"].as_f64().unwrap();
    assert!((due..=due + 1.0).contains(&planned), "{planned} steady calls, {due} due");
}

#[test]
fn a_load_that_gander_could_not_keep_is_invalid() {
    let _beside_others = beside_others();
    let load = "{ rate: 200/s, spacing: constant, duration: 5s, max_users: 20 }";
    let (_folder, file) = open(load, "5s", "{ p50: 100ms }");
    let target = demo(&[]);
    let running = start_against(&file, &target.base, &[]);
    running.wait_for_seconds(2);
    running.signal("STOP");
    std::thread::sleep(Duration::from_millis(700));
    running.signal("CONT");
    let done = running.finish();
    done.expect_code(4);
    let report = done.report();
    assert_eq!(report["verdict"], "INVALID");
    // Nothing that was due is lost: it was late.
    assert_eq!(report["total"]["calls"], 1_000);
    let failing =
        report["generator"].as_array().unwrap().iter().find(|check| check["holds"] == false).unwrap();
    assert!(done.stdout.contains(failing["name"].as_str().unwrap()), "{}", done.stdout);
}
