//! What is wrong with a user's file: where, what, and the way out. Problems are collected, never thrown one by one.

use std::fmt;

use super::{Place, render};
use crate::model::Color;

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops the run.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong: a lower-case fragment, user text in backticks and cleaned.
    pub message: String,
    /// A few words beside the caret; may be empty.
    pub label: String,
    /// The way out.
    pub help: Option<String>,
}

/// Whether a problem stops the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is sent until it is mended.
    Error,
    /// The run goes on; the user may have meant something else.
    Warning,
}

/// All problems of the files of a run. As an error it prints one line each, `file:line:column: message`;
/// [`Problems::render`] shows them with their source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

/// More problems than this are not noted: nobody reads them, and a hostile file could have a million.
const MOST: usize = 1_000;

impl Problem {
    /// Something that stops the run.
    pub fn error(place: &Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.clone(),
            message: message.into(),
            label: String::new(),
            help: None,
        }
    }

    /// Something that the user may not have meant.
    pub fn warning(place: &Place, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, message) }
    }

    /// With a few words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    /// `file:line:column: message`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = crate::model::clean_text(self.place.source().name());
        write!(f, "{name}:{}:{}: {}", self.place.line(), self.place.column(), self.message)
    }
}

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one more, unless there are too many already.
    pub fn push(&mut self, problem: Problem) {
        if !self.is_full() {
            self.list.push(problem);
        }
    }

    /// Notes all of `others`.
    pub fn extend(&mut self, others: Self) {
        others.list.into_iter().for_each(|problem| self.push(problem));
    }

    /// True when no more are noted.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    /// True when there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True when one of them stops the run.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Each of them, by place.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// `value` with the warnings, or every problem when one stops the run.
    pub fn into_result<T>(mut self, value: Option<T>) -> Result<(T, Self), Self> {
        self.list.sort_by(|a, b| a.place.order().cmp(&b.place.order()));
        self.list.dedup();
        match value {
            Some(value) if !self.has_errors() => Ok((value, self)),
            _ => Err(self),
        }
    }

    /// All of them with file, line, column, the source line with a caret, and the way out.
    pub fn render(&self, color: Color) -> String {
        render::render(&self.list, color)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
