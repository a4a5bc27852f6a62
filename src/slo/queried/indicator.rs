//! What PromQL is asked for, and the limit.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::promql::duration_text;
use crate::slo::{Aggregation, Unit, exact_percent};

/// A PromQL query whose answers keep a limit: each series of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryIndicator {
    /// As written; `{{.window}}` stands for the length of the steady phase.
    pub query: String,
    /// Which answers are held against the limit.
    pub holding: Holding,
    /// The limit.
    pub limit: QueryLimit,
}

/// Which answers of a query are held against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Those at each scrape of the steady phase, made into one value of each series.
    OverRun(Aggregation),
    /// The one at the end of the steady phase.
    AtEnd,
    /// At least this share (0 to 1) of those at each scrape.
    Share {
        /// The share that must hold.
        share: f64,
        /// Where whole stretches of time are counted, not scrapes.
        slices: Option<Slices>,
    },
}

/// A limit on the values of a query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QueryLimit {
    /// Its direction.
    pub is: Comparison,
    /// The number.
    pub value: f64,
    /// How the number was written.
    pub unit: Unit,
}

/// The direction of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
}

/// Events that the target counts itself: at least a share of them are good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventsIndicator {
    /// The query of the good ones, or of the bad ones.
    pub counted: Counted,
    /// The query of all.
    pub total: String,
    /// The share (0 to 1) that must be good.
    pub objective: f64,
    /// Where whole stretches of time are counted, not events.
    pub slices: Option<Slices>,
}

impl EventsIndicator {
    /// Its queries, as written.
    pub(in crate::slo) fn queries(&self) -> Vec<&String> {
        let (Counted::Good(counted) | Counted::Bad(counted)) = &self.counted;
        vec![counted, &self.total]
    }
}

/// Which events a query counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The good ones.
    Good(String),
    /// The bad ones.
    Bad(String),
}

/// Stretches of time, each of which is good or bad as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    /// How long each is.
    pub length: Duration,
    /// The share (0 to 1) of good events that makes one good; `None`: the mean of the shares of all slices is what counts.
    pub target: Option<f64>,
}

impl Comparison {
    /// All of them, by the field that states each.
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("at_most", Self::AtMost),
        ("at_least", Self::AtLeast),
        ("below", Self::Below),
        ("above", Self::Above),
    ];

    /// The field that states it.
    pub fn key(self) -> &'static str {
        match self {
            Self::AtMost => "at_most",
            Self::Below => "below",
            Self::AtLeast => "at_least",
            Self::Above => "above",
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::AtLeast => ">=",
            Self::Above => ">",
        }
    }

    /// How the values over a run become one where nothing is said: the worst one counts.
    pub(crate) fn worst(self) -> Aggregation {
        match self {
            Self::AtMost | Self::Below => Aggregation::Max,
            Self::AtLeast | Self::Above => Aggregation::Min,
        }
    }
}

impl QueryLimit {
    /// False for NaN: what can't be compared does not hold.
    pub(super) fn holds(&self, value: f64) -> bool {
        match self.is {
            Comparison::AtMost => value <= self.value,
            Comparison::Below => value < self.value,
            Comparison::AtLeast => value >= self.value,
            Comparison::Above => value > self.value,
        }
    }

    /// True when `one` is worse than `other`.
    pub(super) fn is_worse(&self, one: f64, other: f64) -> bool {
        match self.is {
            Comparison::AtMost | Comparison::Below => one > other,
            Comparison::AtLeast | Comparison::Above => one < other,
        }
    }
}

impl fmt::Display for QueryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.is.symbol(), self.unit.show_exact(self.value))
    }
}

impl Counted {
    /// The query.
    pub fn query(&self) -> &str {
        match self {
            Self::Good(query) | Self::Bad(query) => query,
        }
    }
}

impl Slices {
    /// What is measured by them, where `noun` are counted in each.
    pub(super) fn indicator(&self, noun: &str) -> String {
        let length = duration_text(self.length);
        match self.target {
            Some(_) => format!("bad slices of {length}"),
            None => format!("bad {noun}, mean of slices of {length}"),
        }
    }
}

impl fmt::Display for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = duration_text(self.length);
        match self.target {
            Some(target) => write!(f, "slices of {length} with {} good", exact_percent(target)),
            None => write!(f, "the mean of slices of {length}"),
        }
    }
}
