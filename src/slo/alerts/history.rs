//! What became of alert rules over a run, as values: the one thing that verdicts and reports read.
//!
//! Times are seconds since the load began. Texts hold what the target said: whoever shows them cleans them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::Labels;

/// The rules of a run, and who would have been told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertHistory {
    /// Times of the rules were divided by this; 1 where they are as written.
    pub time_scale: u32,
    /// How long the rules were evaluated, in seconds.
    pub span: f64,
    /// From when on nothing is known of their series, in seconds; `None` where all of the load is covered.
    #[serde(default)]
    pub unknown_from: Option<f64>,
    /// Each alerting rule, in the order of the files.
    pub rules: Vec<AlertRow>,
    /// Recording rules that failed, with the reason.
    pub broken: Vec<(String, String)>,
    /// Notifications that would have been sent; `None` without an Alertmanager's configuration.
    pub pages: Option<Vec<PageRow>>,
    /// Alerts that fired and that nobody would have been told of.
    pub held_back: Vec<HeldBackRow>,
}

/// One alerting rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertRow {
    /// The alert's name.
    pub alert: String,
    /// The group's name.
    pub group: String,
    /// Where it is written: `file:line`.
    pub origin: String,
    /// The expression as it was evaluated.
    pub expr: String,
    /// `for`, in seconds.
    pub hold: f64,
    /// The rule's label `severity` as written; empty when there is none.
    pub severity: String,
    /// What can be said of it, as written (or in the time scale).
    pub reading: AlertReading,
    /// Why, in a few words.
    pub because: String,
    /// True where the SLO file says that this target can't have what it reads: nothing is concluded of its silence.
    #[serde(default)]
    pub out_of_reach: bool,
    /// Seconds of evaluated data that it needs to fire; `None` when it may look at anything.
    pub needs: Option<f64>,
    /// How much of what the expression looks back on was there, from 0 to 1.
    pub coverage: f64,
    /// Each time that one of its alerts was pending or firing, by the time it began.
    pub spans: Vec<AlertSpan>,
    /// Who would have been told, in order of their names.
    pub receivers: Vec<String>,
    /// What it would have done if the load had gone on; of a rule alone that the run was too short for.
    pub projected: Option<AlertProjection>,
}

/// What an alert would have done if the steady phase had gone on as it was. A guess with its grounds: no verdict rests on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertProjection {
    /// The guess.
    pub reading: ProjectedReading,
    /// What it rests on, in a few words.
    pub because: String,
}

/// What an alert would have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectedReading {
    /// It would have fired.
    WouldFire,
    /// It would not have fired.
    WouldNotFire,
    /// Nothing can be said.
    Unknown,
}

impl ProjectedReading {
    /// As sentences say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::WouldFire => "would fire",
            Self::WouldNotFire => "would not fire",
            Self::Unknown => "not known",
        }
    }
}

/// What can be said of an alerting rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertReading {
    /// An alert of it fired.
    Fired,
    /// Its condition held at the end, but not yet for as long as `for` asks.
    Pending,
    /// It did not fire, though it could have.
    Silent,
    /// It did not fire, and could not have: the run was too short for it. Not contradicted, no more.
    TooShort,
    /// The target never had the series that it reads.
    NoSuchSeries,
    /// It could not be evaluated.
    Failed,
    /// It can't be evaluated in a faster time.
    Refused,
}

/// An alert from pending to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertSpan {
    /// Which alert.
    pub labels: Labels,
    /// When its condition began to hold.
    pub active_at: f64,
    /// When it fired; `None` when it did not.
    pub fired_at: Option<f64>,
    /// When it was over; `None` when it was not.
    pub ended_at: Option<f64>,
    /// The last value of its expression, as Prometheus prints it.
    pub value: String,
    /// Its annotations, as of then.
    pub annotations: BTreeMap<String, String>,
}

/// A notification that would have been sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageRow {
    /// When.
    pub at: f64,
    /// To whom.
    pub receiver: String,
    /// In which ways: `pagerduty`, `slack`, ...; empty when the receiver reaches nobody.
    pub kinds: Vec<String>,
    /// Why then, in a few words.
    pub why: String,
    /// The labels that its group has in common.
    pub group: Labels,
    /// The alerts in it that fire.
    pub firing: Vec<Labels>,
    /// The alerts in it that are over.
    pub resolved: Vec<Labels>,
}

/// An alert that fired and that somebody was not told of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldBackRow {
    /// From when on.
    pub at: f64,
    /// Who was not told.
    pub receiver: String,
    /// The alert.
    pub labels: Labels,
    /// What held it back.
    pub because: String,
}

impl AlertReading {
    /// As tables say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Pending => "pending",
            Self::Silent => "silent",
            Self::TooShort => "run too short",
            Self::NoSuchSeries => "no such series",
            Self::Failed => "failed",
            Self::Refused => "not evaluated",
        }
    }
}

impl AlertHistory {
    /// The labels of each alert that fired, once, in order.
    pub fn fired(&self) -> BTreeSet<&Labels> {
        let spans = self.rules.iter().flat_map(|row| &row.spans);
        spans.filter(|span| span.fired_at.is_some()).map(|span| &span.labels).collect()
    }
}

impl AlertRow {
    /// The alerts of the rule that have all of `labels`.
    pub fn spans_with<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = &'a AlertSpan> {
        self.spans.iter().filter(|span| span.labels.matches(labels))
    }

    /// When the first of its alerts fired.
    pub fn first_fired(&self) -> Option<f64> {
        self.spans.iter().filter_map(|span| span.fired_at).min_by(f64::total_cmp)
    }
}
