//! A scenario's own assertions on an answer.

use serde_json::Value;

use super::pointer;
use crate::plan::Check;

/// True when every check but those on the HTTP status holds for `text`: the JSON text of an MCP result, or the body
/// of a plain HTTP answer.
pub(crate) fn all_hold(checks: &[Check], text: &str) -> bool {
    checks.iter().all(|check| holds(check, text))
}

/// Which of the checks does not hold for `text`, and what was found instead; empty when all hold.
pub(crate) fn complaint(checks: &[Check], text: &str, said: &str) -> String {
    match checks.iter().find(|check| !holds(check, text)) {
        None | Some(Check::Status(_)) => String::new(),
        Some(Check::Contains(needle)) => format!("`contains: {needle}` does not hold; found: {said}"),
        Some(Check::NotContains(needle)) => format!("`not_contains: {needle}` does not hold; found: {said}"),
        Some(Check::Json { pointer, equals }) => json_complaint(text, pointer, equals.as_ref()),
    }
}

fn holds(check: &Check, text: &str) -> bool {
    match check {
        Check::Contains(needle) => contains(text, needle),
        Check::NotContains(needle) => !contains(text, needle),
        Check::Json { pointer, equals } => json_holds(text, pointer, equals.as_ref()),
        Check::Status(_) => true,
    }
}

fn json_complaint(text: &str, pointer: &str, equals: Option<&Value>) -> String {
    let value: Option<Value> = serde_json::from_str(text).ok();
    let found = match (&value, value.as_ref().and_then(|value| value.pointer(pointer))) {
        (None, _) => "what came is no JSON".to_owned(),
        (Some(_), None) => "there is nothing at it".to_owned(),
        (Some(_), Some(found)) => format!("found {found}"),
    };
    match equals {
        None => format!("`json: {pointer}` does not hold; {found}"),
        Some(wanted) => format!("`json: {pointer}` equal to {wanted} does not hold; {found}"),
    }
}

/// The status that the checks want, where they want one.
pub(crate) fn wanted_status(checks: &[Check]) -> Option<u16> {
    checks.iter().find_map(|check| match check {
        Check::Status(status) => Some(*status),
        Check::Contains(_) | Check::NotContains(_) | Check::Json { .. } => None,
    })
}

/// In the raw text, or, where escapes could hide it, in any decoded string of it.
fn contains(text: &str, needle: &str) -> bool {
    text.contains(needle)
        || (text.contains('\\')
            && serde_json::from_str::<Value>(text).is_ok_and(|value| string_contains(&value, needle)))
}

fn string_contains(value: &Value, needle: &str) -> bool {
    match value {
        Value::String(text) => text.contains(needle),
        Value::Array(items) => items.iter().any(|item| string_contains(item, needle)),
        Value::Object(fields) => fields.values().any(|field| string_contains(field, needle)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn json_holds(text: &str, pointer: &str, equals: Option<&Value>) -> bool {
    let found = pointer::find(text, pointer);
    match (found, equals) {
        (Some(found), Some(wanted)) => serde_json::from_str(found).is_ok_and(|found| same(&found, wanted)),
        (found, None) => found.is_some(),
        (None, Some(_)) => false,
    }
}

/// Equal as JSON, where 3 and 3.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(assertion: &Check, text: &str, expected: bool) {
        assert_eq!(all_hold(std::slice::from_ref(assertion), text), expected, "{assertion:?} on {text}");
    }

    #[test]
    fn text_is_found_raw_and_behind_escapes() {
        check(&Check::Contains("42".into()), r#"{"text":"= 42"}"#, true);
        check(&Check::Contains("caf\u{e9}".into()), r#"{"text":"caf\u00e9"}"#, true);
        check(&Check::Contains("a\"b".into()), r#"{"text":["a\"b"]}"#, true);
        check(&Check::Contains("nope".into()), r#"{"text":"\n"}"#, false);
        check(&Check::NotContains("error".into()), r#"{"text":"fine"}"#, true);
        check(&Check::NotContains("fine".into()), r#"{"text":"fine"}"#, false);
    }

    #[test]
    fn a_check_that_does_not_hold_says_what_was_found() {
        #[track_caller]
        fn told(check: Check, text: &str, expected: &str) {
            assert_eq!(complaint(&[Check::Contains("a".into()), check], text, "aha"), expected);
        }
        let json = |equals| Check::Json { pointer: "/a".into(), equals };
        told(Check::Contains("x".into()), "a", "`contains: x` does not hold; found: aha");
        told(Check::NotContains("a".into()), "a", "`not_contains: a` does not hold; found: aha");
        told(json(Some(json!(3))), r#"{"a":4}"#, "`json: /a` equal to 3 does not hold; found 4");
        told(json(None), r#"{"b":"a"}"#, "`json: /a` does not hold; there is nothing at it");
        told(json(None), "a", "`json: /a` does not hold; what came is no JSON");
        told(json(None), r#"{"a":4}"#, "");
    }

    #[test]
    fn json_values_are_compared_by_value() {
        let at = |pointer: &str, equals| Check::Json { pointer: pointer.into(), equals };
        check(&at("/a/0", Some(json!(3))), r#"{"a":[3.0]}"#, true);
        check(&at("/a/0", Some(json!("3"))), r#"{"a":[3]}"#, false);
        check(&at("/a", None), r#"{"a":null}"#, true);
        check(&at("/b", None), r#"{"a":null}"#, false);
        check(&at("", None), "not json", false);
    }
}
