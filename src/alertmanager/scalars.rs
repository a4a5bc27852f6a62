//! Plain values as Alertmanager's YAML reader takes them: a field that is there without a value is one that is not there,
//! numbers and truth values are texts where texts are asked for, and `yes` is `true`.

use std::time::Duration;

use crate::input::{Field, Fields, Node, Problems, Value, quoted};
use crate::promql::parse_duration;

/// The field `name`, when it is there and has a value.
pub(super) fn present<'n>(fields: &mut Fields<'n>, name: &'static str) -> Option<Field<'n>> {
    fields.optional(name).filter(|field| !matches!(field.node.value, Value::Null))
}

/// Each item of the list `name`; none when it is not there.
pub(super) fn items<'n>(
    fields: &mut Fields<'n>,
    name: &'static str,
    problems: &mut Problems,
) -> Vec<Field<'n>> {
    present(fields, name).map(|list| list.items(problems).collect()).unwrap_or_default()
}

/// A text, which may be empty.
pub(super) fn text(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = scalar(field.node);
    if text.is_none() {
        let message = format!("expected text, found {}", field.node.found());
        field.wrong(message, "write plain text", problems);
    }
    text
}

fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Null => Some(String::new()),
        Value::Text(text) | Value::Number(_, text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// A name, which may not be empty.
pub(super) fn name(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let name = text(field, problems)?;
    if name.is_empty() {
        field.wrong("the name is empty", "write a name", problems);
        return None;
    }
    Some(name)
}

/// The texts of the list `name`; `None` when it is not there.
pub(super) fn texts(
    fields: &mut Fields<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let list = present(fields, name)?;
    Some(
        list.items(problems)
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|item| text(item, problems))
            .collect(),
    )
}

/// `true`, `false`, and the other words that YAML had for them.
pub(super) fn flag(field: Field<'_>, problems: &mut Problems) -> Option<bool> {
    let value = match &field.node.value {
        Value::Bool(value) => Some(*value),
        // In quotes it is a text.
        Value::Text(text) if field.node.place.text() == text => match text.to_lowercase().as_str() {
            "y" | "yes" | "on" => Some(true),
            "n" | "no" | "off" => Some(false),
            _ => None,
        },
        Value::Text(_) | Value::Null | Value::Number(..) | Value::List(_) | Value::Map(_) => None,
    };
    if value.is_none() {
        let message = format!("expected `true` or `false`, found {}", field.node.found());
        field.wrong(message, "write one of the two, without quotes", problems);
    }
    value
}

/// A duration of whole numbers with the units of Prometheus.
pub(super) fn duration(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let duration = scalar(field.node).and_then(|text| parse_duration(&text));
    if duration.is_none() {
        let message = format!("expected a duration, found {}", field.node.found());
        let help = "write whole numbers with units (y, w, d, h, m, s, ms), the largest first, such as `30s` or `1h30m`";
        field.wrong(message, help, problems);
    }
    duration
}

/// A duration above zero.
pub(super) fn some_duration(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let duration = duration(field, problems)?;
    if duration.is_zero() {
        field.wrong("the duration must be above zero", "write a duration such as `5m`", problems);
        return None;
    }
    Some(duration)
}

/// Reports a name that no `known` thing of this kind has.
pub(super) fn undefined(
    field: Field<'_>,
    kind: &str,
    written: &str,
    known: &[String],
    problems: &mut Problems,
) {
    let message = format!("there is no {kind} {}", quoted(written));
    let help = if known.is_empty() {
        format!("define the {kind}, or take another name")
    } else {
        crate::input::way_out(written, known, &format!("every {kind} that is defined"))
    };
    field.wrong(message, help, problems);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_duration(text), expected.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn durations_are_those_of_prometheus() {
        check("0", Some(0));
        check("0s", Some(0));
        check("30s", Some(30_000));
        check("1h30m", Some(5_400_000));
        check("1m500ms", Some(60_500));
        check("1w2d", Some(9 * 86_400_000));
        check("1y", Some(365 * 86_400_000));
        for bad in ["", "30", "1.5s", "1m1h", "1s1s", "s", "1 s", "-1s", "300y", "99999999999999999999s"] {
            check(bad, None);
        }
    }
}
