//! Values of others held against a schema of others: where it is broken first, with bounded work.

use jsonschema::Validator;
use serde_json::Value;

use super::document::{Document, validator};
use super::error::SchemaError;
use super::generator::unreadable;
use super::weight::weigh;
use crate::model::clean_text;

/// A schema to hold values against.
#[derive(Debug)]
pub struct Checker {
    schema: Value,
    validator: Validator,
}

/// Where a value breaks a schema. It quotes names that a server chose, cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The place in the value, as a JSON pointer (RFC 6901); empty: the value itself.
    pub pointer: String,
    /// The keyword that does not hold there.
    pub keyword: String,
}

impl Checker {
    /// Reads `schema`.
    ///
    /// # Errors
    /// Why it is no schema, or too large a one.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let document = Document::measured(schema)?;
        let validator = validator(schema).map_err(|error| unreadable(&document, &error))?;
        Ok(Self { schema: schema.clone(), validator })
    }

    /// Where `value` breaks the schema first; `None` where it holds.
    ///
    /// # Errors
    /// It takes more work than is sensible.
    pub fn violation(&self, value: &Value) -> Result<Option<Violation>, SchemaError> {
        weigh(&Document::new(&self.schema), value)?;
        Ok(self.validator.validate(value).err().map(|error| Violation {
            pointer: clean_text(&error.instance_path().to_string()),
            keyword: clean_text(error.kind().keyword()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_breach_is_told_by_place_and_keyword() {
        let results = json!({"type": "array", "items": {"type": "object", "required": ["title"]}});
        let checker = Checker::new(&json!({"type": "object", "properties": {"results": results}})).unwrap();
        assert_eq!(checker.violation(&json!({"results": [{"title": "a"}]})), Ok(None));
        let told = |pointer: &str, keyword: &str| {
            Ok(Some(Violation { pointer: pointer.to_owned(), keyword: keyword.to_owned() }))
        };
        assert_eq!(
            checker.violation(&json!({"results": [{"title": "a"}, {}]})),
            told("/results/1", "required")
        );
        assert_eq!(checker.violation(&json!([])), told("", "type"));
    }

    #[test]
    fn what_costs_too_much_is_not_checked() {
        let checker = Checker::new(&json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]})).unwrap();
        assert!(checker.violation(&json!(1)).is_err());
        assert!(Checker::new(&json!({"type": 7})).is_err());
    }
}
