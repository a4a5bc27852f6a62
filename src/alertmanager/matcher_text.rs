//! Matchers as text: `severity="critical"`, several with commas between, braces around them allowed.
//!
//! Alertmanager has two parsers: the classic one, and since 0.27 one for names of any characters. As there, what the
//! classic one understands means what it means there, and the other one has its say only about the rest.

use super::matcher::{MatchOp, Matcher, is_reserved};

/// Why a text is no list of matchers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MatcherError {
    /// What is wrong.
    pub message: String,
    /// The part of the text that it is wrong with.
    pub part: String,
    /// The way out.
    pub help: String,
}

impl MatcherError {
    fn new(message: impl Into<String>, part: &str, help: impl Into<String>) -> Self {
        Self { message: message.into(), part: part.trim().to_owned(), help: help.into() }
    }
}

/// The matchers of `text`.
///
/// # Errors
/// What neither parser understands, in terms of the classic one.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    classic(text).or_else(|error| any_name(text).ok_or(error))
}

fn classic(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    let inside = text.strip_prefix('{').unwrap_or(text);
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    split(inside).iter().map(|one| classic_one(one)).collect()
}

/// At commas outside of quotes; what follows the last one may be missing.
fn split(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            ',' if !quoted => {
                tokens.push(String::new());
                continue;
            }
            // Escaped or not stays as it is before a comma: so it is there.
            ',' => {}
            '"' if escaped => escaped = false,
            '"' => quoted = !quoted,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
        if let Some(last) = tokens.last_mut() {
            last.push(c);
        }
    }
    if tokens.last().is_some_and(|last| last.trim_matches(is_blank).is_empty()) {
        tokens.pop();
    }
    tokens
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn classic_one(text: &str) -> Result<Matcher, MatcherError> {
    let bad_form = || {
        let help = "write a label's name, one of `=`, `!=`, `=~`, `!~`, and a value in double quotes: `severity=\"critical\"`";
        MatcherError::new("this is no matcher", text, help)
    };
    let trimmed = text.trim_matches(is_blank);
    let name_end = trimmed
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':')))
        .ok_or_else(bad_form)?;
    let (name, rest) = trimmed.split_at(name_end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad_form());
    }
    let (op, value) = operator(rest.trim_start_matches(is_blank)).ok_or_else(bad_form)?;
    let value = classic_value(value.trim_start_matches(is_blank)).ok_or_else(|| {
        MatcherError::new(
            "a double quote in the value is not closed or not escaped",
            text,
            "write `\\\"` for a quote in the value",
        )
    })?;
    Matcher::new(name, op, value.as_str()).map_err(|error| {
        let message = format!("this is no regular expression: {error}");
        MatcherError::new(message, &value, "patterns are those of Go (RE2), and match the whole value")
    })
}

fn operator(text: &str) -> Option<(MatchOp, &str)> {
    // The longer ones first.
    [MatchOp::Regex, MatchOp::NotRegex, MatchOp::NotEqual, MatchOp::Equal]
        .into_iter()
        .find_map(|op| Some((op, text.strip_prefix(op.sign())?)))
}

/// A value in double quotes, or a bare one. `\n`, `\"` and `\\` stand for what they do in C, other backslashes for
/// themselves.
fn classic_value(text: &str) -> Option<String> {
    let (text, quoted) = text.strip_prefix('"').map_or((text, false), |rest| (rest, true));
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    let mut closed = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            '"' => {
                if !quoted || !rest.as_str().is_empty() {
                    return None;
                }
                closed = true;
            }
            c => value.push(c),
        }
    }
    (closed == quoted).then_some(value)
}

enum Token {
    Open,
    Close,
    Comma,
    Op(MatchOp),
    Text(String),
}

/// Names and values of any characters, in quotes where they need some.
fn any_name(text: &str) -> Option<Vec<Matcher>> {
    let tokens = tokens(text)?;
    let inside = match tokens.as_slice() {
        [Token::Open, inside @ .., Token::Close] => inside,
        all => all,
    };
    let mut matchers = Vec::new();
    let mut rest = inside;
    while let [Token::Text(name), Token::Op(op), Token::Text(value), after @ ..] = rest {
        matchers.push(Matcher::new(name, *op, value).ok()?);
        rest = match after {
            [] => after,
            [Token::Comma, next @ ..] => next,
            _ => return None,
        };
    }
    rest.is_empty().then_some(matchers)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, after) = match c {
            '{' => (Token::Open, &rest[1..]),
            '}' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            '=' | '!' => {
                let (op, after) = operator(rest)?;
                (Token::Op(op), after)
            }
            '"' => {
                let end = closing_quote(rest)?;
                (Token::Text(unquoted(&rest[1..end])?), &rest[end + 1..])
            }
            c if is_reserved(c) => return None,
            _ => {
                let end = rest.find(is_reserved).unwrap_or(rest.len());
                (Token::Text(rest[..end].to_owned()), &rest[end..])
            }
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Some(tokens)
}

/// Where the quote that `text` begins with is closed.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

/// What the inside of a Go string stands for; bytes that make no text are a mistake.
fn unquoted(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\n' {
            return None;
        }
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.next()?;
        let mut number = |first: &str, digits: usize, radix: u32| {
            let text: String = first.chars().chain(rest.by_ref().take(digits)).collect();
            let whole = text.len() == first.len() + digits && text.chars().all(|c| c.is_digit(radix));
            whole.then(|| u32::from_str_radix(&text, radix).ok()).flatten()
        };
        let plain = match escape {
            'a' => 7,
            'b' => 8,
            't' => b'\t',
            'n' => b'\n',
            'v' => 11,
            'f' => 12,
            'r' => b'\r',
            '\\' | '"' => u8::try_from(escape).ok()?,
            'x' => u8::try_from(number("", 2, 16)?).ok()?,
            '0'..='7' => u8::try_from(number(&escape.to_string(), 2, 8)?).ok()?,
            'u' | 'U' => {
                let c = char::from_u32(number("", if escape == 'u' { 4 } else { 8 }, 16)?)?;
                bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        bytes.push(plain);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let matchers = parse_matchers(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let printed: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        assert_eq!(printed, expected, "{text}");
    }

    #[track_caller]
    fn check_bad(text: &str, message: &str, part: &str) {
        let error = parse_matchers(text).expect_err(text);
        assert_eq!((error.message.as_str(), error.part.as_str()), (message, part), "{text}");
    }

    #[test]
    fn the_classic_form() {
        check("severity = \"critical\"", &[r#"severity="critical""#]);
        check("severity=critical", &[r#"severity="critical""#]);
        check("{a=b,c!=\"d,e\", f=~\"x|y\",g!~z}", &[r#"a="b""#, r#"c!="d,e""#, r#"f=~"x|y""#, r#"g!~"z""#]);
        check("a=", &[r#"a="""#]);
        check("a=b c", &[r#"a="b c""#]);
        check(r#"a="\n\"\\\d""#, &[r#"a="\n\"\\\\d""#]);
        check(r"a=x\", &[r#"a="x\\""#]);
        check("", &[]);
        check("{}", &[]);
        check("a=b,", &[r#"a="b""#]);
        check("a=~b==c", &[r#"a=~"b==c""#]);
    }

    #[test]
    fn the_form_for_names_of_any_characters() {
        check(r#"{"a.b"="c"}"#, &[r#"a.b="c""#]);
        check("a-b!=c", &[r#"a-b!="c""#]);
        check(r#"größe=~"\u00e4|\x41", b="c""#, &[r#"größe=~"ä|A""#, r#"b="c""#]);
        check(r#""a b"="x""#, &[r#""a b"="x""#]);
    }

    #[test]
    fn what_neither_form_has() {
        check_bad("severity", "this is no matcher", "severity");
        check_bad("a=b, 1c", "this is no matcher", "1c");
        check_bad(",a=b", "this is no matcher", "");
        check_bad("a=\"b", "a double quote in the value is not closed or not escaped", "a=\"b");
        check_bad("a=b\"c", "a double quote in the value is not closed or not escaped", "a=b\"c");
        check_bad("a=~\"b(\"", "this is no regular expression: a `(` is never closed", "b(");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(name in any::<String>(), value in any::<String>(), op in 0..4_usize) {
            let op = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex][op];
            prop_assume!(!name.is_empty() && name.chars().chain(value.chars()).all(|c| !c.is_control()));
            if let Ok(matcher) = Matcher::new(name, op, value) {
                let printed = matcher.to_string();
                let read = parse_matchers(&printed).unwrap();
                prop_assert_eq!(read.len(), 1);
                prop_assert_eq!(
                    (read[0].name(), read[0].op(), read[0].value()),
                    (matcher.name(), matcher.op(), matcher.value())
                );
            }
        }

        #[test]
        fn no_text_brings_the_readers_down(
            text in prop_oneof![any::<String>(), r#"([a-c=!~,"\\{}\[\]()*+?.:^$&-]|\\Q|\\E|\\d|[0-9]| ){0,40}"#],
        ) {
            // Reading it is the test: either result is right.
            let _ = (parse_matchers(&text), Matcher::new("a", MatchOp::Regex, text));
        }
    }
}
