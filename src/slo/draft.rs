//! Findings before all of them are known: whether one may say FAIL depends on how many are tested with it.
//!
//! A FAIL of any objective fails the run, so with many of them one would fail by chance: FAILs are held to an overall 5 % by Holm's
//! procedure. A PASS of the run needs every objective to be shown to hold, each at 5 %: the run passes wrongly only if one that
//! does not hold does, so nothing is to be adjusted there (intersection-union). What would be a FAIL alone and is none
//! beside the others is INCONCLUSIVE.

use super::evidence::Evidence;
use super::tick::Tick;
use super::windows::Windows;
use super::{ErrorBudget, Finding};
use crate::stats::binomial::SIGNIFICANCE;
use crate::stats::holm::holm_levels;

/// A finding, and what it is to be tested by.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    finding: Finding,
    test: Option<Test>,
    /// What was counted over time, where that is known.
    ticks: Vec<Tick>,
}

#[derive(Debug, Clone)]
enum Test {
    Calls(OfCalls),
    Windows(Windows),
}

#[derive(Debug, Clone)]
struct OfCalls {
    evidence: Evidence,
    /// In a few words, what a bad call is.
    what: &'static str,
    /// What else is to be told.
    more: String,
}

impl Draft {
    /// Which says by itself what was found.
    pub(super) fn found(finding: Finding) -> Self {
        Self { finding, test: None, ticks: Vec::new() }
    }

    /// Whose verdict is what `evidence` proves; `what` says in a few words what a bad call is, `more` what else is to be told.
    pub(super) fn tested(finding: Finding, evidence: Evidence, what: &'static str, more: String) -> Self {
        Self { finding, test: Some(Test::Calls(OfCalls { evidence, what, more })), ticks: Vec::new() }
    }

    /// Whose verdict is what `windows` prove.
    pub(super) fn in_windows(finding: Finding, windows: Windows) -> Self {
        Self { finding, test: Some(Test::Windows(windows)), ticks: Vec::new() }
    }

    /// The same, whose calls were made as `ticks` say.
    pub(super) fn counted_by(self, ticks: &[Tick]) -> Self {
        Self { ticks: ticks.to_vec(), ..self }
    }

    /// With what became of its budget.
    pub(super) fn with_budget(self, budget: Option<ErrorBudget>) -> Self {
        Self { finding: Finding { budget, ..self.finding }, ..self }
    }

    /// What is found without the verdict, where that is tested.
    pub(super) fn finding(&self) -> &Finding {
        &self.finding
    }

    /// The same, in a scope that is narrower by `when`.
    pub(super) fn in_scope(mut self, when: &str) -> Self {
        self.finding.scope.push_str(when);
        self
    }

    /// The same, with `note` at the end of its sentence.
    pub(super) fn with_more(mut self, note: &str) -> Self {
        match &mut self.test {
            Some(Test::Calls(of)) => of.more.push_str(note),
            Some(Test::Windows(windows)) => windows.more.push_str(note),
            None => self.finding.because.push_str(note),
        }
        self
    }

    /// What a bad call is, and what else is to be told; `None` where no calls are tested.
    pub(super) fn told(&self) -> Option<(&'static str, &str)> {
        match &self.test {
            Some(Test::Calls(OfCalls { what, more, .. })) => Some((what, more)),
            Some(Test::Windows(_)) | None => None,
        }
    }

    /// The share of bad ones, the share that may be, and the counts over time; `None` where there is no budget, or nothing was
    /// counted.
    pub(super) fn counted(&self) -> Option<(f64, f64, &[Tick])> {
        let Some(Test::Calls(OfCalls { evidence, .. })) = &self.test else { return None };
        let is_counted = evidence.is_tested() && !self.ticks.is_empty();
        is_counted.then(|| (evidence.share(), evidence.budget, self.ticks.as_slice()))
    }

    fn settled(self) -> Finding {
        let (verdict, is_within, (samples, bad), because) = match &self.test {
            None => return self.finding,
            Some(Test::Calls(OfCalls { evidence, what, more })) => (
                evidence.verdict(),
                evidence.is_within(),
                (evidence.calls, evidence.bad),
                evidence.because(what) + more,
            ),
            Some(Test::Windows(windows)) => {
                (windows.verdict(), windows.is_within(), windows.worst_counts(), windows.because())
            }
        };
        Finding { verdict, within_limit: Some(is_within), samples, bad: Some(bad), because, ..self.finding }
    }
}

impl Test {
    /// True where it is chance that the verdict is held against.
    fn is_chance(&self) -> bool {
        match self {
            Self::Calls(of) => of.evidence.is_tested(),
            Self::Windows(windows) => windows.is_tested(),
        }
    }

    fn p_value(&self) -> f64 {
        match self {
            Self::Calls(of) => of.evidence.p_value(),
            Self::Windows(windows) => windows.p_value(),
        }
    }

    fn set_level(&mut self, level: f64) {
        match self {
            Self::Calls(of) => of.evidence.level = level,
            Self::Windows(windows) => windows.level = level,
        }
    }
}

/// All findings of a run, in their order.
pub(super) fn settle(mut drafts: Vec<Draft>) -> Vec<Finding> {
    let tests = drafts.iter_mut().filter_map(|draft| draft.test.as_mut());
    let mut tested: Vec<&mut Test> = tests.filter(|test| test.is_chance()).collect();
    let p_values: Vec<f64> = tested.iter().map(|test| test.p_value()).collect();
    for (test, level) in tested.iter_mut().zip(holm_levels(&p_values, SIGNIFICANCE)) {
        test.set_level(level);
    }
    drafts.into_iter().map(Draft::settled).collect()
}
