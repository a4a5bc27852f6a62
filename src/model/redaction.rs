//! Striking secrets from what servers say: a server may echo what it was sent, or what it gave out itself.

use std::collections::{BTreeMap, HashSet};
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
/// of its own.
#[derive(Debug, Default)]
struct Known(BTreeMap<usize, HashSet<Hidden>>);

#[derive(Debug, PartialEq, Eq)]
struct Hidden(Secret);

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
    /// Strikes `secret` from now on, as it is and as it stands inside a JSON string. An empty one is none.
    pub fn learn(&self, secret: &str) {
        let quoted = serde_json::to_string(secret).expect("a string is always JSON");
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for form in [secret, &quoted[1..quoted.len() - 1]] {
            if !form.is_empty() {
                known.0.entry(form.len()).or_default().insert(Hidden(Secret::new(form)));
            }
        }
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
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }
}

/// A part of a text that may hold secrets.
enum Piece {
    Secret,
    Char(char),
}

impl Known {
    fn pieces<'a>(&'a self, text: &'a str, others: &'a [&'a str]) -> impl Iterator<Item = Piece> + 'a {
        let mut rest = text;
        std::iter::from_fn(move || {
            let c = rest.chars().next()?;
            let other = others.iter().filter(|other| !other.is_empty() && rest.starts_with(**other));
            let length = self.length_at(rest).into_iter().chain(other.map(|other| other.len())).max();
            rest = &rest[length.unwrap_or(c.len_utf8())..];
            Some(if length.is_some() { Piece::Secret } else { Piece::Char(c) })
        })
    }

    /// The length of the longest secret that `text` begins with.
    fn length_at(&self, text: &str) -> Option<usize> {
        let begins = |length: &usize, known: &HashSet<Hidden>| {
            text.get(..*length).is_some_and(|start| known.contains(start))
        };
        self.0.iter().rev().find(|(length, known)| begins(length, known)).map(|(length, _)| *length)
    }
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
}
