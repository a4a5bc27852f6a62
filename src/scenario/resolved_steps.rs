//! Transactions, their steps and their data, as a scenario file states them.

use std::time::Duration;

use serde_yaml::Value;

use super::operation_file::{BARE, CHANGING_LISTS};
use super::resolved::{self, Fields, duration, percentage};
use crate::plan::{
    Answers, Check, ClientAnswer, Condition, Conduct, Extraction, Feeder, GeneratedArguments, McpRequest,
    Operation, Part, Plan, Step, TaskConduct, Test, Transaction,
};

pub(super) fn transaction(plan: &Plan, transaction: &Transaction) -> Value {
    let steps = transaction.steps.iter().map(|&id| step(plan.step(id)));
    Fields::of([
        ("name", transaction.name.as_str().into()),
        ("weight", transaction.weight.into()),
        ("steps", steps.collect::<Vec<_>>().into()),
    ])
}

fn step(step: &Step) -> Value {
    let mut fields = Fields::default();
    // A step that is called after its path may have a name that nobody can write.
    if !step.name.contains("{{") {
        fields.set("name", step.name.as_str());
    }
    let (kind, call) = call(step);
    fields.set(kind, call);
    if let Some(condition) = &step.condition {
        fields.set("if", self::condition(condition));
    }
    if !step.extract.is_empty() {
        let mut taken = Fields::default();
        for extraction in &step.extract {
            taken.set(&extraction.name, self::extraction(extraction));
        }
        fields.set("extract", taken.value());
    }
    if !step.checks.is_empty() {
        fields.set("checks", step.checks.iter().map(check).collect::<Vec<_>>());
    }
    if !step.tags.is_empty() {
        let mut tags = Fields::default();
        for (name, value) in &step.tags {
            tags.set(name, value.as_str());
        }
        fields.set("tags", tags.value());
    }
    if step.conduct.progress {
        fields.set("progress", true);
    }
    if let Some(after) = step.conduct.cancel_after {
        fields.set("cancel_after", duration(after));
    }
    if let Some(TaskConduct { ttl, poll_every }) = step.conduct.task {
        let mut task = Fields::default();
        for (name, length) in [("ttl", ttl), ("poll_every", poll_every)] {
            if let Some(length) = length {
                task.set(name, duration(length));
            }
        }
        fields.set("task", task.value());
    }
    if let Some(pause) = step.conduct.pause {
        fields.set("pause", resolved::pause(pause));
    }
    if !step.operation.is_listening() {
        fields.set("timeout", duration(step.deadline));
    }
    fields.value()
}

/// What it calls: the kind of call, and the rest.
fn call(step: &Step) -> (&'static str, Value) {
    match &step.operation {
        Operation::CallTool { tool, arguments, generated } => {
            let mut call = Fields::default();
            call.set("tool", tool.source.as_str());
            call.set("arguments", json(&arguments.source));
            if let Some(generated) = generated {
                call.set("generate_arguments", self::generated(generated));
            }
            ("call_tool", call.value())
        }
        Operation::Request(McpRequest { method, .. })
            if let Some((pages, kind)) = step.conduct.pages.zip(list(method)) =>
        {
            let all = pages == Conduct::MOST_PAGES;
            (kind, Fields::of([("pages", if all { "all".into() } else { pages.into() })]))
        }
        Operation::Request(McpRequest { method, params, .. }) => {
            let mut request = Fields::default();
            request.set("method", method.as_str());
            if let Some(params) = params {
                request.set("params", json(&params.source));
            }
            ("request", request.value())
        }
        Operation::Listen { filter, length } => ("listen", listen(&filter.source, *length)),
        Operation::RestGet { path } => ("get", Fields::of([("path", path.source.as_str().into())])),
        Operation::RestPost { path, body } => {
            ("post", Fields::of([("path", path.source.as_str().into()), ("body", json(&body.source))]))
        }
        // The others surround the load: no transaction has them.
        Operation::Login
        | Operation::OAuth(_)
        | Operation::Initialize
        | Operation::Initialized
        | Operation::EndSession => ("ping", Fields::of([])),
    }
}

fn generated(GeneratedArguments { values, edges, nonce, .. }: &GeneratedArguments) -> Value {
    Fields::of([("values", (*values).into()), ("edges", percentage(*edges)), ("nonce", (*nonce).into())])
}

fn listen(filter: &str, length: Duration) -> Value {
    let filter = json(filter);
    let mut fields = Fields::default();
    fields.set("for", duration(length));
    let lists = CHANGING_LISTS.iter().filter(|(_, key)| filter.get(*key).is_some());
    let lists: Vec<Value> = lists.map(|(list, _)| (*list).into()).collect();
    if !lists.is_empty() {
        fields.set("lists", lists);
    }
    if let Some(resources) = filter.get("resourceSubscriptions") {
        fields.set("resources", resources.clone());
    }
    fields.value()
}

/// How a request for a list is written.
fn list(method: &str) -> Option<&'static str> {
    BARE.iter().find(|(_, listed)| *listed == method).map(|(kind, _)| *kind)
}

fn condition(Condition { value, test }: &Condition) -> Value {
    let (name, text) = match test {
        Test::Equals(text) => ("equals", text.as_str()),
        Test::NotEquals(text) => ("not_equals", text.as_str()),
        Test::Matches(pattern) => ("matches", pattern.0.as_str()),
    };
    Fields::of([("value", value.source.as_str().into()), (name, text.into())])
}

fn extraction(extraction: &Extraction) -> Value {
    let mut fields = Fields::default();
    match &extraction.part {
        Part::Json { pointer, inside } => {
            fields.set("json", pointer.as_str());
            if let Some(inside) = inside {
                fields.set("inside", inside.as_str());
            }
        }
        Part::Regex(pattern) => fields.set("regex", pattern.0.as_str()),
    }
    if let Some(default) = &extraction.default {
        fields.set("default", json(&default.to_string()));
    }
    fields.value()
}

pub(super) fn answers(answers: &Answers) -> Value {
    let part = |ClientAnswer { result, .. }: &ClientAnswer, path: &[&str]| {
        path.iter().try_fold(json(&result.source), |value, name| value.get(name).cloned())
    };
    let mut fields = Fields::default();
    if let Some(answer) = &answers.sampling {
        let mut sampling = Fields::default();
        sampling.set("text", part(answer, &["content", "text"]).unwrap_or_default());
        sampling.set("model", part(answer, &["model"]).unwrap_or_default());
        sampling.set("after", duration(answer.after));
        fields.set("sampling", sampling.value());
    }
    if let Some(answer) = &answers.roots {
        fields.set("roots", part(answer, &["roots"]).unwrap_or_default());
    }
    if let Some(answer) = &answers.elicitation {
        let mut elicitation = Fields::default();
        elicitation.set("action", part(answer, &["action"]).unwrap_or_default());
        if let Some(content) = part(answer, &["content"]) {
            elicitation.set("content", content);
        }
        elicitation.set("after", duration(answer.after));
        fields.set("elicitation", elicitation.value());
    }
    fields.value()
}

pub(super) fn feeder(feeder: &Feeder) -> Value {
    Fields::of([
        ("file", feeder.file.as_str().into()),
        ("format", feeder.format.name().into()),
        ("order", feeder.order.name().into()),
    ])
}

fn check(check: &Check) -> Value {
    match check {
        Check::Contains(text) => Fields::of([("contains", text.as_str().into())]),
        Check::NotContains(text) => Fields::of([("not_contains", text.as_str().into())]),
        Check::Status(status) => Fields::of([("status", (*status).into())]),
        Check::Json { pointer, equals } => {
            let mut fields = Fields::default();
            fields.set("pointer", pointer.as_str());
            if let Some(equals) = equals {
                fields.set("equals", json(&equals.to_string()));
            }
            Fields::of([("json", fields.value())])
        }
    }
}

/// The value that a template of JSON text stands for: an expression that gives a number is a text again.
fn json(source: &str) -> Value {
    let mut text = String::with_capacity(source.len());
    let (mut rest, mut in_string) = (source, false);
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        // Outside of a string JSON has no `{{`.
        if let Some(end) = rest.find("}}").filter(|_| !in_string && rest.starts_with("{{")) {
            length = end + 2;
            text.push_str(&serde_json::to_string(&rest[..length]).expect("a string is always JSON"));
        } else {
            if in_string && c == '\\' {
                length += rest[length..].chars().next().map_or(0, char::len_utf8);
            }
            in_string ^= c == '"';
            text.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    serde_json::from_str(&text).unwrap_or_else(|_| source.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_values_again() {
        let text = r#"{"z":{{ random.int(1, 2) }},"a":["{{ vu }}\"}}",{"b":{"c":1}}]}"#;
        let shown = serde_yaml::to_string(&json(text)).unwrap();
        assert_eq!(shown, "z: '{{ random.int(1, 2) }}'\na:\n- '{{ vu }}\"}}'\n- b:\n    c: 1\n");
    }
}
