//! What came of holding answers against the output schemas of their tools.

use serde::{Deserialize, Serialize};

use crate::plan::StepId;

/// Sampled answers of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputCheck {
    /// Which step.
    pub step: StepId,
    /// Answers that were held against the schema.
    pub checked: u64,
    /// Answers that were meant to be, and were not: too many at once, too large, or too much work.
    pub unchecked: u64,
    /// Checked answers that break it.
    pub violations: u64,
    /// Where the first of these breaks it, in words, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl OutputCheck {
    /// No answer of `step` yet.
    pub fn none(step: StepId) -> Self {
        Self { step, checked: 0, unchecked: 0, violations: 0, example: None }
    }

    /// Adds what `other` counted.
    pub fn add(&mut self, other: &Self) {
        self.checked += other.checked;
        self.unchecked += other.unchecked;
        self.violations += other.violations;
        if self.example.is_none() {
            self.example.clone_from(&other.example);
        }
    }
}
