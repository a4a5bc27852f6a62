//! Lists and maps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{At, Document};
use super::error::{Fault, SchemaError};
use super::generator::{DEEPEST, Maker};
use super::shape::Shape;

/// The most items, and the most fields, that are made because a schema asks for them.
const MOST: u64 = 1_000;
/// How many more than it must have a list is given at the most.
const MORE: u64 = 3;
/// At the edge it is more.
const MORE_AT_THE_EDGE: u64 = 20;
/// How often an item is drawn that must differ from the others.
const TRIES: usize = 50;
/// How often of these it is drawn from the edges alone.
const TRIES_AT_THE_EDGE: usize = 5;
/// The longest name that is made, in characters.
const NAME: usize = 40;

impl<'s> Maker<'_, 's> {
    /// A list.
    pub(super) fn list(&mut self, shape: &Shape<'s>, depth: u32) -> Result<Value, SchemaError> {
        let (least, most) = item_count(shape)?;
        let count = self.count_between(least, most, shape.says(&["items", "prefixItems"]), depth);
        let unique = shape.each("uniqueItems").any(|(_, value)| *value == Value::Bool(true));
        let mut items: Vec<Value> = Vec::new();
        let mut seen = BTreeSet::new();
        let length = self.place.len();
        for index in 0..count {
            self.place.push('/');
            self.place.push_str(&index.to_string());
            let mut made = None;
            for tried in 0..if unique { TRIES } else { 1 } {
                let parts = item_parts(shape, index);
                let item = if seen.is_empty() || (self.is_edge() && tried < TRIES_AT_THE_EDGE) {
                    self.value(parts, depth + 1)
                } else {
                    self.varied(|maker| maker.value(parts, depth + 1))
                };
                match item {
                    Ok(item) if !unique || seen.insert(item.to_string()) => {
                        made = Some(item);
                        break;
                    }
                    Ok(_) => {}
                    Err(_) if items.len() as u64 >= least => break,
                    Err(error) => return Err(error),
                }
            }
            self.place.truncate(length);
            match made {
                Some(item) => items.push(item),
                None if items.len() as u64 >= least => break,
                None => return Err(shape.fault("uniqueItems", Fault::Unmet)),
            }
        }
        Ok(Value::Array(items))
    }

    /// How many there are to be. `known` says that there is something to be made of.
    fn count_between(&mut self, least: u64, most: u64, known: bool, depth: u32) -> u64 {
        if self.is_full(depth) {
            return least;
        }
        if self.is_plain() {
            return least.max(u64::from(known)).min(most);
        }
        if self.is_edge() {
            let longest = most.min(least + MORE_AT_THE_EDGE);
            return if self.is_low() { least } else { longest };
        }
        let more = most.min(least + MORE) - least;
        least + self.below(usize::try_from(more + 1).unwrap_or(1)) as u64
    }

    /// A map.
    pub(super) fn map(&mut self, shape: &Shape<'s>, depth: u32) -> Result<Value, SchemaError> {
        let names = self.names(shape, depth)?;
        let mut fields = Map::new();
        let length = self.place.len();
        for (name, required) in names {
            self.place.push('/');
            self.place.push_str(&name.replace('~', "~0").replace('/', "~1"));
            let made = self.value(field_parts(self.document, shape, &name), depth + 1);
            self.place.truncate(length);
            match made {
                Ok(value) => {
                    fields.insert(name, value);
                }
                Err(error) if required || self.is_spent() => return Err(error),
                // What need not be there, and can't, is left out.
                Err(_) => {}
            }
        }
        Ok(Value::Object(fields))
    }

    /// The names of the fields, true for those that must be there.
    fn names(&mut self, shape: &Shape<'s>, depth: u32) -> Result<BTreeMap<String, bool>, SchemaError> {
        let least = shape.at_least("minProperties").map_or(0, |(count, _)| count);
        let most = shape.at_most("maxProperties").map_or(u64::MAX, |(count, _)| count);
        if least > MOST {
            return Err(shape.fault("minProperties", Fault::TooMuch));
        }
        let mut names: BTreeMap<String, bool> = required(shape).map(|name| (name, true)).collect();
        if names.len() as u64 > most.min(MOST) {
            return Err(shape.fault("required", Fault::TooMuch));
        }
        let left = DEEPEST.saturating_sub(depth + 1);
        let endless = |name: &String| {
            let parts = field_parts(self.document, shape, name);
            !parts.iter().all(|at| *at.schema == Value::Bool(false) || self.document.ends_within(at, left))
        };
        if names.keys().any(endless) {
            return Err(shape.fault("required", Fault::Endless));
        }
        let known: BTreeSet<&String> =
            shape.each("properties").filter_map(|(_, map)| map.as_object()).flat_map(Map::keys).collect();
        let mut optional: Vec<String> = Vec::new();
        for name in known.into_iter().filter(|name| !names.contains_key(*name)) {
            let parts = field_parts(self.document, shape, name);
            let possible = parts.iter().all(|at| self.document.ends_within(at, left));
            if possible && !parts.iter().any(|at| *at.schema == Value::Bool(false)) {
                optional.push(name.clone());
            }
        }
        let all = self.is_edge() && !self.is_low();
        for name in optional {
            let needed = (names.len() as u64) < least;
            let wanted = !self.is_full(depth) && !self.is_plain();
            let drawn = wanted && if self.is_edge() { all } else { self.below(2) == 0 };
            if (needed || drawn) && (names.len() as u64) < most {
                names.insert(name, needed);
            }
        }
        self.names_besides(shape, depth, least, &mut names)?;
        add_dependents(shape, &mut names);
        Ok(names)
    }

    /// Adds names that no part of the schema gives, until there are enough.
    fn names_besides(
        &mut self,
        shape: &Shape<'s>,
        depth: u32,
        least: u64,
        names: &mut BTreeMap<String, bool>,
    ) -> Result<(), SchemaError> {
        let rules = || -> Vec<At<'s>> {
            shape.each("propertyNames").map(|(at, rule)| at.below("propertyNames", rule)).collect()
        };
        let patterns: Vec<&String> = shape
            .each("patternProperties")
            .filter_map(|(_, map)| map.as_object())
            .flat_map(Map::keys)
            .collect();
        for tried in 1..=TRIES + usize::try_from(least).unwrap_or(0) {
            if names.len() as u64 >= least {
                return Ok(());
            }
            let made = if rules().is_empty() {
                let pattern = patterns.get(tried % (patterns.len() + 1));
                pattern.and_then(|pattern| self.matching(pattern, 0..=NAME, tried))
            } else {
                let made = self.varied(|maker| maker.value(rules(), depth + 1))?;
                made.as_str().map(str::to_owned)
            };
            let name = made.unwrap_or_else(|| format!("field_{tried}"));
            let possible =
                field_parts(self.document, shape, &name).iter().all(|at| *at.schema != Value::Bool(false));
            if possible {
                names.insert(name, true);
            }
        }
        if (names.len() as u64) < least {
            return Err(shape.fault("minProperties", Fault::Unmet));
        }
        Ok(())
    }
}

/// The fewest and the most items.
fn item_count(shape: &Shape<'_>) -> Result<(u64, u64), SchemaError> {
    let mut least = shape.at_least("minItems").map_or(0, |(count, _)| count);
    for (at, _) in shape.each("contains") {
        least = least.max(contained(at));
    }
    let mut most = shape.at_most("maxItems").map_or(u64::MAX, |(count, _)| count);
    for at in &shape.parts {
        let (first, rest) = first_and_rest(at);
        if rest.is_some_and(|(_, rest)| *rest == Value::Bool(false)) {
            most = most.min(first.len() as u64);
        }
    }
    if least > MOST {
        return Err(shape.fault("minItems", Fault::TooMuch));
    }
    if least > most {
        return Err(shape.fault("minItems", Fault::Contradiction));
    }
    Ok((least, most))
}

/// How many items of a list must hold its `contains`.
fn contained(at: &At<'_>) -> u64 {
    at.get("minContains").and_then(Value::as_u64).unwrap_or(1)
}

/// What a part says of the first items, one each, and of those behind them.
fn first_and_rest<'s>(at: &At<'s>) -> (Vec<At<'s>>, Option<(&'static str, &'s Value)>) {
    let items = at.get("items");
    if items.is_some_and(Value::is_array) {
        return (at.list("items"), at.get("additionalItems").map(|rest| ("additionalItems", rest)));
    }
    (at.list("prefixItems"), items.map(|rest| ("items", rest)))
}

/// All that holds for the item at `index`.
fn item_parts<'s>(shape: &Shape<'s>, index: u64) -> Vec<At<'s>> {
    let mut parts = Vec::new();
    for at in &shape.parts {
        let (first, rest) = first_and_rest(at);
        let own = usize::try_from(index).ok().and_then(|index| first.get(index).cloned());
        parts.extend(own.or_else(|| rest.map(|(keyword, rest)| at.below(keyword, rest))));
        if let Some(contains) = at.get("contains").filter(|_| index < contained(at)) {
            parts.push(at.below("contains", contains));
        }
    }
    parts
}

/// All that holds for the field `name`.
fn field_parts<'s>(document: &Document<'s>, shape: &Shape<'s>, name: &str) -> Vec<At<'s>> {
    let mut parts = Vec::new();
    for at in &shape.parts {
        let before = parts.len();
        parts.extend(at.entry("properties", name));
        if let Some(Value::Object(patterns)) = at.get("patternProperties") {
            let matching = patterns.iter().filter(|(rule, _)| document.matches(rule, name));
            parts.extend(matching.map(|(rule, part)| at.below("patternProperties", part).below(rule, part)));
        }
        if parts.len() == before {
            let rest = ["additionalProperties", "unevaluatedProperties"]
                .into_iter()
                .find_map(|keyword| Some(at.below(keyword, at.get(keyword)?)));
            // `unevaluatedProperties` looks at what other parts say, too.
            let elsewhere = || shape.parts.iter().any(|part| part.entry("properties", name).is_some());
            parts.extend(rest.filter(|_| at.get("additionalProperties").is_some() || !elsewhere()));
        }
    }
    parts
}

fn required<'k>(shape: &'k Shape<'_>) -> impl Iterator<Item = String> + 'k {
    let names = shape.each("required").filter_map(|(_, names)| names.as_array()).flatten();
    names.filter_map(Value::as_str).map(str::to_owned)
}

/// Adds what must be there because something else is.
fn add_dependents(shape: &Shape<'_>, names: &mut BTreeMap<String, bool>) {
    let rules = || {
        let keywords = ["dependentRequired", "dependencies"].into_iter();
        keywords.flat_map(|keyword| shape.each(keyword).filter_map(|(_, map)| map.as_object()).flatten())
    };
    loop {
        let before = names.len();
        for (name, dependents) in rules() {
            let dependents = dependents.as_array().into_iter().flatten().filter_map(Value::as_str);
            if names.contains_key(name) {
                names.extend(dependents.map(|dependent| (dependent.to_owned(), true)).collect::<Vec<_>>());
            }
        }
        if names.len() == before {
            return;
        }
    }
}
