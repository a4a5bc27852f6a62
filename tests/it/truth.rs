//! The numbers, held against a target that keeps books of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{alone, at_once, demo, http_get, scenario, skipped, start_run};

const MIX: &str = "
version: 1
name: mix
target: demo
timeout: 5s
load: { users: 12, ramp: 1s, duration: 6s, warm_up: 1s, think_time: 10ms }
transactions:
  - name: search
    weight: 5
    steps: [call_tool: { tool: search, arguments: { query: \"q {{ random.int(1, 100) }}\" } }]
  - name: calculate
    weight: 2
    steps: [call_tool: { tool: calculate, arguments: { expression: \"{{ random.int(1,100) }} + {{ vu }}\" } }]
  - name: fail
    weight: 1
    steps: [call_tool: { tool: fail, arguments: {} }]
  - name: list
    weight: 3
    steps: [list_tools]
";

/// `mcp_requests_total` by (method, tool, status).
fn counted_by(metrics: &str) -> BTreeMap<(String, String, String), u64> {
    let label = |line: &str, name: &str| {
        let at = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        line[at..].split('"').next().unwrap().to_owned()
    };
    metrics
        .lines()
        .filter(|line| line.starts_with("mcp_requests_total{"))
        .map(|line| {
            let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            ((label(line, "method"), label(line, "tool"), label(line, "status")), value as u64)
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// The client's own tally in the same terms, from the run directory.
fn tallied(folder: &Path) -> BTreeMap<(String, String, String), u64> {
    let plan = crate::support::read_json(&folder.join("plan.json"));
    let mut tally = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("seconds.ndjson")).unwrap().lines() {
        let second: Value = serde_json::from_str(line).unwrap();
        for cell in second["cells"].as_array().unwrap() {
            let index = usize::try_from(cell["step"].as_u64().unwrap()).unwrap();
            let step = &plan["steps"][index];
            let method = step["method"].as_str().unwrap();
            // Notifications and the end of a session are no requests of the protocol.
            if method.starts_with("notifications/") || method == "DELETE" {
                continue;
            }
            let tool = step["tool"].as_str().unwrap_or("none");
            let status = if cell["outcome"] == "ok" { "success" } else { "error" };
            let key = (method.to_owned(), tool.to_owned(), status.to_owned());
            *tally.entry(key).or_default() += cell["count"].as_u64().unwrap();
        }
    }
    tally
}

#[test]
fn the_clients_counts_equal_the_targets_own() {
    // So many calls leave others no processor.
    let _alone = alone();
    let targets = [
        ("mcp", "auto"),
        ("mcp", "2025-11-25"),
        ("mcp/stateless", "2026-07-28"),
        ("mcp/stateless", "2025-06-18"),
    ];
    at_once(targets, |(path, protocol)| {
        let target = demo(&["--tool-error-share", "0.05", "--rpc-error-share", "0.03"]);
        let (_folder, file) = scenario(MIX);
        let base = target.base.trim_end_matches('/');
        let url = format!("{base}/{path}");
        let protocol_set = format!("protocol={protocol:?}");
        let done = start_run(&file, &["--target", &url, "--set", &protocol_set]).finish();
        let counted = counted_by(&http_get(&format!("{base}/metrics")));
        let tallied = tallied(&done.run_folder());
        assert_eq!(tallied, counted, "{path} in {protocol}\n{}", done.stderr);
        let calls: u64 = tallied.values().sum();
        assert!(calls > 300, "{path} in {protocol}: {calls} calls");
        let report = done.report();
        assert_eq!(report["planned"], report["recorded"]);
    });
}

/// A thread that does nothing but wake up: what keeps it from doing so in time keeps a load generator, too.
struct Heartbeat {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<Duration>>,
}

impl Heartbeat {
    fn start() -> Self {
        const NAP: Duration = Duration::from_millis(5);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut late = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(NAP);
                late.push(began.elapsed().saturating_sub(NAP));
            }
            late
        });
        Self { stop, thread }
    }

    fn p99_lateness(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        let mut late = self.thread.join().unwrap();
        late.sort();
        late[late.len() * 99 / 100]
    }
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (q * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted[rank - 1]
}

#[test]
fn reported_latencies_are_the_injected_ones() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("truth.csv");
    let target =
        demo(&["--latency-lognormal", "40ms,0.5", "--truth", truth.to_str().unwrap(), "--seed", "7"]);
    let (_folder, file) = scenario(
        &MIX.replace("name: mix", "name: truth")
            .replace("warm_up: 1s", "warm_up: 0s")
            .replace("duration: 6s", "duration: 8s"),
    );
    let url = format!("{}/mcp/stateless", target.base.trim_end_matches('/'));
    let heartbeat = Heartbeat::start();
    let done = start_run(&file, &["--target", &url]).finish();
    let lateness = heartbeat.p99_lateness();
    // The demo writes its last lines when it ends.
    drop(target);
    if lateness > Duration::from_millis(1) {
        skipped(&format!("this machine wakes a sleeping thread {lateness:?} late; it can't show 1 ms"));
        return;
    }
    let mut service: Vec<f64> = std::fs::read_to_string(&truth)
        .unwrap()
        .lines()
        .filter(|line| line.contains(",search,"))
        .map(|line| line.split(',').nth(4).unwrap().parse::<f64>().unwrap() / 1e6)
        .collect();
    service.sort_by(f64::total_cmp);
    let report = done.report();
    let row = report["steps"].as_array().unwrap().iter().find(|row| row["tool"] == "search").unwrap();
    assert_eq!(row["calls"].as_u64(), Some(service.len() as u64));
    for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let (reported, truth) = (row[name].as_f64().unwrap(), quantile(&service, q));
        let allowed = (truth * 0.02).max(0.001);
        assert!((reported - truth).abs() <= allowed, "{name}: reported {reported}, truth {truth}");
    }
}
