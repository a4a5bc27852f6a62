//! A condition on one label. A label that is missing is an empty one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Labels;
use crate::promql::Regexp;

/// A condition that a label holds or does not.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Matcher {
    name: String,
    op: MatchOp,
    value: String,
    /// For the operators that have a pattern.
    pattern: Option<Regexp>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`: the pattern matches the whole value.
    Regex,
    /// `!~`
    NotRegex,
}

/// A value that is no regular expression, with what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

/// The pattern follows from the others.
impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

/// A matcher without what is made of it.
#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    op: MatchOp,
    value: String,
}

impl From<Matcher> for Written {
    fn from(Matcher { name, op, value, .. }: Matcher) -> Self {
        Self { name, op, value }
    }
}

impl TryFrom<Written> for Matcher {
    type Error = BadPattern;

    fn try_from(Written { name, op, value }: Written) -> Result<Self, BadPattern> {
        Self::new(name, op, value)
    }
}

impl MatchOp {
    /// As it is written.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

impl Matcher {
    /// The condition that the label `name` compares with `value`.
    ///
    /// # Errors
    /// A value that is no regular expression, where one is asked for.
    pub fn new(name: impl Into<String>, op: MatchOp, value: impl Into<String>) -> Result<Self, BadPattern> {
        let value = value.into();
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(whole_match(&value)?),
        };
        Ok(Self { name: name.into(), op, value, pattern })
    }

    /// The label it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub const fn op(&self) -> MatchOp {
        self.op
    }

    /// What it compares with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// True when `labels` hold it.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).unwrap_or("");
        let found = self.pattern.as_ref().map_or_else(|| value == self.value, |it| it.is_match(value));
        match self.op {
            MatchOp::Equal | MatchOp::Regex => found,
            MatchOp::NotEqual | MatchOp::NotRegex => !found,
        }
    }
}

/// `pattern` as Alertmanager compiles it, for whole values.
fn whole_match(pattern: &str) -> Result<Regexp, BadPattern> {
    let compiled = Regexp::new(&format!("^(?:{pattern})$"));
    compiled.map_err(|refused| BadPattern(refused.reason().to_owned()))
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        let quote = if self.name.contains(is_reserved) { "\"" } else { "" };
        let name = if quote.is_empty() {
            self.name.clone()
        } else {
            self.name.replace('\\', "\\\\").replace('"', "\\\"")
        };
        write!(f, "{quote}{name}{quote}{}\"{value}\"", self.op.sign())
    }
}

/// Sorted and without repeats, so that two lists that say the same print the same.
pub(super) fn sort(matchers: &mut [Matcher]) {
    matchers.sort_by(|a, b| (&a.name, &a.value, a.op.sign()).cmp(&(&b.name, &b.value, b.op.sign())));
}

/// True when `labels` hold each of `matchers`.
pub(super) fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

/// What a name or a value can't have without quotes.
pub(super) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '}' | '!' | '=' | '~' | ',' | '\\' | '"' | '\'' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(op: MatchOp, value: &str, labels: &[(&str, &str)], expected: bool) {
        let labels: Labels = labels.iter().copied().collect();
        assert_eq!(Matcher::new("team", op, value).unwrap().matches(&labels), expected, "{value} {labels}");
    }

    #[test]
    fn a_missing_label_is_an_empty_one_and_patterns_match_whole_values() {
        check(MatchOp::Equal, "db", &[("team", "db")], true);
        check(MatchOp::Equal, "", &[], true);
        check(MatchOp::NotEqual, "db", &[], true);
        check(MatchOp::Regex, "db|web", &[("team", "web")], true);
        check(MatchOp::Regex, "db|web", &[("team", "web2")], false);
        check(MatchOp::Regex, ".*", &[], true);
        check(MatchOp::Regex, ".+", &[], false);
        check(MatchOp::NotRegex, ".+", &[("team", "")], true);
        check(MatchOp::Regex, "(?i)DB", &[("team", "db")], true);
    }

    #[test]
    fn it_prints_as_it_may_be_written() {
        let print = |name: &str, op, value: &str| Matcher::new(name, op, value).unwrap().to_string();
        assert_eq!(print("a", MatchOp::Equal, "x\"y\n"), r#"a="x\"y\n""#);
        assert_eq!(print("a b", MatchOp::NotRegex, "x.*"), r#""a b"!~"x.*""#);
        assert!(Matcher::new("a", MatchOp::Regex, "(").is_err());
    }
}
