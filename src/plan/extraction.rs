//! What a step takes out of its answer, and on what condition a step is done.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{Datum, Slot, Template};

/// A part of an answer that is put into a variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extraction {
    /// The variable's name.
    pub name: String,
    /// The variable.
    pub slot: Slot,
    /// Which part.
    pub part: Part,
    /// JSON text of what is taken where the answer has no such part; `None`: then the answer fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// Which part of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The JSON value at this pointer (RFC 6901) into the result (REST: the body).
    Json {
        /// The pointer, such as `/tools/0/name`.
        pointer: String,
        /// Where what is found is a text that holds JSON itself, as many tools answer: the pointer into that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inside: Option<String>,
    },
    /// What the first group of the pattern matches, or without a group the whole of it: in the text of a tool's answer, for
    /// others in the JSON text of the result (REST: the body).
    Regex(Pattern),
}

/// A regular expression. Written out it is its source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        Regex::new(&source).map(Self)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

/// On what condition a step is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What is looked at, as plain text. A variable that nothing was put into is an empty text.
    pub value: Template,
    /// What must be true of it.
    pub test: Test,
}

/// What must be true of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// It is this one.
    Equals(String),
    /// It is another one.
    NotEquals(String),
    /// The pattern is found in it.
    Matches(Pattern),
}

impl Test {
    /// True when `text` passes.
    pub fn passes(&self, text: &str) -> bool {
        match self {
            Self::Equals(wanted) => text == wanted,
            Self::NotEquals(other) => text != other,
            Self::Matches(pattern) => pattern.0.is_match(text),
        }
    }
}

impl Pattern {
    /// What its first group matches in `text`, or without a group the whole of it.
    pub fn find(&self, text: &str) -> Option<Datum> {
        let found = self.0.captures(text)?;
        let part = found.get(1).or_else(|| found.get(0).filter(|_| self.0.captures_len() == 1))?;
        Some(Datum::Text(part.as_str().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: Option<&str>) {
        let pattern = Pattern::try_from(pattern.to_owned()).unwrap();
        let found = pattern.find(text);
        assert_eq!(found.as_ref().map(Datum::as_text), expected, "{pattern:?} in {text}");
    }

    #[test]
    fn the_first_group_is_what_is_wanted() {
        check(r"id=(\d+)", "a id=42 b", Some("42"));
        check(r"\d+", "a id=42 b", Some("42"));
        check(r"id=(\d+)|none", "none", None);
        check(r"x", "abc", None);
    }

    #[test]
    fn conditions_look_at_texts() {
        assert!(Test::Equals("a".into()).passes("a") && !Test::Equals("a".into()).passes(""));
        assert!(Test::NotEquals("a".into()).passes("") && !Test::NotEquals("a".into()).passes("a"));
        assert!(Test::Matches(Pattern::try_from("^a".to_owned()).unwrap()).passes("ab"));
    }
}
