//! Arguments of calls: any YAML value, as a template of JSON text.
//!
//! A string that is one expression of a number becomes that number (`"{{ random.int(1, 9) }}"` gives `7`), and one that is a
//! variable becomes what the variable holds; `string(...)` around the expression keeps it a string.

use crate::input::{Node, Problems, Value};
use crate::plan::{Kind, Quoting, Scope, Segment, Template, TextPart, parse_parts};

/// The JSON text of `node`. `None` when an expression in it is wrong; then each mistake is a problem.
pub(super) fn json_template(node: &Node, scope: Scope<'_>, problems: &mut Problems) -> Option<Template> {
    let before = problems.len();
    let mut writer =
        Writer { scope, problems, source: String::new(), segments: Vec::new(), literal: String::new() };
    writer.value(node);
    writer.flush();
    let template = Template { source: writer.source, segments: writer.segments };
    (problems.len() == before).then_some(template)
}

struct Writer<'a> {
    scope: Scope<'a>,
    problems: &'a mut Problems,
    source: String,
    segments: Vec<Segment>,
    literal: String,
}

impl Writer<'_> {
    fn value(&mut self, node: &Node) {
        match &node.value {
            Value::Null => self.literal("null"),
            Value::Bool(value) => self.literal(if *value { "true" } else { "false" }),
            Value::Number(number, _) => self.literal(&number.to_string()),
            Value::Text(text) => self.text(text, node),
            Value::List(items) => {
                self.literal("[");
                for (i, item) in items.iter().enumerate() {
                    self.literal(if i > 0 { "," } else { "" });
                    self.value(item);
                }
                self.literal("]");
            }
            Value::Map(entries) => {
                self.literal("{");
                for (i, entry) in entries.iter().enumerate() {
                    self.literal(if i > 0 { "," } else { "" });
                    self.literal(&format!("{}:", json_string(&entry.key.text)));
                    self.value(&entry.value);
                }
                self.literal("}");
            }
        }
    }

    fn text(&mut self, text: &str, node: &Node) {
        let parts = match parse_parts(text, self.scope) {
            Ok(parts) => parts,
            Err(errors) => return super::text::report(&errors, text, &node.place, self.scope, self.problems),
        };
        if let [TextPart::Computed(expression, kind @ (Kind::Number | Kind::Any))] = parts.as_slice() {
            let quoting = if *kind == Kind::Any { Quoting::WholeJson } else { Quoting::Plain };
            self.flush();
            self.source.push_str(text);
            self.segments.push(Segment::Expression { expression: expression.clone(), quoting });
            return;
        }
        self.source.push_str(&json_string(text));
        self.literal.push('"');
        for part in parts {
            match part {
                TextPart::Literal(text) => {
                    let quoted = json_string(&text);
                    self.literal.push_str(&quoted[1..quoted.len() - 1]);
                }
                TextPart::Computed(expression, _) => {
                    self.flush();
                    self.segments.push(Segment::Expression { expression, quoting: Quoting::InsideJson });
                }
            }
        }
        self.literal.push('"');
    }

    fn literal(&mut self, text: &str) {
        self.source.push_str(text);
        self.literal.push_str(text);
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.segments.push(Segment::Literal(std::mem::take(&mut self.literal)));
        }
    }
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always JSON")
}

/// `node` as a JSON value, expressions left as they are.
pub(super) fn json_value(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number, _) => number.clone().into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json_value).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.text.clone(), json_value(&entry.value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input::{Entry, Key, Place, Source};
    use crate::model::CounterRng;
    use crate::plan::{RenderContext, Variables};

    fn node(value: Value) -> Node {
        Node { value, place: Place::whole(&Source::new("test.yaml", "")) }
    }

    fn values() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            Just(node(Value::Null)),
            any::<bool>().prop_map(|value| node(Value::Bool(value))),
            any::<i64>().prop_map(|value| node(Value::Number(value.into(), value.to_string()))),
            "[^{]*".prop_map(|text| node(Value::Text(text))),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| {
            let pair = ("[a-z\"\\\\{]{0,6}", inner.clone()).prop_map(|(text, value)| Entry {
                key: Key { text, place: Place::whole(&Source::new("test.yaml", "")) },
                value,
            });
            prop_oneof![
                proptest::collection::vec(inner, 0..5).prop_map(|items| node(Value::List(items))),
                proptest::collection::vec(pair, 0..5).prop_map(|entries| node(Value::Map(entries))),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_without_expressions_is_rendered_as_its_json(value in values()) {
            let template = json_template(&value, Scope::of_environment(&|_| None), &mut Problems::new()).unwrap();
            let mut out = Vec::new();
            let mut rng = CounterRng::new(1, 1);
            template.render(&mut RenderContext { vu: 1, iteration: 1, nonce: crate::model::Nonce { run: crate::model::RunTag::of(std::time::UNIX_EPOCH), call: 1 }, rng: &mut rng, variables: &Variables::default() }, &mut out);
            let rendered: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(rendered, json_value(&value));
            prop_assert_eq!(out, template.source.into_bytes());
        }
    }
}
