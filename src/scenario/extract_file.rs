//! What a step takes out of its answer (`extract`), and on what condition it is done (`if`), as written.

use super::arguments::json_value;
use super::text;
use super::variables::{VariableBook, check_name, pattern};
use crate::input::{Field, Fields, Problems, Value, quoted};
use crate::plan::{Condition, Extraction, Part, Scope, Test};

/// `name: /pointer`, or `name: {json: /pointer, inside: /pointer}`, or `name: {regex: PATTERN}`, each with a `default`.
pub(super) fn read_extract(
    field: Field<'_>,
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> Vec<Extraction> {
    let Some(fields) = Fields::of(field.node, "`extract`", problems) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in fields.entries() {
        let name = entry.key.text.as_str();
        let value = Field { name, node: &entry.value };
        let read = read_part(value, problems);
        if !check_name(name, &entry.key.place, problems) {
            continue;
        }
        // Known even where its part is wrong: the steps after it are not to be told that it is not.
        let slot = book.take(name, &entry.key.place);
        if let Some((part, default)) = read {
            all.push(Extraction { name: name.to_owned(), slot, part, default });
        }
    }
    all
}

fn read_part(field: Field<'_>, problems: &mut Problems) -> Option<(Part, Option<serde_json::Value>)> {
    if let Value::Text(_) = &field.node.value {
        return Some((Part::Json { pointer: read_pointer(field, problems)?, inside: None }, None));
    }
    let mut fields = Fields::of(field.node, "what is extracted", problems)?;
    let kind = fields.exactly_one(&["json", "regex"], problems);
    let inside = fields.optional("inside");
    let default = fields.optional("default").map(|field| json_value(field.node));
    fields.finish(problems);
    let part = match kind? {
        ("json", field, _) => {
            let pointer = read_pointer(field, problems);
            let inside = match inside {
                None => None,
                Some(inside) => Some(read_pointer(inside, problems)?),
            };
            Part::Json { pointer: pointer?, inside }
        }
        (_, field, _) => {
            if let Some(inside) = inside {
                inside.wrong(
                    "it goes with `json` alone",
                    "match all that is wanted by the pattern",
                    problems,
                );
            }
            Part::Regex(pattern(field, problems)?)
        }
    };
    Some((part, default))
}

/// A JSON pointer.
pub(super) fn read_pointer(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let pointer = field.text(problems)?;
    if !pointer.starts_with('/') {
        let help = "write a JSON pointer (RFC 6901), such as `/content/0/text`";
        field.wrong(format!("{} is no pointer", quoted(pointer)), help, problems);
        return None;
    }
    Some(pointer.to_owned())
}

/// `{value: TEXT, equals: TEXT}`, or `not_equals`, or `matches`.
pub(super) fn read_condition(
    field: Field<'_>,
    scope: Scope<'_>,
    problems: &mut Problems,
) -> Option<Condition> {
    let mut fields = Fields::of(field.node, "`if`", problems)?;
    let value = fields.required("value", problems).and_then(|field| text::template(field, scope, problems));
    let test = fields.exactly_one(&["equals", "not_equals", "matches"], problems);
    fields.finish(problems);
    let test = match test? {
        ("equals", field, _) => Test::Equals(read_scalar(field, problems)?),
        ("not_equals", field, _) => Test::NotEquals(read_scalar(field, problems)?),
        (_, field, _) => Test::Matches(pattern(field, problems)?),
    };
    Some(Condition { value: value?, test })
}

/// A text, or the text of a number or a truth value: what a variable with that in it reads.
fn read_scalar(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    match &field.node.value {
        Value::Bool(_) | Value::Number(..) => Some(json_value(field.node).to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => field.text(problems).map(str::to_owned),
    }
}
