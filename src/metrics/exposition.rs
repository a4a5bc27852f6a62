//! Prometheus exposition text to samples: text format 0.0.4 and OpenMetrics 1.0, strict, with line and column.

use crate::model::Labels;

/// One scrape's text, parsed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// What `# TYPE` and `# HELP` say.
    pub families: Vec<Family>,
    /// Every sample, in order.
    pub samples: Vec<Sample>,
}

/// A metric family's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// As in `# TYPE`.
    pub name: String,
    /// As in `# TYPE`.
    pub kind: MetricKind,
    /// As in `# HELP`, unescaped; empty when there was none.
    pub help: String,
}

/// What a family says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Only grows, until the process restarts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// `_bucket`, `_sum`, `_count`.
    Histogram,
    /// Quantiles, `_sum`, `_count`.
    Summary,
    /// OpenMetrics `gaugehistogram`, `stateset`, `info`.
    Other,
    /// No `# TYPE`, or `untyped` / `unknown`.
    Untyped,
}

/// One line of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The sample's name, such as `mcp_requests_total`.
    pub name: String,
    /// Its labels, without the name.
    pub labels: Labels,
    /// Its value; NaN and infinities are values.
    pub value: f64,
}

/// Text that is no exposition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ExpositionError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Lower-case fragment.
    pub reason: String,
}
