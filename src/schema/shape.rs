//! What several schemas, that hold for one value at the same time, say of it together.

use serde_json::{Number, Value};

use super::document::At;
use super::error::{Fault, SchemaError};

/// A set of types. `number` is whole numbers and fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const WHOLE: Self = Self(4);
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const TEXT: Self = Self(16);
    pub(super) const LIST: Self = Self(32);
    pub(super) const MAP: Self = Self(64);
    pub(super) const ALL: Self = Self(127);
    /// The likeliest meant first.
    pub(super) const EACH: [Self; 7] =
        [Self::TEXT, Self::WHOLE, Self::FRACTION, Self::BOOLEAN, Self::MAP, Self::LIST, Self::NULL];

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    /// Those that are neither lists nor maps.
    pub(super) fn plain(self) -> Self {
        Self(self.0 & !(Self::LIST.0 | Self::MAP.0))
    }

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::WHOLE,
            "number" => Self::WHOLE.or(Self::FRACTION),
            "string" => Self::TEXT,
            "array" => Self::LIST,
            "object" => Self::MAP,
            _ => Self(0),
        }
    }

    /// Those that `type` allows; `None` where there is no such keyword.
    pub(super) fn stated(at: &At<'_>) -> Option<Self> {
        let one = |name: &Value| name.as_str().map_or(Self(0), Self::named);
        let stated = at.get("type")?;
        Some(match stated.as_array() {
            Some(several) => several.iter().map(one).fold(Self(0), Self::or),
            None => one(stated),
        })
    }

    /// That of `value`.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if is_whole(number) => Self::WHOLE,
            Value::Number(_) => Self::FRACTION,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::MAP,
        }
    }
}

fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// What the parts say together.
#[derive(Debug)]
pub(super) struct Shape<'s> {
    /// All that hold, references followed and branches chosen.
    pub(super) parts: Vec<At<'s>>,
    /// What the value may be.
    pub(super) types: Types,
    /// True when a part states a type.
    pub(super) stated: bool,
    /// All that the value may be, where `const` or `enum` says so, and the keyword that said it last.
    pub(super) candidates: Option<(Vec<&'s Value>, SchemaError)>,
}

impl<'s> Shape<'s> {
    pub(super) fn new() -> Self {
        Self { parts: Vec::new(), types: Types::ALL, stated: false, candidates: None }
    }

    /// With `at`, too.
    pub(super) fn add(&mut self, at: At<'s>) -> Result<(), SchemaError> {
        if let Some(types) = Types::stated(&at) {
            self.stated = true;
            self.types = self.types.and(types);
            if self.types.is_empty() {
                return Err(at.fault("type", Fault::Contradiction));
            }
        }
        if let Some(value) = at.get("const") {
            self.keep(vec![value], at.fault("const", Fault::Contradiction))?;
        }
        if let Some(values) = at.get("enum").and_then(Value::as_array) {
            self.keep(values.iter().collect(), at.fault("enum", Fault::Contradiction))?;
        }
        self.parts.push(at);
        Ok(())
    }

    fn keep(&mut self, values: Vec<&'s Value>, fault: SchemaError) -> Result<(), SchemaError> {
        let kept = match self.candidates.take() {
            None => values,
            Some((known, _)) => known.into_iter().filter(|value| values.contains(value)).collect(),
        };
        if kept.is_empty() {
            return Err(fault);
        }
        self.candidates = Some((kept, fault));
        Ok(())
    }

    /// What each part says below `keyword`.
    pub(super) fn each<'k>(&'k self, keyword: &'k str) -> impl Iterator<Item = (&'k At<'s>, &'s Value)> + 'k {
        self.parts.iter().filter_map(move |at| Some((at, at.get(keyword)?)))
    }

    /// True when a part has one of these keywords.
    pub(super) fn says(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.each(keyword).next().is_some())
    }

    /// The largest count below `keyword`, such as `minItems`, and who says so.
    pub(super) fn at_least<'k>(&'k self, keyword: &'k str) -> Option<(u64, &'k At<'s>)> {
        self.each(keyword).filter_map(|(at, value)| Some((count(value)?, at))).max_by_key(|(count, _)| *count)
    }

    /// The smallest count below `keyword`, such as `maxItems`, and who says so.
    pub(super) fn at_most<'k>(&'k self, keyword: &'k str) -> Option<(u64, &'k At<'s>)> {
        self.each(keyword).filter_map(|(at, value)| Some((count(value)?, at))).min_by_key(|(count, _)| *count)
    }

    /// What the schema itself gives as a value: its `default`, then its examples.
    pub(super) fn suggestions(&self) -> Vec<&'s Value> {
        let defaults = self.each("default").map(|(_, value)| value);
        let examples = self.each("examples").filter_map(|(_, value)| value.as_array()).flatten();
        // `example` is OpenAPI's, and common.
        let example = self.each("example").map(|(_, value)| value);
        defaults.chain(examples).chain(example).collect()
    }

    /// The part that an error is told of where it is of none in particular.
    pub(super) fn fault(&self, keyword: &str, fault: Fault) -> SchemaError {
        let at = self.each(keyword).next().map(|(at, _)| at).or(self.parts.first());
        SchemaError::new(keyword, at.map_or("", |at| at.pointer.as_str()), fault)
    }
}

/// A count: 3, and 3.0.
pub(super) fn count(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast saturates, and so may a count"
    )]
    let rounded = |number: f64| (number >= 0.0 && number.fract() == 0.0).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(rounded))
}
