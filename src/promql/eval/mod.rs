//! Evaluates a tree at a time: dispatch, selectors, ranges and subqueries.
//!
//! One time after the other: a range query is as many instant ones, whose values are put together by their labels.

mod aggregate;
mod binary;
mod ranges;
mod work;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::engine::{
    Answer, Engine, EvalError, MatrixSeries, NameDropping, Note, RangeEnds, Value, VectorSample,
};
use super::expr::{At, Call, Expr, ExprKind, Selector};
use super::functions::Body;
use super::labels::Labels;
use super::pattern::Pattern;
use super::query::millis;
use super::storage::{SeriesId, Storage};
pub(crate) use work::Work;
use work::{ELEMENT, LABELS, NODE, PATTERN_BYTE};
pub(super) use work::{least_of, steps_of, too_much_together};

/// The times of a query.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "all are in milliseconds")]
pub(crate) struct Times {
    /// The first.
    pub(crate) start_ms: i64,
    /// The last.
    pub(crate) end_ms: i64,
    /// Between two; 0 for an instant query.
    pub(crate) step_ms: i64,
}

impl Times {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        let step = self.step_ms.unsigned_abs().max(1);
        self.end_ms.abs_diff(self.start_ms) / step + 1
    }
}

/// What an expression gives at one time.
pub(crate) enum Evaluated {
    Scalar(f64),
    Text(Arc<str>),
    Vector(Vec<Sample>),
}

/// One element of a vector on its way.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
    /// The name is still there, and goes at the end.
    pub(crate) drops_name: bool,
}

/// One query on its way.
pub(crate) struct Evaluation<'a> {
    engine: &'a Engine,
    storage: &'a Storage,
    times: Times,
    work: Work,
    kept: u64,
    warnings: Vec<Note>,
    infos: Vec<Note>,
    /// What selectors selected, by their address: it stays the same for all times of a query.
    selected: HashMap<usize, Rc<[SeriesId]>>,
    patterns: HashMap<Arc<str>, Pattern>,
}

pub(crate) type Result<T> = std::result::Result<T, EvalError>;

impl<'a> Evaluation<'a> {
    pub(crate) fn new(engine: &'a Engine, storage: &'a Storage, times: Times, work: Work) -> Self {
        Self {
            engine,
            storage,
            times,
            work,
            kept: 0,
            warnings: Vec::new(),
            infos: Vec::new(),
            selected: HashMap::new(),
            patterns: HashMap::new(),
        }
    }

    /// What has been looked at so far, counted in samples.
    pub(crate) fn looked_at(&self) -> u64 {
        self.work.done()
    }

    /// The answer at the one time of an instant query.
    pub(crate) fn instant(&mut self, expr: &Expr) -> Result<Answer> {
        self.work.allow(expr, 1, self.engine)?;
        let at = self.times.start_ms;
        let value = match &expr.bare().kind {
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => {
                let mut series = Vec::new();
                self.each_stretch(expr, at, &mut |evaluation, labels, _, stretch| {
                    let count = stretch.window.count();
                    evaluation.look_at(count as u64, expr)?;
                    evaluation.keep(count, expr)?;
                    let points = stretch.window.points().collect();
                    series.push(MatrixSeries { labels: labels.clone(), points });
                    Ok(())
                })?;
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                Value::Matrix(series)
            }
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Selector(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => match self.eval(expr, at)? {
                Evaluated::Scalar(value) => Value::Scalar(value),
                Evaluated::Text(text) => Value::Text(text),
                Evaluated::Vector(samples) => Value::Vector(finished(samples, expr)?),
            },
        };
        Ok(self.answer(value))
    }

    fn answer(&mut self, value: Value) -> Answer {
        let (warnings, infos) = (std::mem::take(&mut self.warnings), std::mem::take(&mut self.infos));
        Answer { value, warnings, infos }
    }

    /// The answers at all times of a range query.
    pub(crate) fn range(&mut self, expr: &Expr) -> Result<Answer> {
        self.work.allow(expr, self.times.count(), self.engine)?;
        let mut series: HashMap<Labels, Vec<(i64, f64)>> = HashMap::new();
        let mut at = self.times.start_ms;
        while at <= self.times.end_ms {
            let samples = match self.eval(expr, at)? {
                Evaluated::Scalar(value) => vec![VectorSample { labels: Labels::empty(), value }],
                Evaluated::Vector(samples) => finished(samples, expr)?,
                Evaluated::Text(_) => Vec::new(),
            };
            self.look_at(samples.len() as u64 * ELEMENT, expr)?;
            self.keep(samples.len(), expr)?;
            for sample in samples {
                series.entry(sample.labels).or_default().push((at, sample.value));
            }
            let Some(next) = at.checked_add(self.times.step_ms) else { break };
            at = next;
        }
        let mut matrix: Vec<MatrixSeries> =
            series.into_iter().map(|(labels, points)| MatrixSeries { labels, points }).collect();
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(self.answer(Value::Matrix(matrix)))
    }

    /// What an expression gives at a time.
    pub(crate) fn eval(&mut self, expr: &Expr, at: i64) -> Result<Evaluated> {
        self.look_at(NODE, expr)?;
        match &expr.kind {
            ExprKind::Number(value) => Ok(Evaluated::Scalar(*value)),
            ExprKind::Text(text) => Ok(Evaluated::Text(Arc::clone(text))),
            ExprKind::Paren(inner) => self.eval(inner, at),
            ExprKind::Selector(selector) => self.select(selector, expr, at).map(Evaluated::Vector),
            ExprKind::Negate(inner) => self.negate(inner, at),
            ExprKind::Binary(binary) => self.binary(binary, expr, at),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate, expr, at).map(Evaluated::Vector),
            ExprKind::Call(call) => self.call(call, expr, at),
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => {
                Err(error_at(expr, "a range vector has no value at one time".to_owned()))
            }
        }
    }

    /// [`Evaluation::eval`] of what is known to be an instant vector.
    pub(crate) fn vector(&mut self, expr: &Expr, at: i64) -> Result<Vec<Sample>> {
        match self.eval(expr, at)? {
            Evaluated::Vector(samples) => {
                // For what is to be done with them.
                self.look_at(samples.len() as u64 * ELEMENT, expr)?;
                Ok(samples)
            }
            Evaluated::Scalar(_) | Evaluated::Text(_) => {
                Err(error_at(expr, "an instant vector was expected".to_owned()))
            }
        }
    }

    /// [`Evaluation::eval`] of what is known to be a scalar.
    pub(crate) fn scalar(&mut self, expr: &Expr, at: i64) -> Result<f64> {
        match self.eval(expr, at)? {
            Evaluated::Scalar(value) => Ok(value),
            Evaluated::Vector(_) | Evaluated::Text(_) => {
                Err(error_at(expr, "a scalar was expected".to_owned()))
            }
        }
    }

    fn select(&mut self, selector: &Selector, expr: &Expr, at: i64) -> Result<Vec<Sample>> {
        let samples = self.select_timed(selector, expr, at)?;
        Ok(samples.into_iter().map(|(_, sample)| sample).collect())
    }

    /// The last samples of the series that a selector selects, with their times.
    pub(crate) fn select_timed(
        &mut self,
        selector: &Selector,
        expr: &Expr,
        at: i64,
    ) -> Result<Vec<(i64, Sample)>> {
        let until = self.time_of(selector.at, selector.offset_ms, at);
        let after = self.after(until, millis(self.engine.lookback));
        let ids = self.series_of(selector, expr)?;
        self.look_at(ids.len() as u64 * ELEMENT, expr)?;
        let mut cut = self.storage.cut(after, until);
        let mut samples = Vec::with_capacity(ids.len());
        for id in ids.iter() {
            if let Some((time, value)) = cut.last(*id) {
                let labels = self.storage.labels(*id).clone();
                samples.push((time, Sample { labels, value, drops_name: false }));
            }
        }
        Ok(samples)
    }

    fn negate(&mut self, inner: &Expr, at: i64) -> Result<Evaluated> {
        match self.eval(inner, at)? {
            Evaluated::Scalar(value) => Ok(Evaluated::Scalar(-value)),
            Evaluated::Vector(samples) => {
                self.nameless(samples, inner, |value| Some(-value)).map(Evaluated::Vector)
            }
            Evaluated::Text(_) => Err(error_at(inner, "a string has no opposite".to_owned())),
        }
    }

    fn call(&mut self, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
        match call.function.body {
            Body::Each(each) => {
                let samples = self.vector(&call.args[0], at)?;
                self.nameless(samples, expr, |value| Some(each(value))).map(Evaluated::Vector)
            }
            Body::EachWith(each) => {
                let samples = self.vector(&call.args[0], at)?;
                let mut params = Vec::new();
                for arg in &call.args[1..] {
                    params.push(self.scalar(arg, at)?);
                }
                self.nameless(samples, expr, |value| each(value, &params)).map(Evaluated::Vector)
            }
            Body::Stretch(compute, names) => {
                self.call_on_stretches(call, expr, at, compute, names).map(Evaluated::Vector)
            }
            Body::Whole(compute) => compute(self, call, expr, at),
        }
    }

    /// The samples with changed values and without their names; what `change` has no value for is left out.
    pub(crate) fn nameless(
        &self,
        mut samples: Vec<Sample>,
        expr: &Expr,
        mut change: impl FnMut(f64) -> Option<f64>,
    ) -> Result<Vec<Sample>> {
        let may_clash = self.may_clash(&samples);
        samples.retain_mut(|sample| match change(sample.value) {
            Some(value) => {
                sample.value = value;
                self.drop_name(sample);
                true
            }
            None => false,
        });
        if may_clash {
            refuse_duplicates(&samples, expr)?;
        }
        Ok(samples)
    }

    /// Takes the name of a sample away, now or at the end.
    pub(crate) fn drop_name(&self, sample: &mut Sample) {
        match self.engine.name_dropping {
            NameDropping::Immediate => sample.labels = sample.labels.without_name(),
            NameDropping::Delayed => sample.drops_name = true,
        }
    }

    /// True when samples could have the same labels once their names are gone.
    fn may_clash(&self, samples: &[Sample]) -> bool {
        let Some(first) = samples.first() else { return false };
        self.engine.name_dropping == NameDropping::Immediate
            && samples.iter().any(|sample| sample.labels.name() != first.labels.name())
    }

    /// The time that a selector or subquery looks at when the query is at `at`.
    fn time_of(&self, fixed: Option<At>, offset_ms: i64, at: i64) -> i64 {
        let from = match fixed {
            None => at,
            Some(At::Time(time)) => time,
            Some(At::Start) => self.times.start_ms,
            Some(At::End) => self.times.end_ms,
        };
        from.saturating_sub(offset_ms)
    }

    /// The time after which a stretch of this length begins that goes up to `until`.
    fn after(&self, until: i64, length_ms: i64) -> i64 {
        let open = until.saturating_sub(length_ms);
        match self.engine.range_ends {
            RangeEnds::LeftOpen => open,
            RangeEnds::Closed => open.saturating_sub(1),
        }
    }

    fn series_of(&mut self, selector: &Selector, expr: &Expr) -> Result<Rc<[SeriesId]>> {
        let address = std::ptr::from_ref(selector).addr();
        if let Some(known) = self.selected.get(&address) {
            return Ok(Rc::clone(known));
        }
        let storage = self.storage;
        let found = storage.select_within(&selector.matchers, |cost| self.look_at(cost, expr))?;
        Ok(Rc::clone(self.selected.entry(address).or_insert(found.into())))
    }

    /// The pattern of a text, compiled once.
    pub(crate) fn pattern(&mut self, text: &Arc<str>, expr: &Expr) -> Result<Pattern> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(known.clone());
        }
        self.look_at(text.len() as u64 * PATTERN_BYTE, expr)?;
        let pattern =
            Pattern::of_label_replace(text).map_err(|refused| error_at(expr, refused.to_string()))?;
        self.patterns.insert(Arc::clone(text), pattern.clone());
        Ok(pattern)
    }

    /// True in range queries, whose results are in the order of labels.
    pub(crate) fn is_range(&self) -> bool {
        self.times.step_ms != 0
    }

    /// Books what is to be looked at, counted in samples.
    pub(crate) fn look_at(&mut self, samples: u64, expr: &Expr) -> Result<()> {
        self.work.book(samples, expr)
    }

    /// Books sets of labels that are to be made.
    pub(crate) fn make_labels(&mut self, sets: usize, expr: &Expr) -> Result<()> {
        self.work.book(sets as u64 * LABELS, expr)
    }

    /// Books points that are kept for a result.
    fn keep(&mut self, points: usize, expr: &Expr) -> Result<()> {
        self.kept += points as u64;
        let limit = self.engine.limits.max_points;
        if self.kept <= limit {
            return Ok(());
        }
        Err(error_at(expr, work::too_much("makes", limit, "the limit of what one evaluation may keep")))
    }

    /// A remark that makes the result doubtful.
    pub(crate) fn warn(&mut self, message: impl Into<String>, expr: &Expr) {
        note(&mut self.warnings, message.into(), expr);
    }

    /// A remark worth knowing.
    pub(crate) fn inform(&mut self, message: impl Into<String>, expr: &Expr) {
        note(&mut self.infos, message.into(), expr);
    }
}

/// More remarks than this are not kept.
const MAX_NOTES: usize = 20;

fn note(notes: &mut Vec<Note>, message: String, expr: &Expr) {
    let note = Note { message, span: expr.span.clone() };
    if notes.len() < MAX_NOTES && !notes.contains(&note) {
        notes.push(note);
    }
}

/// The samples as they leave the engine: names that were to go are gone.
fn finished(samples: Vec<Sample>, expr: &Expr) -> Result<Vec<VectorSample>> {
    let mut dropped = false;
    let samples: Vec<Sample> = samples
        .into_iter()
        .map(|mut sample| {
            if sample.drops_name {
                sample.labels = sample.labels.without_name();
                dropped = true;
            }
            sample
        })
        .collect();
    if dropped {
        refuse_duplicates(&samples, expr)?;
    }
    Ok(samples
        .into_iter()
        .map(|sample| VectorSample { labels: sample.labels, value: sample.value })
        .collect())
}

/// Refuses a vector in which two elements have the same labels.
pub(crate) fn refuse_duplicates(samples: &[Sample], expr: &Expr) -> Result<()> {
    let mut seen = std::collections::HashSet::with_capacity(samples.len());
    for sample in samples {
        if !seen.insert(&sample.labels) {
            return Err(duplicate(&sample.labels, expr));
        }
    }
    Ok(())
}

fn duplicate(labels: &Labels, expr: &Expr) -> EvalError {
    error_at(expr, format!("vector cannot contain metrics with the same labelset: {labels} is there twice"))
}

/// An error with its place.
pub(crate) fn error_at(expr: &Expr, message: String) -> EvalError {
    EvalError { message, span: Some(expr.span.clone()) }
}
