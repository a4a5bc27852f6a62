//! What an SLO file says of budgets.

use std::time::Duration;

use super::{BudgetTerms, BurnLimit};
use crate::input::{Field, Fields, Problems, Value};
use crate::promql::parse_duration;

/// A window that is not given is this part of the long one, as in the workbook.
const SHORT: u32 = 12;
const HOUR: Duration = Duration::from_secs(3600);
const MOST_SCALE: u32 = 1_000_000;

/// `budget: {period, time_scale}`, what is not said taken from `others`.
pub(in crate::slo) fn read_terms(
    field: Field<'_>,
    others: &BudgetTerms,
    problems: &mut Problems,
) -> BudgetTerms {
    let mut terms = others.clone();
    let Some(mut fields) = Fields::of(field.node, "`budget`", problems) else { return terms };
    if let Some(period) = fields.optional("period").and_then(|field| read_long(field, problems)) {
        terms.period = period;
    }
    let scale = fields.optional("time_scale").and_then(|field| field.whole(&(1..=MOST_SCALE), problems));
    terms.time_scale = scale.or(terms.time_scale);
    fields.finish(problems);
    terms
}

/// `burn_rate: {at_most, long, short}`.
pub(in crate::slo) fn read_burn_limit(field: Field<'_>, problems: &mut Problems) -> Option<BurnLimit> {
    let mut fields = Fields::of(field.node, "`burn_rate`", problems)?;
    let at_most = fields.required("at_most", problems).and_then(|field| read_factor(field, problems));
    let long_field = fields.optional("long");
    let long = long_field.map_or(Some(HOUR), |field| read_long(field, problems));
    let short_field = fields.optional("short");
    let short = short_field.map_or_else(|| long.map(|long| long / SHORT), |field| read_long(field, problems));
    fields.finish(problems);
    let (long, short) = (long?, short?);
    if short > long {
        let field = short_field.or(long_field).unwrap_or(field);
        field.wrong(
            "the short window is longer than the long one",
            "are the two the wrong way round?",
            problems,
        );
        return None;
    }
    Some(BurnLimit { at_most: at_most?, long, short, origin: field.node.place.to_string() })
}

fn read_factor(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let number = match &field.node.value {
        Value::Number(number, _) => number.as_f64().filter(|number| *number > 0.0 && number.is_finite()),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    };
    if number.is_none() {
        let message = format!("expected a number above zero, found {}", field.node.found());
        field.wrong(
            message,
            "write how many times faster than planned a budget may burn, such as `14.4`",
            problems,
        );
    }
    number
}

/// Periods and windows go up to years.
fn read_long(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = field.text(problems)?;
    let found = parse_duration(text).filter(|duration| *duration >= Duration::from_secs(1));
    if found.is_none() {
        let message = format!("expected a duration of a second or more, found {}", field.node.found());
        field.wrong(message, "write it like `5m`, `1h30m`, `28d` or `4w`", problems);
    }
    found
}
