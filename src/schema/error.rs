//! Why there is no value for a schema.

use std::fmt;

use crate::model::clean_text;

/// Why there is no value for a schema. It quotes names that a server chose, cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The keyword that can't be met, such as `minItems`; empty where the schema as a whole is wrong.
    pub keyword: String,
    /// The schema that the keyword stands in, as a JSON pointer (RFC 6901) into the whole.
    pub pointer: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a schema, or with a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No schema of any known draft.
    #[error("it is no JSON Schema")]
    Invalid,
    /// A schema that is larger than any that people write.
    #[error("it is too large")]
    TooLarge,
    /// Another document, or a place that is not there.
    #[error("it names a schema that is not in this one")]
    Elsewhere,
    /// What it says together with what stands beside it leaves nothing.
    #[error("nothing can hold it together with the rest")]
    Contradiction,
    /// More than a call should carry.
    #[error("it asks for more than is sensible")]
    TooMuch,
    /// It asks for itself, without an end.
    #[error("it has no end")]
    Endless,
    /// A pattern that no text can be made from.
    #[error("no text can be made from it")]
    Pattern,
    /// Values were made, and none of them holds it.
    #[error("no value was found that holds it")]
    Unmet,
}

impl SchemaError {
    pub(super) fn new(keyword: impl Into<String>, pointer: impl Into<String>, fault: Fault) -> Self {
        Self { keyword: keyword.into(), pointer: pointer.into(), fault }
    }

    /// True when another draw can't help.
    pub(super) fn is_final(&self) -> bool {
        match self.fault {
            Fault::Invalid | Fault::TooLarge | Fault::Elsewhere | Fault::TooMuch | Fault::Endless => true,
            Fault::Contradiction | Fault::Pattern | Fault::Unmet => false,
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keyword = if self.keyword.is_empty() { "the schema" } else { &self.keyword };
        let place = if self.pointer.is_empty() { "at its top" } else { &self.pointer };
        write!(f, "`{}` ({}): {}", clean_text(keyword), clean_text(place), self.fault)
    }
}

impl std::error::Error for SchemaError {}
