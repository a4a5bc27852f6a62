//! Rules in a faster time: all their times divided by one factor, so that what takes an hour in production takes a
//! minute in a test.
//!
//! That is only the same rule when its result does not depend on how long its ranges are. Where it does, the rule is
//! refused, with the reason.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::evaluator::RuleId;
use super::rule::{Alerting, Group, Rule, RuleKind};
use super::source::read_of;
use crate::input::{Place, Problem, Problems, quoted};
use crate::promql::{ExprKind, Query, Selector};

/// By how much times are divided; 1 or more.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct TimeScale(f64);

impl TimeScale {
    /// `None` of what is no number from 1 to a million.
    pub fn new(factor: f64) -> Option<Self> {
        (1.0..=1e6).contains(&factor).then_some(Self(factor))
    }

    fn of(self, duration: Duration) -> Duration {
        // Prometheus has no time shorter than a millisecond.
        let ms = (duration.as_secs_f64() * 1000.0 / self.0).round();
        Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX)
    }
}

impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Rules in a faster time.
#[derive(Debug, Clone)]
pub struct Scaled {
    /// The groups with the rules that could be scaled. Each says its interval.
    pub groups: Vec<Group>,
    /// The others, by their places among the groups as written, each as often as there are reasons.
    pub refused: Vec<(RuleId, Problem)>,
}

impl Scaled {
    /// Why rules can't be scaled, each in its place.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        self.refused.iter().for_each(|(_, problem)| problems.push(problem.clone()));
        problems.into_result(Some(())).map_or_else(|sorted| sorted, |((), sorted)| sorted)
    }
}

/// Functions whose result depends on how long a range is, or on what time it is; and why.
const BOUND_TO_TIME: [(&[&str], &str); 5] = [
    (
        &["increase", "delta", "changes", "resets", "count_over_time", "sum_over_time"],
        "what it counts grows with the length of the range",
    ),
    (&["predict_linear"], "it looks as many seconds ahead as it says"),
    (&["holt_winters", "double_exponential_smoothing"], "its result depends on how many samples there are"),
    (&["time", "timestamp"], "clocks do not run faster"),
    (
        &["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"],
        "the calendar does not run faster",
    ),
];

/// The rules of `groups` with ranges, offsets, `for`, `keep_firing_for` and intervals divided by `scale`. Groups that don't
/// say their interval have `interval`, to be divided too.
pub fn scaled(groups: &[Group], scale: TimeScale, interval: Duration) -> Scaled {
    let mut refused = Vec::new();
    let mut missing: Vec<&Rule> = Vec::new();
    let mut done: BTreeSet<(usize, usize)> = BTreeSet::new();
    // A rule that reads what can't be scaled can't be either: again until no more are found.
    loop {
        let before = done.len();
        for (i, group) in groups.iter().enumerate() {
            for (j, rule) in group.rules.iter().enumerate() {
                let why = reasons(rule, scale, &missing);
                if !why.is_empty() && done.insert((i, j)) {
                    let id = RuleId { group: i, rule: j };
                    refused.extend(why.into_iter().map(|problem| (id, problem)));
                    missing.push(rule);
                }
            }
        }
        if done.len() == before {
            break;
        }
    }
    let scaled_group = |(i, group): (usize, &Group)| Group {
        interval: Some(scale.of(group.interval_or(interval)).max(Duration::from_millis(1))),
        query_offset: scale.of(group.query_offset),
        rules: (0..group.rules.len())
            .filter(|j| !done.contains(&(i, *j)))
            .filter_map(|j| scaled_rule(&group.rules[j], scale))
            .collect(),
        ..group.clone()
    };
    let groups = groups.iter().enumerate().map(scaled_group).collect();
    Scaled { groups, refused }
}

/// Why a rule can't be scaled.
fn reasons(rule: &Rule, scale: TimeScale, missing: &[&Rule]) -> Vec<Problem> {
    let refuse = |span: std::ops::Range<usize>, why: String| {
        let place = place_of(rule, span);
        let message = format!("{} can't run in a faster time: {why}", quoted(&rule.name));
        Problem::error(&place, message).help("judge it as it is written, in a run that is long enough")
    };
    let mut found = Vec::new();
    rule.query.expr().walk(&mut |expr| match &expr.kind {
        ExprKind::Call(call) => {
            let name = call.function.name;
            if let Some((_, why)) = BOUND_TO_TIME.iter().find(|(names, _)| names.contains(&name)) {
                found.push(refuse(expr.span.clone(), format!("`{name}`: {why}")));
            }
        }
        ExprKind::Selector(selector) if selector.at.is_some() => {
            found.push(refuse(expr.span.clone(), "`@` names a time".to_owned()));
        }
        ExprKind::Matrix(matrix) => {
            if matrix.selector.at.is_some() {
                found.push(refuse(expr.span.clone(), "`@` names a time".to_owned()));
            } else if scale.of(matrix.range).is_zero() {
                found.push(refuse(
                    expr.span.clone(),
                    "its range would be shorter than a millisecond".to_owned(),
                ));
            }
        }
        ExprKind::Subquery(subquery) if subquery.at.is_some() => {
            found.push(refuse(expr.span.clone(), "`@` names a time".to_owned()));
        }
        ExprKind::Selector(_)
        | ExprKind::Subquery(_)
        | ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_) => {}
    });
    let read = missing.iter().filter(|source| read_of(&rule.query, source).is_some());
    for name in read.map(|source| source.name.as_str()).collect::<BTreeSet<_>>() {
        found.push(refuse(0..rule.query.text().len(), format!("it reads {}, which can't", quoted(name))));
    }
    found
}

/// The first function of a query whose result depends on how long its range is, and why.
pub(super) fn counts_with_its_range(query: &Query) -> Option<(&'static str, &'static str)> {
    // Those bound to the time of day don't look at ranges.
    let bound = |name: &'static str| {
        let row = BOUND_TO_TIME[..3].iter().find(|(names, _)| names.contains(&name));
        row.map(|(_, why)| (name, *why))
    };
    query.functions().into_iter().find_map(bound)
}

/// Where bytes of the expression are written.
fn place_of(rule: &Rule, span: std::ops::Range<usize>) -> Place {
    rule.expr.inside(rule.query.text(), span).unwrap_or_else(|| rule.expr.clone())
}

/// `None` of a rule whose changed expression is none, which one that was parsed does not come to.
fn scaled_rule(rule: &Rule, scale: TimeScale) -> Option<Rule> {
    let mut expr = rule.query.expr().clone();
    let selector = |selector: &mut Selector| selector.offset_ms = scaled_ms(selector.offset_ms, scale);
    expr.walk_mut(&mut |expr| match &mut expr.kind {
        ExprKind::Selector(selected) => selector(selected),
        ExprKind::Matrix(matrix) => {
            matrix.range = scale.of(matrix.range);
            selector(&mut matrix.selector);
        }
        ExprKind::Subquery(subquery) => {
            subquery.range = scale.of(subquery.range);
            subquery.step = subquery.step.map(|step| scale.of(step).max(Duration::from_millis(1)));
            subquery.offset_ms = scaled_ms(subquery.offset_ms, scale);
        }
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => {}
    });
    let kind = match &rule.kind {
        RuleKind::Alerting(alerting) => RuleKind::Alerting(Alerting {
            hold: scale.of(alerting.hold),
            keep_firing: scale.of(alerting.keep_firing),
            ..alerting.clone()
        }),
        RuleKind::Recording { labels } => RuleKind::Recording { labels: labels.clone() },
    };
    Some(Rule { query: Query::from_expr(&expr).ok()?, kind, ..rule.clone() })
}

fn scaled_ms(ms: i64, scale: TimeScale) -> i64 {
    let size =
        i64::try_from(scale.of(Duration::from_millis(ms.unsigned_abs())).as_millis()).unwrap_or(i64::MAX);
    if ms < 0 { -size } else { size }
}
