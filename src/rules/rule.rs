//! Rules as they are once read: what is asked, under which name, for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use super::template::Template;
use crate::input::Place;
use crate::promql::Query;

/// Rules that are evaluated in order, at one time.
#[derive(Debug, Clone)]
pub struct Group {
    /// Unique within its file.
    pub name: String,
    /// The file, as the user named it.
    pub file: String,
    /// Time between evaluations; `None` is whatever the evaluator's default is.
    pub interval: Option<Duration>,
    /// How far back of its evaluation time the group asks, and records.
    pub query_offset: Duration,
    /// The most series a recording rule, or alerts an alerting rule, may give; 0 is no limit.
    pub limit: usize,
    /// In the order of the file.
    pub rules: Vec<Rule>,
    /// Where it is written.
    pub place: Place,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The metric that it records, or the alert's name.
    pub name: String,
    /// What is evaluated.
    pub query: Query,
    /// What it does with the result.
    pub kind: RuleKind,
    /// Where `record` or `alert` is written.
    pub place: Place,
    /// Where the expression is written.
    pub expr: Place,
}

/// What a rule does with its result.
#[derive(Debug, Clone)]
pub enum RuleKind {
    /// Writes it as series of another name.
    Recording {
        /// Labels that are added to each series; an empty value takes the label away.
        labels: BTreeMap<String, String>,
    },
    /// Makes an alert of each series in it.
    Alerting(Alerting),
}

/// What is particular to an alert.
#[derive(Debug, Clone)]
pub struct Alerting {
    /// `for`: how long the condition must hold until the alert fires.
    pub hold: Duration,
    /// How long it goes on firing when the condition no longer holds.
    pub keep_firing: Duration,
    /// Labels that are added to those of the series.
    pub labels: BTreeMap<String, Template>,
    /// Texts for people.
    pub annotations: BTreeMap<String, Template>,
}

impl Group {
    /// The interval, `default` where the file says none.
    pub fn interval_or(&self, default: Duration) -> Duration {
        self.interval.unwrap_or(default)
    }
}

impl Rule {
    /// What is particular to an alert, when it is one.
    pub fn alerting(&self) -> Option<&Alerting> {
        match &self.kind {
            RuleKind::Alerting(alerting) => Some(alerting),
            RuleKind::Recording { .. } => None,
        }
    }

    /// `alert` or `record`, as in the file.
    pub fn keyword(&self) -> &'static str {
        match self.kind {
            RuleKind::Recording { .. } => "record",
            RuleKind::Alerting(_) => "alert",
        }
    }

    /// The labels that are added, as written; for telling two rules apart.
    pub(super) fn labels_written(&self) -> BTreeMap<&str, &str> {
        match &self.kind {
            RuleKind::Recording { labels } => {
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
            }
            RuleKind::Alerting(alerting) => {
                alerting.labels.iter().map(|(name, value)| (name.as_str(), value.text())).collect()
            }
        }
    }
}
