//! One step as written: exactly one kind of call, and what surrounds it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arguments::{json_template, json_value};
use super::text;
use crate::input::{Field, Fields, Node, Place, Problem, Problems, Value, quoted};
use crate::model::clean_text;
use crate::plan::{Check, Environment, LONGEST_PATH, Operation, Segment, Template};

/// The kinds of calls.
pub(super) const KINDS: [&str; 7] =
    ["call_tool", "list_tools", "read_resource", "get_prompt", "ping", "get", "post"];

const CHECKS: [&str; 4] = ["contains", "not_contains", "json", "status"];

/// A step and the places that later checks point at.
#[derive(Debug)]
pub(super) struct WrittenStep {
    pub name: String,
    /// Where the name stands; where none is written, the kind of call.
    pub name_place: Place,
    pub method: String,
    pub tool: Option<String>,
    pub operation: Operation,
    /// The word that says what is called.
    pub kind: Place,
    pub checks: Vec<Check>,
    /// Where a check of the HTTP status stands.
    pub status_check: Option<Place>,
    pub tags: BTreeMap<String, String>,
    /// The step's own deadline.
    pub timeout: Option<Duration>,
}

impl WrittenStep {
    /// True for calls of MCP, false for plain HTTP.
    pub(super) fn is_mcp(&self) -> bool {
        !matches!(self.operation, Operation::RestGet { .. } | Operation::RestPost { .. })
    }
}

/// A step of a list. `list_tools` and `ping` may stand as bare words.
pub(super) fn read(item: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<WrittenStep> {
    if let Value::Text(_) = &item.node.value {
        let bare = [("list_tools", "list_tools"), ("ping", "ping")];
        let operation = match item.word(&bare, problems)? {
            "ping" => Operation::Ping,
            _ => Operation::ListTools,
        };
        return Some(WrittenStep::of(operation, &item.node.place));
    }
    let mut fields = Fields::of(item.node, "a step", problems)?;
    let name = fields.optional("name").and_then(|field| Some((field.name(problems)?, &field.node.place)));
    let around = read_around(&mut fields, problems);
    let call = fields.exactly_one(&KINDS, problems);
    let step = call.and_then(|call| read_call(call, around, env, problems));
    fields.finish(problems);
    match (step, name) {
        (Some(step), Some((name, place))) => Some(step.named(name, place)),
        (step, _) => step,
    }
}

/// What surrounds a call.
#[derive(Debug, Default)]
pub(super) struct Around<'n> {
    checks: Vec<Check>,
    status_check: Option<Place>,
    tags: BTreeMap<String, String>,
    timeout: Option<Duration>,
    fields: Vec<Field<'n>>,
}

/// Checks, tags and deadline of the step whose fields these are.
pub(super) fn read_around<'n>(fields: &mut Fields<'n>, problems: &mut Problems) -> Around<'n> {
    let mut around = Around::default();
    if let Some(field) = fields.optional("checks") {
        (around.checks, around.status_check) = read_checks(field, problems);
        around.fields.push(field);
    }
    if let Some(field) = fields.optional("tags") {
        around.tags = read_tags(field, problems);
        around.fields.push(field);
    }
    if let Some(field) = fields.optional("timeout") {
        around.timeout = field.some_duration(problems);
        around.fields.push(field);
    }
    around
}

impl Around<'_> {
    /// Reports what stands beside a list of steps, where it would be about none of them.
    pub(super) fn only_with_a_call(&self, problems: &mut Problems) {
        for field in &self.fields {
            field.wrong("cannot stand beside `steps`", "write it in each step that it is about", problems);
        }
    }
}

/// The call that one field states, with what surrounds it; named after what it calls.
pub(super) fn read_call(
    (kind, field, place): (&str, Field<'_>, &Place),
    around: Around<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<WrittenStep> {
    let operation = read_operation(kind, field, env, problems)?;
    Some(WrittenStep {
        checks: around.checks,
        status_check: around.status_check,
        tags: around.tags,
        timeout: around.timeout,
        ..WrittenStep::of(operation, place)
    })
}

impl WrittenStep {
    /// The step under the name that is written at `place`.
    pub(super) fn named(self, name: &str, place: &Place) -> Self {
        Self { name: name.to_owned(), name_place: place.clone(), ..self }
    }

    /// A step with nothing around it, named after what it calls.
    fn of(operation: Operation, kind: &Place) -> Self {
        let (method, tool) = method_and_tool(&operation);
        let name = match &operation {
            Operation::CallTool { tool: name, .. } | Operation::GetPrompt { name, .. } => name.clone(),
            Operation::ListTools
            | Operation::ReadResource { .. }
            | Operation::Ping
            | Operation::RestGet { .. }
            | Operation::RestPost { .. }
            | Operation::Login
            | Operation::Initialize
            | Operation::Initialized
            | Operation::Discover
            | Operation::EndSession => method.clone(),
        };
        Self {
            name,
            name_place: kind.clone(),
            method,
            tool,
            operation,
            kind: kind.clone(),
            checks: Vec::new(),
            status_check: None,
            tags: BTreeMap::new(),
            timeout: None,
        }
    }
}

/// What reports count the operation under.
pub(super) fn method_and_tool(operation: &Operation) -> (String, Option<String>) {
    let method = match operation {
        Operation::CallTool { tool, .. } => return ("tools/call".to_owned(), Some(tool.clone())),
        Operation::RestPost { path, .. } => {
            let path = without_query(path);
            let tool = path
                .strip_prefix("/tools/")
                .and_then(|rest| rest.strip_suffix("/execute"))
                .filter(|tool| !tool.is_empty() && !tool.contains('/') && !tool.contains("{{"));
            return (format!("POST {path}"), tool.map(str::to_owned));
        }
        Operation::RestGet { path } => return (format!("GET {}", without_query(path)), None),
        Operation::ListTools => "tools/list",
        Operation::ReadResource { .. } => "resources/read",
        Operation::GetPrompt { .. } => "prompts/get",
        Operation::Ping => "ping",
        Operation::Initialize => "initialize",
        Operation::Initialized => "notifications/initialized",
        Operation::Discover => "server/discover",
        Operation::Login => "POST",
        Operation::EndSession => "DELETE",
    };
    (method.to_owned(), None)
}

/// The path as written, without its query, so that it stays of bounded variety and length.
fn without_query(path: &Template) -> String {
    let literal_query =
        path.segments.iter().any(|segment| matches!(segment, Segment::Literal(text) if text.contains('?')));
    let source = path.source.as_str();
    let end = if literal_query { source.find('?').unwrap_or(source.len()) } else { source.len() };
    clean_text(&source[..end])
}

fn read_operation(
    kind: &str,
    field: Field<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<Operation> {
    match kind {
        "call_tool" => {
            let (tool, arguments) = read_named(field, "tool", "`call_tool`", env, problems)?;
            Some(Operation::CallTool { tool, arguments })
        }
        "get_prompt" => {
            let (name, arguments) = read_named(field, "name", "`get_prompt`", env, problems)?;
            Some(Operation::GetPrompt { name, arguments })
        }
        "list_tools" => read_nothing(field, problems).map(|()| Operation::ListTools),
        "ping" => read_nothing(field, problems).map(|()| Operation::Ping),
        "read_resource" => {
            let uri = read_alone(field, "uri", "`read_resource`", env, problems)?;
            Some(Operation::ReadResource { uri })
        }
        "get" => {
            let path = read_alone(field, "path", "`get`", env, problems)?;
            Some(Operation::RestGet { path })
        }
        _ => read_post(field, env, problems),
    }
}

/// A name and `arguments`, or the name alone.
fn read_named(
    field: Field<'_>,
    key: &'static str,
    what: &'static str,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<(String, Template)> {
    if let Value::Text(_) = &field.node.value {
        return Some((field.name(problems)?.to_owned(), Template::literal("{}")));
    }
    let mut fields = Fields::of(field.node, what, problems)?;
    let name = fields.required(key, problems).and_then(|field| field.name(problems));
    let arguments = match fields.optional("arguments") {
        None => Some(Template::literal("{}")),
        Some(Field { node: node @ Node { value: Value::Map(_), .. }, .. }) => {
            json_template(node, env, problems)
        }
        Some(other) => {
            let message = format!("expected a map, found {}", other.node.found());
            other.wrong(message, "write `name: value` lines, indented below it", problems);
            None
        }
    };
    fields.finish(problems);
    Some((name?.to_owned(), arguments?))
}

/// `{key: text}`, or the text alone.
fn read_alone(
    field: Field<'_>,
    key: &'static str,
    what: &'static str,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<Template> {
    let text = if let Value::Text(_) = &field.node.value {
        field
    } else {
        let mut fields = Fields::of(field.node, what, problems)?;
        let text = fields.required(key, problems);
        fields.finish(problems);
        text?
    };
    if key == "path" { read_path(text, env, problems) } else { text::template(text, env, problems) }
}

fn read_post(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Operation> {
    let mut fields = Fields::of(field.node, "`post`", problems)?;
    let path = fields.required("path", problems).and_then(|field| read_path(field, env, problems));
    let body = fields
        .optional("body")
        .map_or_else(|| Some(Template::literal("{}")), |field| json_template(field.node, env, problems));
    fields.finish(problems);
    Some(Operation::RestPost { path: path?, body: body? })
}

fn read_nothing(field: Field<'_>, problems: &mut Problems) -> Option<()> {
    match &field.node.value {
        Value::Null => Some(()),
        Value::Map(entries) if entries.is_empty() => Some(()),
        Value::Map(_) | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => {
            let message = format!("it takes nothing, found {}", field.node.found());
            field.wrong(message, format!("write `{}: {{}}`", field.name), problems);
            None
        }
    }
}

fn read_path(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Template> {
    let path = text::template(field, env, problems)?;
    let literal: String = path
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => text.as_str(),
            Segment::Expression { .. } => "x",
        })
        .collect();
    check_path(field, &literal, problems).then_some(path)
}

/// A path stays on the target's origin: `//host` and `/\\host` would not.
pub(super) fn check_path(field: Field<'_>, path: &str, problems: &mut Problems) -> bool {
    if path.len() > LONGEST_PATH {
        let message = format!("a path of more than {LONGEST_PATH} bytes cannot be called");
        field.wrong(message, "write a shorter one; what is long goes into a body", problems);
        return false;
    }
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '#');
    let good = path.starts_with('/') && !path.starts_with("//") && !path.contains(strange);
    if !good {
        let help = "write the path on the target's origin, such as `/health?detailed=true`: one `/` in front, no \
                    blanks, no `\\`, no `#`";
        // As written: what the environment gave may be a secret.
        let written = field.text(problems).unwrap_or_default();
        field.wrong(format!("{} is no path", quoted(written)), help, problems);
    }
    good
}

fn read_checks(field: Field<'_>, problems: &mut Problems) -> (Vec<Check>, Option<Place>) {
    let mut checks = Vec::new();
    let mut status = None;
    for item in field.items(problems).collect::<Vec<_>>() {
        let Some(mut fields) = Fields::of(item.node, "a check", problems) else { continue };
        let kind = fields.exactly_one(&CHECKS, problems);
        fields.finish(problems);
        let Some((kind, field, place)) = kind else { continue };
        match kind {
            "contains" => checks.extend(read_expected(field, problems).map(Check::Contains)),
            "not_contains" => checks.extend(read_expected(field, problems).map(Check::NotContains)),
            "json" => checks.extend(read_json_check(field, problems)),
            _ => {
                status = Some(place.clone());
                checks.extend(field.whole(&(100..=599), problems).map(Check::Status));
            }
        }
    }
    (checks, status)
}

fn read_expected(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    if text.contains("{{") {
        problems.push(
            Problem::warning(&field.node.place, "expressions are not computed in a check").help(
                "this looks for the braces themselves; look for a part that is the same in every answer",
            ),
        );
    }
    Some(text.to_owned())
}

/// `{pointer, equals}`, or the pointer alone.
fn read_json_check(field: Field<'_>, problems: &mut Problems) -> Option<Check> {
    let (pointer_field, equals) = if let Value::Text(_) = &field.node.value {
        (field, None)
    } else {
        let mut fields = Fields::of(field.node, "`json`", problems)?;
        let pointer = fields.required("pointer", problems);
        let equals = fields.optional("equals").map(|field| json_value(field.node));
        fields.finish(problems);
        (pointer?, equals)
    };
    let pointer = pointer_field.text(problems)?;
    if !pointer.starts_with('/') {
        let help = "write a JSON pointer (RFC 6901), such as `/content/0/text`";
        pointer_field.wrong(format!("{} is no pointer", quoted(pointer)), help, problems);
        return None;
    }
    Some(Check::Json { pointer: pointer.to_owned(), equals })
}

fn read_tags(field: Field<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let Some(fields) = Fields::of(field.node, "`tags`", problems) else { return BTreeMap::new() };
    let mut tags = BTreeMap::new();
    for entry in fields.entries() {
        let value = Field { name: &entry.key.text, node: &entry.value };
        if let Some(text) = value.name(problems) {
            tags.insert(entry.key.text.clone(), text.to_owned());
        }
    }
    tags
}
