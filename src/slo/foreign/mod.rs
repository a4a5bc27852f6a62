//! SLO files of other tools, as they are: OpenSLO v1 and Sloth `prometheus/v1`, turned into gander's objectives.
//!
//! What can't be mapped is a problem that names its document and its path in it; other documents are checked all the same.

mod fields;
mod indicator;
mod openslo;
mod path;
mod sloth;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::input::{Node, Place, Problem, Problems, Source, Value, parse_all, quoted};
use crate::model::clean_text;
use crate::slo::file::{TermPlaces, WrittenObjective};
use crate::slo::{BudgetTerms, Indicator, Objective, Scope, Terms};

/// The objectives of `source`, where it is a file of another tool.
pub(super) fn read(source: &Arc<Source>, problems: &mut Problems) -> Option<Vec<WrittenObjective>> {
    let mut found = Problems::new();
    let documents = parse_all(source, &mut found);
    let kinds: Vec<Kind> = documents.iter().map(Kind::of).collect();
    if kinds.iter().all(|kind| *kind == Kind::Own) {
        return None;
    }
    problems.extend(found);
    let mut objectives = Vec::new();
    let mut openslo = Vec::new();
    for (document, kind) in documents.iter().zip(&kinds) {
        match kind {
            Kind::Empty => {}
            Kind::OpenSlo => openslo.push(document),
            Kind::Sloth => objectives.extend(sloth::read(document, problems)),
            Kind::Own => problems.push(
                Problem::error(&document.place, "this document is neither OpenSLO nor Sloth, as others of the file are")
                    .help("write `apiVersion: openslo/v1` or `version: prometheus/v1` at its top, or put it into another file"),
            ),
        }
    }
    objectives.extend(openslo::read(&openslo, problems));
    if objectives.is_empty() && !problems.has_errors() {
        problems.push(
            Problem::error(&Place::whole(source), "there is no SLO in this file")
                .help("state at least one: a document with `kind: SLO`, or an item of `slos`"),
        );
    }
    Some(objectives)
}

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    OpenSlo,
    Sloth,
    /// Gander's own, as far as these know.
    Own,
    Empty,
}

impl Kind {
    fn of(document: &Node) -> Self {
        let entries = match &document.value {
            Value::Map(entries) => entries,
            Value::Null => return Self::Empty,
            Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => return Self::Own,
        };
        let is_sloth = |value: &Value| matches!(value, Value::Text(text) if text.starts_with("prometheus/"));
        let has = |name: &str| entries.iter().find(|entry| entry.key.text == name);
        if has("apiVersion").is_some() {
            Self::OpenSlo
        } else if has("version").is_some_and(|entry| is_sloth(&entry.value.value)) {
            Self::Sloth
        } else {
            Self::Own
        }
    }
}

/// An objective called `name`, written at `place`.
fn written(name: String, indicator: Indicator, budget: BudgetTerms, place: &Place) -> WrittenObjective {
    let origin = place.to_string();
    WrittenObjective {
        objective: Objective { name, scope: Scope::All, indicator, terms: Terms::default(), budget, origin },
        name: place.clone(),
        scope: place.clone(),
        terms: TermPlaces::at(place),
    }
}

/// What `read` makes of `document`, its problems told as those of what is `called` so, each with its path.
fn within<T>(
    called: &str,
    document: &Node,
    problems: &mut Problems,
    read: impl FnOnce(&mut Problems) -> T,
) -> T {
    let mut found = Problems::new();
    let value = read(&mut found);
    for problem in found.iter() {
        let path = path::path_of(document, &problem.place.span());
        let last = path.rsplit('.').next().unwrap_or_default();
        let message =
            problem.message.strip_prefix(&format!("{}: ", quoted(last))).unwrap_or(&problem.message);
        let path = if path.is_empty() { String::new() } else { format!(", `{}`", clean_text(&path)) };
        let message = format!("{called}{path}: {message}");
        problems.push(Problem { message, ..problem.clone() });
    }
    value
}
