//! Regular expressions as Alertmanager's language reads them (Go's RE2), for the engine that is at hand.
//!
//! The two agree on nearly all that people write. Where they don't, the pattern is rewritten: classes such as `\d` are
//! ASCII in Go, a brace that is no repetition and a bracket inside a class stand for themselves, `\Q..\E` quotes.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

/// `pattern` for whole values.
///
/// # Errors
/// What is wrong with it, in one line.
pub(super) fn whole_match(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{})$", rewrite(pattern))).map_err(|error| why(&error))
}

/// The last line of the engine's report, which draws the pattern first.
fn why(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn rewrite(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, in_class, &mut out),
            '[' if in_class => {
                if rest.peek() == Some(&':') {
                    out.push('[');
                    named_class(&mut rest, &mut out);
                } else {
                    out.push_str("\\[");
                }
            }
            '[' => {
                in_class = true;
                out.push('[');
                out.extend(rest.next_if_eq(&'^'));
                // A bracket that comes first stands for itself.
                if rest.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', c]),
            '{' if !in_class && !is_repetition(rest.clone()) => out.push_str("\\{"),
            _ => out.push(c),
        }
    }
    out
}

fn escape(rest: &mut Peekable<Chars<'_>>, in_class: bool, out: &mut String) {
    let Some(c) = rest.next() else {
        out.push('\\');
        return;
    };
    match c {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[\\t\\n\\f\\r ]"),
        'S' => out.push_str("[^\\t\\n\\f\\r ]"),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        'Q' if !in_class => {
            while let Some(c) = rest.next() {
                if c == '\\' && rest.next_if_eq(&'E').is_some() {
                    break;
                }
                out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            }
        }
        _ => out.extend(['\\', c]),
    }
}

/// `[:alpha:]`, from its colon to its bracket.
fn named_class(rest: &mut Peekable<Chars<'_>>, out: &mut String) {
    for c in rest.by_ref() {
        out.push(c);
        if c == ']' {
            return;
        }
    }
}

/// True when what follows a brace makes it a repetition: `3}`, `3,}`, `3,5}`.
fn is_repetition(rest: Peekable<Chars<'_>>) -> bool {
    // Longer numbers are more than either engine takes.
    const LONGEST: usize = 16;
    let inside: String = rest.take(LONGEST).collect();
    let Some((inside, _)) = inside.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let regex = whole_match(pattern).unwrap();
        for text in matching {
            assert!(regex.is_match(text), "{pattern} {text}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        check("a|b", &["a", "b"], &["ab", "xa", "b\n"]);
        check(r"\d+", &["12"], &["٣"]);
        check(r"[\d_]{2}", &["1_"], &["1", "1__"]);
        check(r"\w+\b.*", &["ab c"], &["é"]);
        check("{a}", &["{a}"], &["a"]);
        check("x{,3}", &["x{,3}"], &["xx"]);
        check("[[a]", &["[", "a"], &["[a"]);
        check("[]a]", &["]", "a"], &["[]"]);
        check("[^]a]", &["b"], &["]", "a"]);
        check("[a&&b]", &["&", "a", "b"], &["&&"]);
        check("[[:alpha:]-]+", &["a-b"], &["1"]);
        check(r"\Qa.b\E+\Q+\E", &["a.b+", "a.bb+"], &["axb+"]);
        check("x{2", &["x{2"], &["xx"]);
        check("x{2,3}", &["xx"], &["x"]);
    }

    #[test]
    fn what_is_wrong_is_told_in_one_line() {
        assert_eq!(whole_match("a(").unwrap_err(), "unclosed group");
        // Between the parentheses that are put around it, as there.
        assert!(whole_match("a)(b").unwrap().is_match("ab"));
        assert!(whole_match("a\\").is_err());
        assert_eq!(whole_match("*a").unwrap_err(), "repetition operator missing expression");
    }
}
