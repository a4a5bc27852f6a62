//! Targets that are clumsy about their metrics, against a real Prometheus: what it stores of the very texts that it was given is what
//! we have of them, at the same times. Left out, with the reason printed, where none is installed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gander::metrics::{Format, ScrapeEncoder, SeriesStore};
use gander::model::Labels;
use gander::promql::METRIC_NAME;
use gander::slo::Recorded;
use serde_json::Value;
use url::Url;

use crate::own_prometheus::Prometheus;
use crate::support::{beside_others, http_get, wait_until};

const SCRAPES: usize = 8;

/// What a target says at its scrape of this number, at this time in milliseconds since 1970.
type Says = fn(i64, i64) -> String;

const TEXT: [(&str, Says); 19] = [
    ("twice_equal", |_, _| "a 1\na 1\nb 2\n".to_owned()),
    ("twice_differing", |n, _| format!("a {n}\na 7\nb 2\n")),
    ("twice_spelled", |_, _| "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 5\nb 2\n".to_owned()),
    ("heads_twice", |_, _| "# TYPE a counter\n# HELP a x\n# HELP a y\n# TYPE a gauge\na 1\n".to_owned()),
    ("head_after_samples", |_, _| "a{x=\"1\"} 1\nb 1\n# TYPE a gauge\na{x=\"2\"} 2\n".to_owned()),
    ("heads_that_are_comments", |_, _| "# TYPE\n# HELP\n#TYPE a rubbish\na 1\n".to_owned()),
    ("escapes", |_, _| "# HELP a \\d \\\" \\\na{x=\"\\d\"} 1\n".to_owned()),
    ("a_little_old", |n, now| format!("a {n} {}\nb 1\n", now - 5000)),
    ("hours_old", |n, now| format!("a {n} {}\nb 1\n", now - 7_200_000)),
    ("of_1970", |_, _| "a 1 0\nb 1\n".to_owned()),
    ("ahead", |n, now| format!("a {n} {}\nb 1\n", now + 300_000)),
    ("far_ahead", |n, now| format!("a {n} {}\nb 1\n", now + 900_000)),
    ("standing_still", |_, now| format!("a 1 {}\nb 1\n", now / 10_000 * 10_000)),
    ("backwards", |n, now| format!("a {n} {}\nb 1\n", now - 3000 - 2000 * n)),
    ("two_times", |n, now| format!("a {n} {}\na 7 {}\nb 1\n", now - 3000, now - 2500)),
    ("now_and_before", |n, now| format!("a {n}\na 7 {}\nb 1\n", now - 2000)),
    ("with_and_without", |n, now| match n % 4 {
        0 | 1 => format!("a {n} {}\nb 1\n", now - 1500),
        _ => format!("a {n}\nb 1\n"),
    }),
    ("there_and_gone", |n, now| match n % 4 {
        0 | 1 => format!("a {n}\nb {n} {}\n", now - 1500),
        _ => "c 1\n".to_owned(),
    }),
    ("without_and_with", |n, now| match n {
        0..3 => format!("a {n}\n"),
        _ => format!("a {n} {}\n", now - 300),
    }),
];

const OPEN_METRICS: [(&str, Says); 2] = [
    ("twice_open", |_, _| "# TYPE a counter\n# TYPE a gauge\na 1\na 2\n# EOF\n".to_owned()),
    ("stamped_open", |n, now| format!("a {n} {}.{:03}\n# EOF\n", (now - 4000) / 1000, (now - 4000) % 1000)),
];

/// What was said so far, by the name of the target. Once there are enough, nothing is said any more.
type Said = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Gives where it listens.
fn serve(said: &Said) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || answer(connection, &said));
        }
    });
    host
}

/// Answers one request. Whoever hangs up in between has not been told anything.
fn answer(mut connection: TcpStream, said: &Said) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let name = request.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
    let (kind, says) = if let Some((_, says)) = TEXT.iter().find(|(known, _)| *known == name) {
        ("text/plain; version=0.0.4", says)
    } else {
        let (_, says) = OPEN_METRICS.iter().find(|(known, _)| *known == name).unwrap();
        ("application/openmetrics-text; version=1.0.0", says)
    };
    let mut said = said.lock().unwrap();
    let texts = said.entry(name).or_default();
    let reply = if texts.len() < SCRAPES {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let text = says(i64::try_from(texts.len()).unwrap(), i64::try_from(now).unwrap());
        texts.push(text.clone());
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", text.len())
            + "Connection: close\r\n\r\n"
            + &text
    } else {
        "HTTP/1.1 500 Enough\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
    };
    let _ = connection.write_all(reply.as_bytes());
}

/// Times and values of a series, by its name and labels.
type Stored = BTreeMap<String, Vec<(i64, f64)>>;

/// All samples of the last ten minutes of what `selector` selects.
fn of_prometheus(prometheus: &Prometheus, selector: &str) -> Stored {
    let query = format!("{selector}[10m]");
    let url =
        Url::parse_with_params(&format!("{}/api/v1/query", prometheus.base), [("query", query)]).unwrap();
    let answer: Value = serde_json::from_str(&http_get(url.as_str())).unwrap();
    let series = answer["data"]["result"].as_array().unwrap().iter().map(|series| {
        let labels = series["metric"].as_object().unwrap().iter();
        let labels = labels.filter(|(name, _)| !["job", "instance"].contains(&name.as_str()));
        let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
        let sample = |sample: &Value| {
            let ms = (sample[0].as_f64().unwrap() * 1000.0).round() as i64;
            (ms, sample[1].as_str().unwrap().parse::<f64>().unwrap())
        };
        (shown(labels), series["values"].as_array().unwrap().iter().map(sample).collect())
    });
    series.collect()
}

fn shown(labels: impl Iterator<Item = (String, String)>) -> String {
    let sorted: BTreeMap<String, String> = labels.collect();
    sorted.into_iter().fold(String::new(), |mut text, (name, value)| {
        write!(text, "{name}={value:?} ").unwrap();
        text
    })
}

/// What we have of the same texts, scraped at the same times; the scrapes after the last of them failed.
fn ours(texts: &[String], times: &[i64], format: Format) -> Stored {
    let zero_ms = times[0] - 1000;
    let mut encoder = ScrapeEncoder::new(1000, zero_ms);
    let mut series = SeriesStore::default();
    for (place, at_ms) in times.iter().enumerate() {
        let at = Duration::from_millis((at_ms - zero_ms).unsigned_abs());
        let record = match texts.get(place) {
            Some(text) => {
                encoder
                    .scraped(at, text.as_bytes(), format)
                    .unwrap_or_else(|error| panic!("{text}: {error}"))
                    .record
            }
            None => encoder.failed(at),
        };
        series.apply(&serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap()).unwrap();
    }
    let recorded = Recorded { series: &series, events: &[], fetched: None, zero_ms };
    let storage = recorded.storage(&Labels::new());
    let all = storage.select(&[]).into_iter().map(|id| {
        let labels = storage.labels(id);
        let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        (shown(labels), storage.samples(id))
    });
    all.filter(|(_, samples)| !samples.is_empty()).collect()
}

#[test]
fn clumsy_targets_are_scraped_as_prometheus_scrapes_them() {
    let _beside_others = beside_others();
    let said = Said::default();
    let host = serve(&said);
    let names = || TEXT.iter().chain(&OPEN_METRICS).map(|(name, _)| *name);
    let job = |name| {
        format!("{{job_name: {name}, metrics_path: /{name}, static_configs: [{{targets: ['{host}']}}]}}")
    };
    let Some(prometheus) = Prometheus::scraping(&names().map(job).collect::<Vec<_>>().join(", "), "") else {
        return;
    };
    let is_over = |name: &str| {
        let ups = of_prometheus(&prometheus, &format!("up{{job=\"{name}\"}}"));
        ups.values().next().is_some_and(|ups| ups.len() > SCRAPES)
    };
    wait_until(Duration::from_secs(60), || names().all(is_over));
    let said = said.lock().unwrap();
    for name in names() {
        let ups = of_prometheus(&prometheus, &format!("up{{job=\"{name}\"}}")).into_values().next().unwrap();
        let expected: Vec<f64> = (0..ups.len()).map(|place| f64::from(u8::from(place < SCRAPES))).collect();
        assert_eq!(ups.iter().map(|(_, up)| *up).collect::<Vec<_>>(), expected, "{name}");
        let theirs = of_prometheus(&prometheus, &format!("{{{METRIC_NAME}=~\"[abc]\",job=\"{name}\"}}"));
        assert!(!theirs.is_empty(), "{name}");
        let times: Vec<i64> = ups.iter().map(|(at_ms, _)| *at_ms).collect();
        let is_text = TEXT.iter().any(|(known, _)| *known == name);
        let format = if is_text { Format::Text } else { Format::OpenMetrics };
        assert_eq!(ours(&said[name], &times, format), theirs, "{name}");
    }
}
