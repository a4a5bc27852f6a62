//! What a step takes out of a good answer.

use super::pointer;
use super::reason::tool_text;
use crate::plan::{Datum, Extraction, Part, Step, Variables};

/// Puts what `step` takes out of its answer's `text` (JSON text of an MCP result, the body of a plain HTTP answer) into
/// `variables`.
///
/// # Errors
/// What was not found, in words.
pub(super) fn take(step: &Step, text: &str, variables: &mut Variables) -> Result<(), String> {
    for extraction in &step.extract {
        let default = || extraction.default.as_ref().map(Datum::of);
        let datum =
            found(step, &extraction.part, text).or_else(default).ok_or_else(|| complaint(extraction))?;
        variables.set(extraction.slot, datum);
    }
    Ok(())
}

fn found(step: &Step, part: &Part, text: &str) -> Option<Datum> {
    match part {
        Part::Json { pointer, inside } => {
            let found = value_at(text, pointer)?;
            match inside {
                None => Some(found),
                Some(inside) => value_at(found.as_text(), inside),
            }
        }
        Part::Regex(pattern) if step.operation.is_tool_call() => pattern.find(&tool_text(text)),
        Part::Regex(pattern) => pattern.find(text),
    }
}

fn value_at(json: &str, at: &str) -> Option<Datum> {
    let found = pointer::find(json, at)?;
    if found.starts_with('"') {
        return serde_json::from_str::<String>(found).ok().map(|text| Datum::Text(text.into()));
    }
    Some(Datum::Json(found.into()))
}

fn complaint(extraction: &Extraction) -> String {
    let sought = match &extraction.part {
        Part::Json { pointer, inside: None } => format!("nothing at {pointer}"),
        Part::Json { pointer, inside: Some(inside) } => format!("nothing at {inside} inside of {pointer}"),
        Part::Regex(pattern) => format!("no match of {}", pattern.0.as_str()),
    };
    format!("`extract: {}` finds {sought}", extraction.name)
}
