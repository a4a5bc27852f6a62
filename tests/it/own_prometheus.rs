//! The user's own Prometheus in place of scraping: a real one that scrapes the demo target and runs the same rules, one that dies in
//! mid-run, one that is not there, and one whose series do not fit. Left out, with the reason printed, where none is installed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Done, Server, beside_others, demo, free_port, gander, http_get, root, scenario, skipped, start_run,
    wait_until,
};

/// A Prometheus of its own on a free port, killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    pub(crate) base: String,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Prometheus {
    /// Scrapes `target` each second as the job `mcp-server`, and runs `rules`; `None`, with the reason printed, where there is
    /// none.
    fn start(target: &Server, rules: &str) -> Option<Self> {
        let host = target.base.strip_prefix("http://").unwrap().trim_end_matches('/');
        let jobs = format!("{{job_name: mcp-server, static_configs: [{{targets: ['{host}']}}]}}");
        Self::scraping(&jobs, rules)
    }

    /// Scrapes as `jobs` say, each second.
    pub(crate) fn scraping(jobs: &str, rules: &str) -> Option<Self> {
        let tried =
            Command::new("prometheus").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !tried.is_ok_and(|status| status.success()) {
            skipped("there is no prometheus");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("rules.yml"), rules).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
             scrape_configs: [{jobs}]\n"
        );
        std::fs::write(path("prometheus.yml"), config).unwrap();
        let port = free_port();
        let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let child = Command::new("prometheus")
            .arg(flag("config.file", &path("prometheus.yml")))
            .arg(flag("storage.tsdb.path", &path("data")))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Self { child, base: format!("http://127.0.0.1:{port}"), _folder: folder };
        wait_until(Duration::from_secs(60), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
                && http_get(&format!("{}/api/v1/query?query=up", prometheus.base)).contains("\"1\"")
        });
        Some(prometheus)
    }

    fn kill(&mut self) {
        // Already dead is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shipped rules in a time 30 times as fast, as `gander` prints them, and one on a series that Prometheus alone has.
fn rules() -> String {
    let rules = root().join("slos/mcp-alerts.yml");
    let fast =
        gander(&["rules", "duration", rules.to_str().unwrap(), "--time-scale", "30", "--interval", "1s"]);
    let fast = String::from_utf8(fast.stdout).unwrap();
    assert!(fast.contains("MCPHighErrorRate"), "{fast}");
    fast + "- name: scrapes\n  interval: 1s\n  rules: [{alert: Scraped, expr: 'scrape_samples_scraped > 0', for: 5s}]\n"
}

/// A run of 30 s against `target`, whose metrics are those of `metrics`; `expected` stands in its SLO file.
fn start(target: &Server, metrics: &str, expected: &str) -> (tempfile::TempDir, crate::support::Running) {
    let (folder, file) = scenario(&format!(
        "version: 1\nname: own-prometheus\ntarget: {{url: '{}/mcp'}}\n\
         load: {{rate: 100/s, duration: 30s, warm_up: 1s, max_users: 50}}\n\
         transactions: [{{name: t, call_tool: {{tool: echo, arguments: {{text: x}}}}}}]\n\
         observe: {{metrics: {metrics}}}\nslo: [slo.yaml]\n",
        target.base.trim_end_matches('/')
    ));
    std::fs::write(folder.path().join("rules.yml"), rules()).unwrap();
    let slo = format!(
        "version: 1\nalerts:\n  rules: [rules.yml]\n  evaluation_interval: 1s\n  labels: {{job: not-used}}\n  \
         out_of_reach: [MCPHighMemoryUsage]\n  {expected}\n\
         objectives:\n  - {{name: calls, error_ratio: 50%}}\n  - {{name: late, latency: {{p50: 4s}}}}\n  \
         - {{name: counted, metric: {{name: mcp_requests_total, read: rate, at_least: 5, over_run: avg}}}}\n"
    );
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    let running = start_run(&file, &[]);
    (folder, running)
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    let findings = report["objectives"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("no finding {name} in {findings:?}"))
}

fn rule<'a>(report: &'a Value, alert: &str) -> &'a Value {
    let rules = report["alerts"]["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["alert"] == alert).unwrap()
}

fn theirs<'a>(report: &'a Value, alert: &str) -> &'a Value {
    let alerts = report["prometheus"]["alerts"].as_array().unwrap();
    alerts.iter().find(|row| row["alert"] == alert).unwrap()
}

/// What `gander check` says of each finding.
fn verdicts(report: &Value) -> Vec<(String, String)> {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    let findings = report["objectives"].as_array().unwrap().iter();
    findings.map(|finding| (text(finding, "name"), text(finding, "verdict"))).collect()
}

fn checked_again(done: &Done) -> Value {
    let out = gander(&["report", done.run_folder().to_str().unwrap(), "--format", "json"]);
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out.stderr)))
}

const FAULTY: [&str; 2] = ["--tool-error-share", "0.08"];

#[test]
fn both_rule_engines_fire_the_same_alerts_at_the_same_times() {
    let target = demo(&FAULTY);
    let Some(prometheus) = Prometheus::start(&target, &rules()) else { return };
    let _beside_others = beside_others();
    // What holds there before the load has no time that could be compared.
    wait_until(Duration::from_secs(30), || {
        http_get(&format!("{}/api/v1/alerts", prometheus.base)).contains("Scraped")
    });
    let metrics =
        format!("{{prometheus: '{}', select: '{{job=\"mcp-server\"}}', interval: 500ms}}", prometheus.base);
    let expected =
        "must_fire: [{alert: MCPHighErrorRate, within: 28s}]\n  must_stay_silent: [MCPHighLatency]";
    let (_folder, running) = start(&target, &metrics, expected);
    let done = running.finish();
    let report = done.report();
    let told = &report["prometheus"];
    assert_eq!(told["unknown_from"], Value::Null, "{told}");
    assert!(told["version"].is_string() && told["series"].as_u64().unwrap() > 5, "{told}");
    assert!((told["scrape_interval"].as_f64().unwrap() - 1.0).abs() < 0.05, "{told}");
    // The faulty calls fire it in both, within a scrape and an evaluation.
    assert_eq!(rule(&report, "MCPHighErrorRate")["reading"], "fired", "{}", report["alerts"]);
    let errors = theirs(&report, "MCPHighErrorRate");
    assert_eq!((&errors["agreement"], &errors["rule"]), (&"agree".into(), &"same".into()), "{errors}");
    let apart = errors["fired_at"].as_f64().unwrap() - errors["ours_fired_at"].as_f64().unwrap();
    assert!(apart.abs() <= 2.0, "{errors}");
    assert_eq!(theirs(&report, "MCPHighLatency")["agreement"], "agree", "{told}");
    // What only the Prometheus has is read with its labels, and it held before the load began.
    let scraped = rule(&report, "Scraped");
    assert_eq!(scraped["spans"][0]["labels"]["job"], "mcp-server", "{scraped}");
    assert_eq!(theirs(&report, "Scraped")["agreement"], "not_comparable", "{told}");
    assert_eq!(rule(&report, "MCPHighMemoryUsage")["reading"], "no_such_series");
    for (name, verdict) in
        [("alert MCPHighErrorRate", "PASS"), ("alert MCPHighLatency", "PASS"), ("counted", "PASS")]
    {
        assert_eq!(finding(&report, name)["verdict"], verdict, "{}", finding(&report, name));
    }
    let notes = report["notes"].as_array().unwrap();
    let says = |text: &str| notes.iter().any(|note| note.as_str().unwrap().contains(text));
    assert!(says("bounds times of alerts") && says("`labels` of `alerts` were not used"), "{notes:?}");
    assert!(done.stdout.contains("PROMETHEUS"), "{}", done.stdout);

    // The run directory alone says the same again.
    drop(prometheus);
    let again = checked_again(&done);
    assert_eq!(verdicts(&again), verdicts(&report));
    assert_eq!(again["prometheus"], report["prometheus"]);
}

#[test]
fn what_a_prometheus_did_not_live_to_give_is_not_known() {
    let target = demo(&FAULTY);
    let Some(mut prometheus) = Prometheus::start(&target, &rules()) else { return };
    let _beside_others = beside_others();
    let metrics = format!("{{prometheus: '{}', interval: 500ms}}", prometheus.base);
    let expected = "must_fire: [MCPHighErrorRate]\n  must_stay_silent: [MCPHighLatency]";
    let (_folder, running) = start(&target, &metrics, expected);
    running.wait_for_seconds(22);
    prometheus.kill();
    let done = running.finish();
    let report = done.report();
    let unknown_from = report["prometheus"]["unknown_from"].as_f64().unwrap();
    assert!((15.0..30.0).contains(&unknown_from), "{unknown_from}");
    // What fired before fired; silence is not shown, and neither is what an objective saw.
    assert_eq!(finding(&report, "alert MCPHighErrorRate")["verdict"], "PASS", "{}", report["alerts"]);
    for name in ["alert MCPHighLatency", "counted", "prometheus"] {
        assert_eq!(finding(&report, name)["verdict"], "INCONCLUSIVE", "{}", finding(&report, name));
    }
    assert!(report["notes"].to_string().contains("can't be asked (refused)"), "{}", report["notes"]);
    assert_eq!(verdicts(&checked_again(&done)), verdicts(&report));
}

#[test]
fn metrics_that_cannot_be_read_pass_nothing() {
    let target = demo(&[]);
    let _beside_others = beside_others();
    let metrics = format!("{{prometheus: 'http://127.0.0.1:{}'}}", free_port());
    let (_folder, running) = start(&target, &metrics, "must_stay_silent: all");
    let done = running.finish();
    let report = done.report();
    assert_ne!(report["verdict"], "PASS");
    for name in ["alert MCPHighErrorRate", "counted", "prometheus"] {
        assert_eq!(finding(&report, name)["verdict"], "INCONCLUSIVE", "{}", finding(&report, name));
    }
    let because = finding(&report, "prometheus")["because"].as_str().unwrap();
    assert!(because.contains("gave no series") && because.contains("refused"), "{because}");
}

#[test]
fn a_select_that_nothing_fits_is_named() {
    let target = demo(&[]);
    let Some(prometheus) = Prometheus::start(&target, &rules()) else { return };
    let _beside_others = beside_others();
    let metrics = format!("{{prometheus: '{}', select: '{{job=\"mcp-sever\"}}'}}", prometheus.base);
    let (_folder, running) = start(&target, &metrics, "must_stay_silent: [MCPHighErrorRate]");
    let done = running.finish();
    let report = done.report();
    let because = finding(&report, "prometheus")["because"].as_str().unwrap();
    assert!(because.contains(r#"with `select` {job="mcp-sever"}"#), "{because}");
    let silent = finding(&report, "alert MCPHighErrorRate");
    assert_eq!(silent["verdict"], "INCONCLUSIVE", "{silent}");
    assert!(silent["because"].as_str().unwrap().contains("the Prometheus has no"), "{silent}");
    assert_ne!(report["verdict"], "PASS");
}
