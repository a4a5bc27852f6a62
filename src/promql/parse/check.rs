//! What the grammar does not say: how many arguments of which types, and what operators go with.

use super::token::{error, error_with};
use crate::promql::expr::{
    Aggregate, AggregateOp, Binary, Call, Cardinality, Comparison, Expr, ExprKind, MatchBy, ValueType,
};
use crate::promql::matcher::anchored;
use crate::promql::query::QueryError;

/// Refuses the first expression that makes no sense, inner ones first.
pub(super) fn check(expr: &Expr) -> Result<(), QueryError> {
    for child in expr.children() {
        check(child)?;
    }
    match &expr.kind {
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Selector(_)
        | ExprKind::Matrix(_)
        | ExprKind::Paren(_) => Ok(()),
        ExprKind::Subquery(subquery) => expect(&subquery.expr, ValueType::Vector, "a subquery"),
        ExprKind::Negate(inner) => match inner.value_type() {
            ValueType::Scalar | ValueType::Vector => Ok(()),
            ValueType::Text | ValueType::Matrix => expect(inner, ValueType::Vector, "a minus"),
        },
        ExprKind::Binary(binary) => check_binary(binary, expr),
        ExprKind::Aggregate(aggregate) => check_aggregate(aggregate),
        ExprKind::Call(call) => check_call(call, expr),
    }
}

fn expect(expr: &Expr, wanted: ValueType, who: &str) -> Result<(), QueryError> {
    let found = expr.value_type();
    if found == wanted {
        return Ok(());
    }
    let message = format!("{who} takes {}, and this is {}", wanted.name(), found.name());
    let help = match (wanted, found) {
        (ValueType::Matrix, ValueType::Vector) => match expr.bare().kind {
            ExprKind::Selector(_) => "say over which time, as in `[5m]`",
            _ => "make it a subquery, as in `(...)[5m:]`",
        },
        (ValueType::Vector, ValueType::Scalar) => "`vector(...)` makes a vector of a scalar",
        (ValueType::Scalar, ValueType::Vector) => "`scalar(...)` makes a scalar of a vector of one element",
        (ValueType::Vector, ValueType::Matrix) => "a function such as `rate` makes an instant vector of a range",
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
        Some(pattern) if !is_join => match anchored(pattern) {
            Ok(_) => Ok(()),
            Err(refused) => Err(error(refused.to_string(), call.args[4].span.clone())),
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

fn check_binary(binary: &Binary, expr: &Expr) -> Result<(), QueryError> {
    let symbol = binary.op.symbol();
    for side in [&binary.lhs, &binary.rhs] {
        match side.value_type() {
            ValueType::Scalar | ValueType::Vector => {}
            ValueType::Text | ValueType::Matrix => {
                expect(side, ValueType::Vector, &format!("`{symbol}`"))?;
            }
        }
    }
    let scalars = [&binary.lhs, &binary.rhs].iter().filter(|side| side.value_type() == ValueType::Scalar).count();
    let refused = |message: String| Err(error(message, expr.span.clone()));
    if binary.comparison == Comparison::Bool && !binary.op.is_comparison() {
        return refused(format!("`bool` goes with comparisons, not with `{symbol}`"));
    }
    if binary.op.is_comparison() && scalars == 2 && binary.comparison == Comparison::Filter {
        let help = format!("write `{symbol} bool`");
        return Err(error_with("two scalars are compared to 0 or 1".to_owned(), help, expr.span.clone()));
    }
    if binary.op.is_set() && scalars > 0 {
        return refused(format!("`{symbol}` takes two instant vectors"));
    }
    let included = match &binary.matching.cardinality {
        Cardinality::One => return Ok(()),
        Cardinality::Left(labels) | Cardinality::Right(labels) => labels,
    };
    if binary.op.is_set() {
        return refused(format!("`{symbol}` goes without `group_left` and `group_right`"));
    }
    if scalars > 0 {
        return refused("labels are matched between two instant vectors".to_owned());
    }
    match &binary.matching.by {
        MatchBy::On(labels) => match included.iter().find(|label| labels.contains(label)) {
            Some(label) => refused(format!("`{label}` is matched by `on` already, so it can't be taken over")),
            None => Ok(()),
        },
        MatchBy::Ignoring(_) => Ok(()),
    }
}
