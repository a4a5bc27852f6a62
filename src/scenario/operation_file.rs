//! What a step calls, as written: one field whose name is the kind of call.

use super::arguments::json_template;
use super::{call_tool_file, text};
use crate::input::{Field, Fields, Place, Problems, Value, quoted};
use crate::model::clean_text;
use crate::plan::{
    Conduct, LISTEN, LONGEST_PATH, McpRequest, OAuthCall, Operation, Scope, Segment, Template,
};

/// The kinds of calls.
pub(super) const KINDS: [&str; 16] = [
    "call_tool",
    "list_tools",
    "list_resources",
    "list_resource_templates",
    "list_prompts",
    "read_resource",
    "subscribe_resource",
    "unsubscribe_resource",
    "get_prompt",
    "complete",
    "listen",
    "set_log_level",
    "ping",
    "request",
    "get",
    "post",
];

/// The requests without parameters, and their methods.
pub(super) const BARE: [(&str, &str); 5] = [
    ("list_tools", "tools/list"),
    ("list_resources", "resources/list"),
    ("list_resource_templates", "resources/templates/list"),
    ("list_prompts", "prompts/list"),
    ("ping", "ping"),
];

/// Those of them that may come in pages.
pub(super) const LISTS: [&str; 4] =
    ["list_tools", "list_resources", "list_resource_templates", "list_prompts"];

pub(super) const GET_PROMPT: &str = "prompts/get";

/// The lists of whose changes a target may tell, and what a subscription calls them.
pub(super) const CHANGING_LISTS: [(&str, &str); 3] =
    [("tools", "toolsListChanged"), ("prompts", "promptsListChanged"), ("resources", "resourcesListChanged")];

/// From the most to the least talkative.
const LOG_LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// What reports count the operation under.
pub(super) fn method_and_tool(operation: &Operation) -> (String, Option<String>) {
    let method = match operation {
        Operation::CallTool { tool, .. } => {
            return ("tools/call".to_owned(), tool.as_literal().map(str::to_owned));
        }
        Operation::RestPost { path, .. } => {
            let path = without_query(path);
            let tool = path
                .strip_prefix("/tools/")
                .and_then(|rest| rest.strip_suffix("/execute"))
                .filter(|tool| !tool.is_empty() && !tool.contains('/') && !tool.contains("{{"));
            return (format!("POST {path}"), tool.map(str::to_owned));
        }
        Operation::RestGet { path } => return (format!("GET {}", without_query(path)), None),
        Operation::Listen { .. } => LISTEN,
        Operation::Request(request) => &request.method,
        Operation::Initialize => "initialize",
        Operation::Initialized => "notifications/initialized",
        Operation::Login => "POST",
        Operation::OAuth(call) => match call {
            OAuthCall::Challenge => "challenge",
            OAuthCall::ResourceMetadata => "GET oauth-protected-resource",
            OAuthCall::ServerMetadata => "GET oauth-authorization-server",
            OAuthCall::Token => "POST token",
        },
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

/// The operation that a field of this kind states. `place` is that of the step.
pub(super) fn read_operation(
    (kind, field, place): (&str, Field<'_>, &Place),
    scope: Scope<'_>,
    problems: &mut Problems,
) -> Option<Operation> {
    match kind {
        "call_tool" => call_tool_file::read(field, place, scope, problems),
        "get_prompt" => {
            let (name, arguments) = read_prompt(field, scope, problems)?;
            Some(request(GET_PROMPT, &[("name", name.quoted()), ("arguments", arguments)], Some(name)))
        }
        "read_resource" => {
            let uri = read_alone(field, "uri", "`read_resource`", scope, problems)?;
            Some(request("resources/read", &[("uri", uri.quoted())], Some(uri)))
        }
        "subscribe_resource" => {
            let uri = read_alone(field, "uri", "`subscribe_resource`", scope, problems)?;
            Some(request("resources/subscribe", &[("uri", uri.quoted())], None))
        }
        "unsubscribe_resource" => {
            let uri = read_alone(field, "uri", "`unsubscribe_resource`", scope, problems)?;
            Some(request("resources/unsubscribe", &[("uri", uri.quoted())], None))
        }
        "set_log_level" => {
            let level = Template::literal(field.word(&LOG_LEVELS.map(|level| (level, level)), problems)?);
            Some(request("logging/setLevel", &[("level", level.quoted())], None))
        }
        "complete" => read_complete(field, scope, problems),
        "listen" => read_listen(field, scope, problems),
        "request" => read_request(field, scope, problems),
        "get" => {
            let path = read_alone(field, "path", "`get`", scope, problems)?;
            Some(Operation::RestGet { path })
        }
        "post" => read_post(field, scope, problems),
        bare => {
            let (_, method) = BARE.iter().find(|(word, _)| *word == bare)?;
            let list = LISTS.contains(&bare) && matches!(field.node.value, Value::Map(_));
            let nothing = if list { Some(()) } else { read_nothing(field, problems) };
            nothing.map(|()| Operation::Request(McpRequest::bare(*method)))
        }
    }
}

fn request(method: &str, params: &[(&str, Template)], name: Option<Template>) -> Operation {
    Operation::Request(McpRequest { method: method.to_owned(), params: Some(Template::object(params)), name })
}

/// `{prompt: NAME}` or `{resource: URI}`, with the argument to complete and what is written of it.
fn read_complete(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Operation> {
    let mut fields = Fields::of(field.node, "`complete`", problems)?;
    let reference = fields.exactly_one(&["prompt", "resource"], problems).and_then(|(kind, field, _)| {
        let (kind, key) = if kind == "prompt" { ("ref/prompt", "name") } else { ("ref/resource", "uri") };
        let named = text::template(field, scope, problems)?;
        Some(Template::object(&[("type", Template::literal(kind).quoted()), (key, named.quoted())]))
    });
    let argument = fields.required("argument", problems).and_then(|field| field.name(problems));
    let value = match fields.optional("value") {
        None => Some(Template::literal("")),
        Some(field) => text::template(field, scope, problems),
    };
    let context = fields.optional("context").map(|field| json_map(field, scope, problems));
    fields.finish(problems);
    let argument =
        Template::object(&[("name", Template::literal(argument?).quoted()), ("value", value?.quoted())]);
    let mut params = vec![("ref", reference?), ("argument", argument)];
    if let Some(arguments) = context {
        params.push(("context", Template::object(&[("arguments", arguments?)])));
    }
    Some(request("completion/complete", &params, None))
}

/// `{for, resources, lists}`: how long, and the news of what.
fn read_listen(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Operation> {
    let mut fields = Fields::of(field.node, "`listen`", problems)?;
    let length = fields.required("for", problems).and_then(|field| field.some_duration(problems));
    let mut filter = Vec::new();
    if let Some(lists) = fields.optional("lists") {
        let items: Vec<Field<'_>> = lists.items(problems).collect();
        for key in items.into_iter().filter_map(|item| item.word(&CHANGING_LISTS, problems)) {
            filter.push((key, Template::literal("true")));
        }
    }
    if let Some(resources) = fields.optional("resources") {
        let items: Vec<Field<'_>> = resources.items(problems).collect();
        let texts = items.into_iter().filter(|item| item.text(problems).is_none()).count();
        let uris = json_template(resources.node, scope, problems).filter(|_| texts == 0);
        filter.push(("resourceSubscriptions", uris?));
    }
    fields.finish(problems);
    Some(Operation::Listen { filter: Template::object(&filter), length: length? })
}

/// Any request: `{method, params}`, or the method alone.
fn read_request(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Operation> {
    let (method, params) = if let Value::Text(_) = &field.node.value {
        (field, None)
    } else {
        let mut fields = Fields::of(field.node, "`request`", problems)?;
        let method = fields.required("method", problems);
        let params = fields.optional("params");
        fields.finish(problems);
        (method?, params)
    };
    let name = method.name(problems)?;
    let instead = match name {
        "tools/call" => Some("write `call_tool`, which looks at `isError`, too"),
        "initialize" => Some("every session is opened with it by itself"),
        _ if name.starts_with("notifications/") => Some("a notification has no answer to wait for"),
        _ => None,
    };
    if let Some(instead) = instead {
        method.wrong(format!("{} cannot be a `request`", quoted(name)), instead, problems);
        return None;
    }
    let json = match params {
        None => None,
        Some(field) => Some(json_map(field, scope, problems)?),
    };
    let named = params.zip(subject_of(name)).and_then(|(params, key)| {
        let Value::Map(entries) = &params.node.value else { return None };
        let entry = entries.iter().find(|entry| entry.key.text == key)?;
        let Value::Text(subject) = &entry.value.value else { return None };
        Template::parse(subject, scope).ok()
    });
    Some(Operation::Request(McpRequest { method: name.to_owned(), params: json, name: named }))
}

/// The parameter that a header repeats in the modern era.
fn subject_of(method: &str) -> Option<&'static str> {
    match method {
        GET_PROMPT => Some("name"),
        "resources/read" => Some("uri"),
        _ if method.starts_with("tasks/") => Some("taskId"),
        _ => None,
    }
}

/// JSON text of a map.
pub(super) fn json_map(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Template> {
    if let Value::Map(_) = &field.node.value {
        return json_template(field.node, scope, problems);
    }
    let message = format!("expected a map, found {}", field.node.found());
    field.wrong(message, "write `name: value` lines, indented below it", problems);
    None
}

/// The name of what is called: a name, or a text with expressions.
pub(super) fn read_name(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Template> {
    if field.text(problems)?.contains("{{") {
        return text::template(field, scope, problems);
    }
    field.name(problems).map(Template::literal)
}

/// A name and `arguments`, or the name alone.
fn read_prompt(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<(Template, Template)> {
    if let Value::Text(_) = &field.node.value {
        return Some((read_name(field, scope, problems)?, Template::literal("{}")));
    }
    let mut fields = Fields::of(field.node, "`get_prompt`", problems)?;
    let name = fields.required("name", problems).and_then(|field| read_name(field, scope, problems));
    let arguments = match fields.optional("arguments") {
        None => Some(Template::literal("{}")),
        Some(field) => json_map(field, scope, problems),
    };
    fields.finish(problems);
    Some((name?, arguments?))
}

/// `{key: text}`, or the text alone.
fn read_alone(
    field: Field<'_>,
    key: &'static str,
    what: &'static str,
    scope: Scope<'_>,
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
    if key == "path" { read_path(text, scope, problems) } else { text::template(text, scope, problems) }
}

fn read_post(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Operation> {
    let mut fields = Fields::of(field.node, "`post`", problems)?;
    let path = fields.required("path", problems).and_then(|field| read_path(field, scope, problems));
    let body = fields
        .optional("body")
        .map_or_else(|| Some(Template::literal("{}")), |field| json_template(field.node, scope, problems));
    fields.finish(problems);
    Some(Operation::RestPost { path: path?, body: body? })
}

/// `{pages: all}` or `{pages: NUMBER}` of a list; `None` where the first page will do.
pub(super) fn read_pages(field: Field<'_>, problems: &mut Problems) -> Option<u32> {
    let Value::Map(_) = &field.node.value else { return None };
    let mut fields = Fields::of(field.node, "a list", problems)?;
    let pages = fields.optional("pages").and_then(|field| match &field.node.value {
        Value::Text(text) if text == "all" => Some(Conduct::MOST_PAGES),
        Value::Number(..) => field.whole(&(1..=Conduct::MOST_PAGES), problems),
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
            let message = format!("expected `all` or a number, found {}", field.node.found());
            field.wrong(message, "write `all`, or how many pages are asked for", problems);
            None
        }
    });
    fields.finish(problems);
    pages
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

fn read_path(field: Field<'_>, scope: Scope<'_>, problems: &mut Problems) -> Option<Template> {
    let path = text::template(field, scope, problems)?;
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
