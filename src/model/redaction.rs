//! Striking secrets from what servers say: a server may echo what it was sent, or what it gave out itself.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::Secret;

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
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = known.length_at(rest);
            match length {
                Some(_) => out.push_str("***"),
                None => out.push(next),
            }
            rest = &rest[length.unwrap_or(next.len_utf8())..];
        }
        out
    }

    /// True when there is nothing to strike out.
    pub fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }
}

impl Known {
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
}
