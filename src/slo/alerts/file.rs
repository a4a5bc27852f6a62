//! The `alerts` of an SLO file, read field by field, with the files that they name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AlertCriteria, AlertExpectation, Expected, TextFile};
use crate::alertmanager;
use crate::input::{
    Field, Fields, Files, Place, Problem, Problems, Severity, Source, Value, candidates, quoted, way_out,
};
use crate::model::{Labels, format_duration};
use crate::rules::{self, Group, Template, alert_names, scaled};
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
    let has_rules = rules.is_some();
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
        rules: rules.unwrap_or_default(),
        alertmanager,
        evaluation_interval: interval.unwrap_or(EVALUATION_INTERVAL),
        labels: labels.unwrap_or_default(),
        external_labels: external_labels.unwrap_or_default(),
        time_scale: time_scale.unwrap_or(1),
        out_of_reach: out_of_reach.iter().map(|(name, _)| name.clone()).collect(),
        expectations: expectations.iter().map(|(expectation, _)| expectation.clone()).collect(),
    };
    let known = Known::of(&criteria, are_read, problems);
    let expected = expectations.iter().filter_map(|(it, place)| Some((it.alert.as_ref()?, place)));
    let named: Vec<_> = expected.chain(out_of_reach.iter().map(|(name, place)| (name, place))).collect();
    known.check_names(&named, problems);
    known.check_expectations(&expectations, problems);
    check_apart(&expectations, &out_of_reach, problems);
    let expectations = expectations.into_iter().map(|(_, place)| place).collect();
    has_rules.then(|| WrittenAlerts { alerts: criteria, place: alerts.node.place.clone(), expectations })
}

/// What is known of the rules, some of whose files may have mistakes.
struct Known {
    /// Of the files without a mistake, as written.
    groups: Vec<Group>,
    /// The same as they are evaluated: in the time scale that is asked for.
    evaluated: Vec<Group>,
    /// The names of the alerts in the other files; `None` where one can't be read.
    others: Option<BTreeSet<String>>,
}

impl Known {
    /// Reads the rules of `criteria`, and reports their mistakes. Where some file is not there at all, not all `are_read`.
    fn of(criteria: &AlertCriteria, are_read: bool, problems: &mut Problems) -> Self {
        let mut groups = Vec::new();
        let mut others = are_read.then(BTreeSet::new);
        for TextFile { name, text } in &criteria.rules {
            match rules::load(name, text) {
                Ok((read, warnings)) => {
                    groups.extend(read);
                    problems.extend(warnings);
                }
                Err(found) => {
                    problems.extend(found);
                    others = others.zip(alert_names(text)).map(|(others, names)| &others | &names);
                }
            }
        }
        let Some(scale) = criteria.scale() else { return Self { evaluated: groups.clone(), groups, others } };
        let scaled = scaled(&groups, scale, criteria.evaluation_interval);
        for refused in scaled.problems().iter() {
            problems.push(Problem { severity: Severity::Warning, ..refused.clone() });
        }
        Self { groups, evaluated: scaled.groups, others }
    }

    /// True of an alert of which files with mistakes have nothing more to say.
    fn is_whole(&self, alert: &str) -> bool {
        self.others.as_ref().is_some_and(|others| !others.contains(alert))
    }

    /// Reports alerts that are `named` and are not there or can't be evaluated as asked.
    fn check_names(&self, named: &[(&String, &Place)], problems: &mut Problems) {
        let alerts = |groups: &[Group]| -> Vec<String> {
            let rules = groups.iter().flat_map(|group| &group.rules);
            rules.filter(|rule| rule.alerting().is_some()).map(|rule| rule.name.clone()).collect()
        };
        let (known, evaluated) = (alerts(&self.groups), alerts(&self.evaluated));
        for &(name, place) in named {
            if known.contains(name) {
                if self.is_whole(name) && !evaluated.contains(name) {
                    problems.push(
                        Problem::error(
                            place,
                            format!("{} can't be evaluated in a faster time", quoted(name)),
                        )
                        .help("remove the expectation, or `time_scale`; why is said where the rule is"),
                    );
                }
                continue;
            }
            let problem = match &self.others {
                Some(others) if others.contains(name) => continue,
                Some(others) => {
                    let others = others.iter().filter(|name| !known.contains(name));
                    let known: Vec<&String> = known.iter().chain(others).collect();
                    Problem::error(place, format!("there is no alert {}", quoted(name))).help(way_out(
                        name,
                        &known,
                        "the rules have",
                    ))
                }
                // It may be in the file that can't be read.
                None if known.is_empty() => continue,
                None => {
                    let message = format!("there is no alert {} in the files that can be read", quoted(name));
                    Problem::warning(place, message).help(way_out(name, &known, "these have"))
                }
            };
            problems.push(problem);
        }
    }

    /// Reports expectations that nothing can meet.
    fn check_expectations(&self, expectations: &[(AlertExpectation, Place)], problems: &mut Problems) {
        for (expectation, place) in expectations {
            let Some(alert) = expectation.alert.as_ref().filter(|alert| self.is_whole(alert)) else {
                continue;
            };
            let rules = self.groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.name == *alert);
            let labels: Vec<_> = rules.filter_map(|rule| Some(&rule.alerting()?.labels)).collect();
            for (name, wanted) in expectation.labels.iter() {
                let given: Vec<&str> =
                    labels.iter().filter_map(|labels| labels.get(name)).map(Template::text).collect();
                // What a template gives, the run shows.
                let is_known = !given.is_empty()
                    && given.len() == labels.len()
                    && !given.iter().any(|text| text.contains("{{"));
                if is_known && !given.contains(&wanted) {
                    let wanted = quoted(&format!("{name}={wanted}"));
                    let message = format!("{} never has the label {wanted}", quoted(alert));
                    let given = quoted(&format!("{name}={}", given.join(", ")));
                    problems.push(Problem::error(place, message).help(format!("its rule gives it {given}")));
                }
            }
            self.check_within(alert, expectation.expected, place, problems);
        }
    }

    /// Reports an alert that is to fire before its `for` is over.
    fn check_within(&self, alert: &str, expected: Expected, place: &Place, problems: &mut Problems) {
        let Expected::Fires { within: Some(within) } = expected else { return };
        let rules = self.evaluated.iter().flat_map(|group| &group.rules).filter(|rule| rule.name == *alert);
        let Some(hold) = rules.filter_map(|rule| Some(rule.alerting()?.hold)).min() else { return };
        if within < hold {
            let (hold, within) = (format_duration(hold), format_duration(within));
            let message =
                format!("{} can't fire within {within}: its `for` alone takes {hold}", quoted(alert));
            problems
                .push(Problem::error(place, message).help(format!("write a `within` of more than {hold}")));
        }
    }
}

/// Reports what is asked for twice, and what contradicts itself. What is in the rules does not matter.
fn check_apart(
    expectations: &[(AlertExpectation, Place)],
    out_of_reach: &[(String, Place)],
    problems: &mut Problems,
) {
    let mut again = |place: &Place, name: &str, list: &str, first: &Place| {
        let message = format!("{} is in {} twice", quoted(name), quoted(list));
        problems.push(
            Problem::error(place, message)
                .label("again")
                .help(format!("the first is at {first}: keep one of them")),
        );
    };
    for (at, (name, place)) in out_of_reach.iter().enumerate() {
        if let Some((_, first)) = out_of_reach[..at].iter().find(|(other, _)| other == name) {
            again(place, name, "out_of_reach", first);
        }
    }
    for (at, (expectation, place)) in expectations.iter().enumerate() {
        let AlertExpectation { alert: Some(alert), labels, expected, .. } = expectation else { continue };
        let same = |other: &AlertExpectation| other.alert.as_ref() == Some(alert) && other.labels == *labels;
        let list = expected.list();
        let mut earlier = expectations[..at].iter();
        if let Some((_, first)) = earlier.find(|(other, _)| same(other) && other.expected.list() == list) {
            again(place, alert, list, first);
        }
    }
    for (expectation, place) in expectations {
        let Some(alert) = &expectation.alert else { continue };
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
