//! Where something is written: a file (or a command-line argument) and a range of its text.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text with a name: a user's file, or an argument such as `--set load.users=40`.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// A text that messages call `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// What messages call it; a path as the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
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
