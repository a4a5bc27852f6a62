//! The demo target as its clients see it: a real server on loopback, asked over HTTP.

mod faults;
mod mcp;
mod monitoring;
mod null;
mod oauth;
mod rest;

use clap::Parser;
use prometheus_parse::{Scrape, Value as SampleValue};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Demo, DemoOptions};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    options: DemoOptions,
}

/// The options that these flags give.
pub(super) fn options(flags: &[&str]) -> DemoOptions {
    let line = std::iter::once("demo").chain(flags.iter().copied());
    CommandLine::try_parse_from(line).unwrap_or_else(|error| panic!("{error}")).options
}

/// The labels of the number of calls under way.
const IN_FLIGHT: [(&str, &str); 2] = [("resource_type", "calls"), ("metric_name", "in_flight")];

/// A server of the test's own, and a client of it.
struct Target {
    demo: Demo,
    client: reqwest::Client,
}

/// An answer: its head, and the JSON-RPC messages (or the one JSON text) in its body.
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    messages: Vec<Value>,
}

impl Target {
    async fn start(flags: &[&str]) -> Self {
        let demo = Demo::start(options(flags)).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { demo, client }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> reqwest::Result<Answer> {
        let mut request = self
            .client
            .request(method, format!("http://{}{path}", self.demo.address()))
            .body(body.to_owned());
        if headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/json");
        }
        if headers.iter().all(|(name, _)| *name != "accept") {
            request = request.header("accept", "application/json, text/event-stream");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send().await?).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        self.send(Method::POST, path, headers, &body.to_string()).await
    }

    /// A tool call of the legacy era without a session; the answer's only message.
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.post("/mcp/stateless", &[], &call(tool, arguments)).await.message()
    }

    /// Opens a session: its id.
    async fn open_session(&self) -> String {
        let answer = self.post("/mcp", &[], &initialize("2025-06-18")).await;
        answer.headers["mcp-session-id"].to_str().unwrap().to_owned()
    }

    async fn set_faults(&self, faults: &Value) {
        assert_eq!(self.post("/control/faults", &[], faults).await.status, StatusCode::OK);
    }

    async fn text(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.demo.address());
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// The value of a sample that has these labels, among others; 0 when there is none.
    async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.text("/metrics").await;
        let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let matching = |sample: &&prometheus_parse::Sample| {
            sample.metric == name
                && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(*value))
        };
        scrape.samples.iter().find(matching).map_or(0.0, |sample| match &sample.value {
            SampleValue::Counter(value) | SampleValue::Gauge(value) | SampleValue::Untyped(value) => *value,
            SampleValue::Histogram(_) | SampleValue::Summary(_) => panic!("{name} is no single number"),
        })
    }

    /// The same, where it is a whole number.
    async fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.metric(name, labels).await.to_string().parse().unwrap()
    }

    /// `mcp_requests_total`.
    async fn requests(&self, method: &str, tool: &str, status: &str) -> u64 {
        self.count("mcp_requests_total", &[("method", method), ("tool", tool), ("status", status)]).await
    }

    /// Asks again until the metric has the value: for what happens after an answer, or without one.
    async fn until(&self, name: &str, labels: &[(&str, &str)], value: u64) {
        while self.count(name, labels).await != value {
            tokio::task::yield_now().await;
        }
    }
}

impl Answer {
    async fn read(response: Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await?;
        let is_stream =
            headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let messages = if is_stream {
            body.lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .filter_map(|data| serde_json::from_str(data).ok())
                .collect()
        } else {
            serde_json::from_str(&body).into_iter().collect()
        };
        Ok(Self { status, headers, messages })
    }

    /// The last message.
    fn message(mut self) -> Value {
        self.messages.pop().unwrap_or_else(|| panic!("{} without JSON", self.status))
    }
}

fn request(method: &str, params: Value) -> Value {
    let mut request = json!({"jsonrpc": "2.0", "id": 7, "method": method});
    request["params"] = params;
    request
}

fn call(tool: &str, arguments: Value) -> Value {
    let mut params = json!({"name": tool});
    params["arguments"] = arguments;
    request("tools/call", params)
}

fn initialize(version: &str) -> Value {
    let client = json!({"name": "test", "version": "1"});
    request("initialize", json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client}))
}

/// The lines of a file that the server wrote.
fn lines(path: &std::path::Path) -> Vec<String> {
    let file = std::fs::File::options().read(true).open(path).unwrap();
    std::io::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}
