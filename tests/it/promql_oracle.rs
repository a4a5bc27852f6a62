//! The PromQL engine against a real Prometheus: the same samples in both, the same queries, the same answers.
//!
//! Debian's Prometheus is 2.42, whose ranges include their older end. So half of the queries are asked with [`RangeEnds::Closed`],
//! and half as we ship it, between two scrapes, where both kinds of range hold the same samples.
//!
//! Queries keep to what has not changed since, which leaves out: the spread of infinities (0 once, NaN now), a series that begins in
//! mid-range far above zero (extrapolated further once), `atan2` (kept the name once), and comparisons of vectors in which
//! several elements match, none of which is kept (no error once). And they keep to what does not hang on a last digit, which leaves
//! out remainders, and resets of what was computed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gander::model::CounterRng;
use gander::promql::{Engine, Labels, Query, RangeEnds, Storage, Value};

use crate::support::{free_port, http_get, skipped, wait_until};

/// When the data begins.
const START: i64 = 1_700_000_000;
const SECONDS: i64 = 1000;
const QUERIES: usize = 300;

/// The alert expressions of a monitoring guide for MCP servers, one with a threshold that is crossed; and what is not drawn.
const ALERTS: [&str; 9] = [
    r#"(sum(rate(mcp_requests_total{status="error"}[5m])) / sum(rate(mcp_requests_total[5m]))) > 0.05"#,
    "histogram_quantile(0.95, sum(rate(mcp_request_duration_seconds_bucket[5m])) by (le)) > 0.2",
    "histogram_quantile(0.95, sum(rate(mcp_request_duration_seconds_bucket[5m])) by (le)) > 2",
    "sum(rate(mcp_tool_errors_total[5m])) by (tool_name) > 0.1",
    r#"(container_memory_usage_bytes{pod=~"mcp-server-.*"} / container_spec_memory_limit_bytes{pod=~"mcp-server-.*"}) > 0.9"#,
    "mcp_active_connections / mcp_max_connections > 0.9",
    "day_of_week() + hour() / 100 + minute() / 1e4",
    "days_in_month(vector(time())) + day_of_year(vector(time())) * 100 + year() * 1e6",
    "label_replace(label_join(up or mcp_max_connections, \"a\", \"-\", \"instance\", \"job\"), \"b\", \"$2\", \"a\", \"(.)(.*)\")",
];

/// The same samples for both.
struct Samples {
    storage: Storage,
    text: String,
}

impl Samples {
    /// Adds a series with the values that `value` gives, for each second that it gives one for.
    fn add(&mut self, name: &str, labels: &[(&str, &str)], mut value: impl FnMut(i64) -> Option<f64>) {
        let pairs = labels.iter().copied().chain([("__name__", name)]);
        let labels = Labels::from_pairs(pairs);
        let id = self.storage.series(&labels);
        // OpenMetrics has no room between labels.
        let printed_labels = labels.to_string().replace(", ", ",");
        for second in 0..SECONDS {
            let Some(value) = value(second) else { continue };
            self.storage.append(id, (START + second) * 1000, value).unwrap();
            let printed = match value {
                f64::INFINITY => "+Inf".to_owned(),
                f64::NEG_INFINITY => "-Inf".to_owned(),
                value => value.to_string(),
            };
            writeln!(self.text, "{printed_labels} {printed} {}", START + second).unwrap();
        }
    }
}

/// What a few MCP servers say in ten minutes, scraped each second.
fn samples(rng: &mut CounterRng) -> Samples {
    let mut samples = Samples { storage: Storage::new(), text: String::new() };
    for (number, instance) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
        for tool in ["add", "search"] {
            for status in ["success", "error"] {
                // One server starts again after ten minutes, and one is gone a little before.
                let mut total = (rng.unit() * 5000.0).floor();
                let often = if status == "error" { 0.3 } else { 0.9 };
                let labels =
                    [("tool", tool), ("status", status), ("instance", instance), ("method", "tools/call")];
                samples.add("mcp_requests_total", &labels, |second| {
                    if number == 0 && second == 600 {
                        total = 0.0;
                    }
                    if rng.unit() < often {
                        total += (rng.unit() * 9.0).floor();
                    }
                    (number != 1 || second < 500).then_some(total)
                });
            }
            let bounds = ["0.01", "0.05", "0.1", "0.5", "1.0", "+Inf"];
            let mut counts = [0.0; 6];
            let mut drawn = Vec::new();
            for _ in 0..SECONDS {
                for _ in 0..rng.below(5) {
                    let seconds = rng.exponential() * 0.12;
                    for (count, bound) in counts.iter_mut().zip(bounds) {
                        *count += f64::from(u8::from(seconds <= bound.parse().unwrap()));
                    }
                }
                drawn.push(counts);
            }
            for (position, bound) in bounds.into_iter().enumerate() {
                let labels = [("tool", tool), ("instance", instance), ("le", bound)];
                samples.add("mcp_request_duration_seconds_bucket", &labels, |second| {
                    Some(drawn[usize::try_from(second).unwrap()][position])
                });
            }
            let mut errors = 0.0;
            samples.add("mcp_tool_errors_total", &[("tool_name", tool), ("instance", instance)], |_| {
                errors += f64::from(u8::from(rng.unit() < 0.15));
                Some(errors)
            });
        }
        let labels = [("instance", instance)];
        let mut open: f64 = 50.0;
        samples.add("mcp_active_connections", &labels, |_| {
            open = (open + (rng.normal() * 3.0).round()).clamp(0.0, 100.0);
            Some(open)
        });
        samples.add("mcp_max_connections", &labels, |_| Some(60.0));
        samples.add("mcp_resource_usage", &[("instance", instance), ("resource", "cpu")], |second| {
            match (number, second % 97) {
                (2, 13) => Some(f64::NAN),
                (2, 50) => Some(f64::INFINITY),
                _ => Some(rng.unit() * 100.0 - 20.0),
            }
        });
        let pod = format!("mcp-server-{number}");
        let labels = [("pod", pod.as_str())];
        samples.add("container_memory_usage_bytes", &labels, |_| Some(rng.unit() * 1e9));
        samples.add("container_spec_memory_limit_bytes", &labels, |_| Some(5e8));
        // A series that begins late, at zero.
        samples.add("mcp_cache_hits_total", &[("instance", instance)], |second| {
            (second >= 550).then(|| ((second - 550) * 2) as f64)
        });
    }
    samples
}

/// Draws queries that make sense.
struct Draws {
    rng: CounterRng,
}

impl Draws {
    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.rng.below(choices.len() as u64)).unwrap()]
    }

    fn counter(&mut self) -> &'static str {
        self.one_of(&[
            "mcp_requests_total",
            r#"mcp_requests_total{status="error"}"#,
            r#"mcp_requests_total{tool=~"a.*", instance!="a:1"}"#,
            r#"mcp_requests_total{status!~"s.*|x"}"#,
            "mcp_tool_errors_total",
            "mcp_request_duration_seconds_bucket",
            r#"mcp_request_duration_seconds_bucket{le="0.1"}"#,
            "mcp_cache_hits_total",
        ])
    }

    fn gauge(&mut self) -> &'static str {
        self.one_of(&["mcp_active_connections", "mcp_active_connections", "container_memory_usage_bytes"])
    }

    fn leaf(&mut self) -> String {
        let range = self.one_of(&["5s", "30s", "1m", "90s", "2m30s", "5m"]);
        let offset = self.one_of(&["", "", "", " offset 20s", " offset 2m"]);
        match self.rng.below(10) {
            0..=4 => {
                let function = self
                    .one_of(&["rate", "rate", "increase", "irate", "resets", "changes", "delta", "idelta"]);
                format!("{function}({}[{range}]{offset})", self.counter())
            }
            5 => format!("{}{offset}", self.counter()),
            6 => format!("mcp_resource_usage{offset}"),
            7 => {
                let function = self.one_of(&["avg", "min", "max", "sum", "count", "last", "present"]);
                format!("{function}_over_time(mcp_resource_usage[{range}]{offset})")
            }
            _ => {
                let function = self.one_of(&[
                    "avg_over_time",
                    "min_over_time",
                    "max_over_time",
                    "sum_over_time",
                    "count_over_time",
                    "stddev_over_time",
                    "stdvar_over_time",
                    "deriv",
                    "delta",
                    "changes",
                    "last_over_time",
                ]);
                match self.rng.below(5) {
                    0 => format!("{}{offset}", self.gauge()),
                    1 => format!("quantile_over_time(0.9, {}[{range}]{offset})", self.gauge()),
                    2 => format!("predict_linear({}[{range}]{offset}, 600)", self.gauge()),
                    _ => format!("{function}({}[{range}]{offset})", self.gauge()),
                }
            }
        }
    }

    fn vector(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.leaf();
        }
        let grouping = self.one_of(&[
            "",
            " by (instance)",
            " by (tool, status)",
            " without (instance)",
            " by (nothing)",
        ]);
        match self.rng.below(10) {
            0..=2 => {
                let op = self.one_of(&["sum", "avg", "min", "max", "count", "group"]);
                format!("{op}{grouping} ({})", self.vector(depth - 1))
            }
            3 => format!("quantile{grouping} (0.7, {})", self.vector(depth - 1)),
            4 => {
                let function =
                    self.one_of(&["abs", "ceil", "floor", "sgn", "sqrt", "exp", "ln", "-", "absent", "sort"]);
                format!("{function}({})", self.vector(depth - 1))
            }
            5 => {
                let op = self.one_of(&["+", "-", "*", "/", "^", ">", "<=", "== bool", "!= bool"]);
                let number = self.one_of(&["0", "0.5", "2", "60", "NaN", "Inf"]);
                format!("({}) {op} {number}", self.vector(depth - 1))
            }
            6 => {
                let op = self.one_of(&["+", "-", "*", "/", "< bool", "and", "or", "unless"]);
                let matching =
                    self.one_of(&["on (instance)", "ignoring (status)", "on (instance, tool)", ""]);
                let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
                format!("({left}) {op} {matching} ({right})")
            }
            7 => format!(
                "({}) / on (instance) group_left sum by (instance) ({})",
                self.vector(depth - 1),
                self.vector(depth - 1)
            ),
            8 => {
                let by = self.one_of(&["le", "le, tool", "le, instance"]);
                let rank = self.one_of(&["0.5", "0.9", "0.95", "0.99"]);
                format!(
                    "histogram_quantile({rank}, sum by ({by}) (rate(mcp_request_duration_seconds_bucket[1m])))"
                )
            }
            _ => {
                let function = self.one_of(&["max_over_time", "avg_over_time", "count_over_time"]);
                format!("{function}(({})[1m:7s])", self.vector(depth - 1))
            }
        }
    }
}

/// A Prometheus that serves these samples, killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let tried = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// `None`, with the reason printed, where there is no Prometheus.
pub(crate) fn prometheus(text: &str) -> Option<Prometheus> {
    if !is_installed("prometheus") || !is_installed("promtool") {
        skipped("prometheus and promtool are not installed");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("samples.txt"), format!("{text}# EOF\n")).unwrap();
    std::fs::write(path("prometheus.yml"), "global: {}\n").unwrap();
    let imported = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([path("samples.txt"), path("data")])
        .output()
        .unwrap();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let port = free_port();
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let child = Command::new("prometheus")
        .arg(flag("config.file", &path("prometheus.yml")))
        .arg(flag("storage.tsdb.path", &path("data")))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--storage.tsdb.retention.time=100y", "--log.level=error"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let prometheus = Prometheus { child, port, _folder: folder };
    wait_until(Duration::from_secs(60), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
            && http_get(&format!("http://127.0.0.1:{port}/-/ready")).contains("Ready")
    });
    Some(prometheus)
}

/// Values by labels, or what was wrong.
pub(crate) type Found = Result<BTreeMap<String, f64>, String>;

impl Prometheus {
    pub(crate) fn ask(&self, query: &str, at_ms: i64) -> Found {
        let mut encoded = String::new();
        for byte in query.bytes() {
            write!(encoded, "%{byte:02x}").unwrap();
        }
        let time = format!("{}.{:03}", at_ms / 1000, at_ms % 1000);
        let url = format!("http://127.0.0.1:{}/api/v1/query?query={encoded}&time={time}", self.port);
        let answer: serde_json::Value = serde_json::from_str(&http_get(&url)).unwrap();
        if answer["status"] != "success" {
            return Err(answer["error"].to_string());
        }
        let samples = answer["data"]["result"].as_array().unwrap();
        let found = samples.iter().map(|sample| {
            let pairs = sample["metric"].as_object().unwrap().iter();
            let labels =
                Labels::from_pairs(pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
            let value = sample["value"][1].as_str().unwrap();
            (labels.to_string(), value.parse().unwrap())
        });
        Ok(found.collect())
    }
}

pub(crate) fn ask_ours(engine: &Engine, storage: &Storage, query: &str, at_ms: i64) -> Found {
    let query = Query::parse(query).map_err(|error| error.to_string())?;
    match engine.instant(&query, storage, at_ms).map_err(|error| error.to_string())?.value {
        Value::Vector(samples) => {
            Ok(samples.into_iter().map(|sample| (sample.labels.to_string(), sample.value)).collect())
        }
        other @ (Value::Scalar(_) | Value::Text(_) | Value::Matrix(_)) => {
            Err(format!("not a vector: {other:?}"))
        }
    }
}

/// Equal but for rounding.
fn close(a: f64, b: f64) -> bool {
    #[expect(clippy::float_cmp, reason = "infinities are equal, too")]
    let same = a == b;
    (a.is_nan() && b.is_nan()) || same || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

pub(crate) fn difference(theirs: &Found, ours: &Found) -> Option<String> {
    let same = match (theirs, ours) {
        (Err(_), Err(_)) => true,
        (Ok(theirs), Ok(ours)) => {
            theirs.keys().eq(ours.keys()) && theirs.values().zip(ours.values()).all(|(a, b)| close(*a, *b))
        }
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    };
    (!same).then(|| format!("Prometheus: {theirs:?}\n  ours: {ours:?}"))
}

#[test]
fn the_engine_answers_as_prometheus_does() {
    let mut rng = CounterRng::new(42, 0);
    let samples = samples(&mut rng);
    let Some(prometheus) = prometheus(&samples.text) else { return };
    let closed = Engine { range_ends: RangeEnds::Closed, ..Engine::default() };
    let open = Engine::default();
    let mut draws = Draws { rng: CounterRng::new(43, 0) };
    let made: Vec<String> =
        (0..QUERIES).map(|number| draws.vector(u32::try_from(number % 4).unwrap())).collect();
    let mut differences = Vec::new();
    let (mut failed, mut elements) = (0, 0);
    for (number, query) in ALERTS.into_iter().chain(made.iter().map(String::as_str)).enumerate() {
        // At scrapes and between them, where the furthest ranges are full of samples, and up to where there are none.
        let whole = START + 650 + i64::try_from(number * 37 % 700).unwrap();
        let between_scrapes = number % 2 == 0 && !query.contains("[1m:");
        let (engine, at_ms) =
            if between_scrapes { (&open, whole * 1000 + 500) } else { (&closed, whole * 1000) };
        let (theirs, ours) = (prometheus.ask(query, at_ms), ask_ours(engine, &samples.storage, query, at_ms));
        failed += usize::from(theirs.is_err());
        elements += theirs.as_ref().map_or(0, BTreeMap::len);
        if let Some(difference) = difference(&theirs, &ours) {
            differences.push(format!("{query}\n  at {at_ms}: {difference}"));
        }
    }
    assert!(differences.is_empty(), "{} queries differ:\n{}", differences.len(), differences.join("\n"));
    // Queries that fail, or find nothing, compare little.
    assert!(failed < QUERIES / 4, "{failed} queries failed");
    assert!(elements > QUERIES, "{elements} elements were compared");
}
