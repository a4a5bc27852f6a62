//! Alert rules as part of what must hold: which rule files are evaluated over the metrics that a run scraped, and what is
//! expected of their alerts.

mod expect;
mod file;
mod history;
mod live;
mod on_fetched;
mod projection;
mod replay;
mod run_length;

#[cfg(test)]
mod fetched_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::expect::{ALERT, alert_findings};
pub(crate) use self::file::read;
pub use self::history::{
    AlertHistory, AlertProjection, AlertReading, AlertRow, AlertSpan, HeldBackRow, PageRow, ProjectedReading,
};
pub use self::live::{AlertNews, LiveAlerts, LiveState};
pub use self::replay::alert_history;
pub(super) use self::replay::evaluated_groups;
pub(super) use self::run_length::too_short_for;
use crate::alertmanager;
use crate::model::{Labels, format_duration};

/// The alert rules of a run, and what is expected of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertCriteria {
    /// Prometheus rule files, as they are.
    pub rules: Vec<TextFile>,
    /// Who is told of alerts; `None` when nobody asks who would have been paged.
    pub alertmanager: Option<alertmanager::Config>,
    /// How often groups are evaluated that do not say so themselves.
    pub evaluation_interval: Duration,
    /// What Prometheus would add to every series of the target, such as `job` and `instance`.
    pub labels: Labels,
    /// What Prometheus adds to every alert that it sends.
    pub external_labels: Labels,
    /// Ranges, offsets, `for` and intervals of the rules are divided by this; 1 leaves them as written.
    pub time_scale: u32,
    /// Alerts that read what this target cannot have: nothing is concluded of their silence.
    pub out_of_reach: Vec<String>,
    /// In the order of the file.
    pub expectations: Vec<AlertExpectation>,
}

/// A user's file as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFile {
    /// Its path as messages call it.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// What must become of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertExpectation {
    /// The alert's name; `None` for every alert of the rules.
    pub alert: Option<String>,
    /// Labels that it has, others aside.
    pub labels: Labels,
    /// What is expected.
    pub expected: Expected,
    /// Where it is written: `file:line`.
    pub origin: String,
}

/// What may be expected of an alert. Times are of the run, whatever its time scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// It fires, at the latest so long after the load began.
    Fires {
        /// `None`: at any time of the run.
        within: Option<Duration>,
    },
    /// It never fires.
    StaysSilent,
    /// It fires, and is resolved, at the latest so long after it fired first.
    Resolves {
        /// `None`: at any time of the run.
        within: Option<Duration>,
    },
}

impl AlertCriteria {
    /// `labels` of an alert as Alertmanager is told them: with the external ones. An alert's own count where both have one.
    pub fn told_labels(&self, labels: &Labels) -> Labels {
        self.external_labels.iter().chain(labels.iter()).collect()
    }
}

impl Expected {
    /// The list of an SLO file that it is written in.
    pub(crate) fn list(&self) -> &'static str {
        match self {
            Self::Fires { .. } => "must_fire",
            Self::StaysSilent => "must_stay_silent",
            Self::Resolves { .. } => "must_resolve",
        }
    }

    /// As a verdict's table says it.
    pub fn limit(&self) -> String {
        let within = |within: &Option<Duration>| {
            within.map_or_else(String::new, |within| format!(" within {}", format_duration(within)))
        };
        match self {
            Self::Fires { within: time } => format!("fires{}", within(time)),
            Self::StaysSilent => "stays silent".to_owned(),
            Self::Resolves { within: time } => format!("is resolved{}", within(time)),
        }
    }
}

impl fmt::Display for AlertExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alert.as_deref().unwrap_or("every alert"))?;
        if !self.labels.is_empty() {
            write!(f, "{}", self.labels)?;
        }
        write!(f, " {}", self.expected.limit())
    }
}
