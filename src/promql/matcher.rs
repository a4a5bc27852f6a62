//! What a selector asks of one label.

use std::fmt;
use std::sync::Arc;

use super::labels::{METRIC_NAME, label_text, quoted};
use super::pattern::Pattern;
use super::regexp::PatternError;

/// What it costs to compare a label with a text, counted in samples.
const COMPARISON: u64 = 4;

/// What a selector asks of one label. A missing label has the value "".
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: Arc<str>,
    /// How the label's value is compared.
    pub op: MatchOp,
    /// The value, or the pattern as it was written.
    pub value: Arc<str>,
    pattern: Option<Pattern>,
}

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

impl Matcher {
    /// A matcher; an error says what is wrong with the pattern.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, PatternError> {
        let pattern = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Matches | MatchOp::MatchesNot => Some(Pattern::anchored(value)?),
        };
        Ok(Self { name: name.into(), op, value: value.into(), pattern })
    }

    /// True when a label of this value is what is asked for.
    pub fn matches(&self, value: &str) -> bool {
        let fits = || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.op {
            MatchOp::Equal => *self.value == *value,
            MatchOp::NotEqual => *self.value != *value,
            MatchOp::Matches => fits(),
            MatchOp::MatchesNot => !fits(),
        }
    }

    /// What it costs to look at a value of so many bytes, counted in samples.
    pub(crate) fn cost(&self, bytes: usize) -> u64 {
        self.pattern.as_ref().map_or(COMPARISON, |pattern| pattern.cost(bytes))
    }

    /// True when it says what the metric's name equals.
    pub fn is_name(&self) -> bool {
        self.op == MatchOp::Equal && &*self.name == METRIC_NAME
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", label_text(&self.name), self.op.symbol(), quoted(&self.value))
    }
}

impl MatchOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::MatchesNot => "!~",
        }
    }
}
