//! What the command line says over the file: edits of the tree, before it is read. So a bad value is reported by the
//! same rule as one in the file, with the flag as its source.

use std::sync::Arc;

use super::Overrides;
use crate::input::{Entry, Key, Node, Place, Problem, Problems, Source, Value, parse, quoted};

/// The deepest field that can be set.
const MOST_KEYS: usize = 32;

pub(super) fn apply(root: &mut Node, overrides: &Overrides, problems: &mut Problems) {
    if let Value::Map(_) = &root.value {
        // First, so that what else belongs to it can be set.
        if let Some(command) = &overrides.stdio {
            set_command(root, command, problems);
        }
        for argument in &overrides.set {
            set_argument(root, argument, problems);
        }
        set_text(root, "--target", &["target"], overrides.target.as_deref(), problems);
        set_yaml(root, "--users", &["load", "users"], overrides.users.as_deref(), problems);
        set_yaml(root, "--duration", &["load", "duration"], overrides.duration.as_deref(), problems);
        let out = overrides.out.as_ref().map(|path| path.to_string_lossy().into_owned());
        set_text(root, "--out", &["outputs", "directory"], out.as_deref(), problems);
        for host in &overrides.allow_hosts {
            add_host(root, host);
        }
    }
}

/// `dotted.key=yaml`.
fn set_argument(root: &mut Node, argument: &str, problems: &mut Problems) {
    let document = argument.find('=').map_or(argument.len(), |at| at + 1);
    let source = Source::setting("--set", argument, document);
    let Some((path, _)) = argument.split_once('=').filter(|(path, _)| !path.trim().is_empty()) else {
        problems.push(
            Problem::error(&Place::new(&source, 0..argument.len()), "there is no `key=value` in it")
                .help("write it like `--set load.users=40`"),
        );
        return;
    };
    let keys: Vec<&str> = path.split('.').collect();
    if keys.len() > MOST_KEYS {
        problems.push(
            Problem::error(&Place::new(&source, 0..path.len()), "no field lies that deep")
                .help("write it like `--set load.users=40`"),
        );
    } else if let Some(value) = parse(&source, problems) {
        set(root, &keys, value, &Place::new(&source, 0..path.len()), problems);
    }
}

fn set_text(root: &mut Node, flag: &str, path: &[&str], text: Option<&str>, problems: &mut Problems) {
    let Some(text) = text else { return };
    let source = Source::new(flag, text);
    let place = Place::new(&source, 0..text.len());
    set(root, path, Node { value: Value::Text(text.to_owned()), place: place.clone() }, &place, problems);
}

fn set_yaml(root: &mut Node, flag: &str, path: &[&str], text: Option<&str>, problems: &mut Problems) {
    let Some(text) = text else { return };
    let source = Source::new(flag, text);
    let place = Place::new(&source, 0..text.len());
    if text.trim().is_empty() {
        problems.push(
            Problem::error(&place, format!("{} has no value", quoted(flag)))
                .help("write the value behind it, as it would stand in the file"),
        );
    } else if let Some(value) = parse(&source, problems) {
        set(root, path, value, &place, problems);
    }
}

fn add_host(root: &mut Node, host: &str) {
    let source: Arc<Source> = Source::new("--allow-host", host);
    let place = Place::new(&source, 0..host.len());
    let item = Node { value: Value::Text(host.to_owned()), place: place.clone() };
    let Value::Map(entries) = &mut root.value else { return };
    let found = entries.iter_mut().find(|entry| entry.key.text == "allow_hosts");
    match found.map(|entry| &mut entry.value.value) {
        Some(Value::List(hosts)) => hosts.push(item),
        // Whatever else stands there is reported when the file is read.
        Some(_) => {}
        None => entries.push(Entry {
            key: Key { text: "allow_hosts".to_owned(), place: place.clone() },
            value: Node { value: Value::List(vec![item]), place },
        }),
    }
}

/// Puts `value` at `path` below `node`. Maps on the way are made where nothing is.
fn set(node: &mut Node, path: &[&str], value: Node, place: &Place, problems: &mut Problems) {
    let Some((&key, rest)) = path.split_first() else {
        *node = value;
        return;
    };
    if let Value::Null = node.value {
        node.value = Value::Map(Vec::new());
    }
    let found = node.found();
    let next = match &mut node.value {
        Value::Map(entries) => Some(entry_of(entries, key, place)),
        Value::List(items) => item_of(items, key),
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) => None,
    };
    if let Some(next) = next {
        return set(next, rest, value, place, problems);
    }
    problems.push(
        Problem::error(place, format!("there is no {} in {found}", quoted(key)))
            .help("set the whole value instead; list items go by number from 0, or by their `name`"),
    );
}

/// A target that is a command.
fn set_command(root: &mut Node, command: &str, problems: &mut Problems) {
    let source = Source::new("--stdio", command);
    let place = Place::new(&source, 0..command.len());
    let value = Node { value: Value::Text(command.to_owned()), place: place.clone() };
    let key = Key { text: "stdio".to_owned(), place: place.clone() };
    let target = Node { value: Value::Map(vec![Entry { key, value }]), place: place.clone() };
    set(root, &["target"], target, &place, problems);
}

fn entry_of<'n>(entries: &'n mut Vec<Entry>, key: &str, place: &Place) -> &'n mut Node {
    let at = entries.iter().position(|entry| entry.key.text == key).unwrap_or_else(|| {
        entries.push(Entry {
            key: Key { text: key.to_owned(), place: place.clone() },
            value: Node { value: Value::Null, place: place.clone() },
        });
        entries.len() - 1
    });
    &mut entries[at].value
}

fn item_of<'n>(items: &'n mut [Node], key: &str) -> Option<&'n mut Node> {
    let named = items.iter().position(|item| match &item.value {
        Value::Map(entries) => entries.iter().any(
            |entry| matches!(&entry.value.value, Value::Text(name) if entry.key.text == "name" && name == key),
        ),
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) => false,
    });
    let at = named.or_else(|| key.parse().ok())?;
    items.get_mut(at)
}
