//! How a call ended early, in the words of whatever said so.

use std::error::Error;

use crate::model::Outcome;

/// How a call ended early, and the words of whatever said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) words: String,
}

impl Failure {
    /// `outcome` with the words of `error` and of what caused it.
    pub(crate) fn new(outcome: Outcome, error: &dyn Error) -> Self {
        let mut words = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let more = inner.to_string();
            if !words.contains(&more) {
                words = format!("{words}: {more}");
            }
            source = inner.source();
        }
        Self { outcome, words }
    }

    /// `outcome` in these words.
    pub(crate) fn worded(outcome: Outcome, words: &str) -> Self {
        Self { outcome, words: words.to_owned() }
    }

    /// `outcome`, where it says all there is to say.
    pub(crate) fn bare(outcome: Outcome) -> Self {
        Self { outcome, words: String::new() }
    }
}
