//! Numbers: bounds, open or closed, and multiples.

use serde_json::{Number, Value};

use super::error::{Fault, SchemaError};
use super::generator::{Hole, Maker};
use super::shape::{Shape, Types};

/// How far from its one bound a number is drawn.
const SPAN: i128 = 99;
/// A range that is wider is not all meant: waiting times and sizes are given such bounds.
const WIDE: i128 = 999;
/// Numbers that programs stumble over, for a schema without bounds.
const EDGES: [i64; 7] =
    [0, 1, -1, i32::MAX as i64, i32::MIN as i64, 9_007_199_254_740_991, -9_007_199_254_740_991];
/// Digits behind the point that a step is read with.
const DIGITS: i32 = 9;

/// A step as a fraction in lowest terms.
#[derive(Debug, Clone, Copy)]
struct Step {
    over: i128,
    under: i128,
}

impl<'s> Maker<'_, 's> {
    /// A whole number.
    pub(super) fn whole(&mut self, shape: &Shape<'s>) -> Result<Value, SchemaError> {
        let low = lows(shape).map(|(bound, open)| above(bound, open)).max();
        let high = highs(shape).map(|(bound, open)| -above_negated(bound, open)).min();
        let step = step(shape)?.map_or(1, |step| step.over);
        let (first, last) = self.ends(low, high, step);
        let (first, last) = (ceil(first, step), last.div_euclid(step));
        if first > last {
            let keyword = if step > 1 { "multipleOf" } else { "maximum" };
            return Err(shape.fault(keyword, Fault::Contradiction));
        }
        let number = |count: i128| -> Result<Value, SchemaError> {
            let number = count * step;
            let small = i64::try_from(number).map(Number::from);
            let number = small.or_else(|_| u64::try_from(number).map(Number::from));
            number.map(Value::Number).map_err(|_| shape.fault("minimum", Fault::TooMuch))
        };
        if self.is_plain() {
            if let (1, Ok(first), Ok(last)) = (step, i64::try_from(first), i64::try_from(last))
                && first < last
            {
                self.may_be(Hole::Int(first, last));
            }
            return number(first);
        }
        if self.is_edge() {
            if low.is_none() && high.is_none() && step == 1 {
                return Ok(EDGES[self.below(EDGES.len())].into());
            }
            // Where both signs are allowed, the change of it is an edge, too.
            if first < 0 && last > 0 && self.takes_any_edge() && self.below(3) == 0 {
                return number(0);
            }
            return number(if self.is_low() { first } else { last });
        }
        match (i64::try_from(first), i64::try_from(last)) {
            (Ok(first), Ok(last)) => number(self.between(first, last).into()),
            _ => number(first),
        }
    }

    /// Where to draw between, with a bound that is not there put where it makes sense.
    fn ends(&mut self, low: Option<i128>, high: Option<i128>, step: i128) -> (i128, i128) {
        let span = SPAN.saturating_mul(step);
        match (low, high) {
            (Some(low), Some(high))
                if self.is_plain() && high.saturating_sub(low) > WIDE.saturating_mul(step) =>
            {
                (low, low.saturating_add(span))
            }
            (Some(low), Some(high)) => (low, high),
            (Some(low), None) => (low, low.saturating_add(span)),
            (None, Some(high)) if high >= step => (step.min(high), high.min(step.saturating_add(span))),
            (None, Some(high)) => (high.saturating_sub(span), high),
            (None, None) if self.is_plain() => (step, step.saturating_add(span)),
            (None, None) => (-span, span.saturating_mul(10)),
        }
    }

    /// A number that need not be whole.
    pub(super) fn fraction(&mut self, shape: &Shape<'s>) -> Result<Value, SchemaError> {
        let tightest = |a: (f64, bool), b: (f64, bool)| if b.0 > a.0 || (b.0 >= a.0 && b.1) { b } else { a };
        let low = lows(shape).map(|(bound, open)| (float(bound), open)).reduce(tightest);
        let negated = |(bound, open): (&Number, bool)| (-float(bound), open);
        let high = highs(shape).map(negated).reduce(tightest).map(|(bound, open)| (-bound, open));
        let roomy = match (low, high) {
            (Some((low, _)), Some((high, _))) => high - low >= 10.0,
            _ => true,
        };
        if shape.types.has(Types::WHOLE) && roomy && (self.is_plain() || self.below(2) == 0) {
            return self.whole(shape);
        }
        let (from, to) = match (low, high) {
            (Some((low, _)), Some((high, _))) => (low, high),
            (Some((low, _)), None) => (low, low + 100.0),
            (None, Some((high, _))) => (high - 100.0, high),
            (None, None) => (0.0, 100.0),
        };
        let (low_open, high_open) = (low.is_some_and(|low| low.1), high.is_some_and(|high| high.1));
        if from > to {
            return Err(shape.fault("maximum", Fault::Contradiction));
        }
        let drawn = match step(shape)? {
            Some(step) => self.multiple(from, to, step),
            None => self.point(from, to, low_open || high_open),
        };
        let number = Number::from_f64(drawn).ok_or_else(|| shape.fault("maximum", Fault::TooMuch))?;
        Ok(Value::Number(number))
    }

    /// A number between the two; at neither, where `inside`.
    fn point(&mut self, from: f64, to: f64, inside: bool) -> f64 {
        let middle = f64::midpoint(from, to);
        if self.is_plain() {
            return middle;
        }
        if self.is_edge() && !inside {
            return if self.is_low() { from } else { to };
        }
        let drawn = from + (to - from) * self.unit();
        let short = (drawn * 100.0).round() / 100.0;
        match (from < short && short < to, from < drawn && drawn < to) {
            (true, _) => short,
            (false, true) => drawn,
            (false, false) => middle,
        }
    }

    fn multiple(&mut self, from: f64, to: f64, step: Step) -> f64 {
        let size = step.over as f64 / step.under as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates; what it makes is checked")]
        let (first, last) = ((from / size).ceil() as i64, (to / size).floor() as i64);
        let count = if self.is_plain() || first >= last || (self.is_edge() && self.is_low()) {
            first
        } else if self.is_edge() {
            last
        } else {
            self.between(first, last)
        };
        count as f64 * step.over as f64 / step.under as f64
    }
}

/// Lower bounds; true for one that is not in the range itself.
fn lows<'k>(shape: &'k Shape<'_>) -> impl Iterator<Item = (&'k Number, bool)> + 'k {
    bounds(shape, "minimum", "exclusiveMinimum")
}

/// Upper bounds; true for one that is not in the range itself.
fn highs<'k>(shape: &'k Shape<'_>) -> impl Iterator<Item = (&'k Number, bool)> + 'k {
    bounds(shape, "maximum", "exclusiveMaximum")
}

fn bounds<'k>(
    shape: &'k Shape<'_>,
    closed: &'static str,
    open: &'static str,
) -> impl Iterator<Item = (&'k Number, bool)> + 'k {
    let number = |value: &'k Value| value.as_number();
    let closed = shape.each(closed).filter_map(move |(_, value)| Some((number(value)?, false)));
    closed.chain(shape.each(open).filter_map(move |(_, value)| Some((number(value)?, true))))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or_default()
}

/// The least whole number that is not below `bound`, or above it.
fn above(bound: &Number, open: bool) -> i128 {
    let whole = bound.as_i64().map(i128::from).or_else(|| bound.as_u64().map(i128::from));
    match whole {
        Some(whole) => whole + i128::from(open),
        None => above_float(float(bound), open),
    }
}

/// [`above`] of the negated bound.
fn above_negated(bound: &Number, open: bool) -> i128 {
    let whole = bound.as_i64().map(i128::from).or_else(|| bound.as_u64().map(i128::from));
    match whole {
        Some(whole) => i128::from(open) - whole,
        None => above_float(-float(bound), open),
    }
}

fn above_float(bound: f64, open: bool) -> i128 {
    /// Beyond every number that JSON programs exchange, and far from the end of what is computed with.
    const FAR: f64 = 1e30;
    let bound = bound.clamp(-FAR, FAR);
    let least = if open { bound.floor() + 1.0 } else { bound.ceil() };
    #[expect(clippy::cast_possible_truncation, reason = "within 10^30")]
    let least = least as i128;
    least
}

fn ceil(number: i128, step: i128) -> i128 {
    -(-number).div_euclid(step)
}

/// What every number is a multiple of; `None` where nothing says so.
fn step(shape: &Shape<'_>) -> Result<Option<Step>, SchemaError> {
    let mut all: Option<Step> = None;
    for (at, value) in shape.each("multipleOf") {
        let fault = || at.fault("multipleOf", Fault::TooMuch);
        let next = value.as_number().and_then(ratio).ok_or_else(fault)?;
        all = Some(match all {
            None => next,
            Some(known) => Step {
                over: common_multiple(known.over, next.over).ok_or_else(fault)?,
                under: divisor(known.under, next.under),
            },
        });
    }
    Ok(all)
}

fn ratio(number: &Number) -> Option<Step> {
    if let Some(whole) = number.as_u64().filter(|whole| *whole > 0) {
        return Some(Step { over: whole.into(), under: 1 });
    }
    let under = 10f64.powi(DIGITS);
    let over = (number.as_f64()? * under).round();
    // From here on every float is whole, and a step of that size is not for drawing.
    if !(1.0..1e27).contains(&over) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "within 10^27")]
    let (over, under) = (over as i128, under as i128);
    let shared = divisor(over, under);
    Some(Step { over: over / shared, under: under / shared })
}

fn divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn common_multiple(a: i128, b: i128) -> Option<i128> {
    (a / divisor(a, b)).checked_mul(b).filter(|multiple| *multiple < 1_000_000_000_000_000_000)
}
