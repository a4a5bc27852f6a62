//! What must hold: an indicator, whose calls it looks at, and the limit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::queried::{EventsIndicator, Holding, QueryIndicator, Slices};
use super::{BudgetTerms, Terms, Unit};
use crate::model::{Labels, LatencyClock, StreamClock};

/// One objective of a user's SLO file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Unique over all files of the run.
    pub name: String,
    /// Which calls it looks at; meaningless where [`Indicator::is_scraped`].
    pub scope: Scope,
    /// What is measured, and the limit.
    pub indicator: Indicator,
    /// On which part of the run, and in which pieces.
    #[serde(flatten)]
    pub terms: Terms,
    /// What its budget of bad ones is for, where it has one.
    #[serde(default, skip_serializing_if = "BudgetTerms::is_default")]
    pub budget: BudgetTerms,
    /// Where it is written: `file:line`.
    pub origin: String,
}

/// Which calls an objective looks at. Set-up and tear-down calls are in none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every call of the load.
    All,
    /// The calls of one MCP method, or of one `GET /path`.
    Method(String),
    /// The calls of one tool.
    Tool(String),
    /// The calls of one step.
    Step(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all calls"),
            Self::Method(method) => write!(f, "method {method}"),
            Self::Tool(tool) => write!(f, "tool {tool}"),
            Self::Step(step) => write!(f, "step {step}"),
        }
    }
}

/// What is measured, and its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// At least `share` (0 to 1) of the calls succeed within `within`: a call is bad when it is late or failed.
    /// `p95: 500ms` is share 0.95. Of a send lag: are sent within `within`, whatever comes of them then.
    Latency {
        /// Which latency; objectives of old know the response time alone.
        #[serde(default)]
        clock: LatencyClock,
        /// The share of calls that must be good.
        share: f64,
        /// The limit of a good call's latency.
        within: Duration,
    },
    /// At least `share` (0 to 1) of the answers that come in parts keep this limit: one is bad when it is late, or when the
    /// call failed without an answer. An answer that is an error is one, too.
    Stream {
        /// Which time.
        clock: StreamClock,
        /// The share of answers that must be good.
        share: f64,
        /// The limit of a good answer's time.
        within: Duration,
    },
    /// At most this share (0 to 1) of the calls fails.
    ErrorRatio {
        /// The limit.
        at_most: f64,
    },
    /// At least this many successful calls per second of the steady phase.
    Throughput {
        /// The limit.
        at_least: f64,
    },
    /// A value of the target's own metrics.
    Metric(MetricIndicator),
    /// What a PromQL query answers.
    Promql(QueryIndicator),
    /// Events that the target counts.
    Events(EventsIndicator),
}

impl Indicator {
    /// True when it is read from what is scraped, and looks at no calls.
    pub fn is_scraped(&self) -> bool {
        match self {
            Self::Metric(_) | Self::Promql(_) | Self::Events(_) => true,
            Self::Latency { .. }
            | Self::Stream { .. }
            | Self::ErrorRatio { .. }
            | Self::Throughput { .. } => false,
        }
    }

    /// True when it is on a share, so that there is a budget of bad ones.
    pub(crate) fn has_budget(&self) -> bool {
        let counts = |slices: &Option<Slices>| slices.is_none_or(|slices| slices.target.is_some());
        match self {
            Self::Latency { share, .. } | Self::Stream { share, .. } => *share < 1.0,
            Self::ErrorRatio { at_most } => *at_most > 0.0,
            Self::Events(EventsIndicator { objective, slices, .. }) => *objective < 1.0 && counts(slices),
            Self::Promql(QueryIndicator { holding, .. }) => match holding {
                Holding::Share { slices, .. } => counts(slices),
                Holding::OverRun(_) | Holding::AtEnd => false,
            },
            Self::Throughput { .. } | Self::Metric(_) => false,
        }
    }
}

/// A value taken from the scraped series over the steady phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricIndicator {
    /// What is read at each scrape.
    pub value: Selector,
    /// When given, `value` is divided by this at each scrape.
    pub divided_by: Option<Divisor>,
    /// How [`Divisor::Number`] was written.
    #[serde(default)]
    pub divisor_unit: Unit,
    /// How the values over the run become one.
    pub over_run: Aggregation,
    /// The limit.
    pub bound: Bound,
    /// How the limit was written; run directories of old do not know.
    #[serde(default)]
    pub unit: Unit,
}

/// Selected series; where several match, their sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selector {
    /// The name of the sample, such as `mcp_active_connections`.
    pub metric: String,
    /// Labels that must be equal.
    pub labels: Labels,
    /// Gauge: the value itself. Rate: the counter's increase per second between scrapes, resets mended.
    pub read: Reading,
}

/// How a series is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// As it is.
    Gauge,
    /// Increase per second.
    Rate,
}

/// What a metric is divided by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Divisor {
    /// Another metric, at the same scrape.
    Metric(Selector),
    /// A number (bytes of a memory limit, say).
    Number(f64),
}

/// How values over the run become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The mean.
    Avg,
}

/// A limit with its direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}
