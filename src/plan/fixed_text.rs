//! A text that is the same for the whole run, and may hold values of the environment. Written out it is its source,
//! so that those values never are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::Secret;

/// Such a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct FixedText {
    source: String,
    value: Secret,
    from_environment: Vec<Secret>,
}

impl FixedText {
    /// A text that the user wrote as `source`, that reads `value`, and that holds these values of the environment.
    pub(crate) fn new(
        source: impl Into<String>,
        value: impl Into<String>,
        from_environment: Vec<Secret>,
    ) -> Self {
        Self { source: source.into(), value: Secret::new(value), from_environment }
    }

    /// As the user wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it reads, for the wire and nothing else.
    pub fn expose(&self) -> &str {
        self.value.expose()
    }

    /// The values of the environment in it.
    pub fn from_environment(&self) -> &[Secret] {
        &self.from_environment
    }
}

impl From<&str> for FixedText {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for FixedText {
    fn from(text: String) -> Self {
        Self { value: Secret::new(text.clone()), source: text, from_environment: Vec::new() }
    }
}

impl From<FixedText> for String {
    fn from(text: FixedText) -> Self {
        text.source
    }
}

impl fmt::Display for FixedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_gave_is_not_written_down() {
        let text = FixedText::new("{{ env.NAME }}-1", "ann-1", vec![Secret::new("ann")]);
        let shown = format!("{text} {text:?} {}", serde_json::to_string(&text).unwrap());
        assert!(!shown.contains("ann"), "{shown}");
        assert_eq!(text.expose(), "ann-1");
    }
}
