//! Sampled answers of tools, held against what the tools said that they would be. One thread does it, beside the load: it may
//! fall behind, and never holds anybody up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde_json::Value;

use crate::load::{Sample, SampleBooks, Sampler};
use crate::metrics::OutputCheck;
use crate::model::{Level, Secrets};
use crate::plan::{Plan, Role, StepId};
use crate::schema::Checker;

/// How long is waited for the last samples, at most: this often...
const LOOKS: u32 = 100;
/// ... for this long.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Starts to check answers of `plan` against `schemas`, by tool: gives what draws them, where there is anything to draw, and what
/// is to be said of schemas that are none.
pub(super) fn start(
    plan: &Plan,
    schemas: &BTreeMap<String, Value>,
    secrets: &Secrets,
) -> (Option<Sampler>, Vec<(Level, String)>) {
    let mut notes = Vec::new();
    let mut checkers = BTreeMap::new();
    if plan.output_schema.sample <= 0.0 {
        return (None, notes);
    }
    for step in plan.steps.iter().filter(|step| step.role == Role::Load && step.operation.is_tool_call()) {
        let Some((tool, schema)) = step.tool.as_ref().and_then(|tool| schemas.get_key_value(tool)) else {
            continue;
        };
        match Checker::new(schema) {
            Ok(checker) => {
                checkers.insert(step.id, checker);
            }
            Err(error) => {
                let text = format!("the output schema of tool `{tool}` can't be checked: {error}");
                notes.push((Level::Warning, secrets.excerpt(&text, &[])));
            }
        }
    }
    if checkers.is_empty() {
        return (None, notes);
    }
    let (sampler, queue) = Sampler::new(plan.output_schema.sample, checkers.keys().copied());
    let (books, secrets) = (sampler.books(), secrets.clone());
    // It ends with the load, whose sampler holds the other end of the queue.
    std::thread::spawn(move || check_all(&queue, &checkers, &books, &secrets));
    (Some(sampler), notes)
}

/// Waits until every sample was looked at, but not for ever.
pub(super) async fn settle(books: &SampleBooks) {
    for _ in 0..LOOKS {
        if books.waiting() == 0 {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn check_all(
    samples: &Receiver<Sample>,
    checkers: &BTreeMap<StepId, Checker>,
    books: &Arc<SampleBooks>,
    secrets: &Secrets,
) {
    for Sample { step, result } in samples {
        let none = OutputCheck::none(step);
        let check = match checkers.get(&step).map(|checker| complaint(checker, &result)) {
            Some(Ok(None)) => OutputCheck { checked: 1, ..none },
            Some(Ok(Some(complaint))) => {
                let example = Some(secrets.excerpt(&complaint, &[]));
                OutputCheck { checked: 1, violations: 1, example, ..none }
            }
            Some(Err(())) | None => OutputCheck { unchecked: 1, ..none },
        };
        books.enter(&check);
    }
}

/// How the JSON text `result` breaks what `checker` wants; an error where that can't be told.
fn complaint(checker: &Checker, result: &str) -> Result<Option<String>, ()> {
    let result: Value = serde_json::from_str(result).map_err(drop)?;
    let Some(content) = result.get("structuredContent") else {
        return Ok(Some("there is no `structuredContent`".to_owned()));
    };
    let violation = checker.violation(content).map_err(drop)?;
    Ok(violation.map(|violation| {
        let place = if violation.pointer.is_empty() { "at its top" } else { violation.pointer.as_str() };
        format!("`{}` does not hold of `structuredContent` ({place})", violation.keyword)
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_breaks_its_schema_in_words() {
        let checker = Checker::new(&json!({"type": "object", "required": ["a"]})).unwrap();
        let told = |result: &str| complaint(&checker, result);
        assert_eq!(told(r#"{"structuredContent":{"a":1}}"#), Ok(None));
        let expected = "`required` does not hold of `structuredContent` (at its top)";
        assert_eq!(told(r#"{"structuredContent":{}}"#), Ok(Some(expected.to_owned())));
        assert_eq!(told("{}"), Ok(Some("there is no `structuredContent`".to_owned())));
        assert_eq!(told("{"), Err(()));
    }
}
