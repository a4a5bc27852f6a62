//! From schemas that hold at the same time to one [`Shape`]: references are followed, branches are chosen.

use serde_json::Value;

use super::document::{At, REFERENCES};
use super::error::{Fault, SchemaError};
use super::generator::{DEEPEST, Maker, SHALLOW};
use super::shape::{Shape, Types};

/// A reference in front of a type is followed no further.
const SHORT_CHAIN: u32 = 8;

/// Ways of which one must be gone: what holds on each.
struct Choice<'s> {
    owner: At<'s>,
    keyword: &'static str,
    ways: Vec<Vec<At<'s>>>,
}

impl<'s> Maker<'_, 's> {
    /// What `parts` say together of a value that is nested `depth` deep.
    pub(super) fn shape(&mut self, parts: Vec<At<'s>>, depth: u32) -> Result<Shape<'s>, SchemaError> {
        let mut shape = Shape::new();
        let mut open = parts;
        let mut choices = Vec::new();
        loop {
            while let Some(at) = open.pop() {
                self.spend(&at)?;
                match at.schema {
                    Value::Bool(true) => {}
                    Value::Bool(false) => return Err(at.fault("false", Fault::Contradiction)),
                    Value::Object(_) => {
                        for keyword in REFERENCES {
                            open.extend(self.document.resolve(&at, keyword)?);
                        }
                        open.extend(at.list("allOf"));
                        choices.extend(choices_of(&at));
                        shape.add(at)?;
                    }
                    Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                        return Err(at.fault("", Fault::Invalid));
                    }
                }
            }
            let Some(choice) = choices.pop() else { return Ok(shape) };
            open = self.way(choice, shape.types, depth)?;
        }
    }

    /// One of the ways, of those that go together with `types` and that have an end.
    fn way(&mut self, choice: Choice<'s>, types: Types, depth: u32) -> Result<Vec<At<'s>>, SchemaError> {
        let Choice { owner, keyword, ways } = choice;
        let left = DEEPEST.saturating_sub(depth);
        let fits =
            |way: &Vec<At<'s>>| !way.iter().fold(types, |types, at| types.and(self.types_of(at))).is_empty();
        let mut ways: Vec<Vec<At<'s>>> = ways.into_iter().filter(fits).collect();
        if ways.is_empty() {
            return Err(owner.fault(keyword, Fault::Contradiction));
        }
        let ends = |way: &Vec<At<'s>>, levels| way.iter().all(|at| self.document.ends_within(at, levels));
        let levels = if depth < SHALLOW { left } else { 1 };
        let Some(levels) = (levels..=left).find(|levels| ways.iter().any(|way| ends(way, *levels))) else {
            return Err(owner.fault(keyword, Fault::Endless));
        };
        ways.retain(|way| ends(way, levels));
        let likely = ways.iter().position(|way| way.iter().all(|at| self.types_of(at) != Types::NULL));
        let taken = if self.is_plain() { likely.unwrap_or(0) } else { self.below(ways.len()) };
        Ok(ways.swap_remove(taken))
    }

    /// What a value of `at` may be, as far as that shows without choosing.
    fn types_of(&self, at: &At<'s>) -> Types {
        let mut at = at.clone();
        for _ in 0..SHORT_CHAIN {
            let values = at.get("enum").and_then(Value::as_array);
            if let Some(types) = Types::stated(&at) {
                return types;
            } else if let Some(value) = at.get("const") {
                return Types::of(value);
            } else if let Some([first, rest @ ..]) = values.map(Vec::as_slice) {
                return rest.iter().map(Types::of).fold(Types::of(first), Types::or);
            } else if let Ok(Some(target)) = self.document.resolve(&at, "$ref") {
                at = target;
            } else {
                break;
            }
        }
        Types::ALL
    }
}

fn choices_of<'s>(at: &At<'s>) -> Vec<Choice<'s>> {
    let one_way = |part: At<'s>| vec![part];
    let mut choices = Vec::new();
    for keyword in ["anyOf", "oneOf"] {
        if at.get(keyword).is_some() {
            let ways = at.list(keyword).into_iter().map(one_way).collect();
            choices.push(Choice { owner: at.clone(), keyword, ways });
        }
    }
    if let Some(condition) = at.get("if") {
        let part = |keyword: &str| at.get(keyword).map(|part| at.below(keyword, part));
        let held: Vec<At<'s>> =
            [Some(at.below("if", condition)), part("then")].into_iter().flatten().collect();
        // That the condition does not hold on the other way is left to chance, and to the last check.
        let other = part("else").into_iter().collect();
        choices.push(Choice { owner: at.clone(), keyword: "if", ways: vec![held, other] });
    }
    choices
}
