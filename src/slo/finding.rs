//! What was found of one objective: the verdict, the numbers it rests on, and the sentence that says why.

use serde::{Deserialize, Serialize};

use super::ErrorBudget;
use crate::model::Verdict;

/// The verdict on one objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The objective's name.
    pub name: String,
    /// Which calls, or which metric.
    pub scope: String,
    /// What is measured: `p95 latency`, `error ratio`, ...
    pub indicator: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The value as people read it: `812 ms`, `2.3 %`, `no data`.
    pub value: String,
    /// The value as a number, in seconds or as a ratio; `None` without data.
    pub value_number: Option<f64>,
    /// The limit as people read it: `<= 500 ms`.
    pub limit: String,
    /// How many calls (or scrapes) the value rests on.
    pub samples: u64,
    /// How many of them were bad; `None` where bad is not counted.
    pub bad: Option<u64>,
    /// The plain comparison, without regard to chance: whether the value keeps the limit. `None` without data, and where there is no
    /// value to compare.
    #[serde(default)]
    pub within_limit: Option<bool>,
    /// How the budget of bad ones burnt; `None` where there is none.
    #[serde(default)]
    pub budget: Option<ErrorBudget>,
    /// Why the verdict is what it is, in one sentence.
    pub because: String,
    /// Where it is written: `file:line`.
    pub origin: String,
}

impl Finding {
    /// The scope of what is about no calls in particular.
    pub const WHOLE_RUN: &str = "the whole run";

    /// What is judged, and of what: `p95 latency, tool search`.
    pub fn what(&self) -> String {
        if self.scope == Self::WHOLE_RUN {
            self.indicator.clone()
        } else {
            format!("{}, {}", self.indicator, self.scope)
        }
    }

    /// The plain comparison in a word: `within` the limit, or `outside`; `-` where there is none. Where the verdict is INCONCLUSIVE this is
    /// what it would be without regard to chance.
    pub fn plainly(&self) -> &'static str {
        match self.within_limit {
            Some(true) => "within",
            Some(false) => "outside",
            None => "-",
        }
    }
}
