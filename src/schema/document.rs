//! A schema as a whole: its size, what its references mean, which of its parts have values that end, and `jsonschema`'s
//! reading of it.

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::error::{Fault, SchemaError};

/// More parts than this, and it is no schema that somebody wrote.
const MOST_PARTS: usize = 20_000;
/// More patterns than this are not compiled.
const MOST_PATTERNS: usize = 200;
/// The steps that a pattern may cost for one text.
const MOST_STEPS_OF_PATTERN: usize = 100_000;
/// The largest pattern, compiled, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;
/// A chain of references and nested keywords that is longer is followed no further.
const LONGEST_CHAIN: u32 = 200;

/// A schema, or a part of one, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<'s> {
    pub(super) schema: &'s Value,
    /// JSON pointer into the whole.
    pub(super) pointer: String,
}

impl<'s> At<'s> {
    /// The part below `keyword`.
    pub(super) fn below(&self, keyword: &str, schema: &'s Value) -> Self {
        Self { schema, pointer: format!("{}/{}", self.pointer, escaped(keyword)) }
    }

    /// The parts in the list below `keyword`; none where there is no list.
    pub(super) fn list(&self, keyword: &str) -> Vec<Self> {
        let items = self.get(keyword).and_then(Value::as_array).into_iter().flatten();
        let list = self.below(keyword, self.schema);
        items.enumerate().map(|(at, schema)| list.below(&at.to_string(), schema)).collect()
    }

    /// The part `name` in the map below `keyword`.
    pub(super) fn entry(&self, keyword: &str, name: &str) -> Option<Self> {
        let schema = self.get(keyword)?.get(name)?;
        Some(self.below(keyword, self.schema).below(name, schema))
    }

    /// What stands below `keyword`.
    pub(super) fn get(&self, keyword: &str) -> Option<&'s Value> {
        self.map()?.get(keyword)
    }

    /// The keywords; `None` for `true` and `false`.
    pub(super) fn map(&self) -> Option<&'s Map<String, Value>> {
        self.schema.as_object()
    }

    /// What is wrong with one of its keywords.
    pub(super) fn fault(&self, keyword: &str, fault: Fault) -> SchemaError {
        SchemaError::new(keyword, self.pointer.clone(), fault)
    }
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The keywords that are references.
pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// The whole schema.
#[derive(Debug)]
pub(super) struct Document<'s> {
    root: &'s Value,
    /// Which parts (by address) have a value that is nested no deeper than this.
    ends: RefCell<HashMap<(usize, u32), bool>>,
    /// The patterns of names, as soon as one is asked for; `None` where it is none.
    patterns: RefCell<HashMap<String, Option<Validator>>>,
}

impl<'s> Document<'s> {
    /// A schema whose size was looked at.
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, ends: RefCell::default(), patterns: RefCell::default() }
    }

    /// Looks at the size alone.
    pub(super) fn measured(root: &'s Value) -> Result<Self, SchemaError> {
        let mut left = Left { parts: MOST_PARTS, patterns: MOST_PATTERNS };
        count(root, &mut left).ok_or_else(|| SchemaError::new("", "", Fault::TooLarge))?;
        Ok(Self::new(root))
    }

    pub(super) fn top(&self) -> At<'s> {
        At { schema: self.root, pointer: String::new() }
    }

    /// What the reference `keyword` of `at` means; `None` where there is no such keyword.
    pub(super) fn resolve(&self, at: &At<'s>, keyword: &str) -> Result<Option<At<'s>>, SchemaError> {
        let Some(reference) = at.get(keyword) else { return Ok(None) };
        let elsewhere = || at.fault(keyword, Fault::Elsewhere);
        let reference = reference.as_str().ok_or_else(elsewhere)?;
        let own = self.root.get("$id").and_then(Value::as_str).unwrap_or_default();
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !document.is_empty() && document != own.trim_end_matches('#') {
            return Err(elsewhere());
        }
        let pointer = percent_decoded(fragment).ok_or_else(elsewhere)?;
        let schema = if pointer.is_empty() || pointer.starts_with('/') {
            self.root.pointer(&pointer)
        } else {
            anchored(self.root, &pointer)
        };
        let schema = schema.ok_or_else(elsewhere)?;
        Ok(Some(At { schema, pointer }))
    }

    /// What is wrong with the first reference that means nothing.
    pub(super) fn lost_reference(&self) -> Option<SchemaError> {
        let mut open = vec![self.top()];
        while let Some(at) = open.pop() {
            let mut texts = REFERENCES.iter().filter(|keyword| at.get(keyword).is_some_and(Value::is_string));
            if let Some(lost) = texts.find_map(|keyword| self.resolve(&at, keyword).err()) {
                return Some(lost);
            }
            match at.schema {
                Value::Object(fields) => open.extend(fields.iter().map(|(name, part)| at.below(name, part))),
                Value::Array(items) => {
                    open.extend(
                        items.iter().enumerate().map(|(index, item)| at.below(&index.to_string(), item)),
                    );
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        None
    }

    /// True when `pattern` is found in `name`.
    pub(super) fn matches(&self, pattern: &str, name: &str) -> bool {
        let mut known = self.patterns.borrow_mut();
        let compiled =
            known.entry(pattern.to_owned()).or_insert_with(|| validator(&json!({"pattern": pattern})).ok());
        compiled.as_ref().is_some_and(|compiled| compiled.is_valid(&json!(name)))
    }

    /// True when `at` has a value that is nested no deeper than `levels`.
    pub(super) fn ends_within(&self, at: &At<'s>, levels: u32) -> bool {
        self.ends(at, levels, LONGEST_CHAIN)
    }

    fn ends(&self, at: &At<'s>, levels: u32, chain: u32) -> bool {
        let Some(map) = at.map() else { return levels > 0 && at.schema.as_bool() == Some(true) };
        if levels == 0 || chain == 0 {
            return false;
        }
        if map.contains_key("const") || map.contains_key("enum") {
            return true;
        }
        let key = (std::ptr::from_ref(at.schema).addr(), levels);
        if let Some(&known) = self.ends.borrow().get(&key) {
            return known;
        }
        // What asks for itself on the way has no end on this way.
        self.ends.borrow_mut().insert(key, false);
        let ends = self.has_end(at, levels, chain - 1);
        self.ends.borrow_mut().insert(key, ends);
        ends
    }

    fn has_end(&self, at: &At<'s>, levels: u32, chain: u32) -> bool {
        let here = |part: &At<'s>| self.ends(part, levels, chain);
        let below = |part: &At<'s>| self.ends(part, levels - 1, chain);
        for keyword in REFERENCES {
            // A reference that means nothing is reported where it is followed.
            if let Ok(Some(target)) = self.resolve(at, keyword)
                && !here(&target)
            {
                return false;
            }
        }
        let some = |branches: Vec<At<'s>>| branches.is_empty() || branches.iter().any(here);
        if !at.list("allOf").iter().all(here) || !some(at.list("anyOf")) || !some(at.list("oneOf")) {
            return false;
        }
        if has_plain_type(at) {
            return true;
        }
        let required = at.get("required").and_then(Value::as_array).into_iter().flatten();
        let mut required = required.filter_map(Value::as_str).filter_map(|name| at.entry("properties", name));
        let least = at.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        let first = at.list("prefixItems");
        let rest = at.get("items").filter(|_| least > first.len());
        required.all(|part| below(&part))
            && first.iter().take(least).all(below)
            && rest.is_none_or(|items| items.is_array() || below(&at.below("items", items)))
    }
}

/// What checks values against `schema`: it fetches nothing, and gives a pattern up that costs too much.
pub(super) fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(MOST_STEPS_OF_PATTERN)
        .size_limit(LARGEST_PATTERN)
        .dfa_size_limit(LARGEST_PATTERN);
    jsonschema::options().offline().should_validate_formats(true).with_pattern_options(patterns).build(schema)
}

/// True when `type` allows something else than lists and maps.
fn has_plain_type(at: &At<'_>) -> bool {
    let plain = |name: &Value| name.as_str().is_some_and(|name| name != "object" && name != "array");
    match at.get("type") {
        Some(Value::Array(names)) => names.iter().any(plain),
        Some(name) => plain(name),
        None => false,
    }
}

/// How much more there may be.
struct Left {
    parts: usize,
    patterns: usize,
}

fn count(value: &Value, left: &mut Left) -> Option<()> {
    left.parts = left.parts.checked_sub(1)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| count(item, left)),
        Value::Object(fields) => {
            let of_names = fields.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
            let of_texts = usize::from(fields.get("pattern").is_some_and(Value::is_string));
            left.patterns = left.patterns.checked_sub(of_names + of_texts)?;
            fields.values().try_for_each(|field| count(field, left))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(()),
    }
}

/// The part that calls itself `name`.
fn anchored<'s>(part: &'s Value, name: &str) -> Option<&'s Value> {
    match part {
        Value::Object(fields) => {
            let is_it = |keyword: &str, word: &str| fields.get(keyword).and_then(Value::as_str) == Some(word);
            if is_it("$anchor", name) || is_it("$dynamicAnchor", name) || is_it("$id", &format!("#{name}")) {
                return Some(part);
            }
            fields.values().find_map(|field| anchored(field, name))
        }
        Value::Array(items) => items.iter().find_map(|item| anchored(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
