//! Where something is written: a file (or a command-line argument) and a range of its text.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::quoted;
use super::secrets::secrets;

/// A text with a name: a user's file, or an argument such as `--set load.users=40`.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Where the YAML in it begins.
    document: usize,
    secrets: OnceLock<Vec<Range<usize>>>,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.text, self.document) == (&other.name, &other.text, other.document)
    }
}

impl Eq for Source {}

impl Source {
    /// A text that messages call `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into(), document: 0, secrets: OnceLock::new() })
    }

    /// A text that reads `dotted.key=YAML`, the YAML from byte `document` on.
    pub(crate) fn setting(name: impl Into<String>, text: impl Into<String>, document: usize) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into(), document, secrets: OnceLock::new() })
    }

    /// What messages call it; a path as the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the YAML in it begins.
    pub(super) fn document(&self) -> usize {
        self.document
    }

    /// True when a secret is written in `span` or in a part of it.
    pub(super) fn has_secret(&self, span: &Range<usize>) -> bool {
        let secrets = self.secrets.get_or_init(|| secrets(&self.text, self.document));
        let next = secrets.partition_point(|secret| secret.end <= span.start);
        secrets.get(next).is_some_and(|secret| secret.start < span.end)
    }
}

/// A range of bytes of a source.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    source: Arc<Source>,
    span: Range<usize>,
}

impl Place {
    /// The range `span`, moved to the nearest bounds of characters.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        let text = source.text();
        let mut start = span.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = span.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Self { source: Arc::clone(source), span: start..end }
    }

    /// The text as a whole: for problems that are nowhere in particular.
    pub fn whole(source: &Arc<Source>) -> Self {
        Self::new(source, 0..0)
    }

    /// Where it is written.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Which bytes.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The text of the range.
    pub fn text(&self) -> &str {
        &self.source.text[self.span.clone()]
    }

    /// The line of its first character, from 1.
    pub fn line(&self) -> usize {
        self.source.text[..self.span.start].matches('\n').count() + 1
    }

    /// The column of its first character, from 1, in characters.
    pub fn column(&self) -> usize {
        let before = &self.source.text[..self.span.start];
        before[before.rfind('\n').map_or(0, |at| at + 1)..].chars().count() + 1
    }

    /// The range `span` of the same source.
    pub(super) fn part(&self, span: Range<usize>) -> Self {
        Self::new(&self.source, span)
    }

    /// The place of `fragment` inside this one: a part of a text, found again in what the user wrote. When escapes
    /// or folded lines hide it, the whole place.
    pub(crate) fn of_fragment(&self, fragment: &str) -> Self {
        match self.text().find(fragment) {
            Some(at) if !fragment.is_empty() => {
                let start = self.span.start + at;
                Self { source: Arc::clone(&self.source), span: start..start + fragment.len() }
            }
            _ => self.clone(),
        }
    }

    /// True when a secret is written here.
    pub(crate) fn is_secret(&self) -> bool {
        self.source.has_secret(&self.span)
    }

    /// `text`, which is written here, for a message; not when it is a secret.
    pub(crate) fn quoted(&self, text: &str) -> String {
        if self.is_secret() { "`***`".to_owned() } else { quoted(text) }
    }

    /// For sorting: by source, then by position.
    pub(crate) fn order(&self) -> (&str, usize, usize) {
        (self.source.name(), self.span.start, self.span.end)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source.name, self.line())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line(), self.column())
    }
}
