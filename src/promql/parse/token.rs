//! A query's tokens with their places: what bounds a query before the parser sees it, and what gives its tree places after.
//!
//! Knows brackets, strings, numbers and words; knows nothing of what may follow what.

use std::ops::Range;

use crate::promql::duration::parse_duration;
use crate::promql::query::QueryError;

/// How deep a query may nest: brackets around, and operators before, any part of it.
pub(super) const MAX_DEPTH: usize = 200;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword.
    Word,
    /// `1.5`, `0x1F`, `Inf`, `NaN`.
    Number,
    /// `5m`.
    Duration,
    /// `"text"`, in any of the three quotes.
    Text,
    /// An operator or a bracket.
    Symbol,
}

/// One token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

const SYMBOLS: [&str; 24] = [
    "==", "!=", "=~", "!~", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", ":", "@", "+", "-", "*", "/", "%",
    "^", ">", "<", "=",
];

/// The words that are operators.
pub(super) const WORD_OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];

/// Splits a query into tokens; an error is the first thing that is none, a bracket without its other half, or a query that
/// nests too deep.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut found = Vec::new();
    let mut nesting = Nesting::default();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if c == '#' {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
            continue;
        }
        let token = token(text, at, nesting.innermost())?;
        at = token.span.end;
        nesting.take(text, &token)?;
        found.push(token);
    }
    nesting.end()?;
    Ok(found)
}

/// The token at `at`, where `bracket` is the innermost open one.
fn token(text: &str, at: usize, bracket: Option<char>) -> Result<Token, QueryError> {
    let rest = &text[at..];
    let c = rest.chars().next().expect("the caller saw a letter");
    let next = rest[c.len_utf8()..].chars().next();
    let whole = |kind, length| Ok(Token { kind, span: at..at + length });
    if matches!(c, '"' | '\'' | '`') {
        let end = text_end(rest, c).ok_or_else(|| {
            error(format!("the string that begins with {c} is never closed"), at..text.len())
        })?;
        return whole(Kind::Text, end);
    }
    if c.is_ascii_digit() || (c == '.' && next.is_some_and(|next| next.is_ascii_digit())) {
        return number(rest, at);
    }
    let in_range = bracket == Some('[');
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && !in_range);
    if word(c) {
        let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
        // Among matchers it is a label's name like any other.
        let is_number = bracket != Some('{') && number_value(&rest[..length]).is_some();
        return whole(if is_number { Kind::Number } else { Kind::Word }, length);
    }
    if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        if in_range && !matches!(*symbol, ":" | "]") {
            let message = format!("unexpected `{symbol}` in a range");
            let help = "a range is a plain duration, as in `[5m]`, and in a subquery two, as in `[5m:1m]`";
            return Err(error_with(message, help, at..at + symbol.len()));
        }
        return whole(Kind::Symbol, symbol.len());
    }
    Err(error(format!("unexpected character `{}`", c.escape_debug()), at..at + c.len_utf8()))
}

/// Where a string ends, its quotes included.
fn text_end(rest: &str, quote: char) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, c)) = letters.next() {
        if c == quote {
            return Some(at + 1);
        }
        if c == '\\' && quote != '`' {
            letters.next();
        }
    }
    None
}

fn number(rest: &str, at: usize) -> Result<Token, QueryError> {
    let is_hex = rest.starts_with("0x") || rest.starts_with("0X");
    let mut end = 0;
    for (position, c) in rest.char_indices() {
        let after_exponent = !is_hex && position > 0 && matches!(rest.as_bytes()[position - 1], b'e' | b'E');
        if !(c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_')
            || (matches!(c, '+' | '-') && after_exponent))
        {
            break;
        }
        end = position + 1;
    }
    let span = at..at + end;
    let written = &rest[..end];
    if number_value(written).is_some() {
        return Ok(Token { kind: Kind::Number, span });
    }
    if parse_duration(written).is_some() {
        return Ok(Token { kind: Kind::Duration, span });
    }
    let help = "durations go from large units to small: y w d h m s ms, as in `1h30m`";
    Err(error_with(format!("`{written}` is neither a number nor a duration"), help, span))
}

/// The value of a number as Go reads it: decimal, hexadecimal with `0x`, octal with a leading zero.
pub(super) fn number_value(written: &str) -> Option<f64> {
    let lower = written.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    if lower.len() > 1 && lower.starts_with('0') && lower.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return i64::from_str_radix(&lower, 8).ok().map(|value| value as f64);
    }
    let is_decimal = lower.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match lower.as_str() {
        "inf" => Some(f64::INFINITY),
        "nan" => Some(f64::NAN),
        _ if is_decimal => lower.parse().ok(),
        _ => None,
    }
}

/// The brackets that are open, each with how many operators were in it since the last comma.
#[derive(Default)]
struct Nesting {
    open: Vec<(char, usize, usize)>,
    outside: usize,
}

impl Nesting {
    fn innermost(&self) -> Option<char> {
        self.open.last().map(|(open, _, _)| *open)
    }

    fn take(&mut self, text: &str, token: &Token) -> Result<(), QueryError> {
        let written = &text[token.span.clone()];
        if matches!(token.kind, Kind::Number | Kind::Duration | Kind::Text) {
            return Ok(());
        }
        match written {
            "(" | "{" | "[" => {
                if written == "[" {
                    self.count();
                }
                let bracket = written.chars().next().expect("a bracket is one letter");
                self.open.push((bracket, token.span.start, 0));
            }
            ")" | "}" | "]" => self.close(written, token)?,
            "," => {
                if let Some((_, _, operators)) = self.open.last_mut() {
                    *operators = 0;
                }
            }
            _ if token.kind == Kind::Symbol => self.count(),
            _ if WORD_OPERATORS.iter().any(|operator| written.eq_ignore_ascii_case(operator)) => self.count(),
            _ => {}
        }
        let depth = self.outside + self.open.iter().map(|(_, _, operators)| operators + 1).sum::<usize>();
        if depth > MAX_DEPTH {
            let message = format!("the query nests deeper than {MAX_DEPTH} levels here");
            return Err(error_with(message, "split it with recording rules", token.span.clone()));
        }
        Ok(())
    }

    fn count(&mut self) {
        match self.open.last_mut() {
            Some((_, _, operators)) => *operators += 1,
            None => self.outside += 1,
        }
    }

    fn close(&mut self, written: &str, token: &Token) -> Result<(), QueryError> {
        let Some((bracket, _, _)) = self.open.pop() else {
            return Err(error(format!("`{written}` closes nothing"), token.span.clone()));
        };
        let other_half = match bracket {
            '(' => ")",
            '{' => "}",
            _ => "]",
        };
        if other_half == written {
            return Ok(());
        }
        Err(error(format!("`{written}` where `{other_half}` has to close a `{bracket}`"), token.span.clone()))
    }

    fn end(&self) -> Result<(), QueryError> {
        match self.open.last() {
            None => Ok(()),
            Some((bracket, at, _)) => Err(error(format!("`{bracket}` is never closed"), *at..at + 1)),
        }
    }
}

/// The way out of an escape that there is not.
const ESCAPES: &str = "a backslash itself is written `\\\\`, as in `\\\\d` of a regular expression; or put the string in backquotes";

/// What a string says. An error is an escape that there is not.
pub(super) fn unquoted(written: &str, at: usize) -> Result<String, QueryError> {
    let inner = &written[1..written.len() - 1];
    if written.starts_with('`') || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            bytes.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let place = at + written.len() - 1 - rest.len();
        let taken = escape(rest, &mut bytes).ok_or_else(|| {
            error_with("there is no such escape in a string".to_owned(), ESCAPES, place..place + 1)
        })?;
        rest = &rest[taken..];
    }
    // Prometheus takes such a string and compares bytes; but it takes no label with such a value, so that nothing equals it.
    String::from_utf8(bytes).map_err(|_| {
        let help =
            "no label has such a value: write characters as they are, or by their numbers, as in `\\u00e9`";
        error_with("the escapes of this string make no UTF-8 text".to_owned(), help, at..at + written.len())
    })
}

/// Go's escapes; gives how many bytes one took.
fn escape(rest: &str, bytes: &mut Vec<u8>) -> Option<usize> {
    let letter = *rest.as_bytes().get(1)?;
    let coded = |from: usize, digits: usize, radix: u32| {
        u32::from_str_radix(rest.get(from..from + digits)?, radix)
            .ok()
            .filter(|_| !rest[from..].starts_with('+'))
    };
    let plain = match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' | b'\'' | b'"' => letter,
        b'x' => {
            bytes.push(u8::try_from(coded(2, 2, 16)?).ok()?);
            return Some(4);
        }
        b'0'..=b'7' => {
            bytes.push(u8::try_from(coded(1, 3, 8)?).ok()?);
            return Some(4);
        }
        b'u' | b'U' => {
            let digits = if letter == b'u' { 4 } else { 8 };
            let c = char::from_u32(coded(2, digits, 16)?)?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(2 + digits);
        }
        _ => return None,
    };
    bytes.push(plain);
    Some(2)
}

/// A mistake without a known way out.
pub(super) fn error(message: String, span: Range<usize>) -> QueryError {
    QueryError { message, help: None, span }
}

/// A mistake and the way out.
pub(super) fn error_with(message: String, help: impl Into<String>, span: Range<usize>) -> QueryError {
    QueryError { message, help: Some(help.into()), span }
}
