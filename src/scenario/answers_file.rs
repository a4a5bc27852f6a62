//! What users answer when the target asks them, as written: `sampling`, `roots` and `elicitation`, each of which may be left out.
//!
//! Expressions are those of the environment, of the user and of chance: nobody knows of which iteration an answer is a part.

use std::time::Duration;

use super::arguments::json_template;
use super::text;
use crate::input::{Field, Fields, Problems, Value};
use crate::plan::{Answers, ClientAnswer, Environment, Scope, Template};

/// What stands for the model that was asked, where the scenario names none.
const MODEL: &str = "gander";
const ACTIONS: [&str; 3] = ["accept", "decline", "cancel"];

/// The field `answers`.
pub(super) fn read(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Answers> {
    let before = problems.len();
    let scope = Scope::of_environment(env);
    let mut fields = Fields::of(field.node, "`answers`", problems)?;
    let sampling = fields.optional("sampling").and_then(|field| read_sampling(field, scope, problems));
    let roots = fields.optional("roots").and_then(|field| read_roots(field, scope, problems));
    let elicitation =
        fields.optional("elicitation").and_then(|field| read_elicitation(field, scope, problems));
    fields.finish(problems);
    (problems.len() == before).then_some(Answers { sampling, roots, elicitation })
}

/// `{text, model, after}`, or the text alone.
fn read_sampling(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<ClientAnswer> {
    let (text, model, after) = if let Value::Text(_) = &field.node.value {
        (text::template(field, scope, problems), Some(Template::literal(MODEL)), Some(Duration::ZERO))
    } else {
        let mut fields = Fields::of(field.node, "`sampling`", problems)?;
        let text = fields.required("text", problems).and_then(|field| text::template(field, scope, problems));
        let model = match fields.optional("model") {
            None => Some(Template::literal(MODEL)),
            Some(field) => text::template(field, scope, problems),
        };
        let after = read_after(&mut fields, problems);
        fields.finish(problems);
        (text, model, after)
    };
    let content = Template::object(&[("type", Template::literal("\"text\"")), ("text", text?.quoted())]);
    let result = Template::object(&[
        ("role", Template::literal("\"assistant\"")),
        ("content", content),
        ("model", model?.quoted()),
        ("stopReason", Template::literal("\"endTurn\"")),
    ]);
    Some(ClientAnswer { result, after: after? })
}

/// A list of `{uri, name}`, whose name may be left out.
fn read_roots(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<ClientAnswer> {
    let before = problems.len();
    let items: Vec<Field<'_>> = field.items(problems).collect();
    for item in items {
        let item = Field { name: "a root", ..item };
        let Some(mut fields) = Fields::of(item.node, "a root", problems) else { continue };
        if let Some(uri) = fields.required("uri", problems)
            && let Some(text) = uri.text(problems)
            && !text.starts_with("file://")
            && !text.starts_with("{{")
        {
            uri.wrong("a root is a `file://` URI", "write it like `file:///home/ann/project`", problems);
        }
        if let Some(name) = fields.optional("name") {
            name.text(problems);
        }
        fields.finish(problems);
    }
    let roots = json_template(field.node, scope, problems)?;
    let result = Template::object(&[("roots", roots)]);
    (problems.len() == before).then_some(ClientAnswer { result, after: Duration::ZERO })
}

/// `{action, content, after}`, or the action alone.
fn read_elicitation(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<ClientAnswer> {
    let words = ACTIONS.map(|action| (action, action));
    let (action, content, after) = if let Value::Text(_) = &field.node.value {
        (field.word(&words, problems), None, Some(Duration::ZERO))
    } else {
        let mut fields = Fields::of(field.node, "`elicitation`", problems)?;
        let action = fields.required("action", problems).and_then(|field| field.word(&words, problems));
        let content = fields.optional("content");
        let after = read_after(&mut fields, problems);
        fields.finish(problems);
        (action, content, after)
    };
    let action = action?;
    if let Some(content) = content.filter(|_| action != "accept") {
        let help = "remove it, or write `action: accept`";
        content.wrong(format!("nothing is handed over with `{action}`"), help, problems);
        return None;
    }
    let mut members = vec![("action", Template::literal(action).quoted())];
    if let Some(content) = content {
        if !matches!(content.node.value, Value::Map(_)) {
            let message = format!("expected a map, found {}", content.node.found());
            content.wrong(message, "write `field: value` lines, indented below it", problems);
            return None;
        }
        members.push(("content", json_template(content.node, scope, problems)?));
    }
    Some(ClientAnswer { result: Template::object(&members), after: after? })
}

fn read_after(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Duration> {
    fields.optional("after").map_or(Some(Duration::ZERO), |field| field.duration(problems))
}
