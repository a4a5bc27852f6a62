//! What a selector asks of one label; regular expressions as Go means them.
//!
//! Prometheus speaks RE2: anchored, `.` takes newlines, classes like `\d` are ASCII. The `regex` crate differs in a few places of
//! its syntax, so patterns are translated. Compiled size is limited: a pattern comes from a user's file.

use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::labels::{METRIC_NAME, label_text, quoted};

/// Compiled patterns above this many bytes are refused.
const MAX_COMPILED: usize = 256 * 1024;

/// What a selector asks of one label. A missing label has the value "".
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: Arc<str>,
    /// How the label's value is compared.
    pub op: MatchOp,
    /// The value, or the pattern as it was written.
    pub value: Arc<str>,
    pattern: Option<Regex>,
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
            MatchOp::Matches | MatchOp::MatchesNot => Some(anchored(value)?),
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

/// A pattern that is no regular expression, or asks for too much.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// A pattern that has to fit the whole of a text, as in Prometheus.
pub(crate) fn anchored(pattern: &str) -> Result<Regex, PatternError> {
    let built =
        RegexBuilder::new(&format!("^(?s:{})$", translated(pattern))).size_limit(MAX_COMPILED).build();
    built.map_err(|error| {
        if matches!(error, regex::Error::CompiledTooBig(_)) {
            return PatternError("the regular expression asks for too much memory".to_owned());
        }
        // The last line of the library's account says what is wrong; those before it show our translation.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        PatternError(format!("not a regular expression: {reason}"))
    })
}

/// Go's syntax in that of the `regex` crate.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\\' => escape(rest, &mut out),
            '[' if in_class && !rest.starts_with("[:") => {
                out.push_str("\\[");
                1
            }
            '[' if in_class => {
                let end = rest.find(":]").map_or(rest.len(), |at| at + 2);
                out.push_str(&rest[..end]);
                end
            }
            '[' => {
                in_class = true;
                // A `]` that comes first is one of the class.
                let head = ["[^]", "[]", "[^", "["].into_iter().find(|head| rest.starts_with(head));
                let head = head.expect("the text begins with a bracket");
                out.push_str(&head.replace(']', "\\]"));
                head.len()
            }
            ']' => {
                in_class = false;
                out.push(']');
                1
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
                1
            }
            '{' if !in_class && !is_repetition(rest) => {
                out.push_str("\\{");
                1
            }
            _ => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    out
}

/// Writes what begins with a backslash; gives how many bytes it took.
fn escape(rest: &str, out: &mut String) -> usize {
    let Some(letter) = rest[1..].chars().next() else {
        out.push('\\');
        return 1;
    };
    if letter == 'Q' {
        let body = &rest[2..];
        let end = body.find("\\E").unwrap_or(body.len());
        out.push_str(&regex::escape(&body[..end]));
        return (2 + end + 2).min(rest.len());
    }
    let ascii = match letter {
        'd' => Some("[0-9]"),
        'D' => Some("[^0-9]"),
        'w' => Some("[0-9A-Za-z_]"),
        'W' => Some("[^0-9A-Za-z_]"),
        's' => Some("[\\t\\n\\f\\r ]"),
        'S' => Some("[^\\t\\n\\f\\r ]"),
        'b' => Some("(?-u:\\b)"),
        _ => None,
    };
    if let Some(class) = ascii {
        out.push_str(class);
    } else {
        out.push('\\');
        out.push(letter);
    }
    1 + letter.len_utf8()
}

/// True for `{2}`, `{2,}` and `{2,5}`; anything else in braces is plain text to Go.
fn is_repetition(rest: &str) -> bool {
    let Some((body, _)) = rest[1..].split_once('}') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match body.split_once(',') {
        None => digits(body),
        Some((least, most)) => digits(least) && (most.is_empty() || digits(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fits: &[&str], fits_not: &[&str]) {
        let matcher = Matcher::new("a", MatchOp::Matches, pattern).unwrap();
        for text in fits {
            assert!(matcher.matches(text), "`{pattern}` fits `{text}`");
        }
        for text in fits_not {
            assert!(!matcher.matches(text), "`{pattern}` does not fit `{text}`");
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        check("a|b", &["a", "b"], &["ab", "xa", ""]);
        check("a.c", &["a\nc", "abc"], &["ac"]);
        check("\\d+", &["12"], &["١٢", ""]);
        check("[\\w.-]+", &["a-b.c_1"], &["ä"]);
        check("a{b}", &["a{b}"], &["ab"]);
        check("a{2,3}", &["aa", "aaa"], &["a"]);
        check("\\Qa.b\\E+", &["a.bb"], &["axb"]);
        check("[]a]+", &["]a"], &["b"]);
        check("[^]a]+", &["b"], &["]"]);
        check("[[a]+", &["[a"], &["b"]);
        check("[[:alpha:]_]+", &["ab_"], &["1"]);
        check("[a&&b]+", &["a&b"], &["c"]);
        check("(?i:PRO).*", &["production"], &["canary"]);
        check("\\bx\\b", &["x"], &["xx"]);
        check(".*?", &["", "a"], &[]);
    }

    #[test]
    fn a_pattern_that_asks_for_too_much_is_refused() {
        for bomb in ["((((a{100}){100}){100}){100})", "(?:[a-z]{1000}){1000}", "a{1000}{1000}"] {
            let error = Matcher::new("a", MatchOp::Matches, bomb).unwrap_err();
            assert_eq!(error.to_string(), "the regular expression asks for too much memory", "{bomb}");
        }
        let error = Matcher::new("a", MatchOp::Matches, "a(b").unwrap_err();
        assert_eq!(error.to_string(), "not a regular expression: unclosed group");
    }
}
