//! Whether a query's answer depends on how much of its ranges there is data for.
//!
//! In a run of 60 s `rate(x[5m])` reads a fifth of the true rate; a ratio of two such rates, or a quantile of them, reads right. So each
//! part of a query is given the powers to which it grows with the coverage of its ranges, as units are followed through a formula.

use std::collections::BTreeMap;
use std::time::Duration;

use super::template::filled;
use crate::promql::{AggregateOp, Binary, BinaryOp, Call, Comparison, Expr, ExprKind, Query};

/// Ranges whose coverage the value is proportional to, each with its power; powers of 0 are left out.
type Powers = BTreeMap<Duration, i32>;

/// Functions that grow with the length of the data in their range.
const GROWING: [&str; 7] =
    ["rate", "increase", "delta", "changes", "resets", "count_over_time", "sum_over_time"];

/// Functions that give the same of values that are all larger by one factor.
const FREE: [&str; 7] = [
    "histogram_quantile",
    "histogram_fraction",
    "absent",
    "absent_over_time",
    "present_over_time",
    "sgn",
    "timestamp",
];

/// Functions that grow as what they are given.
const PASSING: [&str; 10] = [
    "abs",
    "scalar",
    "vector",
    "sort",
    "sort_desc",
    "sort_by_label",
    "sort_by_label_desc",
    "label_replace",
    "label_join",
    "deg",
];

/// The longest range that the answer depends on being covered; `None` where it depends on none.
pub(super) fn longest_relied_on(query: &Query) -> Option<Duration> {
    match powers(query.expr()) {
        Some(powers) => powers.into_keys().max(),
        None => longest_range(query),
    }
}

/// [`longest_relied_on`] by the query that is written so, in a steady phase of `window`; none of what is no query.
pub(in crate::slo) fn relied_on_by(query: &str, window: Duration) -> Option<Duration> {
    longest_relied_on(&Query::parse(&filled(query, window)).ok()?)
}

/// The longest range of a query, those of subqueries among them.
pub(super) fn longest_range(query: &Query) -> Option<Duration> {
    let mut longest = None;
    query.expr().walk(&mut |expr| {
        let range = match &expr.kind {
            ExprKind::Matrix(matrix) => Some(matrix.range),
            ExprKind::Subquery(subquery) => Some(subquery.range),
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Selector(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => None,
        };
        longest = longest.max(range);
    });
    longest
}

/// `None` where the value is not proportional to anything of the kind.
fn powers(expr: &Expr) -> Option<Powers> {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Selector(_) | ExprKind::Matrix(_) => {
            Some(Powers::new())
        }
        ExprKind::Subquery(subquery) => powers(&subquery.expr),
        ExprKind::Paren(inner) | ExprKind::Negate(inner) => powers(inner),
        ExprKind::Binary(binary) => of_binary(binary),
        ExprKind::Aggregate(aggregate) => {
            let inner = powers(&aggregate.expr)?;
            match aggregate.op {
                AggregateOp::Count | AggregateOp::Group => Some(Powers::new()),
                AggregateOp::CountValues | AggregateOp::Stdvar => inner.is_empty().then_some(inner),
                AggregateOp::Sum
                | AggregateOp::Avg
                | AggregateOp::Min
                | AggregateOp::Max
                | AggregateOp::Stddev
                | AggregateOp::Topk
                | AggregateOp::Bottomk
                | AggregateOp::Quantile => Some(inner),
            }
        }
        ExprKind::Call(call) => of_call(call),
    }
}

fn of_binary(binary: &Binary) -> Option<Powers> {
    let (left, right) = (powers(&binary.lhs)?, powers(&binary.rhs)?);
    let alike = left == right || is_zero(&binary.rhs);
    match binary.op {
        BinaryOp::Divide => Some(combined(left, right, -1)),
        BinaryOp::Multiply => Some(combined(left, right, 1)),
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Modulo => (left == right).then_some(left),
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Greater
        | BinaryOp::Less
        | BinaryOp::AtLeast
        | BinaryOp::AtMost => match binary.comparison {
            Comparison::Filter => alike.then_some(left),
            Comparison::Bool => alike.then(Powers::new),
        },
        BinaryOp::And | BinaryOp::Unless => Some(left),
        BinaryOp::Or => alike.then_some(left),
        BinaryOp::Power | BinaryOp::Atan2 => (left.is_empty() && right.is_empty()).then_some(left),
    }
}

fn combined(mut left: Powers, right: Powers, sign: i32) -> Powers {
    for (range, power) in right {
        *left.entry(range).or_default() += sign * power;
    }
    left.retain(|_, power| *power != 0);
    left
}

fn of_call(call: &Call) -> Option<Powers> {
    let name = call.function.name;
    let of_args: Option<Vec<Powers>> = call.args.iter().map(powers).collect();
    let of_args = of_args?;
    if GROWING.contains(&name) {
        let range = call.args.first().and_then(|arg| match &arg.bare().kind {
            ExprKind::Matrix(matrix) => Some(matrix.range),
            ExprKind::Subquery(subquery) => Some(subquery.range),
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Selector(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => None,
        })?;
        let inner = of_args.into_iter().next()?;
        return Some(combined(inner, Powers::from([(range, 1)]), 1));
    }
    if FREE.contains(&name) {
        return Some(Powers::new());
    }
    // `max_over_time` and its like are of what there is.
    let is_passing = PASSING.contains(&name) || name.ends_with("_over_time") && name != "stdvar_over_time";
    if is_passing {
        return of_args.into_iter().find(|powers| !powers.is_empty()).or_else(|| Some(Powers::new()));
    }
    of_args.iter().all(Powers::is_empty).then(Powers::new)
}

/// Zero is so many seconds as it is hours.
fn is_zero(expr: &Expr) -> bool {
    match &expr.bare().kind {
        ExprKind::Number(number) => *number == 0.0,
        ExprKind::Call(call) => call.function.name == "vector" && call.args.iter().all(is_zero),
        ExprKind::Text(_)
        | ExprKind::Selector(_)
        | ExprKind::Matrix(_)
        | ExprKind::Subquery(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, seconds: Option<u64>) {
        let query = Query::parse(query).unwrap();
        assert_eq!(longest_relied_on(&query).map(|range| range.as_secs()), seconds, "{}", query.text());
    }

    #[test]
    fn ratios_and_quantiles_do_not_depend_on_the_length_of_their_ranges() {
        check("sum(rate(e[5m])) / sum(rate(c[5m]))", None);
        check("1 - sum(rate(e[5m])) / sum(rate(c[5m]))", None);
        check("histogram_quantile(0.95, sum by (le) (rate(b[5m])))", None);
        check("(sum(rate(e[5m])) or vector(0)) / sum(increase(c[5m]))", None);
        check("rate(s[5m]) / rate(c[5m]) > 0.5", None);
        check("max_over_time(up[5m])", None);
        check("sum_over_time(x[5m]) / count_over_time(x[5m])", None);
        check("rate(c[5m]) > 0 and sum(rate(e[5m])) / sum(rate(c[5m]))", Some(300));
        check("up", None);
    }

    #[test]
    fn counts_and_rates_do() {
        check("rate(c[5m])", Some(300));
        check("sum(increase(c[1m])) + 1", Some(60));
        check("rate(e[1m]) / rate(c[5m])", Some(300));
        check("rate(c[5m]) > 0.5", Some(300));
        check("max_over_time(rate(c[1m])[5m:])", Some(60));
        check("rate(c[5m]) ^ 2", Some(300));
        check("rate(a[5m]) * rate(b[5m])", Some(300));
        check("clamp_max(rate(c[2m]), 5)", Some(120));
    }
}
