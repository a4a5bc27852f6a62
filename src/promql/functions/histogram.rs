//! Classic histograms: buckets by their bounds, ranks and fractions in them.

use std::collections::HashMap;

use crate::promql::eval::{Evaluated, Evaluation, Result, Sample, refuse_duplicates};
use crate::promql::expr::{Call, Expr};
use crate::promql::functions::number_text;
use crate::promql::labels::{METRIC_NAME, quoted};

/// Counts that differ by less than this, relatively, are the same: what is between them is rounding.
const SMALL: f64 = 1e-12;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// What is counted is not above it.
    bound: f64,
    count: f64,
}

pub(super) fn quantile(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
) -> Result<Evaluated> {
    let rank = evaluation.scalar(&call.args[0], at)?;
    if !(0.0..=1.0).contains(&rank) {
        let message = format!("quantile value should be between 0 and 1, got {}", number_text(rank));
        evaluation.warn(message, &call.args[0]);
    }
    let mut was_repaired = false;
    let samples = by_histogram(evaluation, &call.args[1], expr, at, &mut |buckets| {
        let (value, repaired) = bucket_quantile(rank, buckets);
        was_repaired |= repaired == Repaired::Yes;
        value
    })?;
    if was_repaired {
        evaluation.inform("input to histogram_quantile needed to be fixed for monotonicity", &call.args[1]);
    }
    Ok(Evaluated::Vector(samples))
}

pub(super) fn fraction(
    evaluation: &mut Evaluation<'_>,
    call: &Call,
    expr: &Expr,
    at: i64,
) -> Result<Evaluated> {
    let lower = evaluation.scalar(&call.args[0], at)?;
    let upper = evaluation.scalar(&call.args[1], at)?;
    let samples = by_histogram(evaluation, &call.args[2], expr, at, &mut |buckets| {
        bucket_fraction(lower, upper, buckets)
    })?;
    Ok(Evaluated::Vector(samples))
}

/// One value for each histogram, of its buckets sorted by bound.
fn by_histogram(
    evaluation: &mut Evaluation<'_>,
    arg: &Expr,
    expr: &Expr,
    at: i64,
    value_of: &mut dyn FnMut(&mut Vec<Bucket>) -> f64,
) -> Result<Vec<Sample>> {
    let not_bound = |name: &str| name != "le";
    let mut histograms: Vec<(Sample, Vec<Bucket>)> = Vec::new();
    let mut index: HashMap<u64, Vec<usize>> = HashMap::new();
    for sample in evaluation.vector(arg, at)? {
        let Ok(bound) = sample.labels.get("le").parse::<f64>() else {
            let le = quoted(sample.labels.get("le"));
            evaluation.warn(format!("bucket label \"le\" is missing or has a malformed value of {le}"), arg);
            continue;
        };
        let bucket = Bucket { bound, count: sample.value };
        let same = index.entry(sample.labels.hash_of(not_bound)).or_default();
        let known = same.iter().find(|at| histograms[**at].0.labels.same_in(&sample.labels, not_bound));
        if let Some(known) = known {
            histograms[*known].1.push(bucket);
        } else {
            same.push(histograms.len());
            histograms.push((sample, vec![bucket]));
        }
    }
    let names_differ = histograms
        .iter()
        .any(|(sample, _)| sample.labels.get(METRIC_NAME) != histograms[0].0.labels.get(METRIC_NAME));
    let mut samples = Vec::with_capacity(histograms.len());
    for (mut sample, mut buckets) in histograms {
        buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
        sample.value = value_of(&mut buckets);
        sample.labels = sample.labels.without(&["le"]);
        evaluation.drop_name(&mut sample);
        samples.push(sample);
    }
    if names_differ {
        refuse_duplicates(&samples, expr)?;
    }
    Ok(samples)
}

/// Whether counts fell from one bucket to the next and were lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repaired {
    Yes,
    No,
}

/// The value of a rank, on a line between the bounds of its bucket.
///
/// NaN for a rank of NaN, without a bucket up to infinity, with that one alone, and without observations; an infinity for a
/// rank below 0 or above 1. In the last bucket it is that bucket's lower bound; in a first one whose bound is not above 0 it is
/// that bound.
fn bucket_quantile(rank: f64, buckets: &mut Vec<Bucket>) -> (f64, Repaired) {
    if rank.is_nan() {
        return (f64::NAN, Repaired::No);
    }
    if rank < 0.0 {
        return (f64::NEG_INFINITY, Repaired::No);
    }
    if rank > 1.0 {
        return (f64::INFINITY, Repaired::No);
    }
    if !reaches_infinity(buckets) {
        return (f64::NAN, Repaired::No);
    }
    merge(buckets);
    let repaired = lift(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, repaired);
    }
    let wanted = rank * observations;
    let at = buckets[..last].iter().position(|bucket| bucket.count >= wanted).unwrap_or(last);
    let value = if at == last {
        buckets[last - 1].bound
    } else if at == 0 && buckets[0].bound <= 0.0 {
        buckets[0].bound
    } else {
        let below = at.checked_sub(1).map_or(Bucket { bound: 0.0, count: 0.0 }, |below| buckets[below]);
        let share = (wanted - below.count) / (buckets[at].count - below.count);
        below.bound + (buckets[at].bound - below.bound) * share
    };
    (value, repaired)
}

/// The share of observations between two values.
fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !reaches_infinity(buckets) {
        return f64::NAN;
    }
    merge(buckets);
    let observations = buckets[buckets.len() - 1].count;
    if observations == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let up_to = |value: f64| count_up_to(value, buckets).unwrap_or(observations).min(observations);
    (up_to(upper) - up_to(lower)) / observations
}

/// How many observations are not above a value; `None` when no bucket ends above it.
fn count_up_to(value: f64, buckets: &[Bucket]) -> Option<f64> {
    let lowest = if buckets[0].bound <= 0.0 { f64::NEG_INFINITY } else { 0.0 };
    let mut below = Bucket { bound: lowest, count: 0.0 };
    for bucket in buckets {
        if below.bound >= value {
            return Some(below.count);
        }
        if bucket.bound > value {
            // On a line through the bucket; in one without a lower bound nothing can be said of it.
            return Some(if below.bound == f64::NEG_INFINITY {
                bucket.count
            } else {
                below.count
                    + (bucket.count - below.count) * (value - below.bound) / (bucket.bound - below.bound)
            });
        }
        below = *bucket;
    }
    None
}

fn reaches_infinity(buckets: &[Bucket]) -> bool {
    buckets.last().is_some_and(|bucket| bucket.bound == f64::INFINITY)
}

/// Makes one of buckets with the same bound (`le="1"` and `le="1.0"`).
fn merge(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        #[expect(clippy::float_cmp, reason = "bounds are numbers that were written down")]
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Lifts counts that are below the one before: scraped at once, they are not.
fn lift(buckets: &mut [Bucket]) -> Repaired {
    let mut repaired = Repaired::No;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if nearly_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            repaired = Repaired::Yes;
        } else {
            before = bucket.count;
        }
    }
    repaired
}

fn nearly_equal(a: f64, b: f64) -> bool {
    #[expect(clippy::float_cmp, reason = "the same, infinities included")]
    if a == b {
        return true;
    }
    let (difference, size) = ((a - b).abs(), a.abs() + b.abs());
    if a == 0.0 || b == 0.0 || size < f64::MIN_POSITIVE {
        return difference < SMALL * f64::MIN_POSITIVE;
    }
    difference / size.min(f64::MAX) < SMALL
}
