//! An SLO file as written: read field by field into objectives, every mistake reported.
//!
//! It does not know what the scenario calls: whoever has both compares them, by the places kept here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::budget::{read_burn_limit, read_terms as read_budget};
use super::metric_file::read_metric;
use super::queried::{read_events, read_promql};
use super::terms_file::read_terms;
use super::{
    AbortWhen, AlertCriteria, BudgetTerms, Called, Criteria, Indicator, Objective, Scope, abort_file, alerts,
    foreign,
};
use crate::input::{
    Field, Fields, Files, Place, Problem, Problems, Source, Value, parse, parse_number, parse_share, quoted,
};
use crate::model::{LatencyClock, StreamClock, parse_duration};
use crate::plan::Plan;
use crate::verify::{self, WrittenChecks};

/// The version of the file format.
const VERSION: u64 = 1;
/// What an objective can be about.
const INDICATORS: [&str; 11] = [
    "latency",
    "service_time",
    "send_lag",
    StreamClock::FirstByte.key(),
    StreamClock::FirstMessage.key(),
    StreamClock::LongestGap.key(),
    "error_ratio",
    "throughput",
    "metric",
    "promql",
    "events",
];

/// What SLO files say, and where it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct WrittenCriteria {
    pub objectives: Vec<WrittenObjective>,
    pub alerts: Option<WrittenAlerts>,
    pub abort_when: Option<(AbortWhen, Place)>,
    pub checks: Option<WrittenChecks>,
}

/// Alert rules and where they are asked for.
#[derive(Debug, Clone)]
pub(crate) struct WrittenAlerts {
    pub alerts: AlertCriteria,
    pub place: Place,
    /// Of each expectation.
    pub expectations: Vec<Place>,
}

impl WrittenCriteria {
    /// Adds what a further file says. Rules of two files would be evaluated on terms of their own.
    pub(crate) fn extend(&mut self, other: Self, problems: &mut Problems) {
        self.objectives.extend(other.objectives);
        match (&self.abort_when, other.abort_when) {
            (Some((_, first)), Some((_, second))) => problems.push(
                Problem::error(&second, "a second SLO file has `abort_when`")
                    .help(format!("the first is at {first}: keep one of them")),
            ),
            (None, abort_when) => self.abort_when = abort_when,
            (Some(_), None) => {}
        }
        match (&mut self.checks, other.checks) {
            (Some(first), Some(second)) => first.extend(second, problems),
            (None, checks) => self.checks = checks,
            (Some(_), None) => {}
        }
        match (&self.alerts, other.alerts) {
            (Some(first), Some(second)) => problems.push(
                Problem::error(&second.place, "a second SLO file has `alerts`")
                    .help(format!("the first is at {}: name all rule files there", first.place)),
            ),
            (None, alerts) => self.alerts = alerts,
            (Some(_), None) => {}
        }
    }

    pub(crate) fn into_criteria(self) -> Criteria {
        Criteria {
            objectives: self.objectives.into_iter().map(|written| written.objective).collect(),
            alerts: self.alerts.map(|written| written.alerts),
            checks: self.checks.map(|written| written.checks).unwrap_or_default(),
            abort_when: self.abort_when.map(|(when, _)| when),
        }
    }
}

/// An objective and where its parts are written.
#[derive(Debug, Clone)]
pub(crate) struct WrittenObjective {
    pub objective: Objective,
    /// Its name.
    pub name: Place,
    /// The tool, step or method it is about; its name when it is about all calls.
    pub scope: Place,
    /// What it says beside its limit; its name where it does not say it.
    pub terms: TermPlaces,
}

/// Where the terms of an objective are written.
#[derive(Debug, Clone)]
pub(crate) struct TermPlaces {
    pub during: Place,
    pub in_every: Place,
    pub bursts_up_to: Place,
    pub burn_rate: Place,
}

impl TermPlaces {
    /// Each by what `of` says of its field, else `otherwise`.
    fn of<'p>(otherwise: &'p Place, of: impl Fn(&str) -> Option<&'p Place>) -> Self {
        let [during, in_every, bursts_up_to, burn_rate] = ["during", "in_every", "bursts_up_to", "burn_rate"]
            .map(|name| of(name).unwrap_or(otherwise).clone());
        Self { during, in_every, bursts_up_to, burn_rate }
    }

    /// All of them at `place`.
    pub(super) fn at(place: &Place) -> Self {
        Self::of(place, |_| None)
    }
}

/// What the SLO file `text` says, which messages and origins call `path`.
pub fn load(path: &str, text: &str, files: Files<'_>) -> Result<Criteria, Problems> {
    let mut problems = Problems::new();
    let written = read(&Source::new(path, text), files, &mut problems);
    check_names(&written.objectives, &mut problems);
    problems.into_result(Some(written.into_criteria())).map(|(criteria, _)| criteria)
}

/// What the SLO files say at `paths`, with what it is only warned of; names are unique over all of them.
///
/// # Errors
/// Every mistake in these files.
pub fn load_all(paths: &[PathBuf], files: Files<'_>) -> Result<(Criteria, Problems), Problems> {
    let mut problems = Problems::new();
    let written = read_all(paths, files, &mut problems);
    problems.into_result(Some(written.into_criteria()))
}

/// [`load_all`], for judging a recorded run of `plan`: an objective on what that run did not call is a mistake.
///
/// # Errors
/// Every mistake in these files.
pub fn load_for(plan: &Plan, paths: &[PathBuf], files: Files<'_>) -> Result<(Criteria, Problems), Problems> {
    let mut problems = Problems::new();
    let written = read_all(paths, files, &mut problems);
    Called::by_run(plan).check_all(&written, &mut problems);
    problems.into_result(Some(written.into_criteria()))
}

fn read_all(paths: &[PathBuf], files: Files<'_>, problems: &mut Problems) -> WrittenCriteria {
    let mut written = WrittenCriteria::default();
    for path in paths {
        let name = path.to_string_lossy();
        let nowhere = Place::whole(&Source::new(name.clone(), ""));
        if let Some(text) = files.read_first(std::slice::from_ref(path), &nowhere, problems) {
            written.extend(read(&Source::new(name, text.1), files, problems), problems);
        }
    }
    check_names(&written.objectives, problems);
    written
}

/// What a file says that can be read; what cannot is in `problems`.
pub(crate) fn read(source: &Arc<Source>, files: Files<'_>, problems: &mut Problems) -> WrittenCriteria {
    if let Some(objectives) = foreign::read(source, problems) {
        return WrittenCriteria { objectives, ..WrittenCriteria::default() };
    }
    let mut criteria = WrittenCriteria::default();
    let Some(root) = parse(source, problems) else { return criteria };
    let Some(mut file) = Fields::of(&root, "an SLO file", problems) else { return criteria };
    let is_slo = file.place_of_any(&["objectives", "alerts", "checks"]).is_some();
    if let Some(place) = file.place_of_any(&["transactions", "target"]).filter(|_| !is_slo) {
        problems.push(
            Problem::error(place, "this is a scenario, not an SLO file")
                .label("SLO files have `objectives` instead")
                .help("run it with `gander run FILE`, and name here a file of objectives"),
        );
        return criteria;
    }
    if let Some(version) = file.required("version", problems) {
        version.version(VERSION, problems);
    }
    if let Some(alerts) = file.optional("alerts") {
        criteria.alerts = alerts::read(alerts, source, files, problems);
    }
    if let Some(field) = file.optional("checks") {
        criteria.checks = verify::read(field, source, files, problems);
    }
    if let Some(field) = file.optional("abort_when") {
        let read = abort_file::read(field, problems);
        criteria.abort_when = read.map(|when| (when, field.node.place.clone()));
    }
    let budget = BudgetTerms::default();
    let budget =
        file.optional("budget").map_or(budget.clone(), |field| read_budget(field, &budget, problems));
    let stands_alone = file.has("alerts") || file.has("checks");
    let list = if stands_alone { file.optional("objectives") } else { file.required("objectives", problems) };
    if let Some(list) = list {
        let before = problems.len();
        let mut any = false;
        for item in list.items(problems).collect::<Vec<_>>() {
            any = true;
            criteria.objectives.extend(read_objective(item, &budget, problems));
        }
        if !any && problems.len() == before {
            list.wrong("the list is empty", "state at least one objective", problems);
        }
    }
    file.finish(problems);
    criteria
}

/// Reports every name that is taken, over all files of a run.
pub(crate) fn check_names(written: &[WrittenObjective], problems: &mut Problems) {
    let mut first: BTreeMap<&str, &Place> = BTreeMap::new();
    for WrittenObjective { objective, name, .. } in written {
        match first.get(objective.name.as_str()) {
            Some(earlier) => problems.push(
                Problem::error(name, format!("two objectives are called {}", quoted(&objective.name)))
                    .label("again")
                    .help(format!("the first is at {earlier}: give one of them another name")),
            ),
            None => {
                first.insert(&objective.name, name);
            }
        }
    }
}

fn read_objective(item: Field<'_>, of_file: &BudgetTerms, problems: &mut Problems) -> Vec<WrittenObjective> {
    let Some(mut fields) = Fields::of(item.node, "an objective", problems) else { return Vec::new() };
    let name_field = fields.required("name", problems);
    let name = name_field.and_then(|field| field.name(problems));
    let name_place = name_field.map_or(fields.place(), |field| &field.node.place).clone();
    let of = fields.optional("of");
    let (scope, scope_place) =
        of.and_then(|of| read_scope(of, problems)).unwrap_or((Scope::All, name_place.clone()));
    let indicator = fields.exactly_one(&INDICATORS, problems);
    let kind = indicator.map(|(kind, ..)| kind);
    let term_places = TermPlaces::of(&name_place, |name| fields.value_place(name));
    let terms = read_terms(&mut fields, kind, problems);
    let mut budget =
        fields.optional("budget").map_or(of_file.clone(), |field| read_budget(field, of_file, problems));
    let burn_rate = fields.optional("burn_rate");
    budget.limit = burn_rate.and_then(|field| read_burn_limit(field, problems));
    fields.finish(problems);
    let scraped = match kind {
        Some("metric") => Some(("a metric is not about calls", "remove it; select series with `labels`")),
        Some("promql" | "events") => {
            Some(("a query is not about calls", "remove it; select series in the query"))
        }
        _ => None,
    };
    if let (Some(of), Some((message, help))) = (of, scraped) {
        of.wrong(message, help, problems);
    }
    let before = problems.len();
    let mut indicators =
        indicator.map(|(kind, field, _)| read_indicators(kind, field, problems)).unwrap_or_default();
    if indicators.is_empty() && (kind.is_none() || problems.len() > before) {
        indicators.push((String::new(), unread()));
    }
    if let Some(field) = burn_rate.filter(|_| !indicators.iter().all(|(_, it)| it.has_budget())) {
        let help = "remove it; budgets belong to shares below 100%: `latency`, `error_ratio`, `events`";
        field.wrong("there is no budget that could burn", help, problems);
    }
    if let Some(field) = burn_rate.filter(|_| terms.in_every.is_some() || terms.during.is_some()) {
        let help = "state it beside a second objective, without `in_every` and `during`";
        field.wrong("a burn rate is of the whole steady phase", help, problems);
    }
    let Some(name) = name else { return Vec::new() };
    let several = indicators.len() > 1;
    let origin = name_place.to_string();
    indicators
        .into_iter()
        .map(|(suffix, indicator)| WrittenObjective {
            objective: Objective {
                name: if several { format!("{name} {suffix}") } else { name.to_owned() },
                scope: scope.clone(),
                indicator,
                terms: terms.clone(),
                budget: budget.clone(),
                origin: origin.clone(),
            },
            name: name_place.clone(),
            scope: scope_place.clone(),
            terms: term_places.clone(),
        })
        .collect()
}

/// In place of an indicator whose mistake is noted: its objective will never be judged, but its name and what it is about are
/// still looked at.
pub(super) fn unread() -> Indicator {
    Indicator::ErrorRatio { at_most: 1.0 }
}

fn read_scope(of: Field<'_>, problems: &mut Problems) -> Option<(Scope, Place)> {
    if let Value::Text(text) = &of.node.value {
        let help =
            format!("write `of: {{tool: {text}}}`, `of: {{method: {text}}}` or `of: {{step: {text}}}`");
        of.wrong("it does not say whether this is a tool, a method or a step", help, problems);
        return None;
    }
    let mut fields = Fields::of(of.node, "`of`", problems)?;
    let kind = fields.exactly_one(&["tool", "method", "step"], problems);
    fields.finish(problems);
    let (kind, field, _) = kind?;
    let text = field.text(problems)?.to_owned();
    let scope = match kind {
        "tool" => Scope::Tool(text),
        "method" => Scope::Method(text),
        _ => Scope::Step(text),
    };
    Some((scope, field.node.place.clone()))
}

/// The indicators that one field states, each with what tells it from its siblings.
fn read_indicators(kind: &str, field: Field<'_>, problems: &mut Problems) -> Vec<(String, Indicator)> {
    let one = |indicator: Indicator| (kind.to_owned(), indicator);
    let latency = |clock| move |share, within| Indicator::Latency { clock, share, within };
    if let Some(clock) = StreamClock::ALL.into_iter().find(|clock| clock.key() == kind) {
        let stream = |share, within| Indicator::Stream { clock, share, within };
        return read_limits(field, stream, problems);
    }
    match kind {
        "latency" => read_limits(field, latency(LatencyClock::Response), problems),
        "service_time" => read_limits(field, latency(LatencyClock::Service), problems),
        "send_lag" => read_limits(field, latency(LatencyClock::SendLag), problems),
        "error_ratio" => read_error_ratio(field, problems).map(one).into_iter().collect(),
        "throughput" => read_throughput(field, problems).map(one).into_iter().collect(),
        "promql" => read_promql(field, problems).map(Indicator::Promql).map(one).into_iter().collect(),
        "events" => read_events(field, problems).map(Indicator::Events).map(one).into_iter().collect(),
        _ => read_metric(field, problems).map(|metric| one(Indicator::Metric(metric))).into_iter().collect(),
    }
}

/// Limits on shares of the calls, each made an `indicator` of its share and its limit.
fn read_limits(
    field: Field<'_>,
    indicator: impl Fn(f64, Duration) -> Indicator,
    problems: &mut Problems,
) -> Vec<(String, Indicator)> {
    let kind = field.name;
    let help = format!("write `{kind}: {{p95: 500ms}}` or `{kind}: {{share: 99%, within: 500ms}}`");
    let Value::Map(_) = &field.node.value else {
        field.wrong(format!("expected limits, found {}", field.node.found()), help, problems);
        return Vec::new();
    };
    let what = format!("`{kind}`");
    let Some(mut fields) = Fields::of(field.node, &what, problems) else { return Vec::new() };
    if fields.entries().is_empty() {
        field.wrong("no limit is given", help.as_str(), problems);
    }
    if fields.entries().iter().any(|entry| matches!(entry.key.text.as_str(), "share" | "within")) {
        let share = fields.required("share", problems).and_then(|share| read_good_share(share, problems));
        let within = fields.required("within", problems).and_then(|within| within.some_duration(problems));
        fields.finish(problems);
        let limit = share.zip(within).map(|(share, within)| indicator(share, within));
        return limit.map(|limit| (kind.to_owned(), limit)).into_iter().collect();
    }
    let mut indicators = Vec::new();
    for entry in fields.entries() {
        let limit = Field { name: &entry.key.text, node: &entry.value };
        if let Some(share) = percentile_share(&entry.key.text) {
            let within = limit.some_duration(problems);
            indicators.extend(within.map(|within| (entry.key.text.clone(), indicator(share, within))));
        } else {
            let message = format!("{} is no percentile", quoted(&entry.key.text));
            problems.push(
                Problem::error(&entry.key.place, message).help(format!(
                    "percentiles are above p0 and below p100, such as `p95` or `p99.9`; {help}"
                )),
            );
        }
    }
    check_order(&indicators, field, problems);
    indicators
}

/// A higher percentile with a lower limit makes the other one idle, which nobody means.
fn check_order(indicators: &[(String, Indicator)], field: Field<'_>, problems: &mut Problems) {
    let mut limits: Vec<(f64, Duration, &str)> = indicators
        .iter()
        .filter_map(|(name, indicator)| match indicator {
            Indicator::Latency { share, within, .. } | Indicator::Stream { share, within, .. } => {
                Some((*share, *within, name.as_str()))
            }
            Indicator::ErrorRatio { .. }
            | Indicator::Throughput { .. }
            | Indicator::Metric(_)
            | Indicator::Promql(_)
            | Indicator::Events(_) => None,
        })
        .collect();
    limits.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in limits.windows(2) {
        if pair[0].1 > pair[1].1 {
            let message = format!("{} has a lower limit than {}", quoted(pair[1].2), quoted(pair[0].2));
            field.wrong(message, "are the two limits the wrong way round?", problems);
        }
    }
}

/// `p95` as 0.95.
fn percentile_share(name: &str) -> Option<f64> {
    let share = parse_share(&format!("{}%", name.strip_prefix('p')?))?;
    (share > 0.0 && share < 1.0).then_some(share)
}

pub(super) fn read_good_share(field: Field<'_>, problems: &mut Problems) -> Option<f64> {
    let share = field.share(problems)?;
    if share > 0.0 && share < 1.0 {
        return Some(share);
    }
    let help =
        "write a share above 0% and below 100%; that no call at all is late cannot be shown by a sample";
    field.wrong("the share is out of range", help, problems);
    None
}

fn read_error_ratio(field: Field<'_>, problems: &mut Problems) -> Option<Indicator> {
    let at_most = field.share(problems)?;
    if at_most < 1.0 {
        return Some(Indicator::ErrorRatio { at_most });
    }
    field.wrong("a limit of 100% or more always holds", "write a lower percentage", problems);
    None
}

fn read_throughput(field: Field<'_>, problems: &mut Problems) -> Option<Indicator> {
    const HELP: &str =
        "write a number and its unit of time, such as `throughput: 5/s` or `throughput: 300/m`";
    let Value::Text(text) = &field.node.value else {
        field.wrong(format!("expected a rate, found {}", field.node.found()), HELP, problems);
        return None;
    };
    let rate = text.split_once('/').and_then(|(count, unit)| {
        let count = parse_number(count.trim())?.as_f64().filter(|count| *count > 0.0)?;
        let unit = parse_duration(&format!("1{}", unit.trim()))?;
        Some(count / unit.as_secs_f64())
    });
    if rate.is_none() {
        let message = format!("expected a rate above zero, found {}", field.node.found());
        field.wrong(message, HELP, problems);
    }
    rate.map(|at_least| Indicator::Throughput { at_least })
}
