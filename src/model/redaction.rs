//! Striking secrets from what servers say: a server may echo what it was sent, or what it gave out itself, in whatever
//! way it writes texts.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use super::{Secret, clean_char};

/// What stands in place of a secret.
const REDACTED: &str = "***";

/// The longest excerpt of what a server said, in characters.
pub const MAX_EXCERPT: usize = 300;

/// Every secret that the target knows. Clones share it: what one learns, all strike out.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

/// By length in bytes, so that the work for a text does not grow with the number of secrets: each user may have a token
/// of its own. Each with how often it was learned and not forgotten: two users may have the same.
#[derive(Debug, Default)]
struct Known {
    by_length: BTreeMap<usize, HashMap<Hidden, u32>>,
    /// The same, sorted, to be found by how they begin.
    sorted: BTreeSet<Hidden>,
    /// Those of the by-lengths that come and go, the oldest first.
    passing: VecDeque<Secret>,
}

/// How many secrets that come and go are known at the same time; a churn of sessions must not fill the memory.
const MOST_PASSING: usize = 20_000;
/// The beginning of a secret at the very end of a text is struck out from this length on: the text may have been cut there.
const SHORTEST_BEGINNING: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hidden(Secret);

impl Ord for Hidden {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.expose().cmp(other.0.expose())
    }
}

impl PartialOrd for Hidden {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for Hidden {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.expose().hash(state);
    }
}

impl std::borrow::Borrow<str> for Hidden {
    fn borrow(&self) -> &str {
        self.0.expose()
    }
}

impl Secrets {
    /// Strikes `secret` from now on, in each of the ways in which servers write texts. An empty one is none.
    pub fn learn(&self, secret: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// [`Self::learn`] for one of many that come and go, such as a session's id: the oldest are forgotten.
    pub fn learn_passing(&self, secret: &str) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.add(secret);
        known.passing.push_back(Secret::new(secret));
        if known.passing.len() > MOST_PASSING
            && let Some(oldest) = known.passing.pop_front()
        {
            known.remove(oldest.expose());
        }
    }

    /// Takes back one [`Self::learn`] of `secret`: it is none any more.
    pub fn forget(&self, secret: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(secret);
    }

    /// `text` with `***` for each secret in it.
    pub fn redacted(&self, text: &str) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::with_capacity(text.len());
        for piece in known.pieces(text, &[]) {
            match piece {
                Piece::Secret => out.push_str(REDACTED),
                Piece::Char(c) => out.push(c),
            }
        }
        out
    }

    /// The start of `text` on one line, fit to be kept: without secrets and without `others`, printable, runs of white
    /// space made one space, cut at [`MAX_EXCERPT`]. No part of a secret stands at its end.
    pub fn excerpt(&self, text: &str, others: &[&str]) -> String {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        let (mut length, mut gap) = (0, false);
        for piece in known.pieces(text, others) {
            if matches!(piece, Piece::Char(c) if c.is_whitespace()) {
                gap = length > 0;
                continue;
            }
            if std::mem::take(&mut gap) {
                out.push(' ');
                length += 1;
            }
            if length >= MAX_EXCERPT {
                out.push('…');
                break;
            }
            match piece {
                Piece::Secret => {
                    out.push_str(REDACTED);
                    length += REDACTED.len();
                }
                Piece::Char(c) => {
                    out.push(clean_char(c));
                    length += 1;
                }
            }
        }
        out
    }

    /// True when there is nothing to strike out.
    pub fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_length.is_empty()
    }
}

/// A part of a text that may hold secrets.
enum Piece {
    Secret,
    Char(char),
}

impl Known {
    fn add(&mut self, secret: &str) {
        for form in forms(secret) {
            let hidden = Hidden(Secret::new(form.as_str()));
            self.sorted.insert(hidden.clone());
            *self.by_length.entry(form.len()).or_default().entry(hidden).or_default() += 1;
        }
    }

    fn remove(&mut self, secret: &str) {
        for form in forms(secret) {
            let Some(known) = self.by_length.get_mut(&form.len()) else { continue };
            let Some(times) = known.get_mut(form.as_str()) else { continue };
            *times -= 1;
            if *times > 0 {
                continue;
            }
            known.remove(form.as_str());
            if known.is_empty() {
                self.by_length.remove(&form.len());
            }
            self.sorted.remove(form.as_str());
        }
    }

    fn pieces<'a>(&'a self, text: &'a str, others: &'a [&'a str]) -> impl Iterator<Item = Piece> + 'a {
        let mut rest = text;
        std::iter::from_fn(move || {
            let c = rest.chars().next()?;
            let other = others.iter().filter(|other| !other.is_empty() && rest.starts_with(**other));
            let whole = self.length_at(rest).into_iter().chain(other.map(|other| other.len())).max();
            let length = whole.or_else(|| self.is_beginning(rest).then_some(rest.len()));
            rest = &rest[length.unwrap_or(c.len_utf8())..];
            Some(if length.is_some() { Piece::Secret } else { Piece::Char(c) })
        })
    }

    /// True when `end`, the end of a text, is the beginning of a secret.
    fn is_beginning(&self, end: &str) -> bool {
        let next = || self.sorted.range::<str, _>((Bound::Included(end), Bound::Unbounded)).next();
        end.len() >= SHORTEST_BEGINNING && next().is_some_and(|hidden| hidden.0.expose().starts_with(end))
    }

    /// The length of the longest secret that `text` begins with.
    fn length_at(&self, text: &str) -> Option<usize> {
        let begins = |length: &usize, known: &HashMap<Hidden, u32>| {
            text.get(..*length).is_some_and(|start| known.contains_key(start))
        };
        self.by_length.iter().rev().find(|(length, known)| begins(length, known)).map(|(length, _)| *length)
    }
}

/// The ways in which servers write a text that they echo: as it is, inside JSON (once, in JSON inside JSON, with escaped
/// slashes, in ASCII), in a URL, in HTML.
fn forms(secret: &str) -> HashSet<String> {
    let json = in_json(secret);
    let mut forms = HashSet::from([
        secret.to_owned(),
        json.replace('/', "\\/"),
        in_json(&json),
        in_ascii(&json),
        in_ascii(&json).replace('/', "\\/"),
        in_ascii(&json).to_ascii_uppercase_escapes(),
        json,
    ]);
    for kept in ["-._~", "-._~!*'()", "-._~!*'();:@&=+$,/?#"] {
        let percent = in_url(secret, kept);
        forms.insert(percent.replace("%20", "+"));
        forms.insert(percent.to_ascii_lowercase_escapes());
        forms.insert(percent);
    }
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for (double, single) in [("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&#34;", "&#39;"), ("\"", "'")] {
        forms.insert(html.replace('"', double).replace('\'', single));
    }
    forms.remove("");
    forms
}

/// What stands between the quotes.
fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a string is always JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

/// What is not ASCII as `\u00e9`.
fn in_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a string does not fail");
            }
        }
    }
    out
}

/// Percent-encoded but for letters, digits and `kept`.
fn in_url(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    out
}

/// Escapes whose digits may be written either way.
trait EscapeCase {
    /// With `%c3` for `%C3`.
    fn to_ascii_lowercase_escapes(&self) -> String;
    /// With `\u00E9` for `\u00e9`.
    fn to_ascii_uppercase_escapes(&self) -> String;
}

impl EscapeCase for String {
    fn to_ascii_lowercase_escapes(&self) -> String {
        map_after(self, "%", 2, str::to_ascii_lowercase)
    }

    fn to_ascii_uppercase_escapes(&self) -> String {
        map_after(self, "\\u", 4, str::to_ascii_uppercase)
    }
}

/// `text` with the `count` characters after each `mark` mapped.
fn map_after(text: &str, mark: &str, count: usize, map: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(mark);
        match part.split_at_checked(count) {
            Some((digits, rest)) => {
                out.push_str(&map(digits));
                out.push_str(rest);
            }
            None => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_struck_out_the_longest_first() {
        let secrets = Secrets::default();
        assert!(secrets.is_empty());
        let shared = secrets.clone();
        for secret in ["abc", "abcdef", "", "né", "pa\"ss"] {
            shared.learn(secret);
        }
        assert_eq!(secrets.redacted("xabcdefabc né ab"), "x****** *** ab");
        assert_eq!(secrets.redacted(r#"{"p":"pa\"ss"} pa"ss"#), r#"{"p":"***"} ***"#);
        assert!(!format!("{secrets:?}").contains("abc"));
    }

    #[test]
    fn an_excerpt_is_one_printable_line_of_bounded_length() {
        let secrets = Secrets::default();
        assert_eq!(secrets.excerpt("  a\r\n\tb \u{1b}[2J ", &[]), "a b \u{FFFD}[2J");
        assert_eq!(secrets.excerpt(&"x".repeat(MAX_EXCERPT), &[]), "x".repeat(MAX_EXCERPT));
        let cut = secrets.excerpt(&"é".repeat(100_000), &[]);
        assert_eq!(cut, format!("{}…", "é".repeat(MAX_EXCERPT)));
        assert_eq!(secrets.excerpt("session abc is gone", &["", "abc"]), "session *** is gone");
    }

    #[test]
    fn an_excerpt_does_not_end_within_a_secret() {
        let token = "t".repeat(50);
        let secrets = Secrets::default();
        secrets.learn(&token);
        for before in MAX_EXCERPT - 60..MAX_EXCERPT + 10 {
            let cut = secrets.excerpt(&("x".repeat(before) + &token), &[]);
            assert!(!cut.contains('t'), "{cut}");
        }
        let all_secret = token.repeat(1_000) + &token[..20];
        assert!(!secrets.excerpt(&all_secret, &[]).contains('t'));
    }

    #[test]
    fn a_secret_is_known_however_a_server_writes_it() {
        let secrets = Secrets::default();
        secrets.learn("tok/A\"é<b> c");
        for echoed in [
            "tok/A\"é<b> c",
            r#"tok\/A\"é<b> c"#,
            r#"tok/A\"\u00e9<b> c"#,
            r#"tok\/A\"\u00e9<b> c"#,
            r#"tok/A\"\u00E9<b> c"#,
            r#"tok/A\\\"é<b> c"#,
            "tok%2FA%22%C3%A9%3Cb%3E%20c",
            "tok%2fA%22%c3%a9%3cb%3e%20c",
            "tok/A%22%C3%A9%3Cb%3E%20c",
            "tok%2FA%22%C3%A9%3Cb%3E+c",
            "tok/A&quot;é&lt;b&gt; c",
            "tok/A&#34;é&lt;b&gt; c",
        ] {
            assert!(!secrets.redacted(&format!("x {echoed} y")).contains("tok"), "{echoed}");
        }
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_text_is_struck_out() {
        let secrets = Secrets::default();
        secrets.learn("s3cret-token");
        assert_eq!(secrets.redacted("it is s3cret-to"), "it is ***");
        assert_eq!(secrets.redacted("s3c"), "s3c");
        assert_eq!(secrets.redacted("s3cret-to and more"), "s3cret-to and more");
    }

    #[test]
    fn a_secret_of_two_is_known_until_both_have_forgotten_it() {
        let secrets = Secrets::default();
        secrets.learn("tok/en");
        secrets.learn("tok/en");
        secrets.forget("tok/en");
        secrets.forget("never learned");
        assert_eq!(secrets.redacted("tok/en tok%2Fen"), "*** ***");
        secrets.forget("tok/en");
        assert_eq!(secrets.redacted("tok/en tok%2Fen"), "tok/en tok%2Fen");
        assert!(secrets.is_empty());
    }

    #[test]
    fn sessions_that_come_and_go_do_not_fill_the_memory() {
        let secrets = Secrets::default();
        secrets.learn("for good");
        for number in 0..MOST_PASSING + 10 {
            secrets.learn_passing(&format!("session {number}"));
        }
        assert_eq!(secrets.redacted("for good"), "***");
        assert_eq!(secrets.redacted(&format!("session {}", MOST_PASSING + 9)), "***");
        assert!(secrets.0.read().unwrap().passing.len() <= MOST_PASSING);
    }
}
