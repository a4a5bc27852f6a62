//! The JSON value at a pointer (RFC 6901), found without building what surrounds it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// JSON text of the value at `pointer` into the JSON text `json`; `None` where there is none, or `json` is no JSON. Of
/// members with the same name the last one counts.
pub(super) fn find<'t>(json: &'t str, pointer: &str) -> Option<&'t str> {
    let tokens: Vec<Cow<'_, str>> = match pointer.split_at_checked(1) {
        None => Vec::new(),
        Some(("/", rest)) => rest.split('/').map(unescaped).collect(),
        Some(_) => return None,
    };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let found = Seek(&tokens).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    found.map(RawValue::get)
}

fn unescaped(token: &str) -> Cow<'_, str> {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
}

/// Goes down by the first of these tokens, and on by the rest.
struct Seek<'p>(&'p [Cow<'p, str>]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return <&RawValue>::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == self.0[0] {
                found = map.next_value_seed(Seek(&self.0[1..]))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let wanted = index(&self.0[0]);
        let mut found = None;
        for at in 0.. {
            if wanted == Some(at) {
                match items.next_element_seed(Seek(&self.0[1..]))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// An index as the RFC writes it: `01` and `+1` are none.
fn index(token: &str) -> Option<usize> {
    let plain =
        token.bytes().all(|byte| byte.is_ascii_digit()) && (token.len() == 1 || !token.starts_with('0'));
    token.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[track_caller]
    fn check(json: &str, pointer: &str, expected: Option<&str>) {
        assert_eq!(find(json, pointer), expected, "{pointer} into {json}");
    }

    #[test]
    fn values_are_found_wherever_they_are() {
        let json = r#"{"tools":[{"name":"a"},{"name":"b\n","x":{"/":1,"~":2}}],"n":null}"#;
        check(json, "/tools/1/name", Some(r#""b\n""#));
        check(json, "/tools/1/x/~1", Some("1"));
        check(json, "/tools/1/x/~0", Some("2"));
        check(json, "/n", Some("null"));
        check(json, "/n/x", None);
        check(json, "/tools/2/name", None);
        check(json, "/tools/01", None);
        check(json, "/tools/name", None);
        check(json, "", Some(json));
        check(json, "tools", None);
        check("{\"a\":1", "/a", None);
        check("{\"a\":1}x", "/a", None);
        check(r#"{"a":1,"a":2}"#, "/a", Some("2"));
    }

    proptest! {
        #[test]
        fn it_finds_what_a_whole_tree_would_have(json in r#"(\[|\]|\{|\}|"a":|"b":|1|"x"|,|null){0,14}"#, pointer in "(/(a|b|0|1|x)){0,3}") {
            let expected = serde_json::from_str::<Value>(&json).ok().and_then(|value| value.pointer(&pointer).cloned());
            let found = find(&json, &pointer).map(|text| serde_json::from_str::<Value>(text).unwrap());
            prop_assert_eq!(found, expected);
        }
    }
}
