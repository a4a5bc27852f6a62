//! An expression written as a query again, so that it reads back as the same tree.

use std::fmt;
use std::time::Duration;

use super::duration::duration_text;
use super::expr::{
    Aggregate, At, Binary, Cardinality, Comparison, Expr, ExprKind, Grouping, MatchBy, Selector, Subquery,
};
use super::labels::{is_metric_name, label_text, quoted};

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => f.write_str(&number_text(*number)),
            ExprKind::Text(text) => f.write_str(&quoted(text)),
            ExprKind::Selector(selector) => write!(f, "{}{}", matchers(selector), times(selector)),
            ExprKind::Matrix(matrix) => {
                let range = duration_text(matrix.range);
                write!(f, "{}[{range}]{}", matchers(&matrix.selector), times(&matrix.selector))
            }
            ExprKind::Subquery(subquery) => subquery.fmt(f),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Negate(inner) => write!(f, "-{inner}"),
            ExprKind::Binary(binary) => binary.fmt(f),
            ExprKind::Aggregate(aggregate) => aggregate.fmt(f),
            ExprKind::Call(call) => {
                let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
                write!(f, "{}({})", call.function.name, args.join(", "))
            }
        }
    }
}

impl fmt::Display for Subquery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step.map(duration_text).unwrap_or_default();
        let range = duration_text(self.range);
        write!(f, "{}[{range}:{step}]{}", self.expr, at_and_offset(self.at, self.offset_ms))
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.lhs, self.op.symbol())?;
        if self.comparison == Comparison::Bool {
            f.write_str(" bool")?;
        }
        match &self.matching.by {
            MatchBy::On(labels) => write!(f, " on ({})", list(labels))?,
            MatchBy::Ignoring(labels)
                if labels.is_empty() && self.matching.cardinality == Cardinality::One => {}
            MatchBy::Ignoring(labels) => write!(f, " ignoring ({})", list(labels))?,
        }
        match &self.matching.cardinality {
            Cardinality::One => {}
            Cardinality::Left(labels) => write!(f, " group_left ({})", list(labels))?,
            Cardinality::Right(labels) => write!(f, " group_right ({})", list(labels))?,
        }
        write!(f, " {}", self.rhs)
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.name())?;
        match &self.grouping {
            Grouping::By(labels) if labels.is_empty() => {}
            Grouping::By(labels) => write!(f, " by ({}) ", list(labels))?,
            Grouping::Without(labels) => write!(f, " without ({}) ", list(labels))?,
        }
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.expr),
            None => write!(f, "({})", self.expr),
        }
    }
}

fn list(labels: &[String]) -> String {
    labels.iter().map(|label| label_text(label)).collect::<Vec<_>>().join(", ")
}

fn matchers(selector: &Selector) -> String {
    let name = selector.name().filter(|name| is_metric_name(name));
    let mut name_said = false;
    let others = selector.matchers.iter().filter(|matcher| {
        let said_before = name.is_some() && matcher.is_name() && !name_said;
        name_said |= said_before;
        !said_before
    });
    let others: Vec<String> =
        others
            .map(|matcher| {
                if matcher.is_name() && name.is_none() { quoted(&matcher.value) } else { matcher.to_string() }
            })
            .collect();
    match name {
        Some(name) if others.is_empty() => name.to_owned(),
        name => format!("{}{{{}}}", name.unwrap_or_default(), others.join(", ")),
    }
}

fn times(selector: &Selector) -> String {
    at_and_offset(selector.at, selector.offset_ms)
}

fn at_and_offset(at: Option<At>, offset_ms: i64) -> String {
    let at = match at {
        None => String::new(),
        Some(At::Start) => " @ start()".to_owned(),
        Some(At::End) => " @ end()".to_owned(),
        Some(At::Time(ms)) => {
            let sign = if ms < 0 { "-" } else { "" };
            format!(" @ {sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
        }
    };
    let length = duration_text(Duration::from_millis(offset_ms.unsigned_abs()));
    match offset_ms {
        0 => at,
        1.. => format!("{at} offset {length}"),
        _ => format!("{at} offset -{length}"),
    }
}

fn number_text(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Inf" } else { "-Inf" }.to_owned()
    } else if size != 0.0 && !(1e-5..1e16).contains(&size) {
        format!("{number:e}")
    } else {
        format!("{number}")
    }
}
