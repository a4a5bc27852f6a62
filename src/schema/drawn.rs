//! Many values for one schema, drawn one by one before they are needed: at random or at the edges, some members given by
//! whoever needs them.

use serde_json::{Map, Value, json};

use super::checker::{Checker, Violation};
use super::error::{Fault, SchemaError};
use super::generator::{Generator, Hole, Made, Mode};
use crate::model::CounterRng;

/// The parts that are looked at for all values of one schema together.
const FUEL: u32 = 20_000_000;

/// A member that is not to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// What it is; `None` where that is known later.
    pub value: Option<Value>,
}

/// A map that holds the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Its members. One that is known later is there with a value that would do.
    pub members: Map<String, Value>,
    /// True when it is at the edges.
    pub edge: bool,
    /// Members that may be other texts, as far as they themselves are concerned.
    free: Vec<String>,
}

/// A schema that many maps are drawn for.
#[derive(Debug)]
pub struct Many {
    /// As it came.
    own: Checker,
    /// With what is given.
    narrowed: Generator,
    given: Vec<String>,
    fuel: u32,
}

impl Many {
    /// Reads `schema`; null stands for one that says nothing.
    ///
    /// # Errors
    /// Why it is no schema, or too large a one.
    pub fn new(schema: &Value, given: &[Given]) -> Result<Self, SchemaError> {
        let schema = if schema.is_null() { json!({}) } else { schema.clone() };
        let narrowed = Generator::new(&narrowed(&schema, given))?;
        let given = given.iter().map(|given| given.name.clone()).collect();
        Ok(Self { own: Checker::new(&schema)?, narrowed, given, fuel: FUEL })
    }

    /// Any map.
    ///
    /// # Errors
    /// The keyword that can't be met, and where it stands.
    pub fn at_random(&mut self, rng: &mut CounterRng) -> Result<Drawn, SchemaError> {
        self.draw(Mode::Random, rng)
    }

    /// A map at the edges: number 0 is at the lower ones, number 1 at the upper ones, each further one where it falls. Any map where
    /// there is none at the edges.
    ///
    /// # Errors
    /// The keyword that can't be met, and where it stands.
    pub fn at_edge(&mut self, number: u32, rng: &mut CounterRng) -> Result<Drawn, SchemaError> {
        let first = match number {
            0 => Mode::Lowest,
            1 => Mode::Highest,
            _ => Mode::Edge,
        };
        self.draw(first, rng).or_else(|_| self.at_random(rng))
    }

    /// A member of `drawn` that may be any nonce instead: none of those that are given.
    pub fn room_for_nonce<'d>(&self, drawn: &'d Drawn) -> Option<&'d str> {
        let value = Value::Object(drawn.members.clone());
        let fits = |name: &&String| {
            let hole = (format!("/{}", escaped(name)), Hole::Nonce);
            !self.given.contains(name) && self.narrowed.all_fit(&value, &[hole])
        };
        drawn.free.iter().find(fits).map(String::as_str)
    }

    /// Where `members` break the schema first; `None` where they hold it.
    ///
    /// # Errors
    /// It takes more work to tell than is sensible.
    pub fn violation(&self, members: Map<String, Value>) -> Result<Option<Violation>, SchemaError> {
        self.own.violation(&Value::Object(members))
    }

    fn draw(&mut self, mode: Mode, rng: &mut CounterRng) -> Result<Drawn, SchemaError> {
        if self.fuel == 0 {
            return Err(SchemaError::new("", "", Fault::TooMuch));
        }
        let Made { value, edge, free, .. } = self.narrowed.within(&mut self.fuel, mode, rng)?;
        // What is given is no part of the schema as it came, and that may know better.
        if let Some(Violation { keyword, .. }) = self.own.violation(&value)? {
            return Err(SchemaError::new(keyword, "", Fault::Unmet));
        }
        let free = free.iter().filter_map(|pointer| name_of(pointer)).collect();
        match value {
            Value::Object(members) => Ok(Drawn { members, edge, free }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(SchemaError::new("type", "", Fault::Contradiction))
            }
        }
    }
}

/// `schema` for maps that have what is given.
fn narrowed(schema: &Value, given: &[Given]) -> Value {
    let mut schema = schema.clone();
    let Value::Object(keywords) = &mut schema else { return schema };
    let is_map = keywords.get("type").is_some_and(|kind| kind == "object");
    if is_map && given.is_empty() {
        return schema;
    }
    let known =
        given.iter().filter_map(|given| Some((given.name.clone(), json!({"const": given.value.as_ref()?}))));
    let names: Vec<&str> = given.iter().map(|given| given.name.as_str()).collect();
    let part = json!({"type": "object", "properties": known.collect::<Map<_, _>>(), "required": names});
    // Beside what is there: its references go by place.
    match keywords.entry("allOf").or_insert_with(|| json!([])) {
        Value::Array(parts) => parts.push(part),
        // It is no schema, and whoever reads it says so.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
    }
    schema
}

/// The member that a pointer means; `None` for what is deeper.
fn name_of(pointer: &str) -> Option<String> {
    let name = pointer.strip_prefix('/')?;
    (!name.contains('/')).then(|| name.replace("~1", "/").replace("~0", "~"))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: Option<Value>) -> Given {
        Given { name: name.to_owned(), value }
    }

    fn draw(many: &mut Many, number: u32) -> Drawn {
        many.at_edge(number, &mut CounterRng::new(7, number.into())).unwrap()
    }

    fn order() -> Value {
        json!({"type": "object", "required": ["query"], "additionalProperties": false,
            "properties": {
                "query": {"type": "string", "maxLength": 4_000},
                "limit": {"type": "integer", "minimum": -5, "maximum": 50},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                "kind": {"enum": ["a", "b"]},
            },
            "dependentRequired": {"kind": ["limit"]}})
    }

    #[test]
    fn the_first_two_edges_are_the_least_and_the_most_that_there_may_be() {
        let mut many = Many::new(&order(), &[]).unwrap();
        assert_eq!(Value::Object(draw(&mut many, 0).members), json!({"query": ""}));
        let most = draw(&mut many, 1);
        assert!(most.edge && most.members.len() == 4, "{most:?}");
        assert_eq!(most.members["query"].as_str().unwrap().chars().count(), 4_000);
        assert_eq!((&most.members["limit"], most.members["tags"].as_array().unwrap().len()), (&json!(50), 3));
        let edges: Vec<Drawn> = (2..200).map(|number| draw(&mut many, number)).collect();
        let any =
            |found: &dyn Fn(&Map<String, Value>) -> bool| edges.iter().any(|drawn| found(&drawn.members));
        for limit in [-5, 0, 50] {
            assert!(any(&|members| members.get("limit") == Some(&json!(limit))), "{limit}");
        }
        assert!(any(&|members| members.get("tags") == Some(&json!([]))));
        assert!(any(&|members| members["query"].as_str().unwrap().contains('\u{1f600}')));
        assert!(edges.iter().all(|drawn| drawn.edge));
    }

    #[test]
    fn what_is_given_stands_and_the_rest_goes_with_it() {
        let mut many = Many::new(&order(), &[given("kind", Some(json!("b")))]).unwrap();
        for drawn in (0..50).map(|number| draw(&mut many, number)) {
            assert_eq!(drawn.members["kind"], "b");
            assert!(drawn.members.contains_key("limit"), "it must be there beside `kind`: {drawn:?}");
        }
        let mut many = Many::new(&order(), &[given("tags", None)]).unwrap();
        assert!(draw(&mut many, 0).members["tags"].is_array(), "what is known later is there");
        let refused = |given: Given| Many::new(&order(), &[given])?.at_random(&mut CounterRng::new(1, 1));
        for wrong in [given("kind", Some(json!("c"))), given("other", Some(json!(1))), given("other", None)] {
            assert!(refused(wrong.clone()).is_err(), "{wrong:?}");
        }
        let broken = many.violation(json!({"query": "x", "limit": 51}).as_object().unwrap().clone());
        assert_eq!(broken.unwrap().unwrap().keyword, "maximum");
    }

    #[test]
    fn a_text_that_may_be_anything_is_known_but_not_one_that_is_given() {
        let free = |schema: &Value, given: &[Given]| {
            let mut many = Many::new(schema, given).unwrap();
            let drawn = many.at_random(&mut CounterRng::new(1, 1)).unwrap();
            many.room_for_nonce(&drawn).map(str::to_owned)
        };
        let any = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
        assert_eq!(free(&any, &[]).as_deref(), Some("a"));
        assert_eq!(free(&any, &[given("a", None)]), None);
        let properties = json!({"a": {"type": "string", "maxLength": 20}, "b": {"type": "string", "format": "date"},
            "c": {"type": "string", "pattern": "x"}, "f~/": {"type": "string"},
            "d": {"type": "object", "properties": {"e": {"type": "string"}}, "required": ["e"]}});
        let required = ["a", "b", "c", "d", "f~/"];
        let mut schema = json!({"type": "object", "required": required, "properties": properties});
        assert_eq!(free(&schema, &[]).as_deref(), Some("f~/"));
        schema["allOf"] = json!([{"not": {"properties": {"f~/": {"pattern": "gander"}}}}]);
        assert_eq!(free(&schema, &[]), None, "a nonce would not hold it");
    }

    #[test]
    fn what_says_nothing_is_any_map_and_what_is_no_map_is_refused() {
        let made = |schema: &Value| Many::new(schema, &[])?.at_random(&mut CounterRng::new(1, 1));
        for schema in [json!(null), json!({}), json!({"type": ["object", "null"]})] {
            assert!(made(&schema).is_ok(), "{schema}");
        }
        for schema in [json!({"type": "string"}), json!(7), json!(false), json!({"allOf": 7})] {
            assert!(made(&schema).is_err(), "{schema}");
        }
    }
}
