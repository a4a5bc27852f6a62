//! A target that is started as a process, as written: its command, its environment, where it starts, and who shares it.

use std::collections::BTreeMap;

use super::text;
use crate::input::{Field, Fields, Problem, Problems, Value};
use crate::model::Secret;
use crate::plan::{Environment, FixedText, Processes, StdioTarget};

/// The target whose command `field` is; the other fields stand beside it in `fields`.
pub(super) fn read(
    field: Field<'_>,
    fields: &mut Fields<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<StdioTarget> {
    let command = read_command(field, env, problems);
    let variables = fields
        .optional("env")
        .map_or_else(|| Some(BTreeMap::new()), |field| read_variables(field, env, problems));
    let cwd = match fields.optional("cwd") {
        None => Some(None),
        Some(field) => word(field, env, problems).map(Some),
    };
    let words = [Processes::PerUser, Processes::Shared].map(|processes| (processes.name(), processes));
    let processes =
        fields.optional("processes").map_or(Some(Processes::default()), |field| field.word(&words, problems));
    Some(StdioTarget { command: command?, env: variables?, cwd: cwd?, processes: processes? })
}

/// A list of words, or one text that is split as a shell would split it.
fn read_command(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<Vec<FixedText>> {
    const HELP: &str = "write the program and its arguments, such as `[node, server.js]`";
    if !matches!(field.node.value, Value::List(_)) {
        let written = field.text(problems)?;
        if written.contains("{{") {
            let help = "write a list: each word of it may hold `{{ env.NAME }}`, and stays one word";
            field.wrong("expressions are not computed in a command that is one text", help, problems);
            return None;
        }
        let Some(words) = shlex::split(written) else {
            field.wrong("a quotation mark is not closed", "close it, or write a list of words", problems);
            return None;
        };
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            field.wrong("there is no program in it", HELP, problems);
            return None;
        }
        if written.contains('\0') {
            field.wrong(NUL, "remove it", problems);
            return None;
        }
        return Some(words.into_iter().map(FixedText::from).collect());
    }
    let before = problems.len();
    let items: Vec<Field<'_>> = field.items(problems).collect();
    if items.is_empty() {
        field.wrong("the list is empty", HELP, problems);
    }
    let words: Vec<FixedText> = items.into_iter().filter_map(|item| word(item, env, problems)).collect();
    (problems.len() == before).then_some(words)
}

const NUL: &str = "no process can be given a text with a zero byte";

/// A text that a process can be given.
fn word(field: Field<'_>, env: Environment<'_>, problems: &mut Problems) -> Option<FixedText> {
    let text = text::fixed(field, env, problems)?;
    if text.expose().contains('\0') {
        field.wrong(NUL, "remove it", problems);
        return None;
    }
    Some(text)
}

fn read_variables(
    field: Field<'_>,
    env: Environment<'_>,
    problems: &mut Problems,
) -> Option<BTreeMap<String, Secret>> {
    let fields = Fields::of(field.node, "`env`", problems)?;
    let before = problems.len();
    let mut variables = BTreeMap::new();
    for entry in fields.entries() {
        let name = entry.key.text.as_str();
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("the variable {} cannot be set", entry.key.place.quoted(name));
            problems.push(
                Problem::error(&entry.key.place, message).help("write a name without `=` and zero bytes"),
            );
        }
        if let Some(value) = word(Field { name, node: &entry.value }, env, problems) {
            variables.insert(name.to_owned(), Secret::new(value.expose()));
        }
    }
    (problems.len() == before).then_some(variables)
}
