//! Functions of values: arithmetic, dates, order, and what makes scalars and vectors of each other.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::promql::eval::{Evaluated, Evaluation, Result, Sample};
use crate::promql::expr::{Call, Expr, ExprKind};
use crate::promql::labels::Labels;

pub(super) fn clamp(value: f64, bounds: &[f64]) -> Option<f64> {
    let (least, greatest) = (bounds[0], bounds[1]);
    (greatest.is_nan() || least.is_nan() || greatest >= least)
        .then(|| at_least(at_most(value, greatest), least))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn clamp_max(value: f64, bounds: &[f64]) -> Option<f64> {
    Some(at_most(value, bounds[0]))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn clamp_min(value: f64, bounds: &[f64]) -> Option<f64> {
    Some(at_least(value, bounds[0]))
}

/// The smaller of two; NaN if one is NaN, unlike [`f64::min`].
fn at_most(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// The greater of two; NaN if one is NaN, unlike [`f64::max`].
fn at_least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// To the nearest multiple; halves go up.
#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn round(value: f64, to: &[f64]) -> Option<f64> {
    // By the inverse, as Prometheus does: `0.1` has fewer digits to lose there.
    let inverse = 1.0 / to.first().unwrap_or(&1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

/// -1, 0 or 1; zero and NaN stay what they are.
pub(super) fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn pi(_: &mut Evaluation<'_>, _: &Call, _: &Expr, _: i64) -> Result<Evaluated> {
    Ok(Evaluated::Scalar(std::f64::consts::PI))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn time(_: &mut Evaluation<'_>, _: &Call, _: &Expr, at: i64) -> Result<Evaluated> {
    Ok(Evaluated::Scalar(at as f64 / 1000.0))
}

pub(super) fn scalar(evaluation: &mut Evaluation<'_>, call: &Call, _: &Expr, at: i64) -> Result<Evaluated> {
    let samples = evaluation.vector(&call.args[0], at)?;
    Ok(Evaluated::Scalar(match samples.as_slice() {
        [one] => one.value,
        _ => f64::NAN,
    }))
}

pub(super) fn vector(evaluation: &mut Evaluation<'_>, call: &Call, _: &Expr, at: i64) -> Result<Evaluated> {
    let value = evaluation.scalar(&call.args[0], at)?;
    Ok(Evaluated::Vector(vec![Sample { labels: Labels::empty(), value, drops_name: false }]))
}

/// The times of the samples themselves where they are selected here, else that of the evaluation.
pub(super) fn timestamp(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
) -> Result<Evaluated> {
    let found: Vec<(i64, Sample)> = match &call.args[0].bare().kind {
        ExprKind::Selector(selector) => evaluation.select_timed(selector, expr, at)?,
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Matrix(_)
        | ExprKind::Subquery(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => {
            evaluation.vector(&call.args[0], at)?.into_iter().map(|sample| (at, sample)).collect()
        }
    };
    let (times, samples): (Vec<i64>, Vec<Sample>) = found.into_iter().unzip();
    let mut times = times.into_iter();
    let next = |_| times.next().map(|time| time as f64 / 1000.0);
    evaluation.nameless(samples, expr, next).map(Evaluated::Vector)
}

pub(super) fn sort(evaluation: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    sorted(evaluation, call, expr, at, f64::total_cmp)
}

pub(super) fn sort_desc(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
) -> Result<Evaluated> {
    sorted(evaluation, call, expr, at, |a, b| b.total_cmp(a))
}

/// NaN comes last either way.
fn sorted(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
    order: fn(&f64, &f64) -> std::cmp::Ordering,
) -> Result<Evaluated> {
    if evaluation.is_range() {
        let message = "sort is ineffective for range queries since results are always ordered by labels";
        evaluation.warn(message, expr);
    }
    let mut samples = evaluation.vector(&call.args[0], at)?;
    samples.sort_by(|a, b| a.value.is_nan().cmp(&b.value.is_nan()).then_with(|| order(&a.value, &b.value)));
    Ok(Evaluated::Vector(samples))
}

/// A function that gives a part of a date.
pub(super) type DatePart = fn(&mut Evaluation<'_>, &Call, &Expr, i64) -> Result<Evaluated>;

/// A part of the dates that the values are, in seconds since 1970 and UTC; without an argument of the time of evaluation. What is
/// no date of the calendar (NaN, or beyond the year 9999) has none: NaN.
fn date(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
    part: fn(DateTime) -> i32,
) -> Result<Evaluated> {
    let part_of = |seconds: i64| {
        let time = jiff::Timestamp::from_second(seconds).ok()?;
        Some(f64::from(part(TimeZone::UTC.to_datetime(time))))
    };
    let Some(arg) = call.args.first() else {
        let value = part_of(at.div_euclid(1000)).unwrap_or(f64::NAN);
        return Ok(Evaluated::Vector(vec![Sample { labels: Labels::empty(), value, drops_name: false }]));
    };
    let samples = evaluation.vector(arg, at)?;
    let each = |value: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "what does not fit is no date either")]
        let seconds = if value.is_nan() { i64::MAX } else { value as i64 };
        Some(part_of(seconds).unwrap_or(f64::NAN))
    };
    evaluation.nameless(samples, expr, each).map(Evaluated::Vector)
}

pub(super) fn year(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.year().into())
}

pub(super) fn month(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.month().into())
}

pub(super) fn day_of_month(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.day().into())
}

pub(super) fn day_of_week(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.weekday().to_sunday_zero_offset().into())
}

pub(super) fn day_of_year(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.day_of_year().into())
}

pub(super) fn days_in_month(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.days_in_month().into())
}

pub(super) fn hour(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.hour().into())
}

pub(super) fn minute(e: &mut Evaluation<'_>, call: &Call, expr: &Expr, at: i64) -> Result<Evaluated> {
    date(e, call, expr, at, |date| date.minute().into())
}
