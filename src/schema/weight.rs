//! How much work it is to check a value against a schema, counted before it is done: a few lines of schema can ask for a
//! number of checks that has no end.

use serde_json::{Map, Value};

use super::document::{At, Document, REFERENCES};
use super::error::{Fault, SchemaError};

/// More visits than this are not made for one value.
const MOST_VISITS: u32 = 100_000;
/// A check that is nested deeper would end on the stack.
const DEEPEST_CHECK: u32 = 150;

/// Keywords whose parts hold for the value itself: one part, a list of them, a map of them.
const HERE: [&str; 4] = ["not", "if", "then", "else"];
const LISTS_HERE: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const MAPS_HERE: [&str; 2] = ["dependentSchemas", "dependencies"];
/// These look at all parts that hold for the value itself a second time.
const TWICE: [&str; 2] = ["unevaluatedProperties", "unevaluatedItems"];

/// An error where `value` should not be checked against the whole of `document`.
pub(super) fn weigh(document: &Document<'_>, value: &Value) -> Result<(), SchemaError> {
    Scale { document, left: MOST_VISITS }.visit(&document.top(), value, 0)
}

struct Scale<'d, 's> {
    document: &'d Document<'s>,
    left: u32,
}

impl<'s> Scale<'_, 's> {
    fn visit(&mut self, at: &At<'s>, value: &Value, depth: u32) -> Result<(), SchemaError> {
        let left = self.left.checked_sub(1).filter(|_| depth < DEEPEST_CHECK);
        self.left = left.ok_or_else(|| at.fault("", Fault::Endless))?;
        let Some(keywords) = at.map() else { return Ok(()) };
        let times = if TWICE.iter().any(|keyword| keywords.contains_key(*keyword)) { 2 } else { 1 };
        for _ in 0..times {
            for part in self.here(at, keywords)? {
                self.visit(&part, value, depth + 1)?;
            }
        }
        match value {
            Value::Array(items) => self.items(at, items, depth),
            Value::Object(fields) => self.fields(at, fields, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// The parts that hold for the value itself.
    fn here(&self, at: &At<'s>, keywords: &'s Map<String, Value>) -> Result<Vec<At<'s>>, SchemaError> {
        let mut parts = Vec::new();
        for keyword in REFERENCES {
            parts.extend(self.document.resolve(at, keyword)?);
        }
        parts.extend(HERE.iter().filter_map(|keyword| Some(at.below(keyword, keywords.get(*keyword)?))));
        parts.extend(LISTS_HERE.iter().flat_map(|keyword| at.list(keyword)));
        for keyword in MAPS_HERE {
            let named = keywords.get(keyword).and_then(Value::as_object).into_iter().flatten();
            parts.extend(named.map(|(name, part)| at.below(keyword, part).below(name, part)));
        }
        Ok(parts)
    }

    fn items(&mut self, at: &At<'s>, items: &[Value], depth: u32) -> Result<(), SchemaError> {
        let one = |keyword: &str| {
            at.get(keyword).filter(|part| !part.is_array()).map(|part| at.below(keyword, part))
        };
        let all: Vec<At<'s>> = ["items", "additionalItems", "contains", "unevaluatedItems"]
            .into_iter()
            .filter_map(one)
            .collect();
        let firsts = ["prefixItems", "items"].map(|keyword| at.list(keyword));
        for (index, item) in items.iter().enumerate() {
            let own = firsts.iter().filter_map(|list| list.get(index));
            for part in own.chain(&all) {
                self.visit(part, item, depth + 1)?;
            }
        }
        Ok(())
    }

    fn fields(&mut self, at: &At<'s>, fields: &Map<String, Value>, depth: u32) -> Result<(), SchemaError> {
        let one = |keyword: &str| at.get(keyword).map(|part| at.below(keyword, part));
        let mut all: Vec<At<'s>> =
            ["additionalProperties", "unevaluatedProperties"].into_iter().filter_map(one).collect();
        if let Some(Value::Object(patterns)) = at.get("patternProperties") {
            all.extend(patterns.values().map(|part| at.below("patternProperties", part)));
        }
        let names = one("propertyNames");
        for (name, value) in fields {
            for part in at.entry("properties", name).iter().chain(&all) {
                self.visit(part, value, depth + 1)?;
            }
            if let Some(names) = &names {
                self.visit(names, &Value::String(name.clone()), depth + 1)?;
            }
        }
        Ok(())
    }
}
