//! The engine's settings, what it is asked and what it answers.
//!
//! Reads no clock: a query that takes too long is one that looks at too many samples.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::eval::{Evaluation, Times, Work, too_much_together};
use super::expr::ValueType;
use super::labels::Labels;
use super::query::Query;
use super::storage::Storage;

/// Evaluates queries. Its settings are those of Prometheus 3 unless they are changed.
#[derive(Debug, Clone)]
pub struct Engine {
    /// How old a sample may be for an instant vector; 5 minutes.
    pub lookback: Duration,
    /// The step of subqueries that don't say theirs; 1 minute.
    pub subquery_step: Duration,
    /// When functions take the metric's name away.
    pub name_dropping: NameDropping,
    /// Whether a range includes its older end.
    pub range_ends: RangeEnds,
    /// What a query may cost.
    pub limits: Limits,
}

/// When functions take the metric's name away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameDropping {
    /// At once, as Prometheus does unless it is told otherwise.
    Immediate,
    /// At the end, so that `label_replace` still sees it (Prometheus's `promql-delayed-name-removal`).
    Delayed,
}

/// Whether a range includes its older end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeEnds {
    /// `(t - range, t]`, as in Prometheus 3; lookback likewise.
    LeftOpen,
    /// `[t - range, t]`, as in Prometheus 2; lookback likewise.
    Closed,
}

/// What a query may cost. They stand for a time limit: no clock is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Samples that one evaluation looks at, over all steps; equal ones that follow each other in a series count as one, and
    /// what takes longer than looking at a sample counts as many.
    pub max_samples: u64,
    /// The same of all evaluations of a query that is asked at many times, as a rule or an objective is over a run: a
    /// [`Budget`].
    pub max_samples_together: u64,
    /// Points of a range query's result, or of a subquery's, which are kept in memory.
    pub max_points: u64,
    /// Steps of a range query.
    pub max_steps: u64,
}

/// What several evaluations may look at together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    of: u64,
    left: u64,
}

/// What a query gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The result.
    pub value: Value,
    /// What makes the result doubtful, each once.
    pub warnings: Vec<Note>,
    /// What is worth knowing about the result, each once.
    pub infos: Vec<Note>,
}

/// A remark on a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The remark, in lower case, as Prometheus words it.
    pub message: String,
    /// The bytes of the query that it is about.
    pub span: Range<usize>,
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    Text(Arc<str>),
    /// A value for each series. In the order that `sort`, `topk` and their like gave it.
    Vector(Vec<VectorSample>),
    /// Many values for each series, which are sorted by their labels.
    Matrix(Vec<MatrixSeries>),
}

/// A series' value at the time of evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// The series.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// A series' values at several times.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// The series.
    pub labels: Labels,
    /// Time in milliseconds since 1970, and value; in order of time.
    pub points: Vec<(i64, f64)>,
}

/// Why a query has no result. Never to be taken for an empty one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// What went wrong, in lower case.
    pub message: String,
    /// The bytes of the query that it is about.
    pub span: Option<Range<usize>>,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(5 * 60),
            subquery_step: Duration::from_secs(60),
            name_dropping: NameDropping::Immediate,
            range_ends: RangeEnds::LeftOpen,
            limits: Limits::default(),
        }
    }
}

impl Limits {
    /// [`Limits::max_samples`] unless it is changed.
    pub(crate) const MAX_SAMPLES: u64 = 500_000_000;
}

impl Default for Limits {
    /// 500 million samples an evaluation, which took 0.5 to 2 s of one core (see `eval/work.rs` for how that was timed), and eight
    /// times that for all evaluations of a query over a run: 4 to 16 s at the worst, reckoned and not timed. And Prometheus's
    /// 50 million points and 11,000 steps.
    fn default() -> Self {
        Self {
            max_samples: Self::MAX_SAMPLES,
            max_samples_together: 4_000_000_000,
            max_points: 50_000_000,
            max_steps: 11_000,
        }
    }
}

impl Budget {
    /// `samples`, in the terms of [`Limits::max_samples`].
    pub fn new(samples: u64) -> Self {
        Self { of: samples, left: samples }
    }

    /// True when nothing is left: every further evaluation fails.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// All that there was to spend.
    pub fn of(&self) -> u64 {
        self.of
    }

    /// What may still be spent.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Raises the budget. One that is spent stays so.
    pub(crate) fn raise(&mut self, samples: u64) {
        if !self.is_spent() {
            self.of = self.of.saturating_add(samples);
            self.left = self.left.saturating_add(samples);
        }
    }

    /// The same with `most` left at the most.
    pub(crate) fn at_most(self, most: u64) -> Self {
        Self { left: self.left.min(most), ..self }
    }

    /// Books what is done beside evaluations, counted in samples.
    ///
    /// # Errors
    /// In words, where it is more than what is left.
    pub(crate) fn spend(&mut self, samples: u64) -> Result<(), String> {
        let left = self.left.checked_sub(samples);
        self.left = left.unwrap_or_default();
        left.map(|_| ()).ok_or_else(|| too_much_together(self.of))
    }

    /// Leaves nothing, because more was wanted than there was; gives the words for it.
    pub(crate) fn spend_all(&mut self) -> String {
        self.left = 0;
        too_much_together(self.of)
    }
}

impl Engine {
    /// The result of a query at one time, in milliseconds since 1970.
    pub fn instant(&self, query: &Query, storage: &Storage, at_ms: i64) -> Result<Answer, EvalError> {
        self.instant_within(query, storage, at_ms, &mut Budget::new(u64::MAX))
    }

    /// [`Engine::instant`] as one of several evaluations, which share a budget.
    pub fn instant_within(
        &self,
        query: &Query,
        storage: &Storage,
        at_ms: i64,
        budget: &mut Budget,
    ) -> Result<Answer, EvalError> {
        let times = Times { start_ms: at_ms, end_ms: at_ms, step_ms: 0 };
        let work = Work::new(&self.limits, budget.left, budget.of);
        let mut evaluation = Evaluation::new(self, storage, times, work);
        let answer = evaluation.instant(query.expr());
        // What is more than what was left has made the evaluation fail.
        let _ = budget.spend(evaluation.looked_at());
        answer
    }

    /// The results of a query from `start_ms` to `end_ms`, both included, `step_ms` apart: always a matrix.
    pub fn range(
        &self,
        query: &Query,
        storage: &Storage,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Answer, EvalError> {
        let refused = |message: String| Err(EvalError { message, span: None });
        if step_ms <= 0 {
            return refused("the step of a range query must be greater than 0".to_owned());
        }
        if end_ms < start_ms {
            return refused("the end of a range query is before its start".to_owned());
        }
        let times = Times { start_ms, end_ms, step_ms };
        let (steps, limit) = (times.count(), self.limits.max_steps);
        if steps > limit {
            let way_out = "take a coarser step or a shorter range";
            return refused(format!("{steps} steps are more than the limit of {limit}: {way_out}"));
        }
        match query.expr().value_type() {
            ValueType::Scalar | ValueType::Vector => {}
            other @ (ValueType::Text | ValueType::Matrix) => {
                return refused(format!(
                    "a range query takes a scalar or an instant vector, and this is {}",
                    other.name()
                ));
            }
        }
        let work = Work::new(&self.limits, u64::MAX, u64::MAX);
        Evaluation::new(self, storage, times, work).range(query.expr())
    }
}
