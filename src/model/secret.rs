//! A value that must never reach a report, a log or a run directory.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// How many bytes of `authority`, which begins behind the `://` of a URL, are `user:password`; `None` without any.
pub fn credentials_in(authority: &str) -> Option<usize> {
    let end = authority.find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace());
    authority[..end.unwrap_or(authority.len())].rfind('@').filter(|&length| length > 0)
}

/// `text` with `***` for the credentials of every URL in it.
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed("");
    let mut rest = text;
    while let Some(at) = rest.find("://").map(|at| at + 3) {
        let hidden = credentials_in(&rest[at..]);
        shown += &rest[..at];
        if hidden.is_some() {
            shown += REDACTED;
        }
        rest = &rest[at + hidden.unwrap_or(0)..];
    }
    if shown.is_empty() { Cow::Borrowed(text) } else { shown + rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn credentials_of_urls_are_not_shown() {
        for (text, expected) in [
            ("http://me:pw@host/a@b?c", "http://***@host/a@b?c"),
            ("see http://a@b@c, https://x/y", "see http://***@c, https://x/y"),
            ("http://host/mcp", "http://host/mcp"),
            ("ann@example.com", "ann@example.com"),
            ("http://@host", "http://@host"),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }
}
