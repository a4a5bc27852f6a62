//! What a sweep for canaries came upon, as the events of a run tell it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::CanaryForm;

/// Where canaries are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepPlace {
    /// The lines of the target's log.
    Logs,
    /// The text of its metrics: names, labels, help.
    Metrics,
    /// The answers of its health endpoints.
    Health,
    /// Answers to calls.
    Replies,
}

impl SweepPlace {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Logs, Self::Metrics, Self::Health, Self::Replies];

    /// As SLO files and reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Health => "health",
            Self::Replies => "replies",
        }
    }
}

/// What was looked through since the event before, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Swept {
    /// How many lines, scrapes and answers were looked through.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub looked: BTreeMap<SweepPlace, u64>,
    /// Answers that were drawn to be looked through, and found no room.
    #[serde(default)]
    pub unswept: u64,
    /// Where canaries turned up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// Why a place can't be looked at now, in words that are fit to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// True in the last one: all was looked through to the end of the run.
    #[serde(default)]
    pub ended: bool,
}

/// Where a canary turned up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// In what.
    pub place: SweepPlace,
    /// Where in that, fit to be shown.
    pub source: String,
    /// The name of the canary, never the canary itself.
    pub canary: String,
    /// How it was written.
    pub form: CanaryForm,
    /// How often.
    pub count: u64,
    /// What it stood in, the first time that it was seen there: with the canary struck out, fit to be shown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub example: String,
}
