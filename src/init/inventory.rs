//! What a server says it has, as far as a scenario can use it. Texts are without secrets; names and URIs are as the server
//! gave them, so whoever writes them down quotes them.

use serde_json::{Map, Value};

use crate::model::{Secrets, clean_char};

/// The longest name that a scenario holds, in characters.
const LONGEST_NAME: usize = 100;
/// The longest URI that is written down, in characters.
const LONGEST_URI: usize = 2_000;
/// The longest name of a file that is made of a server's.
const LONGEST_FILE_NAME: usize = 40;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Inventory {
    /// What the server calls itself: printable, may be empty.
    pub(super) server: String,
    /// The revision that is spoken, such as `2025-11-25`.
    pub(super) revision: String,
    /// The lists that it gives, as a scenario calls them, and how many things are on each.
    pub(super) lists: Vec<(&'static str, usize)>,
    pub(super) tools: Vec<Tool>,
    pub(super) resources: Vec<Resource>,
    pub(super) templates: Vec<Resource>,
    pub(super) prompts: Vec<Prompt>,
    /// What a scenario can't hold, and why: printable.
    pub(super) left_out: Vec<String>,
}

/// A tool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) description: String,
    /// The JSON Schema of its arguments.
    pub(super) input: Value,
    pub(super) effect: Effect,
    /// True when the server says that it calls others (`openWorldHint`).
    pub(super) is_open: bool,
    /// True when it can only be run as a task.
    pub(super) is_task: bool,
}

/// What a tool does to the world, as far as the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It says nothing.
    Unsaid,
    /// That it changes nothing, or only adds.
    Harmless,
    /// That it destroys something (`destructiveHint: true`).
    Destroys,
    /// That it changes something, and not that it only adds. By the specification that counts as destroying.
    Changes,
}

/// A resource, or a template of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) uri: String,
    pub(super) name: String,
    pub(super) description: String,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) name: String,
    pub(super) description: String,
    /// The names of the arguments that it must be given.
    pub(super) required: Vec<String>,
    /// The names of those that it may be given.
    pub(super) optional: Vec<String>,
}

impl Inventory {
    /// The name of the files when the user gives none.
    pub(super) fn file_name(&self) -> String {
        let name: String = self.server.split_whitespace().next().unwrap_or_default().to_lowercase();
        let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        let words: String = letters.take(LONGEST_FILE_NAME).collect();
        let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
        if words.is_empty() { "server".to_owned() } else { words.join("-") }
    }

    /// Takes in one thing of the list `key` of a result.
    pub(super) fn take(&mut self, key: &str, item: &Value, secrets: &Secrets) {
        let struck = without_secrets(item, secrets);
        let named = match key {
            "resources" => "uri",
            "resourceTemplates" => "uriTemplate",
            _ => "name",
        };
        // Under a name that is struck out the server would not know it.
        let callable = struck.get(named) == item.get(named);
        let taken = match key {
            "tools" => tool(&struck).filter(|_| callable).map(|tool| self.tools.push(tool)),
            "resources" => resource(&struck, "uri").filter(|_| callable).map(|it| self.resources.push(it)),
            "resourceTemplates" => {
                resource(&struck, "uriTemplate").filter(|_| callable).map(|it| self.templates.push(it))
            }
            _ => prompt(&struck).filter(|_| callable).map(|prompt| self.prompts.push(prompt)),
        };
        if taken.is_none() {
            let name = struck.get(named).and_then(Value::as_str).unwrap_or("without a name");
            let kind = key.trim_end_matches('s').replace("resourceTemplate", "resource template");
            self.left_out
                .push(secrets.excerpt(&format!("the {kind} `{name}`: no scenario can name it"), &[]));
        }
    }
}

/// `value` without secrets in any of its texts.
fn without_secrets(value: &Value, secrets: &Secrets) -> Value {
    // The end of a text counts as the beginning of a secret only where the text may have been cut: these are whole.
    let struck = |text: &str| {
        let marked = secrets.redacted(&format!("{text}\n"));
        marked.strip_suffix('\n').map_or(marked.clone(), str::to_owned)
    };
    match value {
        Value::String(text) => Value::String(struck(text)),
        Value::Array(items) => items.iter().map(|item| without_secrets(item, secrets)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (struck(name), without_secrets(field, secrets)))
            .collect::<Map<String, Value>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn text(item: &Value, key: &str) -> String {
    item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// True when a scenario can hold `name` as it stands.
pub(super) fn is_name(name: &str) -> bool {
    let plain = name.trim() == name && name.chars().all(|c| clean_char(c) == c);
    plain && !name.is_empty() && !name.contains("{{") && name.chars().count() <= LONGEST_NAME
}

fn tool(item: &Value) -> Option<Tool> {
    let name = text(item, "name");
    let input = item.get("inputSchema").filter(|schema| schema.is_object());
    is_name(&name).then(|| Tool {
        name,
        description: text(item, "description"),
        input: input.cloned().unwrap_or_else(|| Map::new().into()),
        effect: effect(item),
        is_open: hint(item, "openWorldHint") == Some(true),
        is_task: item.pointer("/execution/taskSupport").and_then(Value::as_str) == Some("required"),
    })
}

/// `destructiveHint` means `true` where it is left out, but only where the server says that the tool changes something: a
/// tool without annotations is one that the server says nothing of.
fn effect(item: &Value) -> Effect {
    match (hint(item, "readOnlyHint"), hint(item, "destructiveHint")) {
        (_, Some(true)) => Effect::Destroys,
        (Some(false), None) => Effect::Changes,
        (Some(true), _) | (_, Some(false)) => Effect::Harmless,
        (None, None) => Effect::Unsaid,
    }
}

fn hint(tool: &Value, name: &str) -> Option<bool> {
    tool.get("annotations")?.get(name)?.as_bool()
}

fn resource(item: &Value, key: &str) -> Option<Resource> {
    let uri = text(item, key);
    let fits = !uri.trim().is_empty() && uri.chars().count() <= LONGEST_URI;
    fits.then(|| Resource { uri, name: text(item, "name"), description: text(item, "description") })
}

fn prompt(item: &Value) -> Option<Prompt> {
    let name = text(item, "name");
    let arguments = item.get("arguments").and_then(Value::as_array).into_iter().flatten();
    let is_required = |argument: &&Value| argument.get("required").and_then(Value::as_bool) == Some(true);
    let (required, optional): (Vec<&Value>, Vec<&Value>) = arguments.partition(is_required);
    let names =
        |arguments: Vec<&Value>| arguments.into_iter().map(|argument| text(argument, "name")).collect();
    is_name(&name).then(|| Prompt {
        name,
        description: text(item, "description"),
        required: names(required),
        optional: names(optional),
    })
}
