//! From what a server has to the transactions of a scenario: which calls, with which arguments, which of them on.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};

use super::comments::one_line;
use super::inventory::{Effect, Inventory, Prompt, Resource, Tool};
use super::scenario_text::entry_text;
use super::yaml;
use crate::model::clean_char;
use crate::scenario::AROUND;
use crate::schema::{Generator, Hole, Readable};

/// How often each kind of call is made, in proportion.
const TOOL_WEIGHT: u32 = 4;
const READ_WEIGHT: u32 = 2;
const LIST_WEIGHT: u32 = 1;
/// The longest name of a transaction that is made of a server's words, in characters.
const LONGEST_NAME: usize = 80;
/// The longest argument, and the longest name of one, that is written down, in bytes.
const LONGEST_ARGUMENT: usize = 2_000;
const LONGEST_KEY: usize = 200;
/// The most arguments that are written down.
const MOST_ARGUMENTS: usize = 40;
/// The most text of transactions, in bytes: gander reads files of 1 MiB.
const MOST_TEXT: usize = 600_000;
/// Of so many values, and of so many optional arguments, a comment tells.
const MOST_TOLD: usize = 8;

/// A transaction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Comments on it: printable, without secrets.
    pub(super) said: Vec<String>,
    /// Its weight while it is on.
    weight: u32,
    pub(super) call: Call,
    /// Why it is switched off: printable, without secrets.
    pub(super) off: Option<String>,
    /// How long it took when it was tried.
    pub(super) took: Option<Duration>,
}

/// What a transaction calls. Arguments are names, and values as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// A request without parameters, as a scenario calls it.
    Bare(&'static str),
    Tool {
        tool: String,
        arguments: Vec<(String, String)>,
        /// True when it is to run as a task.
        as_task: bool,
    },
    Resource {
        uri: String,
    },
    Prompt {
        prompt: String,
        arguments: Vec<(String, String)>,
    },
}

impl Entry {
    fn new(name: String, weight: u32, call: Call) -> Self {
        Self { name, said: Vec::new(), weight, call, off: None, took: None }
    }

    /// Something that every server answers.
    pub(super) fn ping() -> Self {
        Self::new("ping".to_owned(), LIST_WEIGHT, Call::Bare("ping"))
    }

    /// True when users do it.
    pub(super) fn is_on(&self) -> bool {
        self.off.is_none()
    }

    /// As the scenario says it.
    pub(super) fn weight(&self) -> u32 {
        if self.is_on() { self.weight } else { 0 }
    }

    fn say(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.said.push(one_line(text));
        }
    }
}

/// The transactions for all that `inventory` holds, tools first, as far as a file can hold them.
pub(super) fn draft(inventory: &mut Inventory) -> Vec<Entry> {
    let mut entries = all_entries(inventory);
    // The lists at the end are short, and every server has them.
    let lists = entries.split_off(entries.len() - inventory.lists.len());
    let mut room = MOST_TEXT;
    let fitting = entries.iter().take_while(|entry| {
        let length = entry_text(entry).len();
        room.checked_sub(length).inspect(|left| room = *left).is_some()
    });
    let fitting = fitting.count();
    if fitting < entries.len() {
        let cut = entries.len() - fitting;
        inventory.left_out.push(format!("{cut} more calls: the file would be too large"));
        entries.truncate(fitting);
    }
    entries.extend(lists);
    entries
}

fn all_entries(inventory: &Inventory) -> Vec<Entry> {
    let mut names = Names::new();
    let unsaid = |tool: &Tool| tool.effect == Effect::Unsaid;
    let some_say = !inventory.tools.iter().all(unsaid);
    let mut entries: Vec<Entry> =
        inventory.tools.iter().map(|tool| tool_entry(tool, some_say, &mut names)).collect();
    entries.extend(inventory.resources.iter().map(|resource| resource_entry(resource, &mut names)));
    entries.extend(inventory.templates.iter().map(|template| template_entry(template, &mut names)));
    entries.extend(inventory.prompts.iter().map(|prompt| prompt_entry(prompt, &mut names)));
    entries.extend(inventory.lists.iter().map(|(call, count)| {
        let mut entry = Entry::new(names.free(&call.replace('_', " ")), LIST_WEIGHT, Call::Bare(call));
        entry.say(&format!("It had {count} entries."));
        entry
    }));
    entries
}

/// The names that are taken.
struct Names(BTreeSet<String>);

impl Names {
    fn new() -> Self {
        Self(AROUND.iter().map(|&name| name.to_owned()).chain(["ping".to_owned()]).collect())
    }

    /// `wanted`, or something like it that is not taken: a name that a scenario can hold.
    fn free(&mut self, wanted: &str) -> String {
        let words: Vec<&str> = wanted.split_whitespace().collect();
        let safe: String = words.join(" ").chars().filter(|c| clean_char(*c) == *c).collect();
        // Twice: of three braces the first pass leaves two together.
        let plain = safe.replace("{{", "{ {").replace("{{", "{ {");
        let name: String = plain.chars().take(LONGEST_NAME).collect();
        let name = name.trim();
        let name = if name.is_empty() { "call" } else { name };
        let mut free = name.to_owned();
        let mut next = 2;
        while !self.0.insert(free.clone()) {
            free = format!("{name} ({next})");
            next += 1;
        }
        free
    }
}

fn tool_entry(tool: &Tool, some_say: bool, names: &mut Names) -> Entry {
    let (arguments, fault) = match arguments(&tool.input) {
        Ok(arguments) => (arguments, None),
        Err(fault) => (Vec::new(), Some(fault)),
    };
    let call = Call::Tool { tool: tool.name.clone(), arguments, as_task: tool.is_task };
    let mut entry = Entry::new(names.free(&tool.name), TOOL_WEIGHT, call);
    entry.say(&tool.description);
    if tool.is_task {
        entry.say("The server runs it as a task alone.");
    }
    for choice in choices(&tool.input) {
        entry.say(&choice);
    }
    if let Some(optional) = optional(&tool.input) {
        entry.say(&format!("It also takes: {optional}."));
    }
    entry.off = match tool.effect {
        Effect::Destroys => Some("the server says that it destroys something (destructiveHint)".to_owned()),
        Effect::Changes => Some(
            "the server says that it changes something, and not that it only adds (readOnlyHint: false)"
                .to_owned(),
        ),
        Effect::Unsaid | Effect::Harmless => None,
    };
    if entry.off.is_none() {
        entry.off = fault.map(|fault| format!("no arguments could be made: {}", one_line(&fault)));
    }
    if tool.is_open {
        entry.say(
            "The server says that it reaches out to others (openWorldHint): load on it is load on them.",
        );
    }
    if tool.effect == Effect::Unsaid && some_say {
        entry.say("The server does not say whether it changes anything: look before you load it.");
    }
    entry
}

/// Names and YAML of arguments that hold `schema`.
fn arguments(schema: &Value) -> Result<Vec<(String, String)>, String> {
    let mut schema = schema.clone();
    if let Value::Object(keywords) = &mut schema {
        // Arguments are a map, whether the server says so or not.
        keywords.entry("type").or_insert_with(|| "object".into());
    }
    let generator = Generator::new(&schema).map_err(|error| error.to_string())?;
    let Readable { value, holes } = generator.readable().map_err(|error| error.to_string())?;
    let Value::Object(fields) = value else { return Err("they are no map".to_owned()) };
    if fields.len() > MOST_ARGUMENTS {
        return Err("there are too many to write them down".to_owned());
    }
    fields.iter().map(|(name, field)| written(name, field, &holes)).collect()
}

fn written(name: &str, field: &Value, holes: &[(String, Hole)]) -> Result<(String, String), String> {
    let text = yaml::argument(field, &yaml::below("", name), holes);
    if longest_key(field).max(name.len()) > LONGEST_KEY || text.len() > LONGEST_ARGUMENT {
        return Err("they are too long to write them down".to_owned());
    }
    Ok((name.to_owned(), text))
}

fn longest_key(value: &Value) -> usize {
    match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| name.len().max(longest_key(field))).max().unwrap_or(0)
        }
        Value::Array(items) => items.iter().map(longest_key).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

fn is_required(schema: &Value, name: &str) -> bool {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).any(|required| required == name)
}

/// What else the required arguments may be, where the schema names all of it.
fn choices(schema: &Value) -> Vec<String> {
    let required = properties(schema).into_iter().flatten().filter(|(name, _)| is_required(schema, name));
    let told = required.filter_map(|(name, part)| {
        let values = part.get("enum")?.as_array().filter(|values| values.len() > 1)?;
        let mut shown: Vec<String> = values.iter().take(MOST_TOLD).map(Value::to_string).collect();
        if values.len() > MOST_TOLD {
            shown.push("...".to_owned());
        }
        Some(format!("{name} is one of {}.", shown.join(", ")))
    });
    told.take(MOST_TOLD).collect()
}

/// The arguments that may be left out, with their types and defaults.
fn optional(schema: &Value) -> Option<String> {
    let optional = properties(schema).into_iter().flatten().filter(|(name, _)| !is_required(schema, name));
    let mut told: Vec<String> = optional
        .map(|(name, part)| {
            let kind = part.get("type").and_then(Value::as_str);
            let default = part.get("default").filter(|default| !default.is_null());
            let default = default.map(|default| format!("default {default}"));
            let about: Vec<String> = kind.map(str::to_owned).into_iter().chain(default).collect();
            if about.is_empty() { name.clone() } else { format!("{name} ({})", about.join(", ")) }
        })
        .take(MOST_TOLD + 1)
        .collect();
    if told.len() > MOST_TOLD {
        "...".clone_into(&mut told[MOST_TOLD]);
    }
    (!told.is_empty()).then(|| told.join(", "))
}

fn resource_entry(resource: &Resource, names: &mut Names) -> Entry {
    let name = if resource.name.trim().is_empty() { &resource.uri } else { &resource.name };
    let call = Call::Resource { uri: resource.uri.clone() };
    let mut entry = Entry::new(names.free(&format!("read {name}")), READ_WEIGHT, call);
    entry.say(&resource.description);
    entry
}

/// A resource that a template stands for, with 1 for whatever is left open.
fn template_entry(template: &Resource, names: &mut Names) -> Entry {
    let filled = fill(&template.uri);
    let off = filled.is_none().then(|| "what stands between its braces must be filled in by hand".to_owned());
    let uri = filled.unwrap_or_else(|| template.uri.clone());
    let mut entry = resource_entry(&Resource { uri, ..template.clone() }, names);
    entry.say(&format!("Its template is {}", template.uri));
    entry.off = off;
    entry
}

/// `template` (RFC 6570) with 1 for each plain variable; `None` where one is not plain.
fn fill(template: &str) -> Option<String> {
    let mut parts = template.split('{');
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}')?;
        let plain = variable.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if variable.is_empty() || !plain {
            return None;
        }
        filled.push('1');
        filled.push_str(rest);
    }
    Some(filled)
}

fn prompt_entry(prompt: &Prompt, names: &mut Names) -> Entry {
    let too_long = prompt.required.iter().any(|name| name.len() > LONGEST_KEY);
    let required: BTreeSet<&String> =
        prompt.required.iter().filter(|name| name.len() <= LONGEST_KEY).collect();
    let arguments: Vec<(String, String)> = required
        .into_iter()
        .take(MOST_ARGUMENTS)
        .map(|name| (name.clone(), yaml::NONCE.to_owned()))
        .collect();
    let call = Call::Prompt { prompt: prompt.name.clone(), arguments };
    let mut entry = Entry::new(names.free(&format!("prompt {}", prompt.name)), READ_WEIGHT, call);
    entry.say(&prompt.description);
    if !prompt.optional.is_empty() {
        let names: Vec<&str> = prompt.optional.iter().take(MOST_TOLD).map(String::as_str).collect();
        entry.say(&format!("It also takes: {}.", names.join(", ")));
    }
    if too_long || prompt.required.len() > MOST_ARGUMENTS {
        entry.off = Some("its arguments are too long to write them down".to_owned());
    }
    entry
}
