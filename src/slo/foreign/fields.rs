//! Values as OpenSLO and Sloth write them.

use std::time::Duration;

use crate::input::{Field, Problems, Value, parse_share, quoted};
use crate::promql::parse_duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A number.
pub(super) fn number(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let found = match &field.node.value {
        Value::Number(number, _) => number.as_f64().filter(|number| number.is_finite()),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    };
    if found.is_none() {
        let message = format!("expected a number, found {}", field.node.found());
        field.wrong(message, "write a plain number", problems);
    }
    found
}

/// A number above 0 and up to 1.
pub(super) fn ratio(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    in_range(field, number(field, problems)?, "write a number above 0 and below 1, such as `0.99`", problems)
}

/// A number above 0 and up to 100, as a share of 1.
pub(super) fn percent(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let number = number(field, problems)?;
    // As it is written: 99.9 is 0.999 then, to the last digit.
    let share = match &field.node.value {
        Value::Number(_, text) => parse_share(&format!("{text}%")),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => None,
    };
    let share = share.unwrap_or(number / 100.0);
    in_range(field, share, "write a number above 0 and below 100, such as `99.9`", problems)
}

fn in_range(field: Field<'_>, share: f64, help: &str, problems: &mut Problems) -> Option<f64> {
    if share > 0.0 && share <= 1.0 {
        return Some(share);
    }
    field.wrong("the number is out of range", help, problems);
    None
}

/// A duration in OpenSLO's shorthand. Months have 30 days here, quarters 90, years 365.
pub(super) fn shorthand(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = field.text(problems)?;
    let calendar = [('M', 30), ('Q', 90), ('Y', 365)].into_iter().find_map(|(unit, days)| {
        let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
        DAY.checked_mul(days)?.checked_mul(count)
    });
    let found = calendar.or_else(|| parse_duration(text)).filter(|duration| !duration.is_zero());
    if found.is_none() {
        let message = format!("{} is no duration", quoted(text));
        field.wrong(message, "write a whole number and one of m, h, d, w, M, Q, Y, such as `28d`", problems);
    }
    found
}

/// The length of a slice: a number is one of minutes.
pub(super) fn slice(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let Value::Number(..) = field.node.value else { return shorthand(field, problems) };
    let minutes = number(field, problems)?;
    let found = Duration::try_from_secs_f64(minutes * 60.0).ok().filter(|length| length.as_secs() >= 1);
    if found.is_none() {
        field.wrong("expected some minutes", "write a number above 0, or a duration such as `5m`", problems);
    }
    found
}
