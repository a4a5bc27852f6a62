//! Which checks of a log are on, and on what terms.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::{LogFields, LogPlace};

/// The target's log against what was sent and what came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogChecks {
    /// Where it is.
    pub place: LogPlace,
    /// What it calls its fields.
    pub fields: LogFields,
    /// Fields that lines of calls must have, beside time, level and message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<String>,
    /// The largest share of lines that may tell of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_error_ratio: Option<f64>,
    /// True where a call has one line; false where it may have several.
    pub one_line_per_call: bool,
    /// A line must be there so long after what it tells of.
    pub lag_within: Duration,
    /// A call that takes this long is slow, and its line must say so.
    pub slow: Duration,
    /// Which of the checks are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<LogCheck>,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl LogChecks {
    /// The checks that are wanted, in the order of reports.
    pub fn wanted(&self) -> impl Iterator<Item = LogCheck> + '_ {
        LogCheck::ALL.into_iter().filter(|check| !self.except.contains(check))
    }

    /// As reports call them.
    pub fn wanted_words(&self) -> Vec<&'static str> {
        self.wanted().map(LogCheck::word).collect()
    }
}

/// One of the checks of the target's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogCheck {
    /// Each call has its line.
    Lines,
    /// Lines of failed calls have the level of an error, and no others.
    Errors,
    /// Lines are JSON and have their fields.
    Fields,
    /// Durations are plausible, and slow calls are told to be slow.
    Slow,
    /// Lines are there in time.
    Lag,
}

impl LogCheck {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Lines, Self::Errors, Self::Fields, Self::Slow, Self::Lag];

    /// As SLO files and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Errors => "errors",
            Self::Fields => "fields",
            Self::Slow => "slow",
            Self::Lag => "lag",
        }
    }
}
