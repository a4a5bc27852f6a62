//! What a target calls its metrics: which series count requests, which of them failed, and in which labels methods and tools are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SeriesSelector;

/// What a target calls its metrics. What it has not is left out, and is not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricNames {
    /// The file that says so, or the name under which gander brings it along.
    pub origin: String,
    /// The counter of requests.
    pub requests: Requests,
    /// A counter of failed tool calls alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_errors: Option<LabelledCounter>,
    /// How long requests took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
    /// What is open: connections, sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gauges: Vec<SeriesSelector>,
}

/// The counter of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// The counter.
    pub counter: SeriesSelector,
    /// Those of its series that count failed requests.
    pub failed: SeriesSelector,
    /// The label that holds the method; `None` where only tool calls are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The label that holds the tool; `None` where tools are not told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The value of that label for tools that the target does not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_tool: Option<String>,
    /// What the target calls methods, by its own word: `execute_tool` is `tools/call`. Methods that are not here have the names that they
    /// have on the wire.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub methods: BTreeMap<String, String>,
    /// The methods that it counts; `None`: all requests of MCP, and those of `methods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Vec<String>>,
}

/// A counter by tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledCounter {
    /// The counter.
    pub counter: SeriesSelector,
    /// The label that holds the tool.
    pub tool: String,
}

/// How long requests took, by the target's own clock: a histogram or a summary, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// The metric, without `_bucket`, `_sum` and `_count`.
    pub metric: SeriesSelector,
    /// The label that holds the method; `None` where only tool calls are timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The label that holds the tool; `None` where tools are not told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// True when its unit is the millisecond.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_milliseconds: bool,
}

impl Durations {
    /// How many seconds one unit of it is.
    pub(crate) fn unit(&self) -> f64 {
        if self.in_milliseconds { 1e-3 } else { 1.0 }
    }
}

impl MetricNames {
    /// All series that are read by these names.
    pub fn selectors(&self) -> Vec<SeriesSelector> {
        let mut all = vec![self.requests.counter.clone(), self.requests.failed.clone()];
        all.extend(self.tool_errors.iter().map(|errors| errors.counter.clone()));
        let suffixes = ["_bucket", "_sum", "_count"];
        let parts = self.durations.iter().flat_map(|it| suffixes.map(|suffix| it.metric.suffixed(suffix)));
        all.extend(parts);
        all.extend(self.gauges.iter().cloned());
        all
    }

    /// The method on the wire that the target calls `word`.
    pub(crate) fn on_the_wire<'a>(&'a self, word: &'a str) -> &'a str {
        self.requests.methods.get(word).map_or(word, String::as_str)
    }

    /// True when the counter of requests counts the method.
    pub(crate) fn counts(&self, method: &str) -> bool {
        match &self.requests.counted {
            Some(counted) => counted.iter().any(|counted| counted == method),
            // A notification is no request, and what has a blank in it is plain HTTP.
            None if self.requests.method.is_none() => method == "tools/call",
            None if self.requests.methods.values().any(|known| known == method) => true,
            None => !method.starts_with("notifications/") && is_of_mcp(method),
        }
    }
}

/// False for plain HTTP (`GET /health`, `DELETE`).
fn is_of_mcp(method: &str) -> bool {
    method.starts_with(|c: char| c.is_ascii_lowercase())
}
