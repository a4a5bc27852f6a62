//! Values that must never reach a report, a log or a run directory, and how a server's echo of them is kept out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::clean_char;

/// What every print and every file shows in place of a secret.
const REDACTED: &str = "***";

/// A secret text. Printing, debugging and serialising it give `***`; only [`Secret::expose`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// The longest excerpt of what a server said, in characters.
pub const MAX_EXCERPT: usize = 300;

/// All secrets that a server was sent and may echo.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// The longest first: one may be a part of another.
    texts: Vec<Secret>,
}

impl Secrets {
    /// Takes `texts` into custody, as they are and as they stand inside a JSON string. Empty ones are no secrets.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut secrets = Self::default();
        for text in texts {
            secrets.add(text);
        }
        secrets
    }

    /// These, and one more.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        self.add(text);
        self
    }

    /// `text` with `***` in place of every secret.
    pub fn redacted(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in self.pieces(text) {
            match piece {
                Piece::Secret => out.push_str(REDACTED),
                Piece::Char(c) => out.push(c),
            }
        }
        out
    }

    /// The start of `text` on one line, fit to be kept: without secrets, printable, runs of white space made one space, cut
    /// at [`MAX_EXCERPT`]. No part of a secret stands at its end.
    pub fn excerpt(&self, text: &str) -> String {
        let mut out = String::new();
        let (mut length, mut gap) = (0, false);
        for piece in self.pieces(text) {
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

    fn add(&mut self, text: &str) {
        let quoted = serde_json::to_string(text).expect("a string is always JSON");
        for form in [text, &quoted[1..quoted.len() - 1]] {
            if !form.is_empty() && self.texts.iter().all(|known| known.0 != form) {
                self.texts.push(Secret::new(form));
            }
        }
        self.texts.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
    }

    fn pieces<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Piece> + 'a {
        let mut rest = text;
        std::iter::from_fn(move || {
            let c = rest.chars().next()?;
            let secret = self.texts.iter().find(|secret| rest.starts_with(&secret.0));
            let (piece, length) =
                secret.map_or((Piece::Char(c), c.len_utf8()), |secret| (Piece::Secret, secret.0.len()));
            rest = &rest[length..];
            Some(piece)
        })
    }
}

/// A part of a text that may hold secrets.
enum Piece {
    Secret,
    Char(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoed_secrets_are_taken_out_the_longest_first() {
        let secrets = Secrets::new(["Bearer abc", "abc", "", "pa\"ss"]);
        assert_eq!(secrets.redacted("Bearer abc, abc; ab"), "***, ***; ab");
        assert_eq!(secrets.redacted(r#"{"p":"pa\"ss"}"#), r#"{"p":"***"}"#);
        assert_eq!(secrets.clone().and("ab").redacted("ab abc"), "*** ***");
        assert_eq!(Secrets::default().redacted("abc"), "abc");
    }

    #[test]
    fn an_excerpt_is_one_printable_line_of_bounded_length() {
        let secrets = Secrets::default();
        assert_eq!(secrets.excerpt("  a\r\n\tb \u{1b}[2J "), "a b \u{FFFD}[2J");
        assert_eq!(secrets.excerpt(&"x".repeat(MAX_EXCERPT)), "x".repeat(MAX_EXCERPT));
        let cut = secrets.excerpt(&"é".repeat(100_000));
        assert_eq!(cut, format!("{}…", "é".repeat(MAX_EXCERPT)));
    }

    #[test]
    fn an_excerpt_does_not_end_within_a_secret() {
        let token = "t".repeat(50);
        for before in MAX_EXCERPT - 60..MAX_EXCERPT + 10 {
            let cut = Secrets::new([token.as_str()]).excerpt(&("x".repeat(before) + &token));
            assert!(!cut.contains('t'), "{cut}");
        }
        let all_secret = token.repeat(1_000) + &token[..20];
        assert!(!Secrets::new([token.as_str()]).excerpt(&all_secret).contains('t'));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
    }
}
