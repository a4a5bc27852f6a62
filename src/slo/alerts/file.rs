//! The `alerts` of an SLO file, read field by field, with the files that they name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AlertCriteria, AlertExpectation, Expected, TextFile, evaluated_groups};
use crate::alertmanager;
use crate::input::{
    Field, Fields, Files, Place, Problem, Problems, Severity, Source, Value, candidates, quoted, way_out,
};
use crate::model::{Labels, format_duration};
use crate::rules::{Group, Template, scaled};
use crate::slo::WrittenAlerts;

/// Prometheus's own default.
const EVALUATION_INTERVAL: Duration = Duration::from_secs(60);
/// Beyond it not even a scrape a second would be in a range of minutes.
pub(super) const MOST_SCALE: u32 = 100;

/// What the field `alerts` of `source` says.
pub(crate) fn read(
    alerts: Field<'_>,
    source: &Source,
    files: Files<'_>,
    problems: &mut Problems,
) -> Option<WrittenAlerts> {
    let mut fields = Fields::of(alerts.node, "`alerts`", problems)?;
    let named = NamedFiles { beside: PathBuf::from(source.name()), files };
    let before = problems.len();
    let rules = fields.required("rules", problems).map(|rules| named.read_all(rules, problems));
    // Nobody knows which alerts are in a file that can't be read.
    let are_read = problems.len() == before;
    let alertmanager = fields.optional("alertmanager").and_then(|field| {
        let TextFile { name, text } = named.read(field, problems)?;
        alertmanager::load(&name, &text).map_err(|found| problems.extend(found)).ok()
    });
    let interval = fields.optional("evaluation_interval").and_then(|field| field.some_duration(problems));
    let labels = fields.optional("labels").map(|field| read_labels(field, problems));
    let external_labels = fields.optional("external_labels").map(|field| read_labels(field, problems));
    let time_scale = fields.optional("time_scale").and_then(|field| field.whole(&(1..=MOST_SCALE), problems));
    let out_of_reach = fields.optional("out_of_reach").map(|field| read_names(field, problems));
    let mut expectations = Vec::new();
    if let Some(field) = fields.optional("must_fire") {
        expectations.extend(read_expectations(field, |within| Expected::Fires { within }, problems));
    }
    if let Some(field) = fields.optional("must_stay_silent") {
        expectations.extend(read_silent(field, problems));
    }
    if let Some(field) = fields.optional("must_resolve") {
        expectations.extend(read_expectations(field, |within| Expected::Resolves { within }, problems));
    }
    fields.finish(problems);
    let out_of_reach = out_of_reach.unwrap_or_default();
    let criteria = AlertCriteria {
        rules: rules?,
        alertmanager,
        evaluation_interval: interval.unwrap_or(EVALUATION_INTERVAL),
        labels: labels.unwrap_or_default(),
        external_labels: external_labels.unwrap_or_default(),
        time_scale: time_scale.unwrap_or(1),
        out_of_reach: out_of_reach.iter().map(|(name, _)| name.clone()).collect(),
        expectations: expectations.iter().map(|(expectation, _)| expectation.clone()).collect(),
    };
    let expected = expectations.iter().filter_map(|(it, place)| Some((it.alert.as_ref()?, place)));
    let named = expected.chain(out_of_reach.iter().map(|(name, place)| (name, place)));
    let named: Vec<_> = named.filter(|_| are_read).collect();
    check_rules(&criteria, &named, problems);
    if are_read {
        check_expectations(&criteria, &expectations, problems);
    }
    let expectations = expectations.into_iter().map(|(_, place)| place).collect();
    Some(WrittenAlerts { alerts: criteria, place: alerts.node.place.clone(), expectations })
}

/// Reports expectations that nothing can meet.
fn check_expectations(
    criteria: &AlertCriteria,
    expectations: &[(AlertExpectation, Place)],
    problems: &mut Problems,
) {
    let Ok((groups, _)) = criteria.groups() else { return };
    for (expectation, place) in expectations {
        let Some(alert) = &expectation.alert else { continue };
        let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.name == *alert);
        let labels: Vec<_> = rules.filter_map(|rule| Some(&rule.alerting()?.labels)).collect();
        for (name, wanted) in expectation.labels.iter() {
            let given: Vec<&str> =
                labels.iter().filter_map(|labels| labels.get(name)).map(Template::text).collect();
            // What a template gives, the run shows.
            let is_known = !given.is_empty()
                && given.len() == labels.len()
                && !given.iter().any(|text| text.contains("{{"));
            if is_known && !given.contains(&wanted) {
                let message =
                    format!("{} never has the label {}", quoted(alert), quoted(&format!("{name}={wanted}")));
                let help = format!("its rule gives it {}", quoted(&format!("{name}={}", given.join(", "))));
                problems.push(Problem::error(place, message).help(help));
            }
        }
        check_within(criteria, alert, expectation.expected, place, problems);
        let is_silent = |other: &AlertExpectation| {
            other.alert == expectation.alert
                && other.labels == expectation.labels
                && matches!(other.expected, Expected::StaysSilent)
        };
        let fires = matches!(expectation.expected, Expected::Fires { .. } | Expected::Resolves { .. });
        if let Some((other, _)) = expectations.iter().find(|(other, _)| fires && is_silent(other)) {
            let message = format!("{} must fire, and must stay silent", quoted(alert));
            let help = format!("the other one is at {}: keep one of them", other.origin);
            problems.push(Problem::error(place, message).help(help));
        }
    }
}

/// Reports an alert that is to fire before its `for` is over.
fn check_within(
    criteria: &AlertCriteria,
    alert: &str,
    expected: Expected,
    place: &Place,
    problems: &mut Problems,
) {
    let Expected::Fires { within: Some(within) } = expected else { return };
    let groups = evaluated_groups(criteria);
    let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.name == *alert);
    let Some(hold) = rules.filter_map(|rule| Some(rule.alerting()?.hold)).min() else { return };
    if within < hold {
        let (hold, within) = (format_duration(hold), format_duration(within));
        let message = format!("{} can't fire within {within}: its `for` alone takes {hold}", quoted(alert));
        problems.push(Problem::error(place, message).help(format!("write a `within` of more than {hold}")));
    }
}

/// Reports mistakes in the rules, and alerts that are `named` and are not there or can't be evaluated as asked.
fn check_rules(criteria: &AlertCriteria, named: &[(&String, &Place)], problems: &mut Problems) {
    let groups = match criteria.groups() {
        Ok((groups, warnings)) => {
            problems.extend(warnings);
            groups
        }
        Err(found) => return problems.extend(found),
    };
    let alerts = |groups: &[Group]| -> Vec<String> {
        let rules = groups.iter().flat_map(|group| &group.rules);
        rules.filter(|rule| rule.alerting().is_some()).map(|rule| rule.name.clone()).collect()
    };
    let known = alerts(&groups);
    for (name, place) in named.iter().filter(|(name, _)| !known.contains(name)) {
        problems.push(Problem::error(place, format!("there is no alert {}", quoted(name))).help(way_out(
            name,
            &known,
            "the rules have",
        )));
    }
    let Some(scale) = criteria.scale() else { return };
    let scaled = scaled(&groups, scale, criteria.evaluation_interval);
    let left = alerts(&scaled.groups);
    for (name, place) in named.iter().filter(|(name, _)| known.contains(name) && !left.contains(name)) {
        problems.push(
            Problem::error(place, format!("{} can't be evaluated in a faster time", quoted(name)))
                .help("remove the expectation, or `time_scale`; why is said where the rule is"),
        );
    }
    for refused in scaled.problems().iter() {
        problems.push(Problem { severity: Severity::Warning, ..refused.clone() });
    }
}

/// Files that are named in a file.
struct NamedFiles<'a> {
    beside: PathBuf,
    files: Files<'a>,
}

impl NamedFiles<'_> {
    fn read(&self, field: Field<'_>, problems: &mut Problems) -> Option<TextFile> {
        let written = field.text(problems)?;
        let paths = candidates(&self.beside, Path::new(written));
        let (path, text) = self.files.read_first(&paths, &field.node.place, problems)?;
        Some(TextFile { name: path.to_string_lossy().into_owned(), text })
    }

    fn read_all(&self, field: Field<'_>, problems: &mut Problems) -> Vec<TextFile> {
        let before = problems.len();
        let items: Vec<Field<'_>> = field.items(problems).collect();
        if items.is_empty() && problems.len() == before {
            field.wrong("the list is empty", "name at least one Prometheus rule file", problems);
        }
        items.into_iter().filter_map(|item| self.read(item, problems)).collect()
    }
}

fn read_labels(field: Field<'_>, problems: &mut Problems) -> Labels {
    let mut labels = Labels::new();
    let what = quoted(field.name);
    let Some(fields) = Fields::of(field.node, &what, problems) else { return labels };
    for entry in fields.entries() {
        let item = Field { name: &entry.key.text, node: &entry.value };
        if let Some(value) = item.text(problems) {
            labels.insert(entry.key.text.as_str(), value);
        }
    }
    labels
}

fn read_names(field: Field<'_>, problems: &mut Problems) -> Vec<(String, Place)> {
    let items: Vec<Field<'_>> = field.items(problems).collect();
    let named = items.into_iter().filter_map(|item| Some((item.text(problems)?.to_owned(), item)));
    named.map(|(name, item)| (name, item.node.place.clone())).collect()
}

fn read_silent(field: Field<'_>, problems: &mut Problems) -> Vec<(AlertExpectation, Place)> {
    match &field.node.value {
        Value::Text(text) if text == "all" => {
            vec![expectation(None, Labels::new(), Expected::StaysSilent, &field.node.place)]
        }
        Value::Text(_) => {
            let help = "write `all`, or a list of alerts such as `[MCPHighErrorRate]`";
            field.wrong("expected `all` or a list", help, problems);
            Vec::new()
        }
        Value::Null | Value::Bool(_) | Value::Number(..) | Value::List(_) | Value::Map(_) => {
            read_expectations(field, |_| Expected::StaysSilent, problems)
        }
    }
}

/// A list whose items are names of alerts, or maps of `alert`, `labels` and `within`.
fn read_expectations(
    field: Field<'_>,
    expected: impl Fn(Option<Duration>) -> Expected,
    problems: &mut Problems,
) -> Vec<(AlertExpectation, Place)> {
    let mut read = Vec::new();
    for item in field.items(problems).collect::<Vec<_>>() {
        let Value::Map(_) = &item.node.value else {
            let alert = item.text(problems).map(str::to_owned);
            read.extend(
                alert.map(|alert| expectation(Some(alert), Labels::new(), expected(None), &item.node.place)),
            );
            continue;
        };
        let Some(mut fields) = Fields::of(item.node, "an expectation", problems) else { continue };
        let alert = fields.required("alert", problems).and_then(|alert| alert.text(problems));
        let labels = fields.optional("labels").map(|labels| read_labels(labels, problems));
        let within = fields.optional("within");
        if let (Some(within), Expected::StaysSilent) = (within, expected(None)) {
            problems.push(
                Problem::error(&within.node.place, "an alert that must stay silent has no `within`")
                    .help("remove it: no time of the run is left out"),
            );
        }
        let within = within.and_then(|within| within.some_duration(problems));
        fields.finish(problems);
        read.extend(alert.map(|alert| {
            let labels = labels.unwrap_or_default();
            expectation(Some(alert.to_owned()), labels, expected(within), &item.node.place)
        }));
    }
    read
}

fn expectation(
    alert: Option<String>,
    labels: Labels,
    expected: Expected,
    place: &Place,
) -> (AlertExpectation, Place) {
    (AlertExpectation { alert, labels, expected, origin: place.to_string() }, place.clone())
}
