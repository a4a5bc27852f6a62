//! A YAML document as a tree. Maps keep their order; every value knows where it is written.

use super::Place;

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What a node is, by the core schema of YAML 1.2: `yes` and `2026-07-28` are text.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// With the text as written.
    Number(serde_json::Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A pair of a map. No two of one map have the same key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: Key,
    pub value: Node,
}

/// The name of a pair. Keys are text, whatever they look like.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub text: String,
    pub place: Place,
}

impl Node {
    /// What it is, for "expected ..., found ...".
    pub(crate) fn found(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => self.place.quoted(&value.to_string()),
            Value::Number(_, text) => format!("the number {}", self.place.quoted(text)),
            Value::Text(text) => format!("the text {}", self.place.quoted(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }
}
