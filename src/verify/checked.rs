//! What came of a check.

use serde::{Deserialize, Serialize};

use crate::model::Verdict;

/// What came of one check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What is checked, such as `truth: counts`.
    pub name: String,
    /// Of which metric, or of what else.
    pub scope: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found, in a few words.
    pub value: String,
    /// What should be, in a few words.
    pub limit: String,
    /// How many things (rows, calls, series) were looked at.
    pub samples: u64,
    /// How many of them are not as they should be.
    pub bad: u64,
    /// Why the verdict is what it is, in one sentence.
    pub because: String,
    /// True where it rests on how long calls took by gander's own clock.
    pub on_time: bool,
    /// What it rests on, those that are not as they should be first.
    pub evidence: Evidence,
}

/// A table that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// What is in the columns.
    pub columns: Vec<String>,
    /// The rows that are kept.
    pub rows: Vec<Vec<String>>,
    /// How many more there were.
    pub more: u64,
}

impl Evidence {
    /// So many rows are kept.
    const MOST: usize = 50;

    /// A table under `columns`; of `rows`, those that are `false` (not as they should be) come first.
    pub(crate) fn of(columns: &[&str], rows: impl IntoIterator<Item = (bool, Vec<String>)>) -> Self {
        let mut rows: Vec<(bool, Vec<String>)> = rows.into_iter().collect();
        rows.sort_by_key(|(is_good, _)| *is_good);
        let more = rows.len().saturating_sub(Self::MOST) as u64;
        rows.truncate(Self::MOST);
        Self {
            columns: columns.iter().map(|&column| column.to_owned()).collect(),
            rows: rows.into_iter().map(|(_, row)| row).collect(),
            more,
        }
    }
}
