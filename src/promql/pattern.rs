//! Regular expressions as Go means them.
//!
//! Prometheus speaks RE2: anchored, `.` takes newlines, classes like `\d` are ASCII. The `regex` crate differs in a few places of
//! its syntax, so patterns are translated. Compiled size and repetitions are limited: a pattern comes from a user's file.

use regex::{Captures, Regex, RegexBuilder};
use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{Ast, RepetitionKind, RepetitionRange};

/// Compiled patterns above this many bytes are refused.
const MAX_COMPILED: usize = 256 * 1024;
/// The most that something may be repeated; the limit of RE2 and of Go's `regexp`.
const MAX_REPEATED: u32 = 1000;
/// What it costs to hold a pattern against a text, however short, counted in samples.
const MATCH: u64 = 16;
/// How many bytes times states cost as much as looking at one sample.
const BYTES_AND_STATES: u64 = 2;

/// A pattern that is no regular expression, or asks for too much.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// A regular expression that has to fit the whole of a text, as in Prometheus.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    regex: Regex,
    /// How many states its repetitions are written out to: what a byte may cost where they can't be told apart early.
    repeated: u64,
}

impl Pattern {
    /// The pattern as written, anchored at both ends.
    pub(crate) fn anchored(pattern: &str) -> Result<Self, PatternError> {
        let translated = translated(pattern);
        let repeated = repeated(&translated).map_err(PatternError)?;
        let built = RegexBuilder::new(&format!("^(?s:{translated})$")).size_limit(MAX_COMPILED).build();
        let regex = built.map_err(|error| {
            if matches!(error, regex::Error::CompiledTooBig(_)) {
                return PatternError("the regular expression asks for too much memory".to_owned());
            }
            // The last line of the library's account says what is wrong; those before it show our translation.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
            PatternError(format!("not a regular expression: {reason}"))
        })?;
        Ok(Self { regex, repeated })
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }

    /// What it costs to hold it against a text of so many bytes, counted in samples.
    pub(crate) fn cost(&self, bytes: usize) -> u64 {
        MATCH + (bytes as u64).saturating_mul(1 + self.repeated) / BYTES_AND_STATES
    }
}

/// How many states the counted repetitions of `pattern` come to.
///
/// # Errors
/// In words, of repetitions that Go's `regexp` (RE2) refuses: above 1000, or inside each other with a product above 1000.
pub(crate) fn repeated(pattern: &str) -> Result<u64, String> {
    // What is no pattern is told by whoever compiles it.
    let Ok(tree) = Parser::new().parse(pattern) else { return Ok(0) };
    states(&tree, pattern, MAX_REPEATED).map(|states| states.repeated)
}

/// What a part of a pattern comes to when its repetitions are written out.
#[derive(Clone, Copy, Default)]
struct States {
    all: u64,
    /// Of them, those inside counted repetitions.
    repeated: u64,
}

/// `left` is how often a part may still be repeated.
fn states(tree: &Ast, pattern: &str, left: u32) -> Result<States, String> {
    let sum = |parts: &[Ast]| {
        parts.iter().try_fold(States::default(), |sum, part| {
            let more = states(part, pattern, left)?;
            Ok(States { all: sum.all + more.all, repeated: sum.repeated + more.repeated })
        })
    };
    match tree {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Assertion(_) => Ok(States::default()),
        Ast::Literal(_) | Ast::Dot(_) | Ast::ClassUnicode(_) | Ast::ClassPerl(_) | Ast::ClassBracketed(_) => {
            Ok(States { all: 1, repeated: 0 })
        }
        Ast::Group(group) => states(&group.ast, pattern, left),
        Ast::Alternation(alternation) => sum(&alternation.asts),
        Ast::Concat(concat) => sum(&concat.asts),
        Ast::Repetition(repetition) => {
            let RepetitionKind::Range(range) = &repetition.op.kind else {
                return states(&repetition.ast, pattern, left);
            };
            let (least, most) = match range {
                RepetitionRange::Exactly(count) | RepetitionRange::AtLeast(count) => (*count, *count),
                RepetitionRange::Bounded(least, most) => (*least, *most),
            };
            let written = &pattern[repetition.op.span.start.offset..repetition.op.span.end.offset];
            if least.max(most) > MAX_REPEATED {
                return Err(format!("the repetition `{written}` is above {MAX_REPEATED}, the limit of RE2"));
            }
            if most > left {
                return Err(format!(
                    "the repetition `{written}` and those around it come to more than {MAX_REPEATED}, the limit of RE2"
                ));
            }
            let once = states(&repetition.ast, pattern, left.checked_div(most).unwrap_or(MAX_REPEATED))?;
            let all = once.all * u64::from(most.max(1));
            Ok(States { all, repeated: all })
        }
    }
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
        let compiled = Pattern::anchored(pattern).unwrap();
        for text in fits {
            assert!(compiled.is_match(text), "`{pattern}` fits `{text}`");
        }
        for text in fits_not {
            assert!(!compiled.is_match(text), "`{pattern}` does not fit `{text}`");
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
        let error = Pattern::anchored("(?:\\pL{100}){10}").unwrap_err();
        assert_eq!(error.to_string(), "the regular expression asks for too much memory");
        let error = Pattern::anchored("a(b").unwrap_err();
        assert_eq!(error.to_string(), "not a regular expression: unclosed group");
    }

    // As Go's `regexp/syntax` has it: `repeatIsValid`.
    #[test]
    fn repetitions_have_the_limits_of_go() {
        for (bomb, refused) in [
            ("a{1001}", "`{1001}` is above 1000"),
            ("a{2,1001}", "`{2,1001}` is above 1000"),
            ("a{1001,}", "`{1001,}` is above 1000"),
            ("(a{100}){100}", "`{100}` and those around it come to more than 1000"),
            ("((((a{100}){100}){100}){100})", "`{100}` and those around it come to more than 1000"),
            ("(?:[a-z]{1000}){2,}", "`{1000}` and those around it come to more than 1000"),
            ("(b|(a{34}c){30})", "`{34}` and those around it come to more than 1000"),
        ] {
            let error = Pattern::anchored(bomb).unwrap_err().to_string();
            assert!(error.contains(refused), "{bomb}: {error}");
        }
        for good in
            ["a{1000}", "(a{10}){100}", "(a{500}b{500}){2}", "(a{1000})*", "(a{1000}){0,1}", "(a{1000}){0}"]
        {
            Pattern::anchored(good).unwrap();
        }
    }

    #[test]
    fn a_pattern_costs_what_its_repetitions_come_to() {
        let cost = |pattern: &str| Pattern::anchored(pattern).unwrap().cost(100) - MATCH;
        assert_eq!(
            (cost(".+"), cost("a|b|c.*"), cost("a{10}"), cost("(a[bc]{10}){20}")),
            (50, 50, 550, 50 * 221)
        );
    }
}
