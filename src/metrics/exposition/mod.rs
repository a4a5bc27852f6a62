//! Prometheus exposition text to samples: text format 0.0.4 and OpenMetrics 1.0, strict, with line and column.
//!
//! The grammar of samples is held to the letter, all else as far as Prometheus itself holds it: what Prometheus would store is kept,
//! so that heads of families may come again, late and with any escape. What is not UTF-8 is refused even in comments, which
//! Prometheus does not look at: a place in it could not be told. Exemplars are checked and dropped. Knows nothing of HTTP.

mod cursor;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use self::reader::{RawSample, Scan};
use crate::model::Labels;

/// One scrape's text, parsed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// What `# TYPE` and `# HELP` say.
    pub families: Vec<Family>,
    /// Every sample, in order; a series may have several.
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
    /// Its labels, without the name and without empty ones: to Prometheus an empty label is a missing one.
    pub labels: Labels,
    /// Its value; NaN and infinities are values.
    pub value: f64,
    /// Its own time where it has one, in milliseconds since 1970.
    pub stamp_ms: Option<i64>,
}

/// Which of the two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Text,
    /// `application/openmetrics-text; version=1.0.0`: ends with `# EOF`.
    OpenMetrics,
}

/// Text that is no exposition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct ExpositionError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there, of what nature.
    pub kind: ExpositionErrorKind,
    /// Lower-case fragment. It quotes the text only where that is plain ASCII.
    pub reason: String,
}

/// Why text was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpositionErrorKind {
    /// It breaks the format.
    Malformed,
    /// It may be well formed, but has more samples or families than the reader takes.
    TooManySamples,
}

impl Format {
    /// The format that a `Content-Type` announces; whatever is not OpenMetrics is read as text 0.0.4, as older
    /// exporters announce no version or no type at all.
    pub fn of_content_type(content_type: Option<&str>) -> Self {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

impl Exposition {
    /// Reads a whole text. Stops at the first mistake.
    pub fn parse(text: &str, format: Format) -> Result<Self, ExpositionError> {
        Self::parse_within(text, format, usize::MAX)
    }

    /// As [`Self::parse`], but gives up at more than `max_samples` samples, or families.
    pub fn parse_within(text: &str, format: Format, max_samples: usize) -> Result<Self, ExpositionError> {
        Scan::of(text, format, max_samples).map(Self::of_scan)
    }

    /// As [`Self::parse_within`], of bytes that may not be UTF-8.
    pub fn parse_bytes(bytes: &[u8], format: Format, max_samples: usize) -> Result<Self, ExpositionError> {
        Scan::of_bytes(bytes, format, max_samples).map(Self::of_scan)
    }

    fn of_scan(scan: Scan<'_>) -> Self {
        let sample = |raw: &RawSample<'_>| {
            let (name, labels) = scan.series(raw);
            Sample { name, labels, value: raw.value, stamp_ms: raw.stamp_ms }
        };
        let samples = scan.samples.iter().map(sample).collect();
        Self { families: scan.families, samples }
    }
}
