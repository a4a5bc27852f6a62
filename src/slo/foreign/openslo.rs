//! OpenSLO v1: <https://github.com/OpenSLO/OpenSLO#specification>.

use std::collections::BTreeMap;

use super::fields::shorthand;
use super::indicator::{Budgeting, DataSources, Sli, read_objective, read_sli};
use super::{within, written};
use crate::input::{Field, Fields, Node, Problem, Problems, Value, quoted, way_out};
use crate::slo::BudgetTerms;
use crate::slo::file::{WrittenObjective, unread};

const VERSION: &str = "openslo/v1";
const KINDS: [&str; 7] =
    ["SLO", "SLI", "DataSource", "Service", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"];
const METHODS: [(&str, Budgeting); 3] = [
    ("Occurrences", Budgeting::Occurrences),
    ("Timeslices", Budgeting::Timeslices),
    ("RatioTimeslices", Budgeting::RatioTimeslices),
];

/// The objectives of `documents`, which may name each other.
pub(super) fn read(documents: &[&Node], problems: &mut Problems) -> Vec<WrittenObjective> {
    let documents: Vec<Document<'_>> =
        documents.iter().filter_map(|node| Document::of(node, problems)).collect();
    let of_kind = |kind: &'static str| documents.iter().filter(move |document| document.kind == kind);
    let sources: DataSources = of_kind("DataSource").filter_map(Document::source).collect();
    let mut slis = BTreeMap::new();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for document in of_kind("SLI") {
        let sli = within(&document.called(), document.node, problems, |problems| {
            let line = document.node.place.line();
            let earlier = *first.entry(&document.name).or_insert(line);
            if earlier != line {
                problems.push(
                    Problem::error(&document.node.place, "a second SLI of this name")
                        .help(format!("the first is on line {earlier}: give one of them another name")),
                );
            }
            document.spec.and_then(|spec| read_sli(spec, &sources, problems))
        });
        slis.insert(document.name.clone(), sli);
    }
    let mut objectives = Vec::new();
    for document in of_kind("SLO") {
        within(&document.called(), document.node, problems, |problems| {
            objectives.extend(document.objectives(&slis, &sources, problems));
        });
    }
    objectives
}

/// One document, whatever its kind.
struct Document<'n> {
    node: &'n Node,
    kind: &'static str,
    name: String,
    spec: Option<Field<'n>>,
}

impl<'n> Document<'n> {
    /// `None` of what is none that is known.
    fn of(node: &'n Node, problems: &mut Problems) -> Option<Self> {
        within(&name_of(node), node, problems, |problems| {
            let mut fields = Fields::of(node, "a document", problems)?;
            let version = fields.required("apiVersion", problems)?;
            let text = version.text(problems)?;
            if text != VERSION {
                let help = format!(
                    "this gander reads `{VERSION}`, and Sloth's `version: prometheus/v1`: convert it to one of them"
                );
                version.wrong(format!("unknown version {}", quoted(text)), help, problems);
                return None;
            }
            let kind = fields.required("kind", problems)?;
            let words: Vec<(&str, &'static str)> = KINDS.iter().map(|kind| (*kind, *kind)).collect();
            let known = kind.word(&words, problems);
            let metadata = fields.required("metadata", problems);
            let spec = fields.required("spec", problems);
            fields.finish(problems);
            let name = read_metadata(metadata?, problems)?;
            let known = known?;
            if !matches!(known, "SLO" | "SLI") {
                problems.push(Problem::warning(&kind.node.place, ignored(known)));
            }
            Some(Self { node, kind: known, name, spec })
        })
    }

    fn called(&self) -> String {
        format!("{} {}", self.kind, quoted(&self.name))
    }

    /// A data source's name and type.
    fn source(&self) -> Option<(String, String)> {
        let Value::Map(entries) = &self.spec?.node.value else { return None };
        let kind = entries.iter().find(|entry| entry.key.text == "type")?;
        let Value::Text(kind) = &kind.value.value else { return None };
        Some((self.name.clone(), kind.clone()))
    }

    fn objectives(
        &self,
        slis: &BTreeMap<String, Option<Sli>>,
        sources: &DataSources,
        problems: &mut Problems,
    ) -> Vec<WrittenObjective> {
        let without_limit = || written(self.name.clone(), unread(), BudgetTerms::default(), &self.node.place);
        let Some(mut fields) = self.spec.and_then(|spec| Fields::of(spec.node, "`spec`", problems)) else {
            return vec![without_limit()];
        };
        for name in ["description", "service"] {
            fields.optional(name);
        }
        if let Some(policies) = fields.optional("alertPolicies") {
            let message =
                "alert policies are not read: each objective is told what burn-rate alerts would have fired";
            problems.push(Problem::warning(&policies.node.place, message));
        }
        let indicator = fields.exactly_one(&["indicator", "indicatorRef"], problems);
        let window = fields.optional("timeWindow");
        let method = fields.required("budgetingMethod", problems);
        let list = fields.required("objectives", problems);
        fields.finish(problems);
        let sli = indicator.and_then(|(kind, field, _)| match kind {
            "indicator" => read_inline(field, sources, problems),
            _ => referred(field, slis, problems),
        });
        let period = window.and_then(|field| read_window(field, problems));
        let method = method.and_then(|field| field.word(&METHODS, problems));
        let items: Vec<Field<'_>> = list.map(|list| list.items(problems).collect()).unwrap_or_default();
        if let Some(list) = list.filter(|_| items.is_empty()) {
            list.wrong("there is no objective", "state at least one, with a `target`", problems);
        }
        if items.is_empty() {
            return vec![without_limit()];
        }
        let terms = BudgetTerms::default();
        let terms = BudgetTerms { period: period.unwrap_or(terms.period), ..terms };
        let several = items.len() > 1;
        let read = items.into_iter().enumerate().map(|(number, item)| {
            let (display, indicator) = read_objective(item, sli.as_ref(), method, problems);
            let own = display.unwrap_or_else(|| (number + 1).to_string());
            let name = if several { format!("{} {own}", self.name) } else { self.name.clone() };
            written(name, indicator.unwrap_or_else(unread), terms.clone(), &item.node.place)
        });
        read.collect()
    }
}

/// What a document says that it is called, for messages.
fn name_of(node: &Node) -> String {
    let field = |node: &Node, name: &str| {
        let Value::Map(entries) = &node.value else { return None };
        entries.iter().find(|entry| entry.key.text == name).map(|entry| entry.value.clone())
    };
    let name = field(node, "metadata").and_then(|metadata| field(&metadata, "name"));
    match name.map(|name| name.value) {
        Some(Value::Text(name)) => format!("document {}", quoted(&name)),
        Some(Value::Null | Value::Bool(_) | Value::Number(..) | Value::List(_) | Value::Map(_)) | None => {
            format!("the document on line {}", node.place.line())
        }
    }
}

fn read_metadata(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let mut fields = Fields::of(field.node, "`metadata`", problems)?;
    let name = fields.required("name", problems).and_then(|field| field.name(problems));
    for name in ["displayName", "labels", "annotations"] {
        fields.optional(name);
    }
    fields.finish(problems);
    name.map(str::to_owned)
}

fn ignored(kind: &str) -> String {
    match kind {
        "DataSource" => "it is not connected to: queries are asked of what the run scrapes".to_owned(),
        "Service" => "it is not looked at: an SLO is about the target of the run".to_owned(),
        _ => format!(
            "{} is not evaluated: each objective is told what burn-rate alerts would have fired",
            quoted(kind)
        ),
    }
}

/// An SLI in its SLO.
fn read_inline(field: Field<'_>, sources: &DataSources, problems: &mut Problems) -> Option<Sli> {
    let mut fields = Fields::of(field.node, "`indicator`", problems)?;
    for name in ["apiVersion", "kind", "metadata"] {
        fields.optional(name);
    }
    let spec = fields.required("spec", problems);
    fields.finish(problems);
    read_sli(spec?, sources, problems)
}

/// An SLI of its own; nothing of one whose mistakes are told already.
fn referred(field: Field<'_>, slis: &BTreeMap<String, Option<Sli>>, problems: &mut Problems) -> Option<Sli> {
    let name = field.text(problems)?;
    if let Some(sli) = slis.get(name) {
        return sli.clone();
    }
    let known: Vec<&String> = slis.keys().collect();
    let help = if known.is_empty() {
        "add the document of `kind: SLI` to this file".to_owned()
    } else {
        way_out(name, &known, "this file has")
    };
    field.wrong(format!("there is no SLI {} in this file", quoted(name)), help, problems);
    None
}

/// The length of the one window.
fn read_window(field: Field<'_>, problems: &mut Problems) -> Option<std::time::Duration> {
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let [item] = items.as_slice() else {
        if let Some(second) = items.get(1) {
            second.wrong("an SLO has one window", "keep one of them", problems);
        }
        return None;
    };
    let mut fields = Fields::of(item.node, "a window", problems)?;
    let duration = fields.required("duration", problems);
    for name in ["isRolling", "calendar"] {
        fields.optional(name);
    }
    fields.finish(problems);
    shorthand(duration?, problems)
}
