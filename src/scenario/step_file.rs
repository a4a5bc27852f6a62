//! One step as written: exactly one kind of call, and what surrounds it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arguments::json_value;
use super::extract_file::{read_condition, read_extract, read_pointer};
use super::load_file::read_pause;
use super::operation_file::{BARE, GET_PROMPT, KINDS, LISTS, method_and_tool, read_operation, read_pages};
use super::variables::VariableBook;
use crate::input::{Field, Fields, Place, Problem, Problems, Value};
use crate::plan::{
    Check, Condition, Conduct, Extraction, McpRequest, Operation, Slot, TaskConduct, Template,
};

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
    pub extract: Vec<Extraction>,
    pub condition: Option<Condition>,
    /// Where the condition stands.
    pub condition_place: Option<Place>,
    pub tags: BTreeMap<String, String>,
    /// The step's own deadline.
    pub timeout: Option<Duration>,
    pub conduct: Conduct,
    /// Where it is said how it is called, where that is of MCP alone.
    pub conduct_place: Option<Place>,
    /// Where the pause before it stands.
    pub pause_place: Option<Place>,
}

impl WrittenStep {
    /// True for calls of MCP, false for plain HTTP.
    pub(super) fn is_mcp(&self) -> bool {
        !matches!(self.operation, Operation::RestGet { .. } | Operation::RestPost { .. })
    }
}

impl WrittenStep {
    /// The variables that its call and its condition name.
    pub(super) fn uses(&self) -> impl Iterator<Item = Slot> {
        let templates = self.operation.templates().into_iter();
        let condition = self.condition.iter().map(|condition| &condition.value);
        templates.chain(condition).flat_map(Template::variables)
    }
}

/// A step of a list. A request without parameters may stand as a bare word.
pub(super) fn read(
    item: Field<'_>,
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> Option<WrittenStep> {
    if let Value::Text(_) = &item.node.value {
        let method = item.word(&BARE, problems)?;
        return Some(WrittenStep::of(Operation::Request(McpRequest::bare(method)), &item.node.place));
    }
    let mut fields = Fields::of(item.node, "a step", problems)?;
    let name = fields.optional("name").and_then(|field| Some((field.name(problems)?, &field.node.place)));
    let around = read_around(&mut fields, book, problems);
    let call = fields.exactly_one(&KINDS, problems);
    let step = call.and_then(|call| read_call(call, around, book, problems));
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
    extract: Option<Field<'n>>,
    condition: Option<Condition>,
    condition_place: Option<Place>,
    tags: BTreeMap<String, String>,
    timeout: Option<Duration>,
    conduct: Conduct,
    conduct_place: Option<Place>,
    pause_place: Option<Place>,
    fields: Vec<Field<'n>>,
}

/// Checks, tags, deadline and condition of the step whose fields these are.
pub(super) fn read_around<'n>(
    fields: &mut Fields<'n>,
    book: &VariableBook<'_>,
    problems: &mut Problems,
) -> Around<'n> {
    let mut around = Around { extract: fields.optional("extract"), ..Around::default() };
    around.fields.extend(around.extract);
    if let Some(field) = fields.optional("if") {
        around.condition = read_condition(field, book.scope(), problems);
        around.condition_place = Some(field.node.place.clone());
        around.fields.push(field);
    }
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
    if let Some(field) = fields.optional("progress") {
        around.conduct.progress = field.flag(problems).unwrap_or_default();
        around.conduct_place = Some(field.node.place.clone());
        around.fields.push(field);
    }
    if let Some(field) = fields.optional("cancel_after") {
        around.conduct.cancel_after = field.some_duration(problems);
        around.conduct_place = Some(field.node.place.clone());
        around.fields.push(field);
    }
    if let Some(field) = fields.optional("pause") {
        around.conduct.pause = read_pause(field, problems);
        around.pause_place = Some(field.node.place.clone());
        around.fields.push(field);
    }
    if let Some(field) = fields.optional("task") {
        around.conduct.task = read_task(field, problems);
        around.conduct_place = Some(field.node.place.clone());
        around.fields.push(field);
    }
    around
}

/// `true`, or how.
fn read_task(field: Field<'_>, problems: &mut Problems) -> Option<TaskConduct> {
    if !matches!(field.node.value, Value::Map(_)) {
        return field.flag(problems)?.then(TaskConduct::default);
    }
    let mut fields = Fields::of(field.node, "`task`", problems)?;
    let mut length =
        |name| fields.optional(name).and_then(|field: Field<'_>| field.some_duration(&mut *problems));
    let (ttl, poll_every) = (length("ttl"), length("poll_every"));
    fields.finish(problems);
    Some(TaskConduct { ttl, poll_every })
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
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> Option<WrittenStep> {
    let operation = read_operation((kind, field, place), book.scope(), problems);
    let pages = if LISTS.contains(&kind) { read_pages(field, problems) } else { None };
    // After the call: it cannot name what its own answer is to give.
    let extract = around.extract.map(|field| read_extract(field, book, problems)).unwrap_or_default();
    Some(WrittenStep {
        extract,
        condition: around.condition,
        condition_place: around.condition_place,
        checks: around.checks,
        status_check: around.status_check,
        tags: around.tags,
        timeout: around.timeout,
        conduct: Conduct { pages, ..around.conduct },
        conduct_place: around.conduct_place,
        pause_place: around.pause_place,
        ..WrittenStep::of(operation?, place)
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
            Operation::CallTool { tool, .. } => tool.source.clone(),
            Operation::Request(request) if request.method == GET_PROMPT => {
                let prompt = request.name.as_ref().and_then(Template::as_literal);
                prompt.unwrap_or(GET_PROMPT).to_owned()
            }
            Operation::Request(_)
            | Operation::Listen { .. }
            | Operation::RestGet { .. }
            | Operation::RestPost { .. }
            | Operation::Login
            | Operation::OAuth(_)
            | Operation::Initialize
            | Operation::Initialized
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
            extract: Vec::new(),
            condition: None,
            condition_place: None,
            tags: BTreeMap::new(),
            timeout: None,
            conduct: Conduct::default(),
            conduct_place: None,
            pause_place: None,
        }
    }
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
    let pointer = read_pointer(pointer_field, problems)?;
    Some(Check::Json { pointer, equals })
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
