//! A dashboard's JSON, as a tree that is looked into: what Grafana does not know it passes over, and so does this.

use crate::input::{Node, Value};

/// What `node` has under `key`; of several the last.
pub(super) fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().rev().find(|entry| entry.key.text == key).map(|entry| &entry.value)
}

/// The text that it has there, with the node.
pub(super) fn text<'n>(node: &'n Node, key: &str) -> Option<(&'n str, &'n Node)> {
    let found = get(node, key)?;
    plain(found).map(|text| (text, found))
}

/// A text, or a number as a text.
pub(super) fn plain(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Text(text) | Value::Number(_, text) => Some(text),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// The list that it has there; nothing where it has none.
pub(super) fn list<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match get(node, key).map(|found| &found.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// True when it says so there.
pub(super) fn flag(node: &Node, key: &str) -> bool {
    get(node, key).is_some_and(|found| matches!(found.value, Value::Bool(true)))
}

/// A panel, and what it is repeated for.
pub(super) struct Placed<'n> {
    pub(super) panel: &'n Node,
    pub(super) repeated_for: Vec<String>,
}

/// The panels of a dashboard: those in rows, in rows that are folded, and in the `rows` of old dashboards, in their order. Rows are
/// none.
pub(super) fn panels(dashboard: &Node) -> Vec<Placed<'_>> {
    let mut found = Vec::new();
    for row in list(dashboard, "rows") {
        add(list(row, "panels"), &repeat(row), &mut found);
    }
    add(list(dashboard, "panels"), &[], &mut found);
    found
}

fn add<'n>(panels: &'n [Node], around: &[String], found: &mut Vec<Placed<'n>>) {
    // A row that is not folded has the panels behind it, up to the next row.
    let mut row = around.to_vec();
    for panel in panels {
        let inside = list(panel, "panels");
        if text(panel, "type").is_some_and(|(kind, _)| kind == "row") {
            row = [around, &repeat(panel)].concat();
            add(inside, &row, found);
            continue;
        }
        let repeated_for = [row.as_slice(), &repeat(panel)].concat();
        found.push(Placed { panel, repeated_for });
    }
}

fn repeat(node: &Node) -> Vec<String> {
    text(node, "repeat")
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.is_empty())
        .into_iter()
        .collect()
}
