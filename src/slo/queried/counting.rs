//! Which queries count events, and how such a query is asked of counts.
//!
//! A query counts when it only adds counters up. Then it can be asked of what each counter has counted since the steady phase
//! began, in whole numbers: `rate` and `increase` over a range would guess at the ends of their ranges.

use std::ops::Range;

use crate::promql::{AggregateOp, Binary, BinaryOp, Call, Comparison, Expr, ExprKind, Query, Selector};

/// Why a query does not count events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::slo) struct NoCount {
    /// What is in the way, for "... counts no events".
    pub(in crate::slo) why: String,
    /// Its bytes.
    pub(in crate::slo) span: Range<usize>,
}

/// Functions that turn a counter into what it counts in a range.
const COUNTING: [&str; 2] = ["rate", "increase"];
/// Functions that change no value.
const NAMING: [&str; 3] = ["vector", "label_replace", "label_join"];

/// Whether `query` counts events.
pub(in crate::slo) fn counts(query: &Query) -> Result<(), NoCount> {
    check(query.expr())?;
    if query.selectors().is_empty() {
        return no("it reads no counter", query.expr());
    }
    Ok(())
}

/// `query`, to be asked of what each counter has counted so far: without its ranges.
pub(super) fn of_counts(query: &Query) -> Option<Query> {
    let mut expr = query.expr().clone();
    expr.walk_mut(&mut |expr| {
        if let Some(selector) = counted(expr) {
            expr.kind = ExprKind::Selector(selector.clone());
        }
    });
    Query::from_expr(&expr).ok()
}

/// The selector in `rate(selector[5m])`.
fn counted(expr: &Expr) -> Option<&Selector> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    if !COUNTING.contains(&call.function.name) {
        return None;
    }
    match &call.args.first()?.bare().kind {
        ExprKind::Matrix(matrix) => Some(&matrix.selector),
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Selector(_)
        | ExprKind::Subquery(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => None,
    }
}

fn check(expr: &Expr) -> Result<(), NoCount> {
    if let Some(selector) = counted(expr) {
        return check_selector(selector, expr);
    }
    match &expr.kind {
        ExprKind::Selector(selector) => check_selector(selector, expr),
        ExprKind::Paren(inner) => check(inner),
        ExprKind::Number(number) if *number == 0.0 => Ok(()),
        ExprKind::Number(_) => no("a number", expr),
        ExprKind::Text(_) => no("a text", expr),
        ExprKind::Matrix(_) => no("a range without `rate` or `increase`", expr),
        ExprKind::Subquery(_) => no("a subquery", expr),
        ExprKind::Negate(_) => no("a negative number", expr),
        ExprKind::Aggregate(aggregate) if aggregate.op == AggregateOp::Sum => check(&aggregate.expr),
        ExprKind::Aggregate(aggregate) => no(&format!("`{}`", aggregate.op.name()), expr),
        ExprKind::Binary(binary) => check_binary(binary, expr),
        ExprKind::Call(call) => check_call(call, expr),
    }
}

fn check_selector(selector: &Selector, expr: &Expr) -> Result<(), NoCount> {
    if selector.at.is_some() || selector.offset_ms != 0 {
        return no("a selector of another time", expr);
    }
    Ok(())
}

fn check_binary(binary: &Binary, expr: &Expr) -> Result<(), NoCount> {
    match binary.op {
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => {
            check(&binary.lhs)?;
            check(&binary.rhs)
        }
        // `> 0` takes nothing from a count.
        BinaryOp::Greater | BinaryOp::NotEqual
            if binary.comparison == Comparison::Filter
                && matches!(binary.rhs.bare().kind, ExprKind::Number(number) if number == 0.0) =>
        {
            check(&binary.lhs)
        }
        op @ (BinaryOp::Multiply
        | BinaryOp::Divide
        | BinaryOp::Modulo
        | BinaryOp::Power
        | BinaryOp::Atan2
        | BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Greater
        | BinaryOp::Less
        | BinaryOp::AtLeast
        | BinaryOp::AtMost) => no(&format!("`{}`", op.symbol()), expr),
    }
}

fn check_call(call: &Call, expr: &Expr) -> Result<(), NoCount> {
    let name = call.function.name;
    let arg = call.args.first().filter(|_| NAMING.contains(&name) || name == "clamp_min");
    match arg {
        Some(arg) => check(arg),
        None if COUNTING.contains(&name) => no(&format!("`{name}` of a subquery"), expr),
        None => no(&format!("`{name}`"), expr),
    }
}

fn no(why: &str, expr: &Expr) -> Result<(), NoCount> {
    Err(NoCount { why: why.to_owned(), span: expr.span.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_counts(query: &str, asked: &str) {
        let query = Query::parse(query).unwrap();
        counts(&query).unwrap();
        assert_eq!(of_counts(&query).unwrap().text(), asked);
    }

    #[track_caller]
    fn check_refused(query: &str, why: &str, at: &str) {
        let refused = counts(&Query::parse(query).unwrap()).unwrap_err();
        assert_eq!((refused.why.as_str(), &query[refused.span]), (why, at));
    }

    #[test]
    fn sums_of_counters_count() {
        check_counts("c_total{a=\"b\"}", "c_total{a=\"b\"}");
        check_counts("sum(rate(c_total[5m]))", "sum(c_total)");
        check_counts("sum(rate(a[1m])) - sum(increase(b{le=\"0.4\"}[1m]))", "sum(a) - sum(b{le=\"0.4\"})");
        check_counts("(sum by (x) (c)) or vector(0)", "(sum by (x) (c)) or vector(0)");
        check_counts("sum(rate(c[5m]) > 0)", "sum(c > 0)");
    }

    #[test]
    fn what_is_no_sum_is_refused_where_it_is() {
        check_refused("sum(rate(a[5m])) / 2", "`/`", "sum(rate(a[5m])) / 2");
        check_refused("sum(avg_over_time(up[5m]))", "`avg_over_time`", "avg_over_time(up[5m])");
        check_refused("sum(c offset 5m)", "a selector of another time", "c offset 5m");
        check_refused("count(c)", "`count`", "count(c)");
        check_refused("vector(0)", "it reads no counter", "vector(0)");
        check_refused("c + 5", "a number", "5");
        check_refused("sum(c > 7)", "`>`", "c > 7");
    }
}
