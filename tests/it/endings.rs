//! Runs that end early.

use std::time::{Duration, Instant};

use crate::support::{
    alone, at_once, beside_others, demo, free_port, gander, only_run_in, read_json, scenario, skipped,
    start_run, wait_until,
};

const LONG: &str = "
version: 1
name: long
target: demo
timeout: 2s
load: { users: 4, duration: 60s, think_time: 20ms }
transactions:
  - name: echo
    steps:
      - call_tool: { tool: echo, arguments: { text: hello } }
slo: [slo.yaml]
";
const SLO: &str = "version: 1\nobjectives:\n  - name: correct\n    error_ratio: 5%\n";

fn long() -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = scenario(LONG);
    std::fs::write(folder.path().join("slo.yaml"), SLO).unwrap();
    (folder, path)
}

#[track_caller]
fn books_are_balanced(report: &serde_json::Value) {
    let outcomes: u64 =
        report["outcomes"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
    assert_eq!(report["planned"].as_u64(), Some(outcomes), "{:#}", report["outcomes"]);
    assert_eq!(report["planned"], report["recorded"]);
}

#[test]
fn ctrl_c_stops_drains_and_reports() {
    let _beside_others = beside_others();
    at_once([("INT", 130), ("TERM", 143)], |(signal, code)| {
        let (_folder, path) = long();
        let running = start_run(&path, &[]);
        running.wait_for_seconds(2);
        running.signal(signal);
        let done = running.finish();
        done.expect_code(code);
        let report = done.report();
        assert_eq!(report["state"], "interrupted");
        books_are_balanced(&report);
        assert!(report["total"]["calls"].as_u64().unwrap() > 10);
    });
}

/// Whoever has SIGHUP ignored passes that on to the gander that is to heed it.
fn hangups_are_ignored_here() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    u64::from_str_radix(ignored, 16).unwrap() & 1 != 0
}

#[test]
fn a_closed_terminal_stops_drains_and_reports() {
    if hangups_are_ignored_here() {
        return skipped("SIGHUP is ignored here (nohup)");
    }
    let _beside_others = beside_others();
    let (_folder, path) = long();
    let running = start_run(&path, &[]);
    running.wait_for_seconds(2);
    running.signal("HUP");
    let done = running.finish();
    done.expect_code(129);
    assert!(done.stderr.contains("SIGHUP"), "{}", done.stderr);
    let report = done.report();
    assert_eq!(report["state"], "interrupted");
    books_are_balanced(&report);
}

/// A server that takes connections and never answers.
fn silent_server() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    port
}

#[test]
fn a_second_signal_cuts_the_last_scrape_short_and_leaves_the_report() {
    let _alone = alone();
    let (folder, path) = scenario(&format!(
        "{LONG}observe: {{ metrics: \"http://127.0.0.1:{}/metrics\" }}\n",
        silent_server()
    ));
    std::fs::write(folder.path().join("slo.yaml"), SLO).unwrap();
    let running = start_run(&path, &[]);
    running.wait_for_seconds(2);
    running.signal("INT");
    let events = only_run_in(running.folder.path()).join("events.ndjson");
    wait_until(Duration::from_secs(5), || {
        std::fs::read_to_string(&events).is_ok_and(|text| text.contains("load_stopped"))
    });
    let started = Instant::now();
    running.signal("INT");
    let done = running.finish();
    done.expect_code(130);
    // The last scrape alone would be waited for for 2 s.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let report = done.report();
    assert_eq!(report["state"], "interrupted");
    books_are_balanced(&report);
}

#[test]
fn a_killed_gander_leaves_all_but_the_last_second() {
    let _alone = alone();
    let (_folder, path) = long();
    let mut running = start_run(&path, &[]);
    running.wait_for_seconds(3);
    let started = Instant::now();
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    let folder = only_run_in(running.folder.path());
    let output = gander(&["report", folder.to_str().unwrap(), "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["state"], "partial");
    assert!(report["timeline"].as_array().unwrap().len() >= 3);
    assert!(report["total"]["calls"].as_u64().unwrap() > 10);
    let text = gander(&["report", folder.to_str().unwrap(), "--format", "terminal"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("partial"));
}

#[test]
fn a_target_that_dies_halfway_fails_the_run_with_all_calls_accounted_for() {
    let _beside_others = beside_others();
    let mut target = demo(&[]);
    let (_folder, path) = long();
    let url = format!("{}/mcp", target.base.trim_end_matches('/'));
    let running = start_run(&path, &["--target", &url, "--duration", "5s"]);
    running.wait_for_seconds(2);
    target.kill();
    let done = running.finish();
    done.expect_code(1);
    let report = done.report();
    books_are_balanced(&report);
    assert_eq!(report["state"], "complete");
    let refused =
        report["outcomes"].as_array().unwrap().iter().any(|row| row["outcome"] == "transport/refused");
    assert!(refused, "{:#}", report["outcomes"]);
}

#[test]
fn nothing_listening_is_exit_5_within_ten_seconds() {
    let (_folder, path) = long();
    let url = format!("http://127.0.0.1:{}/mcp", free_port());
    let started = Instant::now();
    let done = start_run(&path, &["--target", &url]).finish();
    done.expect_code(5);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(done.stderr.contains("refused") && done.stderr.contains(&url), "{}", done.stderr);
    let folder = done.run_folder();
    for file in ["junit.xml", "summary.md", "report.json", "report.html"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains("nothing was measured") && text.contains("refused"), "{file}: {text}");
    }
    assert!(std::fs::read_to_string(folder.join("junit.xml")).unwrap().contains("<error"));
    let checked = gander(&["check", folder.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(5), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn a_target_that_is_not_ready_is_exit_5() {
    let target = demo(&["--unhealthy-at", "0s", "--require-auth"]);
    let url = format!("{}/mcp", target.base.trim_end_matches('/'));
    let done = start_run(std::path::Path::new("scenarios/smoke.yaml"), &["--target", &url]).finish();
    done.expect_code(5);
    assert!(done.stderr.contains("not ready"), "{}", done.stderr);
    assert_eq!(done.report()["state"], "unmeasured");
}

#[test]
fn a_run_that_is_killed_takes_its_demo_target_along() {
    let _beside_others = beside_others();
    let (_folder, path) = long();
    let mut running = start_run(&path, &[]);
    running.wait_for_seconds(1);
    let folder = only_run_in(running.folder.path());
    let pid = read_json(&folder.join("target.json"))["pid"].as_u64().unwrap();
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    wait_until(Duration::from_secs(5), || {
        !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists()
            || std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.is_empty())
    });
}
