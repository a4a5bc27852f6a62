//! Functions and aggregations: how many arguments of which types, and what some of them have to say.
//!
//! The parser sees to operators.

use super::token::{error, error_with};
use crate::promql::engine::Limits;
use crate::promql::eval::{least_of, steps_of};
use crate::promql::expr::{Aggregate, AggregateOp, Call, Expr, ExprKind, ValueType};
use crate::promql::pattern::Pattern;
use crate::promql::query::QueryError;

/// Refuses subqueries whose steps alone, whatever the series are, cost more than an evaluation may.
pub(super) fn check_steps(expr: &Expr) -> Result<(), QueryError> {
    let limit = Limits::MAX_SAMPLES;
    let Err(costly) = least_of(expr, None, limit) else { return Ok(()) };
    let steps = match &costly.kind {
        ExprKind::Subquery(subquery) => format!("the {} steps", steps_of(subquery, None)),
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Selector(_)
        | ExprKind::Matrix(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => "the steps inside".to_owned(),
    };
    let message = format!(
        "{steps} of this cost more than looking at {limit} samples, the limit of one evaluation, whatever the series are"
    );
    let help = "give subqueries a coarser step, as in `[1h:1m]`, or a shorter range";
    Err(error_with(message, help, costly.span.clone()))
}

/// Refuses the first expression that makes no sense, inner ones first.
pub(super) fn check(expr: &Expr) -> Result<(), QueryError> {
    for child in expr.children() {
        check(child)?;
    }
    match &expr.kind {
        ExprKind::Aggregate(aggregate) => check_aggregate(aggregate),
        ExprKind::Call(call) => check_call(call, expr),
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Selector(_)
        | ExprKind::Matrix(_)
        | ExprKind::Subquery(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_) => Ok(()),
    }
}

fn expect(expr: &Expr, wanted: ValueType, who: &str) -> Result<(), QueryError> {
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    let message = format!("{who} takes {}, and this is {}", wanted.name(), found.name());
    let help = match (wanted, found) {
        (ValueType::Matrix, ValueType::Vector) if matches!(expr.bare().kind, ExprKind::Selector(_)) => {
            "say over which time, as in `[5m]`"
        }
        (ValueType::Matrix, ValueType::Vector) => "make it a subquery, as in `(...)[5m:]`",
        (ValueType::Vector, ValueType::Scalar) => "`vector(...)` makes a vector of a scalar",
        (ValueType::Scalar, ValueType::Vector) => "`scalar(...)` makes a scalar of a vector of one element",
        (ValueType::Vector, ValueType::Matrix) => {
            "a function such as `rate` makes an instant vector of a range"
        }
        _ => return Err(error(message, expr.span.clone())),
    };
    Err(error_with(message, help, expr.span.clone()))
}

fn check_call(call: &Call, expr: &Expr) -> Result<(), QueryError> {
    let (least, most) = call.function.argument_counts();
    let given = call.args.len();
    if given < least || given > most {
        let wanted = match (least, most) {
            (least, most) if least == most => format!("{least}"),
            (least, usize::MAX) => format!("{least} or more"),
            (least, most) => format!("{least} to {most}"),
        };
        let noun = if wanted == "1" { "argument" } else { "arguments" };
        let message = format!("`{}` takes {wanted} {noun}, and this has {given}", call.function.name);
        return Err(error(message, expr.span.clone()));
    }
    for (position, arg) in call.args.iter().enumerate() {
        expect(arg, call.function.argument_type(position), &format!("`{}`", call.function.name))?;
    }
    check_label_functions(call)
}

/// The texts of `label_replace` and `label_join` that have to be patterns and names.
fn check_label_functions(call: &Call) -> Result<(), QueryError> {
    let text = |position: usize| call.args.get(position).and_then(Expr::text);
    let is_join = call.function.name == "label_join";
    if !is_join && call.function.name != "label_replace" {
        return Ok(());
    }
    if text(1).is_some_and(str::is_empty) {
        return Err(error("a label needs a name".to_owned(), call.args[1].span.clone()));
    }
    match text(4) {
        Some(pattern) if !is_join => match Pattern::of_label_replace(pattern) {
            Ok(_) => Ok(()),
            Err(refused) => Err(error_with(refused.to_string(), refused.help(), call.args[4].span.clone())),
        },
        _ => Ok(()),
    }
}

fn check_aggregate(aggregate: &Aggregate) -> Result<(), QueryError> {
    let who = format!("`{}`", aggregate.op.name());
    expect(&aggregate.expr, ValueType::Vector, &who)?;
    let Some(param) = &aggregate.param else { return Ok(()) };
    if aggregate.op != AggregateOp::CountValues {
        return expect(param, ValueType::Scalar, &who);
    }
    expect(param, ValueType::Text, &who)?;
    match param.text() {
        Some("") => Err(error("a label needs a name".to_owned(), param.span.clone())),
        _ => Ok(()),
    }
}
