//! Routes and inhibition rules as written. What a route doesn't say it has from the route above it, but for its
//! time intervals.

use std::collections::BTreeSet;
use std::time::Duration;

use super::config::{Grouping, InhibitRule, Route, Then};
use super::matcher::{MatchOp, Matcher, sort};
use super::matcher_text::parse_matchers;
use super::scalars::{duration, flag, items, present, some_duration, text, texts, undefined};
use crate::input::{Field, Fields, Problem, Problems, Value, quoted};

/// The names that routes may use.
pub(super) struct Known {
    pub(super) receivers: Vec<String>,
    pub(super) time_intervals: Vec<String>,
}

/// What a route has from the one above it.
#[derive(Clone)]
struct Inherited {
    receiver: String,
    grouping: Grouping,
    group_wait: Duration,
    group_interval: Duration,
    repeat_interval: Duration,
    key: Option<String>,
}

/// The tree from its root.
pub(super) fn read_root(field: Field<'_>, known: &Known, problems: &mut Problems) -> Option<Route> {
    let inherited = Inherited {
        receiver: String::new(),
        grouping: Grouping::By(BTreeSet::new()),
        group_wait: Duration::from_secs(30),
        group_interval: Duration::from_secs(5 * 60),
        repeat_interval: Duration::from_secs(4 * 3600),
        key: None,
    };
    check_root(field, problems);
    read_route(field, &inherited, known, problems)
}

/// The root takes every alert at all times.
fn check_root(field: Field<'_>, problems: &mut Problems) {
    const SELECTING: [&str; 3] = ["match", "match_re", "matchers"];
    const TIMES: [&str; 2] = ["mute_time_intervals", "active_time_intervals"];
    let Value::Map(entries) = &field.node.value else { return };
    for entry in entries {
        let name = entry.key.text.as_str();
        let said = match &entry.value.value {
            Value::Null | Value::Bool(false) => false,
            Value::List(items) => !items.is_empty(),
            Value::Map(fields) => !fields.is_empty(),
            Value::Bool(true) | Value::Number(..) | Value::Text(_) => true,
        };
        let problem = if !said {
            continue;
        } else if SELECTING.contains(&name) {
            Problem::error(&entry.key.place, "the root route must not have any matchers")
                .help("it takes every alert: move them to a route below `routes`")
        } else if TIMES.contains(&name) {
            Problem::error(&entry.key.place, format!("the root route must not have {}", quoted(name)))
                .help("it is active at all times: move them to a route below `routes`")
        } else if name == "continue" {
            Problem::error(&entry.key.place, "the root route must not have `continue`")
                .help("there is no route beside it: remove it")
        } else {
            continue;
        };
        problems.push(problem);
    }
    let receiver = entries.iter().find(|entry| entry.key.text == "receiver").map(|entry| &entry.value.value);
    if receiver.is_none_or(|value| {
        matches!(value, Value::Null) || matches!(value, Value::Text(text) if text.is_empty())
    }) {
        problems.push(
            Problem::error(&field.node.place, "the root route has no `receiver`")
                .help("it is told of every alert that no other route takes: add the line `receiver: ...`"),
        );
    }
}

fn read_route(field: Field<'_>, above: &Inherited, known: &Known, problems: &mut Problems) -> Option<Route> {
    let mut fields = Fields::of(field.node, "a route", problems)?;
    let mut own = above.clone();
    if let Some(receiver) = present(&mut fields, "receiver") {
        let name = text(receiver, problems).filter(|name| !name.is_empty());
        if let Some(name) = name {
            if !known.receivers.contains(&name) {
                undefined(receiver, "receiver", &name, &known.receivers, problems);
            }
            own.receiver = name;
        }
    }
    if let Some(grouping) = read_grouping(&mut fields, problems) {
        own.grouping = grouping;
    }
    if let Some(wait) = present(&mut fields, "group_wait").and_then(|field| duration(field, problems)) {
        own.group_wait = wait;
    }
    for (name, place) in
        [("group_interval", &mut own.group_interval), ("repeat_interval", &mut own.repeat_interval)]
    {
        *place =
            present(&mut fields, name).and_then(|field| some_duration(field, problems)).unwrap_or(*place);
    }
    let mut matchers = read_matchers(&mut fields, ["match", "match_re", "matchers"], problems);
    sort(&mut matchers);
    let then = present(&mut fields, "continue").and_then(|field| flag(field, problems));
    let mute = read_interval_names(&mut fields, "mute_time_intervals", known, problems);
    let active = read_interval_names(&mut fields, "active_time_intervals", known, problems);
    // For templates alone.
    present(&mut fields, "labels");
    let key = above
        .key
        .iter()
        .map(String::as_str)
        .chain([braced(&matchers).as_str()])
        .collect::<Vec<_>>()
        .join("/");
    own.key = Some(key.clone());
    let below = items(&mut fields, "routes", problems);
    let routes = below.into_iter().filter_map(|item| read_route(item, &own, known, problems)).collect();
    fields.finish(problems);
    Some(Route {
        receiver: own.receiver,
        matchers,
        then: if then == Some(true) { Then::Continue } else { Then::Stop },
        grouping: own.grouping,
        group_wait: own.group_wait,
        group_interval: own.group_interval,
        repeat_interval: own.repeat_interval,
        mute,
        active,
        routes,
        key,
        origin: field.node.place.to_string(),
    })
}

fn braced(matchers: &[Matcher]) -> String {
    format!("{{{}}}", matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// An empty list groups by nothing; `...` alone groups by everything.
fn read_grouping(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Grouping> {
    let list = present(fields, "group_by")?;
    let mut names = BTreeSet::new();
    let mut each = false;
    for item in list.items(problems).collect::<Vec<_>>() {
        let Some(name) = text(item, problems) else { continue };
        if name == "..." {
            each = true;
        } else if name.is_empty() {
            item.wrong(
                "the name of a label is empty",
                "write the name of a label, or `'...'` for all of them",
                problems,
            );
        } else if !names.insert(name.clone()) {
            item.wrong(format!("{} is in the list twice", quoted(&name)), "remove one of them", problems);
        }
    }
    if each && !names.is_empty() {
        list.wrong(
            "`...` and other labels at the same time",
            "`...` groups by every label: keep it alone, or remove it",
            problems,
        );
    }
    Some(if each { Grouping::Each } else { Grouping::By(names) })
}

fn read_interval_names(
    fields: &mut Fields<'_>,
    list: &'static str,
    known: &Known,
    problems: &mut Problems,
) -> Vec<String> {
    let mut names = Vec::new();
    for item in items(fields, list, problems) {
        let Some(name) = text(item, problems) else { continue };
        if !known.time_intervals.contains(&name) {
            undefined(item, "time interval", &name, &known.time_intervals, problems);
        }
        names.push(name);
    }
    names
}

/// The conditions of three fields together: values, patterns, and matchers as texts.
fn read_matchers(fields: &mut Fields<'_>, names: [&'static str; 3], problems: &mut Problems) -> Vec<Matcher> {
    let [values, patterns, texts] = names;
    let mut matchers = read_pairs(fields, values, MatchOp::Equal, problems);
    matchers.extend(read_pairs(fields, patterns, MatchOp::Regex, problems));
    for item in items(fields, texts, problems) {
        let Some(written) = text(item, problems) else { continue };
        match parse_matchers(&written) {
            Ok(more) => matchers.extend(more),
            Err(error) => {
                let place = item.node.place.of_fragment(&error.part);
                let message = format!("{}: {}", quoted(texts), error.message);
                problems.push(Problem::error(&place, message).help(error.help));
            }
        }
    }
    matchers
}

fn read_pairs(
    fields: &mut Fields<'_>,
    name: &'static str,
    op: MatchOp,
    problems: &mut Problems,
) -> Vec<Matcher> {
    let Some(field) = present(fields, name) else { return Vec::new() };
    let what = quoted(name);
    let Some(pairs) = Fields::of(field.node, &what, problems) else { return Vec::new() };
    let mut matchers = Vec::new();
    for entry in pairs.entries() {
        let label = &entry.key.text;
        if !is_classic_name(label) {
            let help = "names here have letters, digits and `_` and begin with no digit; `matchers` takes others, in quotes";
            let message = format!("{what}: {} is no name of a label", quoted(label));
            problems.push(Problem::error(&entry.key.place, message).help(help));
            continue;
        }
        let value = Field { name: label, node: &entry.value };
        if op == MatchOp::Regex && matches!(entry.value.value, Value::Null) {
            value.wrong("there is no pattern", "write a regular expression", problems);
            continue;
        }
        let Some(text) = text(value, problems) else { continue };
        match Matcher::new(label, op, text) {
            Ok(matcher) => matchers.push(matcher),
            Err(error) => {
                let help = "patterns are those of Go (RE2), and match the whole value";
                value.wrong(format!("this is no regular expression: {error}"), help, problems);
            }
        }
    }
    matchers
}

fn is_classic_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The rules, in their order.
pub(super) fn read_inhibit_rules(file: &mut Fields<'_>, problems: &mut Problems) -> Vec<InhibitRule> {
    let rules = items(file, "inhibit_rules", problems);
    rules.into_iter().filter_map(|item| read_inhibit_rule(item, problems)).collect()
}

fn read_inhibit_rule(item: Field<'_>, problems: &mut Problems) -> Option<InhibitRule> {
    let mut fields = Fields::of(item.node, "an inhibition rule", problems)?;
    // For Alertmanager's own metrics alone.
    present(&mut fields, "name");
    let source = read_matchers(&mut fields, ["source_match", "source_match_re", "source_matchers"], problems);
    let target = read_matchers(&mut fields, ["target_match", "target_match_re", "target_matchers"], problems);
    let equal = texts(&mut fields, "equal", problems).unwrap_or_default();
    if equal.iter().any(String::is_empty) {
        item.wrong("the name of a label in `equal` is empty", "write the name of a label", problems);
    }
    fields.finish(problems);
    Some(InhibitRule {
        source,
        target,
        equal: equal.into_iter().collect(),
        origin: item.node.place.to_string(),
    })
}
