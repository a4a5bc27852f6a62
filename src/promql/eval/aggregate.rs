//! Aggregations: elements by group, and what is made of a group.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::ranges::quantile_warning;
use super::work::ELEMENT;
use super::{Evaluation, Result, Sample, error_at};
use crate::promql::expr::{Aggregate, AggregateOp, Expr, Grouping};
use crate::promql::functions::{number_text, stats};
use crate::promql::labels::Labels;

struct Group {
    labels: Labels,
    values: Vec<f64>,
    /// Which samples they came from; filled for `topk` and `bottomk` alone.
    members: Vec<usize>,
    drops_name: bool,
}

/// Groups by the hash of their labels, and the ones whose hashes are the same.
type Index = HashMap<u64, Vec<usize>, BuildHasherDefault<Hashed>>;

/// For keys that are hashes.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Evaluation<'_> {
    /// One element for each group, or the `k` of each.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate, expr: &Expr, at: i64) -> Result<Vec<Sample>> {
        let op = aggregate.op;
        if op == AggregateOp::CountValues {
            return self.count_values(aggregate, at);
        }
        let param = match &aggregate.param {
            Some(param) => self.scalar(param, at)?,
            None => f64::NAN,
        };
        let samples = self.vector(&aggregate.expr, at)?;
        self.look_at(samples.len() as u64 * cost_of(&aggregate.grouping), expr)?;
        match op {
            AggregateOp::Topk | AggregateOp::Bottomk => best(aggregate, expr, param, &samples),
            AggregateOp::Quantile => {
                if !(0.0..=1.0).contains(&param) {
                    let place = aggregate.param.as_deref().unwrap_or(expr);
                    self.warn(quantile_warning(param), place);
                }
                Ok(reduced(op, param, &aggregate.grouping, &samples))
            }
            AggregateOp::Sum
            | AggregateOp::Avg
            | AggregateOp::Min
            | AggregateOp::Max
            | AggregateOp::Count
            | AggregateOp::Group
            | AggregateOp::Stddev
            | AggregateOp::Stdvar
            | AggregateOp::CountValues => {
                let groups = reduced(op, param, &aggregate.grouping, &samples);
                // How many they are is known now; they are no more than the samples.
                self.make_labels(groups.len(), expr)?;
                Ok(groups)
            }
        }
    }

    fn count_values(&mut self, aggregate: &Aggregate, at: i64) -> Result<Vec<Sample>> {
        let label = aggregate.param.as_deref().and_then(Expr::text).unwrap_or_default();
        let mut samples = self.vector(&aggregate.expr, at)?;
        self.look_at(samples.len() as u64 * cost_of(&aggregate.grouping), &aggregate.expr)?;
        self.make_labels(2 * samples.len(), &aggregate.expr)?;
        for sample in &mut samples {
            let grouped = sample.labels.filtered(|name| aggregate.grouping.keeps(name));
            sample.labels = grouped.with(label, &number_text(sample.value));
        }
        // What is left of the labels tells the groups apart.
        Ok(reduced(AggregateOp::Count, f64::NAN, &Grouping::Without(Vec::new()), &samples))
    }
}

/// What it costs to find an element's group, counted in samples: each label is looked for among the names.
fn cost_of(grouping: &Grouping) -> u64 {
    let (Grouping::By(names) | Grouping::Without(names)) = grouping;
    ELEMENT * (1 + names.len() as u64 / 4)
}

fn grouped(grouping: &Grouping, samples: &[Sample]) -> Vec<Group> {
    let keeps = |name: &str| grouping.keeps(name);
    let mut groups: Vec<Group> = Vec::new();
    let mut index = Index::default();
    for (at, sample) in samples.iter().enumerate() {
        let same = index.entry(sample.labels.hash_of(keeps)).or_default();
        let known = same.iter().copied().find(|group| groups[*group].labels.same_in(&sample.labels, keeps));
        let group = known.unwrap_or_else(|| {
            let labels = sample.labels.filtered(keeps);
            groups.push(Group { labels, values: Vec::new(), members: Vec::new(), drops_name: false });
            same.push(groups.len() - 1);
            groups.len() - 1
        });
        let group = &mut groups[group];
        group.values.push(sample.value);
        group.members.push(at);
        group.drops_name |= sample.drops_name;
    }
    groups
}

fn reduced(op: AggregateOp, param: f64, grouping: &Grouping, samples: &[Sample]) -> Vec<Sample> {
    let groups = grouped(grouping, samples).into_iter();
    let made = groups.map(|mut group| Sample {
        value: value_of(op, param, &mut group.values),
        labels: group.labels,
        drops_name: group.drops_name,
    });
    made.collect()
}

fn value_of(op: AggregateOp, param: f64, values: &mut [f64]) -> f64 {
    let each = values.iter().map(|value| (*value, 1.0));
    match op {
        AggregateOp::Sum => stats::sum(each),
        AggregateOp::Avg => stats::mean(each),
        AggregateOp::Min => stats::least(each),
        AggregateOp::Max => stats::greatest(each),
        AggregateOp::Count | AggregateOp::CountValues => values.len() as f64,
        AggregateOp::Group => 1.0,
        AggregateOp::Stddev => stats::variance(each).sqrt(),
        AggregateOp::Stdvar => stats::variance(each),
        AggregateOp::Quantile => stats::quantile(param, values),
        // Chosen, not computed: see `best`.
        AggregateOp::Topk | AggregateOp::Bottomk => f64::NAN,
    }
}

/// The `k` greatest or least elements of each group, in order; NaN is chosen last.
fn best(aggregate: &Aggregate, expr: &Expr, k: f64, samples: &[Sample]) -> Result<Vec<Sample>> {
    if k.is_nan() {
        return Err(error_at(expr, "Parameter value is NaN".to_owned()));
    }
    if k < 1.0 {
        return Ok(Vec::new());
    }
    if k.abs() >= 9.2e18 {
        return Err(error_at(expr, format!("`{}` is asked for {k} elements", aggregate.op.name())));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 9.2e18")]
    let k = k as usize;
    let mut chosen = Vec::new();
    for mut group in grouped(&aggregate.grouping, samples) {
        group.members.sort_by(|a, b| {
            let (a, b) = (samples[*a].value, samples[*b].value);
            let by_value = if aggregate.op == AggregateOp::Topk { b.total_cmp(&a) } else { a.total_cmp(&b) };
            a.is_nan().cmp(&b.is_nan()).then(by_value)
        });
        chosen.extend(group.members.iter().take(k).map(|at| samples[*at].clone()));
    }
    Ok(chosen)
}
