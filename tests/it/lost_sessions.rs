//! Sessions that servers lose in mid-run: an outcome of their own, and the time until their users are served again.

use serde_json::Value;

use crate::support::{beside_others, demo, free_port, real_server_on, run, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: lost
target: demo
protocol: \"2025-11-25\"
timeout: 10s
load: { users: 4, duration: 4s, think_time: 10ms }
transactions:
  - { name: call, call_tool: { tool: echo, arguments: { ARGUMENT: hello } } }
";

fn outcome(report: &Value, name: &str) -> u64 {
    let rows = report["outcomes"].as_array().unwrap();
    rows.iter().find(|row| row["outcome"] == name).map_or(0, |row| row["count"].as_u64().unwrap())
}

#[test]
fn each_loss_is_told_with_the_time_until_its_user_was_served_again() {
    let target = demo(&["--lose-session-share", "0.05"]);
    let (_folder, file) = scenario(&SCENARIO.replace("ARGUMENT", "text"));
    let done = run(&file, &["--target", &format!("{}/mcp", target.base)]);
    let report = done.report();
    let lost = &report["lost_sessions"];
    let count = lost["lost"].as_u64().unwrap();
    assert!(count > 5, "{lost:#}");
    // A session that is lost before an answer was good is lost once, by more than one call.
    assert!(outcome(&report, "protocol/session_lost") >= count, "{:#}", report["outcomes"]);
    assert_eq!(outcome(&report, "http/404"), 0, "{:#}", report["outcomes"]);
    let recovered = lost["recovered"].as_u64().unwrap();
    // Each user may be without its session at the end.
    assert!(recovered <= count && recovered + 4 >= count, "{lost:#}");
    let (p50, max) = (lost["p50"].as_f64().unwrap(), lost["max"].as_f64().unwrap());
    assert!(0.0 < p50 && p50 <= max, "{lost:#}");
    assert!(
        done.stdout.contains(&format!("sessions    {count} lost; {recovered} of {count} recovered in p50 "))
    );
    let reasons = report["errors"].to_string();
    assert!(reasons.contains("HTTP 404 Not Found: the session is lost"), "{reasons}");
}

#[test]
fn a_target_that_loses_nothing_has_no_such_row() {
    let (_folder, file) = scenario(&SCENARIO.replace("ARGUMENT", "text"));
    let report = run(&file, &[]).report();
    assert_eq!(report["lost_sessions"], Value::Null);
    assert_eq!(outcome(&report, "protocol/session_lost"), 0);
}

#[test]
fn sessions_that_a_modern_target_has_not_got_are_not_lost() {
    let target = demo(&["--lose-session-share", "0.5"]);
    let (_folder, file) = scenario(&SCENARIO.replace("ARGUMENT", "text").replace("2025-11-25", "2026-07-28"));
    let report = run(&file, &["--target", &format!("{}/mcp", target.base)]).report();
    assert_eq!((&report["lost_sessions"], &report["total"]["calls"]), (&Value::Null, &report["total"]["ok"]));
}

#[test]
fn a_real_server_that_is_started_anew_has_lost_all_sessions() {
    let _beside_others = beside_others();
    let port = free_port();
    let Some(first) = real_server_on("everything", port) else { return };
    let (_folder, file) = scenario(&SCENARIO.replace("ARGUMENT", "message").replace("4s", "60s"));
    let running = start_run(&file, &["--target", &first.base]);
    running.wait_for_seconds(2);
    drop(first);
    let _second = real_server_on("everything", port).unwrap();
    // One second is being recorded, in the next ones everybody is served again.
    running.wait_for_seconds(running.seconds() + 3);
    running.signal("INT");
    let report = running.finish().report();
    let lost = &report["lost_sessions"];
    // Whoever was opening its session meanwhile has lost none.
    let count = lost["lost"].as_u64().unwrap();
    assert!((1..=4).contains(&count) && lost["recovered"] == count, "{lost:#}");
    assert!(outcome(&report, "protocol/session_lost") >= count, "{:#}", report["outcomes"]);
    assert!(
        report["errors"].to_string().contains("HTTP 400 Bad Request: the session is lost"),
        "{:#}",
        report["errors"]
    );
}
