//! The main job as a user types it.

use std::path::Path;

use crate::support::{Done, alone, gander, gander_in, read_json, run, scenario, start_run};

/// Enough calls in a few seconds for a verdict on each objective below.
const QUICK: &str = "
version: 1
name: quick
target:
  demo: {}
timeout: 5s
load:
  users: 8
  duration: 4s
  warm_up: 1s
  think_time: 20ms
transactions:
  - name: search
    weight: 3
    steps:
      - call_tool:
          tool: search
          arguments: { query: \"query {{ random.int(1, 100) }}\" }
  - name: list
    weight: 1
    steps:
      - list_tools
observe:
  metrics:
    url: /metrics
slo:
  - slo.yaml
";

const SLO: &str = "
version: 1
objectives:
  - name: fast
    latency: { p95: 500ms }
  - name: correct
    error_ratio: 5%
";

fn quick(change: impl Fn(String) -> String) -> (tempfile::TempDir, std::path::PathBuf) {
    let (folder, path) = scenario(&change(QUICK.to_owned()));
    std::fs::write(folder.path().join("slo.yaml"), SLO).unwrap();
    (folder, path)
}

/// A run that may pass, which takes a machine that has time for it.
fn run_alone(scenario: &Path, args: &[&str]) -> Done {
    let _alone = alone();
    start_run(scenario, args).finish()
}

#[test]
fn a_healthy_target_passes_and_leaves_every_report_behind() {
    let (_folder, path) = quick(|text| text);
    let done = run_alone(&path, &[]);
    done.expect_code(0);
    assert!(done.stdout.contains("PASS"), "{}", done.stdout);
    let folder = done.run_folder();
    for file in [
        "run.json",
        "plan.json",
        "objectives.json",
        "environment.json",
        "target.json",
        "seconds.ndjson",
        "series.ndjson",
        "events.ndjson",
        "end.json",
        "report.json",
        "junit.xml",
        "summary.md",
        "report.html",
        "hgrm/all.hgrm",
    ] {
        assert!(folder.join(file).exists(), "{file} is missing in {}", folder.display());
    }
    let report = done.report();
    assert_eq!(report["verdict"], "PASS");
    assert_eq!(report["planned"], report["recorded"]);
    assert!(!done.stderr.contains("goose") && !done.stderr.contains("WARN"), "{}", done.stderr);
}

#[test]
fn a_slow_target_fails_and_the_summary_says_which_objective() {
    let (_folder, path) = quick(|text| {
        text.replace("demo: {}", "demo: { arguments: [--latency-share, '0.8', --latency-extra, 1s] }")
    });
    let done = run(&path, &[]);
    done.expect_code(1);
    let line = done.stdout.lines().find(|line| line.contains("FAIL") && line.contains("fast"));
    let line = line.unwrap_or_else(|| panic!("{}", done.stdout));
    assert!(line.contains("500 ms"), "{line}");
    let junit = std::fs::read_to_string(done.run_folder().join("junit.xml")).unwrap();
    assert!(junit.contains("<failure"), "{junit}");
}

#[test]
fn an_objective_without_data_is_not_a_pass() {
    let (_folder, path) = quick(|text| text.replace("duration: 4s", "duration: 1100ms"));
    run(&path, &[]).expect_code(3);
}

#[test]
fn the_same_run_can_be_judged_again_and_rendered_again() {
    let (folder, path) = quick(|text| text);
    let done = run_alone(&path, &[]);
    let run_folder = done.run_folder();
    let run_path = run_folder.to_str().unwrap();
    assert_eq!(gander(&["check", run_path]).status.code(), Some(0));
    let strict = folder.path().join("strict.yaml");
    std::fs::write(&strict, "version: 1\nobjectives:\n  - name: no way\n    latency: { p50: 1us }\n")
        .unwrap();
    let again = gander(&["check", run_path, "--slo", strict.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "{}", String::from_utf8_lossy(&again.stdout));
    std::fs::write(&strict, "version: 1\nobjectives:\n  - {name: x, of: {tool: serach}, error_ratio: 1%}\n")
        .unwrap();
    let nothing = gander(&["check", run_path, "--slo", strict.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&nothing.stderr);
    assert_eq!(nothing.status.code(), Some(2), "{said}");
    assert!(said.contains("strict.yaml:3:") && said.contains("did you mean `search`?"), "{said}");
    assert!(nothing.stdout.is_empty(), "something was judged");
    let nowhere = folder.path().join("nowhere/report.json");
    let unwritten = gander(&["report", run_path, "--format", "json", "--output", nowhere.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&unwritten.stderr);
    assert!(said.contains("there is no such folder") && !said.contains(".gander-"), "{said}");
    let json = gander(&["report", run_path, "--format", "json"]);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap(),
        read_json(&run_folder.join("report.json"))
    );
}

#[test]
fn the_command_line_changes_the_scenario() {
    let (_folder, path) = quick(|text| text);
    let done = run(&path, &["--users", "2", "--duration", "3s", "--set", "name=other", "--quiet"]);
    let folder = done.run_folder();
    let plan = read_json(&folder.join("plan.json"));
    assert_eq!(plan["name"], "other");
    assert!(folder.file_name().unwrap().to_str().unwrap().ends_with("-other"));
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
}

#[test]
fn every_shipped_scenario_is_valid() {
    // Those for the conformance suite get their credentials from it.
    let context = serde_json::json!({
        "client_id": "c", "client_secret": "s", "private_key_pem": rcgen::KeyPair::generate().unwrap().serialize_pem(),
    })
    .to_string();
    let gander = |args: &[&str]| gander_in(args, &[("MCP_CONFORMANCE_CONTEXT", &context)]);
    for entry in std::fs::read_dir(crate::support::root().join("scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            // Data that a scenario names.
            continue;
        }
        let output = gander(&["validate", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty());
        let output = gander(&["validate", "--yaml", path.to_str().unwrap(), "slos/default.yaml"]);
        let documents: Vec<serde_yaml::Value> = serde_yaml::Deserializer::from_slice(&output.stdout)
            .map(|document| serde::Deserialize::deserialize(document).unwrap())
            .collect();
        assert_eq!(documents.len(), 2);
        assert!(documents[0]["load"]["stages"][0]["duration"].is_string(), "{documents:?}");
        assert!(documents.iter().all(|document| document["objectives"].is_sequence()), "{documents:?}");
    }
}

#[test]
fn the_smoke_scenarios_pass_over_mcp_and_over_rest() {
    run_alone(Path::new("scenarios/smoke.yaml"), &[]).expect_code(0);
    let rest = run_alone(Path::new("scenarios/rest.yaml"), &["--duration", "9s"]);
    assert!(matches!(rest.code, Some(0 | 3)), "{}\n{}", rest.stdout, rest.stderr);
    assert_eq!(rest.report()["total"]["ok"], rest.report()["total"]["calls"]);
}
