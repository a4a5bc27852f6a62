//! A query: its text, its tree, and what can be said of it without evaluating it.

use std::ops::Range;
use std::time::Duration;

use super::expr::{At, Expr, ExprKind, Selector};
use super::parse;

/// A query that can be evaluated.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    expr: Expr,
}

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// What is wrong, in lower case.
    pub message: String,
    /// The way out, where it is known.
    pub help: Option<String>,
    /// The bytes of the query that it is about; empty at the end of the query where something is missing.
    pub span: Range<usize>,
}

/// How far back a query looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Not further than this before its evaluation time.
    Within(Duration),
    /// An `@` names a time: it may look at anything.
    Everything,
}

/// A place where a query selects series.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// Which series; [`Selector::name`] is the metric's name, where there is one.
    pub selector: &'a Selector,
    /// The range of `up[5m]`; `None` for an instant vector.
    pub range: Option<Duration>,
    /// The selector's bytes in the query's text, range and modifiers included.
    pub span: Range<usize>,
}

impl Query {
    /// Reads a query. What it asks of the machine is bounded before it is parsed: its length, its depth, the size of its
    /// regular expressions.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { text: text.to_owned(), expr: parse::parse(text)? })
    }

    /// The query that `expr` prints as. An error says where a changed tree is no query, within the printed text.
    pub fn from_expr(expr: &Expr) -> Result<Self, QueryError> {
        Self::parse(&expr.to_string())
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The query as a tree. To rewrite it: clone, change ([`Expr::walk_mut`]), [`Query::from_expr`].
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// How far back it looks, from the time of its evaluation: offsets, ranges, those of subqueries around them, and
    /// `lookback` for instant vectors.
    pub fn reach(&self, lookback: Duration) -> Reach {
        reach(&self.expr, lookback)
            .map_or(Reach::Everything, |ms| Reach::Within(Duration::from_millis(ms.max(0).unsigned_abs())))
    }

    /// Where it selects series, in the order of the text.
    pub fn selectors(&self) -> Vec<Selection<'_>> {
        let mut found = Vec::new();
        self.expr.walk(&mut |expr| match &expr.kind {
            ExprKind::Selector(selector) => {
                found.push(Selection { selector, range: None, span: expr.span.clone() });
            }
            ExprKind::Matrix(matrix) => {
                let range = Some(matrix.range);
                found.push(Selection { selector: &matrix.selector, range, span: expr.span.clone() });
            }
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Subquery(_)
            | ExprKind::Paren(_)
            | ExprKind::Negate(_)
            | ExprKind::Binary(_)
            | ExprKind::Aggregate(_)
            | ExprKind::Call(_) => {}
        });
        found
    }

    /// The names of the functions that it calls, each once, sorted. Aggregations are none.
    pub fn functions(&self) -> Vec<&'static str> {
        let mut names = std::collections::BTreeSet::new();
        self.expr.walk(&mut |expr| {
            if let ExprKind::Call(call) = &expr.kind {
                names.insert(call.function.name);
            }
        });
        names.into_iter().collect()
    }
}

/// Milliseconds; `None` is without bound.
fn reach(expr: &Expr, lookback: Duration) -> Option<i64> {
    let back = |at: Option<At>, offset_ms: i64, length: Duration| match at {
        Some(_) => None,
        None => Some(offset_ms.saturating_add(millis(length))),
    };
    match &expr.kind {
        ExprKind::Selector(selector) => back(selector.at, selector.offset_ms, lookback),
        ExprKind::Matrix(matrix) => back(matrix.selector.at, matrix.selector.offset_ms, matrix.range),
        ExprKind::Subquery(subquery) => {
            let outer = back(subquery.at, subquery.offset_ms, subquery.range)?;
            Some(outer.saturating_add(reach(&subquery.expr, lookback)?))
        }
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Paren(_)
        | ExprKind::Negate(_)
        | ExprKind::Binary(_)
        | ExprKind::Aggregate(_)
        | ExprKind::Call(_) => {
            let mut furthest = 0;
            for child in expr.children() {
                furthest = furthest.max(reach(child, lookback)?);
            }
            Some(furthest)
        }
    }
}

/// A duration in the unit of timestamps.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
