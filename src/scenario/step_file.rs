//! One step as written: exactly one kind of call, and what surrounds it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arguments::{json_template, json_value};
use super::text;
use crate::input::{Field, Fields, Node, Place, Problems, Value, quoted};
use crate::model::clean_text;
use crate::plan::{Check, Environment, Operation, Segment, Template};

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
    let name =
        fields.optional("name").and_then(|field| Some((text::name(field, problems)?, &field.node.place)));
    let step = read_call(&mut fields, env, problems);
    fields.finish(problems);
    let mut step = step?;
    if let Some((name, place)) = name {
        name.clone_into(&mut step.name);
        step.name_place = place.clone();
    }
    Some(step)
}

/// The call and its checks, tags and deadline; the name is the caller's.
pub(super) fn read_call(
    fields: &mut Fields<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<WrittenStep> {
    let checks = fields.optional("checks").map(|field| read_checks(field, problems));
    let tags = fields.optional("tags").map(|field| read_tags(field, problems));
    let timeout = fields.optional("timeout").map(|field| field.some_duration(problems));
    let (kind, field, place) = fields.exactly_one(&KINDS, problems)?;
    let operation = read_operation(kind, field, env, problems)?;
    let mut step = WrittenStep::of(operation, place);
    let (checks, status_check) = checks.unwrap_or_default();
    step.checks = checks;
    step.status_check = status_check;
    step.tags = tags.unwrap_or_default();
    step.timeout = match timeout {
        Some(timeout) => Some(timeout?),
        None => None,
    };
    Some(step)
}

impl WrittenStep {
    /// A step with nothing around it, named after what it calls.
    fn of(operation: Operation, kind: &Place) -> Self {
        let (method, tool) = method_and_tool(&operation);
        let name = match &operation {
            Operation::CallTool { tool, .. } => tool.clone(),
            Operation::GetPrompt { name, .. } => name.clone(),
            _ => method.clone(),
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
        return Some((text::name(field, problems)?.to_owned(), Template::literal("{}")));
    }
    let mut fields = Fields::of(field.node, what, problems)?;
    let name = fields.required(key, problems).and_then(|field| text::name(field, problems));
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
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '#');
    let good = path.starts_with('/') && !path.starts_with("//") && !path.contains(strange);
    if !good {
        let help = "write the path on the target's origin, such as `/health?detailed=true`: one `/` in front, no \
                    blanks, no `\\`, no `#`";
        field.wrong(format!("{} is no path", quoted(path)), help, problems);
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
            "contains" => checks.extend(field.text(problems).map(|text| Check::Contains(text.to_owned()))),
            "not_contains" => {
                checks.extend(field.text(problems).map(|text| Check::NotContains(text.to_owned())))
            }
            "json" => checks.extend(read_json_check(field, problems)),
            _ => {
                status = Some(place.clone());
                checks.extend(field.whole(&(100..=599), problems).map(Check::Status));
            }
        }
    }
    (checks, status)
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
        if let Some(text) = text::name(value, problems) {
            tags.insert(entry.key.text.clone(), text.to_owned());
        }
    }
    tags
}
