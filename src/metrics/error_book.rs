//! Why calls failed, counted: a bounded number of distinct reasons for each step, phase and class of failure.
//!
//! The same book collects reasons while the load is on and adds up what was recorded.

use std::collections::BTreeMap;

use super::{ErrorSample, Phase};
use crate::model::OutcomeClass;
use crate::plan::StepId;

/// How many distinct reasons are kept of each step, phase and class; a server could invent a new one for each reply.
pub const MAX_REASONS: usize = 3;

/// What follows this in a reason is one example of many: reasons that differ in it alone are one.
pub const FOUND: &str = "; found";

/// A reason without its example.
fn kind(reason: &str) -> &str {
    reason.split(FOUND).next().unwrap_or(reason)
}

type Key = (StepId, Phase, OutcomeClass);

/// Reasons and how many calls gave each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorBook {
    pages: BTreeMap<Key, Page>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Page {
    /// In the order of their first call.
    reasons: Vec<(String, u64)>,
    /// Calls with reasons beyond these.
    others: u64,
}

impl ErrorBook {
    /// Enters `calls` calls that failed for `reason` (`None`: for one that was not kept).
    pub fn enter(
        &mut self,
        (step, phase, class): (StepId, Phase, OutcomeClass),
        reason: Option<&str>,
        calls: u64,
    ) {
        let page = self.pages.entry((step, phase, class)).or_default();
        let place =
            page.reasons.iter().position(|(known, _)| reason.is_some_and(|new| kind(known) == kind(new)));
        match (place, reason) {
            (Some(place), _) => page.reasons[place].1 += calls,
            (None, Some(new)) if page.reasons.len() < MAX_REASONS => {
                page.reasons.push((new.to_owned(), calls));
            }
            (None, _) => page.others += calls,
        }
    }

    /// Adds a sample that was recorded.
    pub fn add(&mut self, sample: &ErrorSample) {
        self.enter((sample.step, sample.phase, sample.class), sample.reason.as_deref(), sample.calls);
    }

    /// What was entered since the last time. The reasons stay known: over a whole run no more are kept.
    pub fn take(&mut self) -> Vec<ErrorSample> {
        let samples = self.samples();
        for page in self.pages.values_mut() {
            page.others = 0;
            page.reasons.iter_mut().for_each(|(_, calls)| *calls = 0);
        }
        samples
    }

    /// What was entered, by step, phase and class, the most frequent reason first and the others last.
    pub fn samples(&self) -> Vec<ErrorSample> {
        let mut samples = Vec::new();
        for (&(step, phase, class), page) in &self.pages {
            let mut reasons: Vec<&(String, u64)> = page.reasons.iter().collect();
            reasons.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
            let told = reasons.into_iter().map(|(reason, calls)| (Some(reason.clone()), *calls));
            let all = told.chain([(None, page.others)]).filter(|(_, calls)| *calls > 0);
            samples.extend(all.map(|(reason, calls)| ErrorSample { step, phase, class, reason, calls }));
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: (StepId, Phase, OutcomeClass) = (StepId(1), Phase::Steady, OutcomeClass::Tool);

    fn told(samples: &[ErrorSample]) -> Vec<(Option<&str>, u64)> {
        samples.iter().map(|sample| (sample.reason.as_deref(), sample.calls)).collect()
    }

    #[test]
    fn a_server_that_invents_reasons_does_not_fill_the_memory() {
        let mut book = ErrorBook::default();
        for call in 0..10_000 {
            book.enter(KEY, Some(&format!("no {}", call % 5_000)), 1);
        }
        let expected = [(Some("no 0"), 2), (Some("no 1"), 2), (Some("no 2"), 2), (None, 9_994)];
        assert_eq!(told(&book.samples()), expected);
    }

    #[test]
    fn what_is_taken_second_by_second_adds_up_to_the_run() {
        let (mut book, mut whole, mut sum) =
            (ErrorBook::default(), ErrorBook::default(), ErrorBook::default());
        for call in 0..100_u32 {
            let reason = format!("no {}", call % 7 % 5);
            book.enter(KEY, Some(&reason), 1);
            whole.enter(KEY, Some(&reason), 1);
            if call % 10 == 9 {
                book.take().iter().for_each(|sample| sum.add(sample));
            }
        }
        assert!(book.take().is_empty());
        assert_eq!(told(&sum.samples()), told(&whole.samples()));
        assert_eq!(sum.samples().iter().map(|sample| sample.calls).sum::<u64>(), 100);
    }

    #[test]
    fn the_most_frequent_reason_comes_first() {
        let mut book = ErrorBook::default();
        book.enter(KEY, Some("rare"), 1);
        book.enter(KEY, Some("often"), 5);
        assert_eq!(told(&book.samples()), [(Some("often"), 5), (Some("rare"), 1)]);
    }

    #[test]
    fn examples_do_not_make_a_reason_another_one() {
        let mut book = ErrorBook::default();
        let key = (StepId(0), Phase::Steady, OutcomeClass::Check);
        for answer in ["a", "b", "c"] {
            book.enter(key, Some(&format!("`contains: x` does not hold{FOUND}: {answer}")), 1);
        }
        book.enter(key, Some("`contains: y` does not hold; found: a"), 1);
        let told: Vec<_> =
            book.samples().into_iter().map(|sample| (sample.reason.unwrap(), sample.calls)).collect();
        let first = "`contains: x` does not hold; found: a".to_owned();
        assert_eq!(told, [(first, 3), ("`contains: y` does not hold; found: a".to_owned(), 1)]);
    }
}
