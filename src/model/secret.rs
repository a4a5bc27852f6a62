//! A value that must never reach a report, a log or a run directory.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

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

/// Where `user:password` stands before an `@` in `text`: in a URL, or in what was meant to be one.
pub fn credentials_in(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut word_start = 0;
    for word in text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`')) {
        let begin = word.find("://").map_or(0, |at| at + 3);
        if let Some(length) = credentials_of(&word[begin..], begin > 0) {
            found.push(word_start + begin..word_start + begin + length);
        }
        word_start += word.len();
    }
    found
}

/// How many bytes of `word` are credentials. Behind a scheme a name without a password counts too.
fn credentials_of(word: &str, behind_scheme: bool) -> Option<usize> {
    let authority = &word[..word.find(['/', '?', '#']).unwrap_or(word.len())];
    let (_, port) = authority.split_once(':').unwrap_or((authority, ""));
    if let Some(length) = authority.rfind('@') {
        return (length > 0 && (behind_scheme || !port.is_empty())).then_some(length);
    }
    // A password with a slash in it ends the authority too early; what looks like its port is no number then.
    let torn = port.contains(|c: char| !c.is_ascii_digit());
    word.rfind('@').filter(|_| torn)
}

/// `text` with `***` for the credentials of every URL in it.
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    for range in credentials_in(text).into_iter().rev() {
        shown.to_mut().replace_range(range, REDACTED);
    }
    shown
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
            ("ann:pw@host/mcp and http://host:80/@ann", "***@host/mcp and http://host:80/@ann"),
            ("\"http://ann:p/w@host/mcp\"", "\"http://***@host/mcp\""),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }
}
