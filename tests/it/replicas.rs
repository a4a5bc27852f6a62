//! Several URLs of one target, called in turn: with a session kept in one place all is well, without it is lost.

use serde_json::Value;

use crate::support::{Done, at_once, beside_others, demo, http_get, scenario, start_run};

const SCENARIO: &str = "
version: 1
name: replicas
target: { urls: [URLS], turn: TURN }
protocol: \"REVISION\"
timeout: 10s
session: per_iteration
load: { users: USERS, duration: 3s, think_time: 10ms }
transactions:
  - { name: call, call_tool: { tool: echo, arguments: { text: hello } } }
";

fn load(users: &str, paths: [&str; 2], turn: &str, revision: &str) -> (Done, [u64; 2]) {
    let targets = [demo(&[]), demo(&[])];
    let urls = [0, 1].map(|at| format!("{}{}", targets[at].base, paths[at])).join(", ");
    let text = SCENARIO.replace("URLS", &urls).replace("TURN", turn).replace("REVISION", revision);
    let text = text.replace("USERS", users);
    let (_folder, file) = scenario(&text);
    let done = start_run(&file, &[]).finish();
    let counts = targets.each_ref().map(|target| tool_calls(&http_get(&format!("{}/metrics", target.base))));
    (done, counts)
}

/// Successful calls of the tool by the target's own count.
fn tool_calls(metrics: &str) -> u64 {
    let is_count = |line: &&str| {
        line.starts_with("mcp_requests_total")
            && [r#"tool="echo""#, r#"status="success""#].iter().all(|label| line.contains(label))
    };
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = metrics.lines().filter(is_count).map(value).sum::<f64>() as u64;
    count
}

fn outcome(report: &Value, name: &str) -> u64 {
    let rows = report["outcomes"].as_array().unwrap();
    rows.iter().find(|row| row["outcome"] == name).map_or(0, |row| row["count"].as_u64().unwrap())
}

/// Every call was good, and the targets got about half of them each.
#[track_caller]
fn check_even((done, counts): &(Done, [u64; 2])) {
    let report = done.report();
    let calls = report["total"]["calls"].as_u64().unwrap();
    assert_eq!((&report["total"]["ok"], counts[0] + counts[1]), (&calls.into(), calls), "{report:#}");
    assert!(calls > 50 && counts[0].abs_diff(counts[1]) <= calls / 4, "{counts:?} of {calls}");
}

#[test]
fn sessions_that_are_kept_in_one_place_are_spread_and_all_is_well() {
    let _beside_others = beside_others();
    let paths = ["/mcp", "/mcp"];
    let found = load("4", paths, "per_session", "2025-11-25");
    check_even(&found);
    assert_eq!(found.0.report()["lost_sessions"], Value::Null);
    assert!(found.0.report()["notes"].to_string().contains("users took turns with http://"));
}

#[test]
fn sessions_are_lost_where_each_request_goes_to_the_next() {
    let _beside_others = beside_others();
    let (done, _) = load("4", ["/mcp", "/mcp"], "per_call", "2025-11-25");
    let report = done.report();
    assert!(outcome(&report, "protocol/session_lost") > 3, "{:#}", report["outcomes"]);
    assert!(report["lost_sessions"]["lost"].as_u64().unwrap() > 3, "{:#}", report["lost_sessions"]);
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn where_there_are_no_sessions_each_request_may_go_anywhere() {
    let _beside_others = beside_others();
    at_once([("/mcp", "2026-07-28"), ("/mcp/stateless", "2025-11-25")], |(path, revision)| {
        // One user alone: several would begin at different URLs, and stay there.
        check_even(&load("1", [path, path], "per_call", revision));
    });
}

#[test]
fn urls_that_do_not_answer_are_refused_before_the_load() {
    let (done, _) = load("1", ["/mcp", "/nothing"], "per_session", "2025-11-25");
    done.expect_code(5);
    assert!(done.stderr.contains("/nothing"), "{}", done.stderr);
}
