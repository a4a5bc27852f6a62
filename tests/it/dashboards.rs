//! Grafana dashboards over runs against the demo target: the one that gander brings along shows something in every panel, and a panel that
//! shows nothing is named with its reason, again offline.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use crate::own_prometheus::Prometheus;
use crate::support::{
    Done, alone, beside_others, demo, gander, root, same_offline, scenario, start_run, start_run_in,
    telemetry,
};

const SCENARIO: &str = "
version: 1
name: dashboards
target: { demo: { path: /mcp, arguments: [ARGUMENTS] } }
load: { users: 6, duration: 8s, warm_up: 1s, think_time: 80ms }
transactions:
  - { name: list tools, weight: 3, list_tools: {} }
  - { name: search, weight: 5, call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 20) }}\" } } }
  - { name: calculate, weight: 2, call_tool: { tool: calculate, arguments: { expression: \"1 + {{ random.int(1, 100) }}\" } } }
observe: { metrics: { url: /metrics, interval: 500ms } }
slo: [slo.yaml]
";

/// A run whose metrics must show in `dashboards`, on these further terms.
fn run(arguments: &str, dashboards: &[&str], terms: &str) -> Done {
    let (folder, file) = scenario(&SCENARIO.replace("ARGUMENTS", arguments));
    let files = serde_json::to_string(dashboards).unwrap();
    let slo = format!("version: 1\nchecks: {{dashboards: {{files: {files}{terms}}}}}\n");
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run(&file, &[]).finish()
}

fn of_this(name: &str) -> String {
    root().join("tests/golden/dashboards").join(name).to_str().unwrap().to_owned()
}

#[test]
fn every_panel_of_the_shipped_dashboard_is_alive_over_a_healthy_run() {
    let _alone = alone();
    let done = run("", &["mcp-overview"], "");
    let report = done.report();
    let all = telemetry(&report);
    assert_eq!(all.len(), 1, "{all:?}");
    let (name, verdict, because) = &all[0];
    assert_eq!((name.as_str(), verdict.as_str()), ("dashboards: MCP overview", "PASS"), "{report:#}");
    assert!(because.starts_with("all 10 panels had data in the run"), "{because}");
    let rows = report["telemetry"][0]["evidence"]["rows"].as_array().unwrap();
    assert!(rows.iter().all(|row| row[2].as_str().unwrap().starts_with("data: ")), "{rows:#?}");
    done.expect_code(0);
    same_offline(&done);
}

#[test]
fn a_panel_whose_metric_is_gone_is_named() {
    let _beside_others = beside_others();
    let done = run("--without-metric, mcp_cache_misses_total", &["mcp-overview"], "");
    let all = telemetry(&done.report());
    let because = &all[0].2;
    let expected = "panel `Cache hit ratio`: no data: there is no metric `mcp_cache_misses_total`";
    assert!(all[0].1 == "FAIL" && because.starts_with(expected), "{all:?}");
    assert!(!because.contains("likewise"), "{because}");
    done.expect_code(1);
    assert!(done.stdout.contains("mcp_cache_misses_total"), "{}", done.stdout);
    let junit = std::fs::read_to_string(done.run_folder().join("junit.xml")).unwrap();
    assert!(junit.contains("Cache hit ratio"), "{junit}");
    same_offline(&done);
    // Left out, the others are enough.
    let done = run(
        "--without-metric, mcp_cache_misses_total",
        &["mcp-overview"],
        ", except_panels: [Cache hit ratio]",
    );
    assert_eq!(telemetry(&done.report())[0].1, "PASS", "{:?}", telemetry(&done.report()));
}

#[test]
fn dashboards_in_the_forms_that_grafana_gives_are_read() {
    let _beside_others = beside_others();
    let labels = ", labels: {instance: \"demo:1\", job: mcp}, except_panels: [\"Logs of $tool\"]";
    let done = run("", &[&of_this("nested.json"), &of_this("rows.json")], labels);
    let report = done.report();
    let all = telemetry(&report);
    // Of the tools that the target offers not all were called: their panels have data all the same.
    assert_eq!(
        (all[0].0.as_str(), all[0].1.as_str()),
        ("dashboards: Service 🚀 / tools", "PASS"),
        "{report:#}"
    );
    let rows = report["telemetry"][0]["evidence"]["rows"].as_array().unwrap();
    let row = |title: &str| {
        let found = rows.iter().find(|row| row[0].as_str().unwrap().contains(title));
        found.unwrap_or_else(|| panic!("{title}: {rows:#?}"))[1].as_str().unwrap().to_owned()
    };
    let by_status = row("Calls by status");
    assert!(
        by_status.contains(r#"status=~"success""#) && by_status.contains(r#"instance=~"demo:1""#),
        "{by_status}"
    );
    assert!(by_status.contains("|search)") || by_status.contains("|search|"), "{by_status}");
    assert!(row("Time of search (tool = search)").contains("tool=\"search\""), "{rows:#?}");
    assert!(row("In the whole range").contains("s]))"), "{rows:#?}");
    assert_eq!((all[1].0.as_str(), all[1].1.as_str()), ("dashboards: Old rows", "PASS"), "{report:#}");
    same_offline(&done);
}

#[test]
fn a_label_that_is_misspelt_is_named_with_those_that_there_are() {
    let _beside_others = beside_others();
    let text = std::fs::read_to_string(of_this("rows.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("misspelt.json");
    std::fs::write(
        &path,
        text.replace(
            "mcp_cache_entries or mcp_cache_misses_total",
            "mcp_cache_misses_total{cache_typ=\\\"search\\\"}",
        ),
    )
    .unwrap();
    let done = run("", &[path.to_str().unwrap()], "");
    let all = telemetry(&done.report());
    let expected = "panel `Cache (k = 3)`: no data: no series of mcp_cache_misses_total has cache_typ=\"search\" (there: they have no such label)";
    assert!(all[0].1 == "FAIL" && all[0].2.starts_with(expected), "{all:?}");
    done.expect_code(1);
    same_offline(&done);
}

#[test]
fn the_shipped_slo_file_names_the_shipped_dashboard() {
    let (_folder, file) = scenario(&SCENARIO.replace("ARGUMENTS", "").replace("slo: [slo.yaml]\n", ""));
    let slo = root().join("slos/dashboards.yaml");
    let output = gander(&["validate", file.to_str().unwrap(), "--slo", slo.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("dashboards must have data in 10 panels: MCP overview"), "{said}");
}

/// Answers one request as Grafana's documentation has it; gives the request.
fn grafana(status: &'static str, answer: &'static str) -> (u16, std::thread::JoinHandle<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).unwrap();
            read.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            if let Ok(body) = serde_json::from_str(body) {
                let length = answer.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{answer}"
                )
                .unwrap();
                return (head.to_owned(), body);
            }
        }
    });
    (port, answered)
}

/// A short run that marks itself in a Grafana on this port.
fn annotated(port: u16) -> Done {
    let outputs = format!(
        "outputs: {{ formats: [json], grafana: {{ url: \"http://127.0.0.1:{port}/grafana/\", token_env: GRAFANA_TOKEN, dashboard_uid: mcp, tags: [nightly] }} }}\n"
    );
    let text =
        SCENARIO.replace("ARGUMENTS", "--tool-error-share, \"0.5\"").replace("duration: 8s", "duration: 2s");
    let (folder, file) = scenario(&format!("{text}{outputs}"));
    let slo = "version: 1\nobjectives: [{name: errors <b>, error_ratio: 1%}]\n";
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run_in(&file, &[], &[("GRAFANA_TOKEN", "glsa_s3cret")]).finish()
}

/// The token is in nothing that was written.
#[track_caller]
fn without_token(done: &Done) {
    assert!(!done.stdout.contains("s3cret") && !done.stderr.contains("s3cret"), "{}", done.stderr);
    for entry in std::fs::read_dir(done.run_folder()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"s3cret"), "{}", path.display());
    }
}

#[test]
fn a_grafana_is_told_of_the_run() {
    let _beside_others = beside_others();
    let (port, answered) = grafana("200 OK", r#"{"message":"Annotation added","id":1}"#);
    let done = annotated(port);
    let (head, body) = answered.join().unwrap();
    assert!(head.starts_with("POST /grafana/api/annotations HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("authorization: bearer glsa_s3cret"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let report = done.report();
    assert_eq!(body["tags"], serde_json::json!(["gander", report["verdict"], "nightly"]), "{body}");
    assert_eq!(body["dashboardUID"], "mcp");
    let text = body["text"].as_str().unwrap();
    assert!(text.contains("FAIL") && text.contains("failed: errors &lt;b&gt;"), "{text}");
    let (from, to) = (body["time"].as_i64().unwrap(), body["timeEnd"].as_i64().unwrap());
    assert!(from > 1_500_000_000_000 && to - from >= 2_000, "{body}");
    assert!(!done.stderr.contains("warning"), "{}", done.stderr);
    done.expect_code(1);
    without_token(&done);
}

#[test]
fn a_grafana_that_refuses_changes_no_verdict() {
    let _beside_others = beside_others();
    let (port, answered) = grafana("401 Unauthorized", r#"{"message":"invalid API key glsa_s3cret"}"#);
    let done = annotated(port);
    answered.join().unwrap();
    assert!(done.stderr.contains("warning: the run is not marked in the Grafana"), "{}", done.stderr);
    assert!(done.stderr.contains("HTTP 401"), "{}", done.stderr);
    done.expect_code(1);
    without_token(&done);
    // Nobody is there.
    let done = annotated(crate::support::free_port());
    assert!(done.stderr.contains("no answer (refused)"), "{}", done.stderr);
    done.expect_code(1);
}

#[test]
fn a_prometheus_of_ones_own_is_asked_for_what_panels_read() {
    let _beside_others = beside_others();
    let target = demo(&["--without-metric", "mcp_tool_errors_total"]);
    let host = target.base.strip_prefix("http://").unwrap().trim_end_matches('/');
    let jobs = format!("{{job_name: mcp-server, static_configs: [{{targets: ['{host}']}}]}}");
    let Some(prometheus) = Prometheus::scraping(&jobs, "groups: []\n") else { return };
    let text = SCENARIO
        .replace(
            "target: { demo: { path: /mcp, arguments: [ARGUMENTS] } }",
            &format!("target: {{url: '{}/mcp'}}", target.base.trim_end_matches('/')),
        )
        .replace(
            "{ url: /metrics, interval: 500ms }",
            &format!("{{prometheus: '{}', select: '{{job=\"mcp-server\"}}'}}", prometheus.base),
        )
        .replace("duration: 8s", "duration: 12s");
    let (folder, file) = scenario(&text);
    std::fs::write(
        folder.path().join("slo.yaml"),
        "version: 1\nchecks: {dashboards: {files: [mcp-overview]}}\n",
    )
    .unwrap();
    let done = start_run(&file, &[]).finish();
    let all = telemetry(&done.report());
    let expected = "panel `Tool errors`: no data: there is no metric `mcp_tool_errors_total`";
    assert!(all[0].1 == "FAIL" && all[0].2.starts_with(expected), "{all:?}");
    assert!(!all[0].2.contains("likewise"), "{all:?}");
    done.expect_code(1);
    same_offline(&done);
}
