//! The queries of a dashboard before the run: parsed with something in the place of what is not known yet.

use std::collections::BTreeMap;

use super::template::{Filled, Reference, Value, filled};
use super::variables::BUILT_IN;
use super::{Dashboard, Variable, VariableSource};
use crate::promql::{Query, QueryError};

/// What an unknown value may be: a name, a number, a duration.
const GUESSES: [&str; 3] = ["x", "1", "5m"];

/// The query that `text` is with something in the place of its variables.
///
/// # Errors
/// `text` is no query whatever they are; with the text that was parsed.
pub(super) fn stand_in(
    text: &str,
    dashboard: &Dashboard,
    given: &BTreeMap<String, String>,
) -> Result<Query, (Filled, QueryError)> {
    let parsed = GUESSES.map(|guess| {
        let filled = filled(text, |reference| replacement(reference, dashboard, given, guess));
        Query::parse(&filled.text).map_err(|error| (filled, error))
    });
    let mut first = None;
    for result in parsed {
        match result {
            Ok(query) => return Ok(query),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.expect("there are guesses"))
}

fn replacement(
    reference: &Reference<'_>,
    dashboard: &Dashboard,
    given: &BTreeMap<String, String>,
    guess: &str,
) -> Option<String> {
    let Reference { name, format, .. } = reference;
    if let Some(text) = given.get(*name) {
        return Some(Value::verbatim(text).written(name, *format));
    }
    if let Some(variable) = dashboard.variables.iter().find(|variable| variable.name == *name) {
        let value = Value::verbatim(likely(variable).unwrap_or(guess));
        return Some(value.written(name, *format));
    }
    let (_, stand_in) = BUILT_IN.iter().find(|(known, _)| known == name)?;
    Some((*stand_in).to_owned())
}

/// What a variable probably stands for.
fn likely(variable: &Variable) -> Option<&str> {
    let chosen = variable.chosen.iter().map(String::as_str).find(|chosen| !chosen.starts_with("$__"));
    let first = match &variable.source {
        VariableSource::Options(options) => {
            options.iter().map(String::as_str).find(|it| !it.starts_with("$__"))
        }
        VariableSource::LabelValues { .. } | VariableSource::Elsewhere => None,
    };
    let all = variable.all.as_deref().filter(|all| !all.is_empty());
    chosen.or(first).or(all).filter(|text| !text.is_empty())
}
