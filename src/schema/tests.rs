//! Values for schemas that real servers give, and for those that nobody should give, each checked by `jsonschema` anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Generator, Hole, Mode, generate};
use crate::model::CounterRng;

const SEEDS: u64 = 1_000;
/// Of one end of what is allowed there is less to draw.
const FEW_SEEDS: u64 = 50;
const MODES: [Mode; 4] = [Mode::Random, Mode::Edge, Mode::Lowest, Mode::Highest];

/// The input and output schemas of every tool of the real servers that tests aim at.
fn real() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("../../tests/golden/schemas/real.json")).unwrap()
}

/// `jsonschema` as anybody would use it, formats included.
#[track_caller]
fn plain_validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

/// 1,000 seeds give valid values, at random and at the edges, and the readable one is valid, too.
#[track_caller]
fn check(name: &str, schema: &Value) {
    let generator = Generator::new(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    let validator = plain_validator(schema);
    let valid = |value: &Value, how: &str| {
        let found = validator.validate(value).map_err(|error| error.to_string());
        assert_eq!(found, Ok(()), "{name}, {how}: {value} for {schema}");
    };
    for seed in 0..SEEDS {
        let modes = if seed < FEW_SEEDS { &MODES[..] } else { &MODES[..2] };
        for &mode in modes {
            let made = generator.value(mode, &mut CounterRng::new(seed, 0));
            let value =
                made.unwrap_or_else(|error| panic!("{name}, {mode:?}, seed {seed}: {error} in {schema}"));
            valid(&value, &format!("{mode:?}, seed {seed}"));
        }
    }
    let readable =
        generator.readable().unwrap_or_else(|error| panic!("{name}, readable: {error} in {schema}"));
    valid(&readable.value, "readable");
}

/// Schemas that make it hard, and have values.
fn nasty() -> BTreeMap<String, Value> {
    serde_json::from_str(include_str!("../../tests/golden/schemas/nasty.json")).unwrap()
}

#[test]
fn every_tool_of_the_real_servers_gets_valid_arguments() {
    for (name, schema) in real() {
        check(&name, &schema);
    }
}

#[test]
fn nasty_schemas_get_valid_values() {
    for (name, schema) in nasty() {
        check(&name, &schema);
    }
}

#[test]
fn every_known_format_is_held() {
    for format in [
        "date",
        "time",
        "date-time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "iri",
        "uri-reference",
        "iri-reference",
        "uri-template",
        "uuid",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    ] {
        check(format, &json!({"type": "string", "format": format}));
    }
}

#[track_caller]
fn refused(schema: &Value, expected: &str) {
    let refused = generate(schema, &mut CounterRng::new(1, 0));
    assert_eq!(refused.map_err(|error| error.to_string()), Err(expected.to_owned()), "{schema}");
}

#[test]
fn what_cannot_be_met_is_told_by_its_keyword_and_place() {
    refused(&json!(false), "`false` (at its top): nothing can hold it together with the rest");
    refused(&json!({"type": "strin"}), "`type` (at its top): it is no JSON Schema");
    refused(
        &json!({"$ref": "https://example.com/x"}),
        "`$ref` (at its top): it names a schema that is not in this one",
    );
    refused(
        &json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}),
        "`$ref` (/properties/a): it names a schema that is not in this one",
    );
    refused(
        &json!({"type": "array", "minItems": 1_000_000_000}),
        "`minItems` (at its top): it asks for more than is sensible",
    );
    refused(
        &json!({"type": "string", "minLength": 1_000_000_000}),
        "`minLength` (at its top): it asks for more than is sensible",
    );
    refused(
        &json!({"type": "object", "minProperties": 1_000_000_000}),
        "`minProperties` (at its top): it asks for more than is sensible",
    );
    refused(
        &json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
        "`type` (/allOf/0): nothing can hold it together with the rest",
    );
    refused(
        &json!({"type": "integer", "minimum": 5, "maximum": 4}),
        "`maximum` (at its top): nothing can hold it together with the rest",
    );
    refused(
        &json!({"type": "integer", "minimum": 5, "maximum": 6, "multipleOf": 4}),
        "`multipleOf` (at its top): nothing can hold it together with the rest",
    );
    refused(
        &json!({"properties": {"a": {"type": "string", "pattern": "^(?=x)y"}}, "required": ["a"]}),
        "`pattern` (/properties/a): no text can be made from it",
    );
    refused(
        &json!({"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 3}),
        "`uniqueItems` (at its top): no value was found that holds it",
    );
    refused(
        &json!({"type": "string", "not": {"type": "string"}}),
        "`not` (at its top): no value was found that holds it",
    );
    refused(
        &json!({"properties": {"a": {"$ref": "#"}}, "required": ["a"], "type": "object"}),
        "`required` (at its top): it has no end",
    );
}

/// `levels` definitions, each of which asks for the next one twice by `keyword`.
fn doubling(levels: usize, part: impl Fn(Value, Value) -> Value) -> Value {
    let mut definitions = serde_json::Map::new();
    for level in 0..levels {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions.insert(format!("d{level}"), part(next.clone(), next));
    }
    definitions.insert(format!("d{levels}"), json!({"type": "integer"}));
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

/// Any of these would take for ever, or all memory, if it were believed. That the test ends is the point.
#[test]
fn no_schema_takes_for_ever() {
    let hostile = [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}, "required": ["a", "b"]}),
        doubling(40, |a, b| json!({"allOf": [a, b]})),
        doubling(40, |a, b| json!({"anyOf": [a, b]})),
        doubling(40, |a, b| json!({"oneOf": [a, b]})),
        doubling(
            40,
            |a, b| json!({"type": "object", "properties": {"a": a, "b": b}, "required": ["a", "b"]}),
        ),
        doubling(40, |a, b| json!({"properties": {"x": {"allOf": [a, b]}}, "required": ["x"]})),
        doubling(40, |a, b| json!({"type": "array", "items": {"allOf": [a, b]}, "minItems": 2})),
        doubling(15, |a, b| json!({"type": "array", "prefixItems": [a, b], "minItems": 2})),
        json!({"type": "array", "items": {"type": "array", "items": {"type": "array", "minItems": 900}, "minItems": 900},
            "minItems": 900}),
        json!({"type": "string", "pattern": "^(a+)+$b"}),
        json!({"type": "string", "pattern": "^((a{1,1000}){1,1000}){1,1000}$"}),
        json!({"type": "string", "pattern": "(((((x{500}){500}){500}){500}){500})"}),
        json!({"type": "string", "pattern": "^(\\w+\\s?)*\\1$"}),
        json!({"type": "string", "pattern": "((((((((((a*)*)*)*)*)*)*)*)*)*)*b", "minLength": 90_000}),
        json!({"type": "integer", "multipleOf": 1e-300}),
        json!({"type": "integer", "multipleOf": 1e300}),
        json!({"type": "number", "minimum": -1e308, "maximum": 1e308}),
        json!({"type": "array", "uniqueItems": true, "minItems": 1_000, "items": {"enum": (0..999).collect::<Vec<_>>()}}),
        json!({"required": (0..5_000).map(|name| name.to_string()).collect::<Vec<_>>()}),
        json!({"enum": (0..30_000).collect::<Vec<_>>()}),
        (0..120).fold(json!({"type": "string"}), |inner, _| json!({"allOf": [inner]})),
        (0..120).fold(
            json!({"type": "string"}),
            |inner, _| json!({"type": "array", "items": inner, "minItems": 1}),
        ),
    ];
    for schema in hostile {
        let validator = Generator::new(&schema);
        for seed in 0..3 {
            for mode in MODES {
                let made =
                    validator.as_ref().map(|generator| generator.value(mode, &mut CounterRng::new(seed, 0)));
                if let Ok(Ok(value)) = made {
                    assert!(value.to_string().len() < 1_000_000, "{schema}");
                }
            }
        }
        let _ = validator.map(|generator| generator.readable());
    }
}

#[test]
fn what_was_read_once_serves_all_users() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let generator = Generator::new(&json!({"type": "integer", "maximum": 3})).unwrap();
    check(&generator);
    assert!(generator.accepts(&json!(3)) && !generator.accepts(&json!(4)) && !generator.accepts(&json!("3")));
}

#[test]
fn the_same_seed_gives_the_same_value_and_another_seed_another() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}},
        "required": ["a", "b"]});
    let of = |seed| generate(&schema, &mut CounterRng::new(seed, 0)).unwrap();
    assert_eq!(of(1), of(1));
    let different: BTreeSet<String> = (0..20).map(|seed| of(seed).to_string()).collect();
    assert_eq!(different.len(), 20);
}

#[test]
fn what_is_read_is_plain_and_says_where_it_may_vary() {
    #[track_caller]
    fn check(schema: &Value, value: &Value, holes: &[(&str, Hole)]) {
        let readable = Generator::new(schema).unwrap().readable().unwrap();
        let found: Vec<(&str, Hole)> = readable.holes.iter().map(|(at, hole)| (at.as_str(), *hole)).collect();
        assert_eq!((&readable.value, found.as_slice()), (value, holes), "{schema}");
    }
    let object = |properties: Value| {
        let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
        json!({"type": "object", "required": names, "properties": properties})
    };
    check(
        &object(json!({"a": {"type": "integer"}, "t": {"type": "string"}})),
        &json!({"a": 1, "t": "text"}),
        &[("/a", Hole::Int(1, 100)), ("/t", Hole::Nonce)],
    );
    check(
        &object(json!({"a": {"type": "integer", "minimum": 0, "maximum": 50}})),
        &json!({"a": 0}),
        &[("/a", Hole::Int(0, 50))],
    );
    check(
        &object(json!({"ms": {"type": "integer", "minimum": 0, "maximum": 600_000}})),
        &json!({"ms": 0}),
        &[("/ms", Hole::Int(0, 99))],
    );
    check(
        &object(json!({"a": {"type": "integer", "default": 7}, "b": {"enum": ["x", "y"], "default": "y"}})),
        &json!({"a": 7, "b": "y"}),
        &[],
    );
    check(&object(json!({"a": {"type": "string", "examples": ["Paris"]}})), &json!({"a": "Paris"}), &[]);
    check(
        &object(json!({"a": {"type": "string", "description": "A sum. For example `2 * (3 + 4)`."}})),
        &json!({"a": "2 * (3 + 4)"}),
        &[],
    );
    check(&object(json!({"a": {"type": "string", "maxLength": 10}})), &json!({"a": "text"}), &[]);
    check(&object(json!({"a": {"type": "string", "format": "date"}})), &json!({"a": "2026-01-01"}), &[]);
    check(
        &object(json!({"a/b": {"type": "array", "items": {"type": "integer"}}})),
        &json!({"a/b": [1]}),
        &[("/a~1b/0", Hole::Int(1, 100))],
    );
    check(
        &object(json!({"a": {"anyOf": [{"type": "null"}, {"type": "boolean"}]}})),
        &json!({"a": false}),
        &[],
    );
    // Two at once would be the same.
    check(
        &json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "not": {"contains": {"const": "gander-00000000-1000000001n"}}}),
        &json!(["text"]),
        &[],
    );
    check(&json!({"type": "object", "properties": {"optional": {"type": "string"}}}), &json!({}), &[]);
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!(true)),
        (-20i64..20, -20i64..20)
            .prop_map(|(low, high)| json!({"type": "integer", "minimum": low, "maximum": high})),
        (0u64..5, 0u64..8)
            .prop_map(|(low, high)| json!({"type": "string", "minLength": low, "maxLength": high})),
        (1u64..9).prop_map(|step| json!({"type": "number", "multipleOf": step})),
        proptest::collection::vec(any::<i8>(), 1..4).prop_map(|values| json!({"enum": values})),
        Just(json!({"type": ["boolean", "null"]})),
        Just(json!({"$ref": "#"})),
        Just(json!({"type": "string", "pattern": "^[a-z]{2}[0-9]*$"})),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            (proptest::collection::btree_map("[ab/~]{1,2}", inner.clone(), 0..4), any::<bool>()).prop_map(
                |(properties, all)| {
                    let required: Vec<&String> = properties.keys().filter(|_| all).collect();
                    json!({"type": "object", "required": required, "properties": properties})
                }
            ),
            (inner.clone(), 0u64..3, any::<bool>())
                .prop_map(|(items, least, unique)| json!({"type": "array", "items": items, "minItems": least, "uniqueItems": unique})),
            (proptest::collection::vec(inner.clone(), 1..3), 0usize..3)
                .prop_map(|(parts, which)| json!({["anyOf", "oneOf", "allOf"][which]: parts})),
            inner.clone().prop_map(|inner| json!({"not": inner})),
            (inner.clone(), inner).prop_map(|(one, other)| json!({"if": one, "then": other})),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_made_is_valid(schema in schemas(), seed in any::<u64>()) {
        for mode in MODES {
            let generator = Generator::new(&schema).unwrap();
            if let Ok(value) = generator.value(mode, &mut CounterRng::new(seed, 0)) {
                prop_assert!(plain_validator(&schema).is_valid(&value), "{} for {}", value, schema);
            }
        }
    }
}
