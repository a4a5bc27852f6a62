//! Why a query gives nothing: the innermost part of it that does, and what its series lack.

use std::collections::BTreeSet;
use std::time::Duration;

use super::panels::{Answer, Asker};
use crate::input::{nearest, quoted};
use crate::model::format_duration;
use crate::promql::{
    At, Binary, BinaryOp, Expr, ExprKind, METRIC_NAME, Matcher, Matrix, Query, Selector, SeriesId, Storage,
    ValueType,
};
use crate::verify::selector::unmet;

/// Why a query gives nothing.
pub(super) struct Reason {
    /// False where a longer run might give something.
    pub(super) is_known: bool,
    pub(super) words: String,
}

impl Reason {
    fn known(words: String) -> Self {
        Self { is_known: true, words }
    }
}

/// Why `query` gives nothing, which it does.
pub(super) fn why(query: &Query, asker: &mut Asker<'_>) -> Reason {
    of(query.expr(), asker)
}

/// `expr` gives nothing, or no number.
fn of(expr: &Expr, asker: &mut Asker<'_>) -> Reason {
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Negate(inner) => of(inner, asker),
        ExprKind::Selector(selector) => of_series(selector, None, asker),
        ExprKind::Matrix(matrix) => of_series(&matrix.selector, Some(matrix.range), asker),
        ExprKind::Subquery(subquery) => match asked(&subquery.expr, asker) {
            Answer::Data(_) => Reason::known(format!("{} holds no sample", shown(expr))),
            Answer::NotNumbers | Answer::Nothing | Answer::Failed(_) => of(&subquery.expr, asker),
        },
        ExprKind::Binary(binary) => of_binary(expr, binary, asker),
        ExprKind::Aggregate(aggregate) => match asked(&aggregate.expr, asker) {
            Answer::Data(_) => of_nothing(expr, asker),
            Answer::NotNumbers | Answer::Nothing | Answer::Failed(_) => of(&aggregate.expr, asker),
        },
        ExprKind::Call(call) => {
            let series = call.args.iter().filter(|arg| is_of_series(arg));
            for arg in series {
                if !matches!(asked(arg, asker), Answer::Data(_)) {
                    return of(arg, asker);
                }
                if let ExprKind::Matrix(matrix) = &arg.bare().kind
                    && asked(expr, asker) == Answer::Nothing
                {
                    return of_range(expr, matrix, asker);
                }
            }
            of_nothing(expr, asker)
        }
        ExprKind::Number(_) | ExprKind::Text(_) => of_nothing(expr, asker),
    }
}

fn is_of_series(expr: &Expr) -> bool {
    matches!(expr.value_type(), ValueType::Vector | ValueType::Matrix)
}

fn asked(expr: &Expr, asker: &mut Asker<'_>) -> Answer {
    match Query::from_expr(expr) {
        Ok(query) => asker.ask(&query),
        Err(error) => Answer::Failed(error.message),
    }
}

/// What `expr` is made of gives something, and it does not.
fn of_nothing(expr: &Expr, asker: &mut Asker<'_>) -> Reason {
    Reason::known(match asked(expr, asker) {
        Answer::NotNumbers => {
            format!("{} gives nothing but NaN: nothing was counted in the run", shown(expr))
        }
        Answer::Data(_) | Answer::Nothing | Answer::Failed(_) => {
            format!("{} gives nothing, though its series are there", shown(expr))
        }
    })
}

fn of_binary(expr: &Expr, binary: &Binary, asker: &mut Asker<'_>) -> Reason {
    let sides: Vec<&Expr> = match binary.op {
        // What is taken away need not be there.
        BinaryOp::Unless => vec![&*binary.lhs],
        BinaryOp::Or
        | BinaryOp::And
        | BinaryOp::Add
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
        | BinaryOp::AtMost => vec![&*binary.lhs, &*binary.rhs],
    };
    for side in sides.into_iter().filter(|side| is_of_series(side)) {
        if !matches!(asked(side, asker), Answer::Data(_)) {
            return of(side, asker);
        }
    }
    let are_series = is_of_series(&binary.lhs) && is_of_series(&binary.rhs);
    if asked(expr, asker) == Answer::NotNumbers {
        return of_nothing(expr, asker);
    }
    Reason::known(if binary.op == BinaryOp::Unless {
        format!("{}: all that is on the left is on the right, too", shown(expr))
    } else if binary.op.is_comparison() && !are_series {
        format!("{} held for no value in the run", shown(expr))
    } else if are_series {
        let both = format!("{} and {}", shown(&binary.lhs), shown(&binary.rhs));
        let held = if binary.op.is_comparison() { ", or the comparison held for none" } else { "" };
        format!("{both} have no labels in common by which `{}` could match them{held}", binary.op.symbol())
    } else {
        return of_nothing(expr, asker);
    })
}

/// A function over a range gives nothing of series that are there: most need two samples.
fn of_range(expr: &Expr, matrix: &Matrix, asker: &Asker<'_>) -> Reason {
    let interval = asker.shown.interval;
    if matrix.range < interval * 2 {
        let (range, interval) = (format_duration(matrix.range), format_duration(interval));
        return Reason::known(format!(
            "{}: a range of {range} holds less than two scrapes, which are {interval} apart; use `$__rate_interval`",
            shown(expr)
        ));
    }
    Reason::known(format!("{} gives nothing: its series have less than two samples in a range", shown(expr)))
}

/// A selection gives nothing.
fn of_series(selector: &Selector, range: Option<Duration>, asker: &Asker<'_>) -> Reason {
    let storage = &asker.shown.storage;
    if let Some(name) = selector.name() {
        let named: Vec<&Matcher> = selector.matchers.iter().filter(|matcher| matcher.is_name()).collect();
        let all = storage.select(&named.into_iter().cloned().collect::<Vec<_>>());
        if all.is_empty() {
            return Reason::known(without_metric(name, storage));
        }
        let others: Vec<&Matcher> =
            selector.matchers.iter().filter(|matcher| &*matcher.name != METRIC_NAME).collect();
        if let Some(words) = unmet(name, others, |label| values(&all, label, storage)) {
            return Reason::known(words);
        }
    }
    let written = bare(selector);
    let selected = storage.select(&selector.matchers);
    if selected.is_empty() {
        return Reason::known(format!("no series has all of {written}"));
    }
    let back = selector.offset_ms.max(0).unsigned_abs();
    let back = Duration::from_millis(back) + range.unwrap_or_default();
    let last_ms = asker.shown.times_ms.last().copied().unwrap_or_default();
    let known = storage.span().map_or(0, |(first_ms, _)| (last_ms - first_ms).max(0).unsigned_abs());
    let known = Duration::from_millis(known);
    let offset = Duration::from_millis(selector.offset_ms.max(0).unsigned_abs());
    if offset > known {
        let missing = back.saturating_sub(known);
        return Reason {
            is_known: false,
            words: format!(
                "{written} is looked at {} before, and the run knows {}: it is too short by {} s",
                format_duration(offset),
                format_duration(known),
                missing.as_secs_f64().ceil()
            ),
        };
    }
    if matches!(selector.at, Some(At::Time(_))) {
        return Reason {
            is_known: false,
            words: format!("{written} is looked at a fixed time, outside of the run"),
        };
    }
    Reason::known(format!("{written} has no sample in the steady phase"))
}

fn without_metric(name: &str, storage: &Storage) -> String {
    let names: BTreeSet<&str> = storage.select(&[]).into_iter().map(|id| storage.labels(id).name()).collect();
    if let Some(base) = name.strip_suffix("_bucket")
        && names.contains(format!("{base}_count").as_str())
    {
        return format!("{} has no buckets: it is a summary", quoted(base));
    }
    let names: Vec<&str> = names.into_iter().collect();
    let near =
        nearest(name, &names).map_or_else(String::new, |near| format!(" (did you mean {}?)", quoted(near)));
    format!("there is no metric {}{near}", quoted(name))
}

fn values(ids: &[SeriesId], label: &str, storage: &Storage) -> BTreeSet<String> {
    ids.iter().map(|id| storage.labels(*id).get(label).to_owned()).collect()
}

/// The selector without ranges and modifiers.
fn bare(selector: &Selector) -> String {
    let selector = Selector { at: None, offset_ms: 0, ..selector.clone() };
    shown(&Expr { kind: ExprKind::Selector(selector), span: 0..0 })
}

fn shown(expr: &Expr) -> String {
    quoted(&expr.to_string())
}
