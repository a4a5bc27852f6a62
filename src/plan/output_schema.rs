//! How answers are held against the output schemas of their tools.

use serde::{Deserialize, Serialize};

/// Which answers are looked at, and what one means that breaks its schema.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutputSchema {
    /// The share of answers, from 0 to 1; of each step the first is one, too. 0 looks at none.
    pub sample: f64,
    /// What a violation means.
    pub on_violation: OnViolation,
}

/// What it means that an answer breaks its tool's output schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// The report says so.
    Warn,
    /// The run fails, and without an answer that was looked at it does not pass.
    Fail,
}

impl OnViolation {
    /// As scenarios write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl Default for OutputSchema {
    fn default() -> Self {
        Self { sample: 0.01, on_violation: OnViolation::Warn }
    }
}

impl OutputSchema {
    /// True where nothing else was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
