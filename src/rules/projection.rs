//! What an alert would have done if the steady phase had gone on. Not what happened, and never part of a verdict: a guess
//! with its grounds, of a type of its own.
//!
//! Ranges that are longer than the data are cut to the data, so that a rate over five minutes is read from the one minute
//! that there is. The alert would fire when its condition held throughout.

use std::collections::BTreeSet;
use std::time::Duration;

use super::evaluator::{Evaluator, RuleId, vector};
use super::rule::{Rule, RuleKind};
use super::scale::counts_with_its_range;
use super::source::read_of;
use crate::promql::{Budget, ExprKind, Labels, Query, Reach, Storage};

/// At how many times the condition is looked at, at the most.
const MOST_LOOKS: i64 = 60;

/// The part of a run in which the load was steady, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SteadyPhase {
    /// Its beginning.
    pub from_ms: i64,
    /// Its end.
    pub until_ms: i64,
}

/// What one alerting rule would do if the steady phase went on.
#[derive(Debug, Clone, PartialEq)]
pub enum Projection {
    /// It would fire.
    WouldFire {
        /// The series for which the condition held throughout.
        series: Vec<Labels>,
        /// How long the condition must go on: `for`.
        after: Duration,
        /// True when ranges were cut to the data.
        clipped: bool,
    },
    /// There is no series for which the condition held throughout.
    WouldNotFire {
        /// The share of the times looked at at which it held for any.
        held: f64,
        /// True when ranges were cut to the data.
        clipped: bool,
    },
    /// Nothing can be said.
    Unknown {
        /// Why: a fragment.
        why: String,
    },
}

/// [`Projection`] of the rule `id` of `evaluator`, over the series of `storage`, at the cost of `budget`.
///
/// The first quarter of the phase fills the ranges and is not looked at.
///
/// # Panics
/// When there is no such rule.
pub fn projected(
    evaluator: &Evaluator,
    id: RuleId,
    storage: &Storage,
    phase: SteadyPhase,
    budget: &mut Budget,
) -> Projection {
    let unknown = |why: String| Projection::Unknown { why };
    let settings = evaluator.settings();
    let (group, rule) = evaluator.rule(id);
    let Some(alerting) = rule.alerting() else {
        return unknown("it is no alert".to_owned());
    };
    let length = phase.until_ms.saturating_sub(phase.from_ms);
    if length <= 0 {
        return unknown("there is no steady phase".to_owned());
    }
    if let Some(why) = hindrance(evaluator, rule, Duration::from_millis(length.unsigned_abs())) {
        return unknown(why);
    }
    let interval = i64::try_from(group.interval_or(settings.interval).as_millis()).unwrap_or(i64::MAX);
    let begin = phase.from_ms + length / 4;
    let step = interval.max((phase.until_ms - begin) / MOST_LOOKS).max(1);
    let mut throughout: Option<BTreeSet<Labels>> = None;
    let (mut looks, mut held, mut clipped) = (0_u32, 0_u32, false);
    let mut at_ms = phase.until_ms;
    // Backwards, so that the end is looked at whatever the interval is.
    while at_ms > begin {
        let Some((query, cut)) = clipped_query(rule, phase.from_ms, at_ms) else {
            return unknown("it looks back further than the steady phase".to_owned());
        };
        clipped |= cut;
        let found: BTreeSet<Labels> = match vector(settings, &query, storage, at_ms, budget) {
            Ok(samples) => samples.into_iter().map(|sample| sample.labels.without_name()).collect(),
            Err(error) => return unknown(error.message),
        };
        looks += 1;
        held += u32::from(!found.is_empty());
        throughout = Some(match throughout {
            Some(before) => before.intersection(&found).cloned().collect(),
            None => found,
        });
        at_ms -= step;
    }
    let series: Vec<Labels> = throughout.unwrap_or_default().into_iter().collect();
    if series.is_empty() {
        return Projection::WouldNotFire { held: f64::from(held) / f64::from(looks.max(1)), clipped };
    }
    Projection::WouldFire { series, after: alerting.hold, clipped }
}

/// Why cutting ranges would give something else than a longer run.
fn hindrance(evaluator: &Evaluator, rule: &Rule, length: Duration) -> Option<String> {
    let too_long = |query: &Query| match query.reach(Duration::ZERO) {
        Reach::Within(reach) => reach > length,
        Reach::Everything => true,
    };
    if rule.query.reach(Duration::ZERO) == Reach::Everything {
        return Some("`@` names a time".to_owned());
    }
    if too_long(&rule.query)
        && let Some((name, why)) = counts_with_its_range(&rule.query)
    {
        return Some(format!("`{name}`: {why}"));
    }
    let recorded = evaluator.groups().flat_map(|group| &group.rules).find(|other| {
        matches!(other.kind, RuleKind::Recording { .. })
            && too_long(&other.query)
            && read_of(&rule.query, other).is_some()
    });
    recorded.map(|other| format!("`{}` was recorded over less data than it looks back on", other.name))
}

/// The expression with its ranges cut to what lies after `from_ms`, for an evaluation at `at_ms`, and whether any was cut;
/// `None` when an offset goes past the beginning.
fn clipped_query(rule: &Rule, from_ms: i64, at_ms: i64) -> Option<(Query, bool)> {
    let mut expr = rule.query.expr().clone();
    let (mut cut, mut past) = (false, false);
    let mut clip = |range: &mut Duration, offset_ms: i64| {
        let there = at_ms.saturating_sub(offset_ms).saturating_sub(from_ms);
        if there <= 0 {
            past = true;
            return;
        }
        let there = Duration::from_millis(there.unsigned_abs());
        if *range > there {
            *range = there;
            cut = true;
        }
    };
    expr.walk_mut(&mut |expr| match &mut expr.kind {
        ExprKind::Matrix(matrix) => clip(&mut matrix.range, matrix.selector.offset_ms),
        ExprKind::Subquery(subquery) => clip(&mut subquery.range, subquery.offset_ms),
        ExprKind::Selector(_)
        | ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => {}
    });
    if past {
        return None;
    }
    if !cut {
        return Some((rule.query.clone(), false));
    }
    Query::from_expr(&expr).ok().map(|query| (query, true))
}
