//! What evaluating costs, counted in samples. It stands for a time limit: no clock is read, so that the same query over the same
//! series ends at the same place on every machine.
//!
//! Looking at one run of equal samples counts as one. What takes longer counts as the samples that could be looked at in the
//! same time. Each kind of work was timed on its own (a development build on a busy machine, nineteen queries like those that
//! `benches/promql.rs` has "at its limit"): 1 to 4 ns a sample, but for groups (5), fitted lines (7) and `label_replace` (14), whose
//! weights were raised for that and not timed again. It is booked before it is done.

use super::{Result, error_at};
use crate::promql::engine::{Engine, EvalError, Limits};
use crate::promql::expr::{Expr, ExprKind, Subquery};
use crate::promql::query::millis;

/// An expression at one time, whatever it gives.
pub(crate) const NODE: u64 = 16;
/// An element of a vector, passed on.
pub(crate) const ELEMENT: u64 = 16;
/// A set of labels that is made.
pub(crate) const LABELS: u64 = 128;
/// A sample that is looked at by itself, where a run would not do.
pub(crate) const POINT: u64 = 12;
/// A byte of a pattern that is compiled.
pub(crate) const PATTERN_BYTE: u64 = 256;

/// What one evaluation has cost, and what it may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    done: u64,
    most: u64,
    limit: Limit,
}

/// Whose limit it is.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// That of one evaluation.
    Evaluation,
    /// What is left of that of several evaluations, which was this at first.
    Together(u64),
}

impl Work {
    /// For one evaluation, of which several may look at `left` of `together` samples.
    pub(crate) fn new(limits: &Limits, left: u64, together: u64) -> Self {
        if limits.max_samples <= left {
            Self { done: 0, most: limits.max_samples, limit: Limit::Evaluation }
        } else {
            Self { done: 0, most: left, limit: Limit::Together(together) }
        }
    }

    pub(crate) fn done(&self) -> u64 {
        self.done
    }

    /// Refuses what costs too much whatever the series are, at `times` times.
    pub(crate) fn allow(&mut self, expr: &Expr, times: u64, engine: &Engine) -> Result<()> {
        match least_of(expr, Some(millis(engine.subquery_step)), self.most / times.max(1)) {
            Ok(_) => Ok(()),
            Err(costly) => {
                if let Limit::Together(_) = self.limit {
                    // What is left is too little, and stays so.
                    self.done = self.most;
                }
                Err(self.refused(costly))
            }
        }
    }

    #[inline]
    pub(crate) fn book(&mut self, samples: u64, expr: &Expr) -> Result<()> {
        self.done = self.done.saturating_add(samples);
        if self.done <= self.most { Ok(()) } else { Err(self.refused(expr)) }
    }

    #[cold]
    fn refused(&self, expr: &Expr) -> EvalError {
        let message = match self.limit {
            Limit::Evaluation => too_much("looks at", self.most, "the limit of one evaluation"),
            Limit::Together(all) => too_much_together(all),
        };
        error_at(expr, message)
    }
}

/// The words for the limit of several evaluations.
pub(crate) fn too_much_together(limit: u64) -> String {
    too_much("looks at", limit, "the limit of all evaluations together")
}

/// The words for a limit that is passed, with the way out.
pub(super) fn too_much(does: &str, limit: u64, of: &str) -> String {
    format!(
        "the query {does} more than {limit} samples, {of}: select fewer series, or give ranges a shorter length and \
         subqueries a coarser step"
    )
}

/// How many steps a subquery takes at the least; 1 where its step is not known.
pub(crate) fn steps_of(subquery: &Subquery, default_step_ms: Option<i64>) -> u64 {
    let step_ms = subquery.step.map(millis).or(default_step_ms);
    step_ms.map_or(1, |step_ms| millis(subquery.range) / step_ms.max(1)).unsigned_abs()
}

/// What an expression costs at one time at the least, whatever the series are: its nodes and the steps of its subqueries. Those that
/// don't say their step have `default_step_ms`; where that is not known, one step.
///
/// # Errors
/// The innermost expression that costs more than `most` by itself.
pub(crate) fn least_of(
    expr: &Expr,
    default_step_ms: Option<i64>,
    most: u64,
) -> std::result::Result<u64, &Expr> {
    let mut inside = NODE;
    for child in expr.children() {
        inside = inside.saturating_add(least_of(child, default_step_ms, most)?);
    }
    if let ExprKind::Subquery(subquery) = &expr.kind {
        inside = inside.saturating_mul(steps_of(subquery, default_step_ms));
    }
    if inside > most { Err(expr) } else { Ok(inside) }
}
