//! Where in a document something is, as its tools write it: `spec.objectives[0].op`.

use std::ops::Range;

use crate::input::{Node, Value};

/// The path to the innermost value (or name) around `span`; empty where that is the document itself.
pub(super) fn path_of(document: &Node, span: &Range<usize>) -> String {
    let mut path = String::new();
    let mut node = document;
    let is_around = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    loop {
        let next = match &node.value {
            Value::Map(entries) => entries.iter().find_map(|entry| {
                let in_key = is_around(entry.key.place.span());
                (in_key || is_around(entry.value.place.span())).then(|| {
                    let dot = if path.is_empty() { "" } else { "." };
                    (format!("{dot}{}", entry.key.text), (!in_key).then_some(&entry.value))
                })
            }),
            Value::List(items) => items.iter().enumerate().find_map(|(number, item)| {
                is_around(item.place.span()).then(|| (format!("[{number}]"), Some(item)))
            }),
            Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) => None,
        };
        let Some((part, inner)) = next else { return path };
        path += &part;
        let Some(inner) = inner else { return path };
        node = inner;
    }
}
