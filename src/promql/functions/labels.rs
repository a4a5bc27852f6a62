//! Functions that make labels, and those that notice that a series is not there.

use std::sync::Arc;

use crate::promql::eval::{Evaluated, Evaluation, Result, Sample, error_at, refuse_duplicates};
use crate::promql::expr::{Call, Expr, ExprKind};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::matcher::MatchOp;

/// The longest value of a label that is made, in bytes.
const MAX_VALUE: usize = 64 * 1024;
/// What it costs to find the groups of a pattern beside finding that it fits, counted in samples.
const CAPTURES: u64 = 512;
/// What it costs to write a byte and to keep it, counted in samples.
const BYTE: u64 = 2;

pub(super) fn label_replace(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
) -> Result<Evaluated> {
    let text = |position: usize| call.args[position].text().unwrap_or_default();
    let (target, replacement, source) = (text(1), text(2), text(3));
    let groups = replacement.matches('$').count();
    let pattern = evaluation.pattern(&Arc::from(text(4)), &call.args[4])?;
    let mut samples = evaluation.vector(&call.args[0], at)?;
    for sample in &mut samples {
        let value = sample.labels.get(source);
        evaluation.look_at(CAPTURES + pattern.cost(value.len()), expr)?;
        let Some(found) = pattern.captures(value) else { continue };
        make_label(evaluation, replacement.len() + groups * value.len(), expr)?;
        let mut made = String::new();
        pattern.expand(&found, replacement, &mut made);
        set_label(sample, target, &made);
    }
    refuse_duplicates(&samples, expr)?;
    Ok(Evaluated::Vector(samples))
}

pub(super) fn label_join(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
) -> Result<Evaluated> {
    let text = |position: usize| call.args[position].text().unwrap_or_default();
    let mut samples = evaluation.vector(&call.args[0], at)?;
    for sample in &mut samples {
        let values: Vec<&str> = (3..call.args.len()).map(|source| sample.labels.get(text(source))).collect();
        let length = values.iter().map(|value| value.len() + text(2).len()).sum();
        make_label(evaluation, length, expr)?;
        let made = values.join(text(2));
        set_label(sample, text(1), &made);
    }
    refuse_duplicates(&samples, expr)?;
    Ok(Evaluated::Vector(samples))
}

/// Books a label whose value is of so many bytes at the most. One label made of another many times over, and that a few times inside
/// itself, is more than fits into memory.
fn make_label(evaluation: &mut Evaluation<'_>, bytes: usize, expr: &Expr) -> Result<()> {
    if bytes > MAX_VALUE {
        let message = format!(
            "a label of {bytes} bytes would be made, and {MAX_VALUE} is the limit: make it of shorter or fewer texts"
        );
        return Err(error_at(expr, message));
    }
    evaluation.look_at(bytes as u64 * BYTE, expr)?;
    evaluation.make_labels(1, expr)
}

fn set_label(sample: &mut Sample, name: &str, value: &str) {
    sample.labels = sample.labels.with(name, value);
    if name == METRIC_NAME {
        // A name that was just given stays.
        sample.drops_name = false;
    }
}

pub(super) fn absent(evaluation: &mut Evaluation<'_>, call: &Call, _: &Expr, at: i64) -> Result<Evaluated> {
    let found = !evaluation.vector(&call.args[0], at)?.is_empty();
    Ok(Evaluated::Vector(absence(found, &call.args[0])))
}

pub(super) fn absent_over_time(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    _: &Expr,
    at: i64,
) -> Result<Evaluated> {
    let mut found = false;
    evaluation.each_stretch(&call.args[0], at, &mut |_, _, _, _| {
        found = true;
        Ok(())
    })?;
    Ok(Evaluated::Vector(absence(found, &call.args[0])))
}

fn absence(found: bool, arg: &Expr) -> Vec<Sample> {
    if found {
        return Vec::new();
    }
    vec![Sample { labels: absent_labels(arg), value: 1.0, drops_name: false }]
}

/// What is known of a series that is not there: the labels that it had to have. One that had to have two values has none.
fn absent_labels(arg: &Expr) -> Labels {
    let selector = match &arg.bare().kind {
        ExprKind::Selector(selector) => selector,
        ExprKind::Matrix(matrix) => &matrix.selector,
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Subquery(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => return Labels::empty(),
    };
    let asked = selector.matchers.iter().filter(|matcher| &*matcher.name != METRIC_NAME);
    let alone = asked.clone().filter(|matcher| {
        matcher.op == MatchOp::Equal && asked.clone().filter(|other| other.name == matcher.name).count() == 1
    });
    Labels::from_pairs(alone.map(|matcher| (Arc::clone(&matcher.name), Arc::clone(&matcher.value))))
}
