//! Rule files of Prometheus, read as strictly as it reads them: every mistake at once, each in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::fields::{duration, name, pairs, place_in, query, string};
use super::names::{self, Named};
use super::rule::{Alerting, Group, Rule, RuleKind};
use super::template::Template;
use crate::input::{
    Entry, Field, Fields, Files, Node, Place, Problem, Problems, Source, Value, parse, quoted,
};
use crate::promql::ValueType;

/// The groups of the rule file `text`, which messages call `path`, with what it is only warned of.
///
/// # Errors
/// Every mistake in it.
pub fn load(path: &str, text: &str) -> Result<(Vec<Group>, Problems), Problems> {
    let mut problems = Problems::new();
    let groups = read(&Source::new(path, text), &mut problems);
    problems.into_result(Some(groups))
}

/// The names of the alerts in the rule file `text`, whatever else is wrong with it; `None` where they can't be known.
pub(crate) fn alert_names(text: &str) -> Option<BTreeSet<String>> {
    fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
        let Value::Map(entries) = &node.value else { return None };
        entries.iter().find(|entry| entry.key.text == name).map(|entry| &entry.value)
    }
    fn items<'n>(node: &'n Node, name: &str) -> Option<&'n [Node]> {
        match &entry(node, name)?.value {
            Value::List(items) => Some(items),
            Value::Null | Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::Map(_) => None,
        }
    }
    let root = parse(&Source::new("", text), &mut Problems::new())?;
    let mut names = BTreeSet::new();
    for group in items(&root, "groups")? {
        for rule in items(group, "rules")? {
            // A rule whose kind is misspelt may be an alert.
            let name = entry(rule, "alert").or_else(|| entry(rule, "record"))?;
            match &name.value {
                Value::Text(text) | Value::Number(_, text) => names.insert(text.clone()),
                Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => return None,
            };
        }
    }
    Some(names)
}

/// [`load`] of several files.
///
/// # Errors
/// Every mistake in these files.
pub fn load_all(paths: &[PathBuf], files: Files<'_>) -> Result<(Vec<Group>, Problems), Problems> {
    let mut problems = Problems::new();
    let mut groups = Vec::new();
    for path in paths {
        let place = Place::whole(&Source::new(path.to_string_lossy(), ""));
        groups.extend(read_at(path, &place, files, &mut problems));
    }
    problems.into_result(Some(groups))
}

/// The groups of the file at `path`, which is named at `place`.
pub(super) fn read_at(path: &Path, place: &Place, files: Files<'_>, problems: &mut Problems) -> Vec<Group> {
    let paths = [path.to_owned()];
    match files.read_first(&paths, place, problems) {
        Some((path, text)) => read(&Source::new(path.to_string_lossy(), text), problems),
        None => Vec::new(),
    }
}

/// The groups of a file that can be read; what cannot is in `problems`.
fn read(source: &Arc<Source>, problems: &mut Problems) -> Vec<Group> {
    if source.text().lines().all(|line| line.trim_start().starts_with('#') || line.trim().is_empty()) {
        problems.push(Problem::warning(&Place::whole(source), "there is no rule in this file"));
        return Vec::new();
    }
    let Some(root) = parse(source, problems) else { return Vec::new() };
    if matches!(root.value, Value::Null) {
        return Vec::new();
    }
    let Some(mut file) = Fields::of(&root, "a rule file", problems) else { return Vec::new() };
    let groups: Vec<Group> = file
        .optional("groups")
        .map(|list| some_items(list, problems))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| read_group(item, source.name(), problems))
        .collect();
    file.finish(problems);
    check_group_names(&groups, problems);
    check_rules_apart(&groups, problems);
    groups
}

/// The items of a list; none of what is left out, and none that is empty, as in Prometheus.
fn some_items<'n>(field: Field<'n>, problems: &mut Problems) -> Vec<Field<'n>> {
    match field.node.value {
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(..) | Value::Text(_) | Value::List(_) | Value::Map(_) => {
            let items: Vec<Field<'n>> = field.items(problems).collect();
            let (empty, filled): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| matches!(item.node.value, Value::Null));
            for item in empty {
                problems.push(
                    Problem::warning(&item.node.place, "there is nothing behind this dash")
                        .help("Prometheus passes over it: remove it, or write what it is for"),
                );
            }
            filled
        }
    }
}

fn read_group(item: Field<'_>, file: &str, problems: &mut Problems) -> Option<Group> {
    let mut fields = Fields::of(item.node, "a group", problems)?;
    let name_field = fields.required("name", problems);
    let group_name = name_field.and_then(|field| name(field, problems));
    let interval = fields.optional("interval").and_then(|field| duration(field, problems));
    let offset = fields.optional("query_offset").and_then(|field| duration(field, problems));
    let limit = fields.optional("limit").and_then(|field| read_limit(field, problems));
    let labels = fields.optional("labels").map(|field| read_names(Named::Label, field, problems));
    let labels = labels.unwrap_or_default();
    let items = fields.optional("rules").map(|list| some_items(list, problems)).unwrap_or_default();
    let rules = items.into_iter().filter_map(|item| read_rule(item, &labels, problems)).collect();
    fields.finish(problems);
    Some(Group {
        name: group_name?,
        file: file.to_owned(),
        // Prometheus takes nothing and 0 for "the global one".
        interval: interval.filter(|interval| !interval.is_zero()),
        query_offset: offset.unwrap_or_default(),
        limit: limit.unwrap_or_default(),
        rules,
        place: name_field.map_or(&item.node.place, |field| &field.node.place).clone(),
    })
}

/// 0 and below is no limit, as in Prometheus.
fn read_limit(field: Field<'_>, problems: &mut Problems) -> Option<usize> {
    if let Value::Number(number, _) = &field.node.value
        && let Some(limit) = number.as_i64()
    {
        return Some(usize::try_from(limit).unwrap_or(0));
    }
    let message = format!("expected a whole number, found {}", field.node.found());
    field.wrong(message, "write how many series or alerts a rule may give; 0 is no limit", problems);
    None
}

/// Names and texts, their names checked.
fn read_names<'n>(
    named: Named,
    field: Field<'n>,
    problems: &mut Problems,
) -> BTreeMap<String, (String, &'n Entry)> {
    let read = pairs(field, problems);
    for (name, (_, entry)) in &read {
        names::check(named, name, &entry.key.place, problems);
    }
    read
}

type Texts<'n> = BTreeMap<String, (String, &'n Entry)>;

fn read_rule(item: Field<'_>, group_labels: &Texts<'_>, problems: &mut Problems) -> Option<Rule> {
    let mut fields = Fields::of(item.node, "a rule", problems)?;
    let expr = fields.required("expr", problems);
    let query = expr.and_then(|field| query(field, problems));
    let hold = fields.optional("for");
    let keep_firing = fields.optional("keep_firing_for");
    let annotations = fields.optional("annotations");
    let labels = fields.optional("labels").map(|field| read_names(Named::Label, field, problems));
    let labels = merged(group_labels, labels.unwrap_or_default());
    let kind = fields.exactly_one(&["record", "alert"], problems);
    let rule_name = kind.and_then(|(_, field, _)| name(field, problems));
    fields.finish(problems);
    let (kind, name_field, _) = kind?;
    let kind = if kind == "record" {
        for field in [hold, keep_firing].into_iter().flatten() {
            if duration(field, problems).is_some_and(|duration| !duration.is_zero()) {
                field.wrong("a recording rule has none", "remove it, or make the rule an `alert`", problems);
            }
        }
        if let Some(field) = annotations.filter(|field| !pairs(*field, problems).is_empty()) {
            field.wrong("a recording rule has none", "remove them, or make the rule an `alert`", problems);
        }
        if let Some(name) = &rule_name {
            names::check(Named::Metric, name, &name_field.node.place, problems);
        }
        RuleKind::Recording { labels: labels.into_iter().map(|(name, (text, _))| (name, text)).collect() }
    } else {
        let mut length = |field: Option<Field<'_>>| -> Option<Duration> {
            field.map_or(Some(Duration::ZERO), |field| duration(field, problems))
        };
        let (hold, keep_firing) = (length(hold), length(keep_firing));
        let annotations =
            annotations.map(|field| read_names(Named::Annotation, field, problems)).unwrap_or_default();
        RuleKind::Alerting(Alerting {
            hold: hold.unwrap_or_default(),
            keep_firing: keep_firing.unwrap_or_default(),
            labels: templates(&labels, problems),
            annotations: templates(&annotations, problems),
        })
    };
    let (expr, query) = (expr?.node.place.clone(), query?);
    check_type(&expr, query.expr().value_type(), problems);
    Some(Rule { name: rule_name?, query, kind, place: name_field.node.place.clone(), expr })
}

/// A rule's own label goes before the group's.
fn merged<'n>(group: &Texts<'n>, mut own: Texts<'n>) -> Texts<'n> {
    for (name, text) in group {
        own.entry(name.clone()).or_insert_with(|| text.clone());
    }
    own
}

fn templates(texts: &Texts<'_>, problems: &mut Problems) -> BTreeMap<String, Template> {
    let mut read = BTreeMap::new();
    for (name, (text, entry)) in texts {
        match Template::parse(text) {
            Ok(template) => {
                read.insert(name.clone(), template.at(&entry.value.place));
            }
            Err(error) => {
                let field = Field { name, node: &entry.value };
                let (place, message) = place_in(field, text, &error.span, &error.message);
                let message = format!("{}: {message}", quoted(name));
                problems.push(Problem::error(&place, message).help(error.help));
            }
        }
    }
    read
}

/// Prometheus loads such a rule, and each of its evaluations fails.
fn check_type(place: &Place, found: ValueType, problems: &mut Problems) {
    match found {
        ValueType::Scalar | ValueType::Vector => {}
        ValueType::Text | ValueType::Matrix => problems.push(
            Problem::warning(place, format!("`expr` gives {}: each evaluation will fail", found.name()))
                .help("a rule needs an instant vector or a number: use a function over the range, such as `rate`"),
        ),
    }
}

fn check_group_names(groups: &[Group], problems: &mut Problems) {
    let mut first: BTreeMap<&str, &Place> = BTreeMap::new();
    for group in groups {
        match first.get(group.name.as_str()) {
            Some(earlier) => problems.push(
                Problem::error(&group.place, format!("two groups are called {}", quoted(&group.name)))
                    .label("again")
                    .help(format!("the first is on line {}: give one of them another name", earlier.line())),
            ),
            None => {
                first.insert(&group.name, &group.place);
            }
        }
    }
}

/// Prometheus takes them, and `promtool` warns: their series overwrite each other.
fn check_rules_apart(groups: &[Group], problems: &mut Problems) {
    let mut first: BTreeMap<(&str, &str, BTreeMap<&str, &str>), &Place> = BTreeMap::new();
    for rule in groups.iter().flat_map(|group| &group.rules) {
        let key = (rule.keyword(), rule.name.as_str(), rule.labels_written());
        match first.get(&key) {
            Some(earlier) => {
                let message =
                    format!("two rules {} {} with the same labels", rule.keyword(), quoted(&rule.name));
                problems.push(Problem::warning(&rule.place, message).label("again").help(format!(
                    "the first is on line {}: give them different labels, or remove one",
                    earlier.line()
                )));
            }
            None => {
                first.insert(key, &rule.place);
            }
        }
    }
}

/// The text of a field that may be left out.
pub(super) fn optional_string(
    fields: &mut Fields<'_>,
    name: &'static str,
    problems: &mut Problems,
) -> String {
    fields.optional(name).and_then(|field| string(field, problems)).unwrap_or_default()
}
