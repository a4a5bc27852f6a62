//! Values of rule files and of their unit tests, as Prometheus's YAML reader takes them: a text may be a number or a
//! truth value that is written without quotes, and nothing is the empty text.

use std::collections::BTreeMap;
use std::time::Duration;

use super::duration::DURATION_HELP;
use crate::input::{Entry, Field, Place, Problem, Problems, Value, quoted};
use crate::promql::{Query, QueryError, parse_duration};

/// The text of a scalar.
pub(super) fn string(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    match &field.node.value {
        Value::Text(text) | Value::Number(_, text) => Some(text.clone()),
        Value::Bool(_) => Some(field.node.place.text().to_owned()),
        Value::Null => Some(String::new()),
        Value::List(_) | Value::Map(_) => {
            field.wrong(format!("expected text, found {}", field.node.found()), "write plain text", problems);
            None
        }
    }
}

/// [`string`] that must not be empty.
pub(super) fn some_string(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = string(field, problems)?;
    if text.trim().is_empty() {
        field.wrong("the text is empty", "write something", problems);
        return None;
    }
    Some(text)
}

/// [`string`] that has a character, be it a blank.
pub(super) fn name(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = string(field, problems)?;
    if text.is_empty() {
        field.wrong("the text is empty", "write something", problems);
        return None;
    }
    Some(text)
}

/// A duration as Prometheus writes it.
pub(super) fn duration(field: Field<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = string(field, problems)?;
    let duration = parse_duration(&text);
    if duration.is_none() {
        field.wrong(format!("{} is no duration of Prometheus", quoted(&text)), DURATION_HELP, problems);
    }
    duration
}

/// Names and texts; with each its place and that of the name. `None` of what is no map.
pub(super) fn pairs<'n>(field: Field<'n>, problems: &mut Problems) -> BTreeMap<String, (String, &'n Entry)> {
    let entries: &[Entry] = match &field.node.value {
        Value::Map(entries) => entries,
        Value::Null => &[],
        Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => {
            let message = format!("expected a map, found {}", field.node.found());
            field.wrong(message, "write `name: text` lines, indented below it", problems);
            &[]
        }
    };
    let mut read = BTreeMap::new();
    for entry in entries {
        let value = Field { name: &entry.key.text, node: &entry.value };
        if let Some(text) = string(value, problems) {
            read.insert(entry.key.text.clone(), (text, entry));
        }
    }
    read
}

/// A PromQL expression. A mistake in it is shown inside it.
pub(super) fn query(field: Field<'_>, problems: &mut Problems) -> Option<Query> {
    let text = some_string(field, problems)?;
    match Query::parse(&text) {
        Ok(query) => Some(query),
        Err(error) => {
            let problem = query_problem(field, &text, &error);
            problems.push(problem);
            None
        }
    }
}

fn query_problem(field: Field<'_>, text: &str, error: &QueryError) -> Problem {
    let QueryError { message, help, span } = error;
    let (place, message) = place_in(field, text, span, message);
    let problem = Problem::error(&place, format!("`{}`: {message}", field.name));
    match help {
        Some(help) => problem.help(help.clone()),
        None => problem,
    }
}

/// The place of `span` of the field's text. Where it can't be told, the place of the field, and the message says which
/// line and column of the text it is about.
pub(crate) fn place_in(
    field: Field<'_>,
    text: &str,
    span: &std::ops::Range<usize>,
    message: &str,
) -> (Place, String) {
    if let Some(place) = field.node.place.inside(text, span.clone()) {
        return (place, message.to_owned());
    }
    let before = &text[..span.start.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1;
    (field.node.place.clone(), format!("{message} (at {line}:{column} of the text)"))
}
