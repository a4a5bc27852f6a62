//! `gander selftest`, and the server that does nothing, as a user meets them.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    GANDER, alone, at_once, beside_others, demo, root, scenario, skipped, start_run, wait_until,
};

fn results(found: &Value) -> Vec<(&str, &str)> {
    let claims = found["claims"].as_array().unwrap().iter();
    claims.map(|claim| (claim["drill"].as_str().unwrap(), claim["result"].as_str().unwrap())).collect()
}

#[test]
fn what_gander_reports_is_what_happened() {
    let _alone = alone();
    let kept = tempfile::tempdir().unwrap();
    let output = Command::new(GANDER)
        .args(["selftest", "--quick", "--json", "--keep"])
        .arg(kept.path())
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let found: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let results = results(&found);
    assert!(results.len() > 30, "{found:#}");
    let failing = |claim: &&Value| claim["result"] == "FAIL";
    let failing: Vec<&Value> = found["claims"].as_array().unwrap().iter().filter(failing).collect();
    assert!(failing.is_empty(), "{failing:#?}");
    for (drill, _) in &results {
        assert!(kept.path().join(drill).join("truth.csv").exists(), "{drill}");
    }
    // The null server is not what is measured: gander itself spends this.
    assert!(found["ceiling"]["calls_per_second"].as_f64() > Some(100.0), "{found:#}");
    let cpu = found["ceiling"]["cpu_seconds_per_100k_calls"].as_f64().unwrap();
    assert!((0.1..100.0).contains(&cpu), "{cpu}");
    assert_eq!(found["send_lag"].as_array().unwrap().len(), 2);
    let invalid = results.iter().any(|(_, result)| *result == "INVALID");
    assert_eq!(output.status.code(), Some(if invalid { 4 } else { 0 }), "{found:#}");
    assert_eq!(found["verdict"], if invalid { "INVALID" } else { "ok" });
    if invalid {
        skipped(found["because"].as_str().unwrap());
    }
}

#[test]
fn a_selftest_that_is_interrupted_leaves_nothing_behind() {
    let _beside_others = beside_others();
    let temporary = tempfile::tempdir().unwrap();
    let child = Command::new(GANDER)
        .args(["selftest", "--quick"])
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let recorded = || {
        let mut folders: Vec<_> = vec![temporary.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name() == "seconds.ndjson" {
                    return true;
                }
                folders.push(entry.path());
            }
        }
        false
    };
    wait_until(Duration::from_secs(30), recorded);
    let status = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn the_null_server_is_one_to_gander_whatever_the_revision_and_the_form_of_its_answers() {
    let _beside_others = beside_others();
    let (_folder, file) = scenario(
        "
version: 1
name: nothing
target: demo
load: { users: 2, duration: 1s, think_time: 20ms }
transactions:
  - { name: echo, call_tool: { tool: echo, arguments: { text: x } }, checks: [{ contains: every call }] }
  - { name: list, list_tools: {} }
observe: { health: { ready: /ready, health: /health } }
",
    );
    let target = demo(&["--null"]);
    let forms = [("mcp", "auto"), ("sse", "auto"), ("mcp", "2025-06-18"), ("sse", "2026-07-28")];
    at_once(forms, |(path, protocol)| {
        let url = format!("{}/{path}", target.base.trim_end_matches('/'));
        let protocol = format!("protocol={protocol:?}");
        let done = start_run(&file, &["--target", &url, "--set", &protocol]).finish();
        let report = done.report();
        assert!(report["total"]["calls"].as_u64() > Some(20), "{path} {protocol}: {}", done.stderr);
        assert_eq!(
            report["total"]["ok"], report["total"]["calls"],
            "{path} {protocol}: {}",
            report["errors"]
        );
    });
}
