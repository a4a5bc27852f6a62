//! Regular expressions of a query: those of matchers and of `label_replace`, and what it costs to hold them against texts.

use regex::Captures;

use super::regexp::{PatternError, Regexp};

/// What it costs to hold a pattern against a text, however short, counted in samples.
const MATCH: u64 = 16;
/// How many bytes times states cost as much as looking at one sample.
const BYTES_AND_STATES: u64 = 2;

/// A regular expression that has to fit the whole of a text, as in Prometheus.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regexp);

impl Pattern {
    /// The pattern of a matcher.
    pub(crate) fn anchored(pattern: &str) -> Result<Self, PatternError> {
        Regexp::anchored(pattern).map(Self)
    }

    /// The pattern of `label_replace`, which Prometheus puts between anchors as a text: `a)|(b` is one there.
    pub(crate) fn of_label_replace(pattern: &str) -> Result<Self, PatternError> {
        Regexp::new(&format!("^(?s:{pattern})$")).map(Self)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.0.captures(text)
    }

    /// Writes `template` with what groups have taken.
    pub(crate) fn expand(&self, found: &Captures<'_>, template: &str, out: &mut String) {
        self.0.expand(found, template, out);
    }

    /// What it costs to hold it against a text of so many bytes, counted in samples.
    pub(crate) fn cost(&self, bytes: usize) -> u64 {
        MATCH + (bytes as u64).saturating_mul(1 + self.0.repeated()) / BYTES_AND_STATES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_costs_what_its_repetitions_come_to() {
        let cost = |pattern: &str| Pattern::anchored(pattern).unwrap().cost(100) - MATCH;
        assert_eq!(
            (cost(".+"), cost("a|b|c.*"), cost("a{10}"), cost("(a[bc]{10}){20}")),
            (50, 50, 550, 50 * 221)
        );
    }

    #[test]
    fn label_replace_has_its_pattern_as_a_text_between_anchors() {
        let pattern = Pattern::of_label_replace("a)|(b").unwrap();
        assert!(pattern.is_match("ac") && pattern.is_match("cb") && !pattern.is_match("c"));
        assert!(Pattern::anchored("a)|(b").is_err() && Pattern::of_label_replace("\\Qa").is_err());
        assert!(Pattern::anchored("\\Qa").unwrap().is_match("a"));
    }
}
