//! Findings before all of them are known: whether one may say FAIL depends on how many are tested with it.
//!
//! A FAIL of any objective fails the run, so with many of them one would fail by chance: FAILs are held to an overall 5 % by Holm's
//! procedure. A PASS of the run needs every objective to be shown to hold, each at 5 %: the run passes wrongly only if one that
//! does not hold does, so nothing is to be adjusted there (intersection-union). What would be a FAIL alone and is none
//! beside the others is INCONCLUSIVE.

use super::evidence::Evidence;
use super::tick::Tick;
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
struct Test {
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
        Self { finding, test: Some(Test { evidence, what, more }), ticks: Vec::new() }
    }

    /// The same, whose calls were made as `ticks` say.
    pub(super) fn counted_by(self, ticks: &[Tick]) -> Self {
        Self { ticks: ticks.to_vec(), ..self }
    }

    /// With what became of its budget.
    pub(super) fn with_budget(self, budget: Option<ErrorBudget>) -> Self {
        Self { finding: Finding { budget, ..self.finding }, ..self }
    }

    /// What is known of the finding so far.
    pub(super) fn finding(&self) -> &Finding {
        &self.finding
    }

    /// The share of bad ones, the share that may be, and the counts over time; `None` where there is no budget, or nothing was
    /// counted.
    pub(super) fn counted(&self) -> Option<(f64, f64, &[Tick])> {
        let evidence = &self.test.as_ref()?.evidence;
        let is_counted = evidence.is_tested() && !self.ticks.is_empty();
        is_counted.then(|| (evidence.share(), evidence.budget, self.ticks.as_slice()))
    }

    fn settled(self) -> Finding {
        let Some(Test { evidence, what, more }) = self.test else { return self.finding };
        Finding {
            verdict: evidence.verdict(),
            within_limit: Some(evidence.is_within()),
            samples: evidence.calls,
            bad: Some(evidence.bad),
            because: evidence.because(what) + &more,
            ..self.finding
        }
    }
}

/// All findings of a run, in their order.
pub(super) fn settle(mut drafts: Vec<Draft>) -> Vec<Finding> {
    let tests = drafts.iter_mut().filter_map(|draft| draft.test.as_mut());
    let mut tested: Vec<&mut Evidence> =
        tests.map(|test| &mut test.evidence).filter(|evidence| evidence.is_tested()).collect();
    let p_values: Vec<f64> = tested.iter().map(|evidence| evidence.p_value()).collect();
    for (evidence, level) in tested.iter_mut().zip(holm_levels(&p_values, SIGNIFICANCE)) {
        evidence.level = level;
    }
    drafts.into_iter().map(Draft::settled).collect()
}
