//! Sloth's `prometheus/v1`: <https://sloth.dev/specs/default/>.

use super::fields::percent;
use super::{within, written};
use crate::input::{Field, Fields, Node, Problem, Problems, quoted};
use crate::promql::Query;
use crate::slo::file::{WrittenObjective, check_names, unread};
use crate::slo::queried::{counts, read_query};
use crate::slo::{
    BudgetTerms, BurnSeverity, Comparison, Counted, EventsIndicator, Holding, Indicator, QueryIndicator,
    QueryLimit, Unit, exact_percent, without_binary_noise,
};

const VERSION: &str = "prometheus/v1";

/// The objectives of one document.
pub(super) fn read(document: &Node, problems: &mut Problems) -> Vec<WrittenObjective> {
    let line = format!("the document on line {}", document.place.line());
    let mut service = String::new();
    let slos = within(&line, document, problems, |problems| {
        let mut fields = Fields::of(document, "a document", problems)?;
        if let Some(version) = fields.required("version", problems)
            && let Some(text) = version.text(problems).filter(|text| *text != VERSION)
        {
            let message = format!("unknown version {}", quoted(text));
            version.wrong(message, format!("this gander reads `version: {VERSION}`"), problems);
        }
        let name = fields.required("service", problems).and_then(|field| field.name(problems));
        name.unwrap_or_default().clone_into(&mut service);
        fields.optional("labels");
        not_mapped(&mut fields, problems);
        let slos = fields.required("slos", problems);
        fields.finish(problems);
        Some(slos?.items(problems).collect::<Vec<_>>())
    });
    let mut objectives = Vec::new();
    for item in slos.unwrap_or_default() {
        let id =
            name_of(item).map(|name| if service.is_empty() { name } else { format!("{service}-{name}") });
        let called = match &id {
            Some(id) => format!("SLO {}", quoted(id)),
            None => format!("the SLO on line {}", item.node.place.line()),
        };
        within(&called, document, problems, |problems| {
            objectives.extend(read_slo(item, id, problems));
        });
    }
    if service.is_empty() {
        // A mistake of its own. Without it nothing else tells them from those of other documents.
        check_names(&objectives, problems);
        return Vec::new();
    }
    objectives
}

/// What changes rules by code that is not here.
fn not_mapped(fields: &mut Fields<'_>, problems: &mut Problems) {
    if let Some(plugins) = fields.optional("slo_plugins") {
        problems.push(
            Problem::warning(&plugins.node.place, "plugins are not run")
                .help("what they make of rules is no part of an objective"),
        );
    }
}

/// Its name, for messages that come before it is read.
fn name_of(item: Field<'_>) -> Option<String> {
    let mut unread = Problems::new();
    let mut fields = Fields::of(item.node, "an SLO", &mut unread)?;
    Some(fields.optional("name")?.text(&mut unread)?.to_owned())
}

fn read_slo(item: Field<'_>, id: Option<String>, problems: &mut Problems) -> Option<WrittenObjective> {
    let mut fields = Fields::of(item.node, "an SLO", problems)?;
    let name = fields.required("name", problems);
    let is_named = name.and_then(|field| field.name(problems)).is_some();
    let objective = fields.required("objective", problems).and_then(|field| read_percent(field, problems));
    let sli = fields.required("sli", problems);
    for name in ["description", "labels"] {
        fields.optional(name);
    }
    let alerting = fields.optional("alerting");
    let without = alerting.map(|field| read_alerting(field, problems)).unwrap_or_default();
    not_mapped(&mut fields, problems);
    fields.finish(problems);
    let indicator = sli.and_then(|field| read_sli(field, objective, problems)).unwrap_or_else(unread);
    let place = &name.filter(|_| is_named)?.node.place;
    let budget = BudgetTerms { without, ..BudgetTerms::default() };
    Some(written(id?, indicator, budget, place))
}

/// A percentage. Sloth takes 0.999 for less than one percent, and so it is taken here.
fn read_percent(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let share = percent(field, problems)?;
    if share < 0.01 {
        let text = field.node.place.text();
        let meant = exact_percent(share * 100.0).replace(" %", "");
        problems.push(
            Problem::warning(
                &field.node.place,
                format!("`objective` is a percentage: this asks for {text} % good ones"),
            )
            .help(format!("did you mean {}?", quoted(&meant))),
        );
    }
    Some(share)
}

/// The burn-rate alerts that are switched off. The names and labels of the others are Alertmanager's business.
fn read_alerting(field: Field<'_>, problems: &mut Problems) -> Vec<BurnSeverity> {
    let Some(mut fields) = Fields::of(field.node, "`alerting`", problems) else { return Vec::new() };
    for name in ["name", "labels", "annotations"] {
        fields.optional(name);
    }
    let mut without = Vec::new();
    for (name, severity) in [("page_alert", BurnSeverity::Page), ("ticket_alert", BurnSeverity::Ticket)] {
        let Some(alert) = fields.optional(name) else { continue };
        let what = quoted(name);
        let Some(mut fields) = Fields::of(alert.node, &what, problems) else { continue };
        let disable = fields.optional("disable").and_then(|field| field.flag(problems));
        for name in ["labels", "annotations"] {
            fields.optional(name);
        }
        fields.finish(problems);
        without.extend((disable == Some(true)).then_some(severity));
    }
    fields.finish(problems);
    without
}

fn read_sli(field: Field<'_>, objective: Option<f64>, problems: &mut Problems) -> Option<Indicator> {
    let mut fields = Fields::of(field.node, "`sli`", problems)?;
    let kind = fields.exactly_one(&["events", "raw", "plugin"], problems);
    fields.finish(problems);
    let (kind, field, _) = kind?;
    match kind {
        "events" => read_events(field, objective, problems),
        "raw" => {
            let mut fields = Fields::of(field.node, "`raw`", problems)?;
            let query = fields.required("error_ratio_query", problems);
            fields.finish(problems);
            let (query, _) = read_windowed(query?, problems)?;
            Some(at_end(query, objective?))
        }
        _ => {
            let help = "write out the queries that it makes, as `events` or `raw`";
            field.wrong("a plugin is a program, which can't be mapped", help, problems);
            None
        }
    }
}

fn read_events(field: Field<'_>, objective: Option<f64>, problems: &mut Problems) -> Option<Indicator> {
    let mut fields = Fields::of(field.node, "`events`", problems)?;
    let errors = fields.required("error_query", problems);
    let total = fields.required("total_query", problems);
    fields.finish(problems);
    let errors = errors.and_then(|field| read_windowed(field, problems));
    let total = total.and_then(|field| read_windowed(field, problems));
    let ((errors, errors_query), (total, total_query)) = (errors?, total?);
    let objective = objective?;
    if counts(&errors_query).is_err() || counts(&total_query).is_err() {
        // As Sloth's own rules have it, over the whole run.
        return Some(at_end(format!("({errors}) / ({total})"), objective));
    }
    Some(Indicator::Events(EventsIndicator { counted: Counted::Bad(errors), total, objective, slices: None }))
}

/// A share of errors, asked once.
fn at_end(query: String, objective: f64) -> Indicator {
    let most = without_binary_noise(1.0 - objective);
    let limit = QueryLimit { is: Comparison::AtMost, value: most, unit: Unit::Percent };
    Indicator::Promql(QueryIndicator { query, holding: Holding::AtEnd, limit })
}

/// A query with a window in it, which Sloth demands.
fn read_windowed(field: Field<'_>, problems: &mut Problems) -> Option<(String, Query)> {
    let read = read_query(field, problems)?;
    if read.0.contains("{{") {
        return Some(read);
    }
    let help = "write it where the range is, as in `rate(errors_total[{{.window}}])`";
    field.wrong("the query has no `{{.window}}`, which Sloth needs", help, problems);
    None
}
