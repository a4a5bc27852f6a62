//! Binary operators: between scalars, between a vector and a scalar, and between vectors whose elements find each other.

use std::collections::{HashMap, HashSet};

use super::work::ELEMENT;
use super::{Evaluated, Evaluation, Result, Sample, error_at};
use crate::promql::engine::NameDropping;
use crate::promql::expr::{Binary, BinaryOp, Cardinality, Comparison, Expr, MatchBy, Matching};
use crate::promql::labels::{Labels, METRIC_NAME};

/// Where the scalar stands that a vector is combined with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScalarSide {
    Left,
    Right,
}

impl Evaluation<'_> {
    pub(super) fn binary(&mut self, binary: &Binary, expr: &Expr, at: i64) -> Result<Evaluated> {
        let lhs = self.eval(&binary.lhs, at)?;
        let rhs = self.eval(&binary.rhs, at)?;
        match (lhs, rhs) {
            (Evaluated::Scalar(lhs), Evaluated::Scalar(rhs)) => {
                Ok(Evaluated::Scalar(scalars(binary.op, lhs, rhs)))
            }
            (Evaluated::Vector(lhs), Evaluated::Scalar(rhs)) => {
                self.look_at(lhs.len() as u64 * ELEMENT, expr)?;
                self.with_scalar(binary, expr, lhs, rhs, ScalarSide::Right)
            }
            (Evaluated::Scalar(lhs), Evaluated::Vector(rhs)) => {
                self.look_at(rhs.len() as u64 * ELEMENT, expr)?;
                self.with_scalar(binary, expr, rhs, lhs, ScalarSide::Left)
            }
            (Evaluated::Vector(lhs), Evaluated::Vector(rhs)) => {
                let matching = &binary.matching;
                self.look_at((lhs.len() + rhs.len()) as u64 * cost_of(matching), expr)?;
                let samples = match binary.op {
                    BinaryOp::And => kept(lhs, &rhs, matching, Found::Kept),
                    BinaryOp::Unless => kept(lhs, &rhs, matching, Found::LeftOut),
                    BinaryOp::Or => {
                        let others = kept(rhs, &lhs, matching, Found::LeftOut);
                        lhs.into_iter().chain(others).collect()
                    }
                    BinaryOp::Add
                    | BinaryOp::Subtract
                    | BinaryOp::Multiply
                    | BinaryOp::Divide
                    | BinaryOp::Modulo
                    | BinaryOp::Power
                    | BinaryOp::Atan2
                    | BinaryOp::Equal
                    | BinaryOp::NotEqual
                    | BinaryOp::Greater
                    | BinaryOp::Less
                    | BinaryOp::AtLeast
                    | BinaryOp::AtMost => self.vectors(binary, expr, &lhs, &rhs)?,
                };
                Ok(Evaluated::Vector(samples))
            }
            (Evaluated::Text(_), _) | (_, Evaluated::Text(_)) => {
                Err(error_at(expr, "a string is no operand".to_owned()))
            }
        }
    }

    fn with_scalar(
        &mut self,
        binary: &Binary,
        expr: &Expr,
        samples: Vec<Sample>,
        scalar: f64,
        side: ScalarSide,
    ) -> Result<Evaluated> {
        let op = binary.op;
        let combine = |value: f64| {
            let (lhs, rhs) = if side == ScalarSide::Left { (scalar, value) } else { (value, scalar) };
            match compared(op, lhs, rhs) {
                None => Some(arithmetic(op, lhs, rhs)),
                Some(holds) if binary.comparison == Comparison::Bool => Some(f64::from(u8::from(holds))),
                // What is kept is the vector's value, on whichever side it is.
                Some(holds) => holds.then_some(value),
            }
        };
        if op.is_comparison() && binary.comparison == Comparison::Filter {
            let mut samples = samples;
            samples.retain(|sample| combine(sample.value).is_some());
            return Ok(Evaluated::Vector(samples));
        }
        self.nameless(samples, expr, combine).map(Evaluated::Vector)
    }

    /// Arithmetic and comparison of two vectors.
    fn vectors(
        &mut self,
        binary: &Binary,
        expr: &Expr,
        lhs: &[Sample],
        rhs: &[Sample],
    ) -> Result<Vec<Sample>> {
        // The side of which each element is alone in its group, and the side that may have many.
        let (many, one, swapped) = match binary.matching.cardinality {
            Cardinality::One | Cardinality::Left(_) => (lhs, rhs, false),
            Cardinality::Right(_) => (rhs, lhs, true),
        };
        if many.is_empty() || one.is_empty() {
            return Ok(Vec::new());
        }
        self.make_labels(many.len() * sets_of(&binary.matching), expr)?;
        let signature = Signature(&binary.matching);
        let index = alone(one, &signature, swapped, expr)?;
        let mut results: Vec<Sample> = Vec::new();
        let mut matched: HashSet<usize> = HashSet::new();
        let mut made: HashSet<Labels> = HashSet::new();
        for sample in many {
            let Some(partner) = signature.find(&index, one, &sample.labels) else { continue };
            let other = &one[partner];
            let (left, right) =
                if swapped { (other.value, sample.value) } else { (sample.value, other.value) };
            let (value, holds) = match compared(binary.op, left, right) {
                None => (arithmetic(binary.op, left, right), true),
                Some(holds) if binary.comparison == Comparison::Bool => (f64::from(u8::from(holds)), true),
                Some(holds) => (left, holds),
            };
            let mut result = self.result_of(binary, sample, other);
            result.value = value;
            if binary.matching.cardinality == Cardinality::One {
                if !matched.insert(partner) {
                    let message = "multiple matches for labels: many-to-one matching must be explicit \
                                   (group_left/group_right)";
                    return Err(error_at(expr, format!("{message}: {} is one of them", sample.labels)));
                }
            } else if !made.insert(result.labels.clone()) {
                let message = "multiple matches for labels: grouping labels must ensure unique matches";
                return Err(error_at(expr, format!("{message}: {} came twice", result.labels)));
            }
            if holds {
                results.push(result);
            }
        }
        Ok(results)
    }

    /// The element that two make, but for its value.
    fn result_of(&self, binary: &Binary, many: &Sample, one: &Sample) -> Sample {
        let returns_bool = binary.comparison == Comparison::Bool;
        let drops_now = !binary.op.is_comparison()
            || (returns_bool && self.engine.name_dropping == NameDropping::Immediate);
        let mut labels = if drops_now { many.labels.without_name() } else { many.labels.clone() };
        match &binary.matching.cardinality {
            Cardinality::One => match &binary.matching.by {
                MatchBy::On(names) => labels = labels.filtered(|name| names.iter().any(|on| on == name)),
                MatchBy::Ignoring(names) if names.is_empty() => {}
                MatchBy::Ignoring(names) => {
                    labels = labels.filtered(|name| !names.iter().any(|ignored| ignored == name));
                }
            },
            Cardinality::Left(taken) | Cardinality::Right(taken) => {
                for name in taken {
                    labels = labels.with(name, one.labels.get(name));
                }
            }
        }
        Sample { labels, value: f64::NAN, drops_name: returns_bool && !drops_now }
    }
}

/// What it costs for one element to find another, counted in samples: each label is looked for among the names.
fn cost_of(matching: &Matching) -> u64 {
    let (MatchBy::On(names) | MatchBy::Ignoring(names)) = &matching.by;
    ELEMENT * (2 + names.len() as u64 / 4)
}

/// How many sets of labels are made on the way to one element of the result.
fn sets_of(matching: &Matching) -> usize {
    match (&matching.cardinality, &matching.by) {
        (Cardinality::Left(taken) | Cardinality::Right(taken), _) => taken.len(),
        (Cardinality::One, MatchBy::Ignoring(names)) if names.is_empty() => 0,
        (Cardinality::One, MatchBy::On(_) | MatchBy::Ignoring(_)) => 1,
    }
}

/// Which labels two elements have to share to find each other.
struct Signature<'a>(&'a Matching);

type ByHash = HashMap<u64, Vec<usize>>;

impl Signature<'_> {
    fn counts(&self, name: &str) -> bool {
        match &self.0.by {
            MatchBy::On(names) => names.iter().any(|on| on == name),
            MatchBy::Ignoring(names) => name != METRIC_NAME && !names.iter().any(|ignored| ignored == name),
        }
    }

    fn hash(&self, labels: &Labels) -> u64 {
        labels.hash_of(|name| self.counts(name))
    }

    fn find(&self, index: &ByHash, samples: &[Sample], labels: &Labels) -> Option<usize> {
        let candidates = index.get(&self.hash(labels))?;
        let same = |at: &&usize| samples[**at].labels.same_in(labels, |name| self.counts(name));
        candidates.iter().find(same).copied()
    }
}

/// An index of the side of which each element has to be alone.
fn alone(samples: &[Sample], signature: &Signature<'_>, swapped: bool, expr: &Expr) -> Result<ByHash> {
    let mut index = ByHash::with_capacity(samples.len());
    for (at, sample) in samples.iter().enumerate() {
        if let Some(other) = signature.find(&index, samples, &sample.labels) {
            let group = sample.labels.filtered(|name| signature.counts(name));
            let side = if swapped { "left" } else { "right" };
            let mut pair = [samples[other].labels.to_string(), sample.labels.to_string()];
            pair.sort();
            let message = format!(
                "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
                 [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                pair[0], pair[1]
            );
            return Err(error_at(expr, message));
        }
        index.entry(signature.hash(&sample.labels)).or_default().push(at);
    }
    Ok(index)
}

/// What becomes of the elements that find one on the other side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Kept,
    LeftOut,
}

fn kept(mut samples: Vec<Sample>, others: &[Sample], matching: &Matching, found: Found) -> Vec<Sample> {
    let signature = Signature(matching);
    let mut index = ByHash::with_capacity(others.len());
    for (at, other) in others.iter().enumerate() {
        index.entry(signature.hash(&other.labels)).or_default().push(at);
    }
    samples
        .retain(|sample| signature.find(&index, others, &sample.labels).is_some() == (found == Found::Kept));
    samples
}

fn scalars(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    compared(op, lhs, rhs).map_or_else(|| arithmetic(op, lhs, rhs), |holds| f64::from(u8::from(holds)))
}

/// Whether a comparison holds; `None` for operators that are none.
fn compared(op: BinaryOp, lhs: f64, rhs: f64) -> Option<bool> {
    #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
    match op {
        BinaryOp::Equal => Some(lhs == rhs),
        BinaryOp::NotEqual => Some(lhs != rhs),
        BinaryOp::Greater => Some(lhs > rhs),
        BinaryOp::Less => Some(lhs < rhs),
        BinaryOp::AtLeast => Some(lhs >= rhs),
        BinaryOp::AtMost => Some(lhs <= rhs),
        BinaryOp::Add
        | BinaryOp::Subtract
        | BinaryOp::Multiply
        | BinaryOp::Divide
        | BinaryOp::Modulo
        | BinaryOp::Power
        | BinaryOp::Atan2
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Unless => None,
    }
}

fn arithmetic(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    match op {
        BinaryOp::Add => lhs + rhs,
        BinaryOp::Subtract => lhs - rhs,
        BinaryOp::Multiply => lhs * rhs,
        BinaryOp::Divide => lhs / rhs,
        BinaryOp::Modulo => lhs % rhs,
        BinaryOp::Power => lhs.powf(rhs),
        BinaryOp::Atan2 => lhs.atan2(rhs),
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Greater
        | BinaryOp::Less
        | BinaryOp::AtLeast
        | BinaryOp::AtMost
        | BinaryOp::And
        | BinaryOp::Or
        | BinaryOp::Unless => f64::NAN,
    }
}
