//! Groups of rules, evaluated in order at the times that they are due: what is recorded goes into the storage, what
//! changes is told.
//!
//! Time comes in, and nothing else but the storage: the same samples and times give the same alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::alert::{Alert, AlertState, Alerts, Change};
use super::rule::{Alerting, Group, Rule, RuleKind};
use super::status::{RuleStatus, Watch};
use super::template::{Subject, in_place_of_text};
use crate::promql::{
    Budget, Engine, Labels, METRIC_NAME, Query, Reach, SeriesId, Storage, Value, VectorSample,
};

/// What it costs to evaluate a rule beside its query, and to expand a template, counted in samples as by
/// [`Limits::max_samples`](crate::promql::Limits::max_samples).
const EVALUATION: u64 = 1_000;
const EXPANSION: u64 = 5_000;

/// What all groups have in common.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Answers the queries.
    pub engine: Engine,
    /// The time between evaluations of groups that don't say theirs.
    pub interval: Duration,
    /// For templates: `$externalLabels`.
    pub external_labels: Labels,
    /// For templates: `$externalURL`.
    pub external_url: String,
}

impl Default for Settings {
    /// As Prometheus without a configuration: an evaluation each minute.
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            interval: Duration::from_secs(60),
            external_labels: Labels::empty(),
            external_url: String::new(),
        }
    }
}

/// Which rule: places in the lists of groups and of their rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// The group's place among all.
    pub group: usize,
    /// The rule's place in it.
    pub rule: usize,
}

/// What one or several evaluations brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// Alerts that came to another state, in order of time.
    pub transitions: Vec<Transition>,
    /// What went wrong, in order of time. A rule that failed says nothing about its alerts: they are as they were.
    pub failures: Vec<Failure>,
}

/// An alert that came to another state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whose alert it is.
    pub rule: RuleId,
    /// From which state, and to which, with labels, value and annotations.
    pub change: Change,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Which rule.
    pub rule: RuleId,
    /// What failed.
    pub part: FailedPart,
    /// Why: a fragment. It may hold what the target said.
    pub message: String,
}

/// What failed of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedPart {
    /// The evaluation: there is no result.
    Evaluation,
    /// A template of a label or an annotation: the alert has the error in its text.
    Template,
    /// Writing into the storage: some of what was recorded is not there.
    Recording,
}

/// Groups, and where each of their rules stands.
#[derive(Debug)]
pub struct Evaluator {
    settings: Settings,
    groups: Vec<GroupState>,
}

#[derive(Debug)]
struct GroupState {
    group: Group,
    /// `None` before the first evaluation.
    next_ms: Option<i64>,
    rules: Vec<RuleState>,
}

#[derive(Debug)]
struct RuleState {
    alerts: Alerts,
    /// What its evaluations may cost from now on. Once it is spent, the rule has failed and is not evaluated any more.
    budget: Budget,
    /// The series that the last evaluation wrote.
    written: BTreeSet<SeriesId>,
    watch: Watch,
}

impl Evaluator {
    /// None of the rules has been evaluated yet.
    pub fn new(groups: Vec<Group>, settings: Settings) -> Self {
        let state = |rule: &Rule| RuleState {
            alerts: Alerts::default(),
            budget: Budget::new(settings.engine.limits.max_samples_together),
            written: BTreeSet::new(),
            watch: Watch::new(&rule.query),
        };
        let groups = groups.into_iter().map(|group| {
            let rules = group.rules.iter().map(state).collect();
            GroupState { group, next_ms: None, rules }
        });
        Self { groups: groups.collect(), settings }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The groups, in the order in which they are evaluated.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().map(|state| &state.group)
    }

    /// A rule and its group.
    ///
    /// # Panics
    /// When `id` is of another evaluator.
    pub fn rule(&self, id: RuleId) -> (&Group, &Rule) {
        let group = &self.groups[id.group].group;
        (group, &group.rules[id.rule])
    }

    /// The alerts that are pending or firing, those kept by `keep_firing_for` included.
    pub fn active(&self) -> impl Iterator<Item = (RuleId, &Alert)> {
        self.states().flat_map(|(id, state)| state.alerts.iter().map(move |alert| (id, alert)))
    }

    /// How each rule has fared so far.
    pub fn statuses(&self) -> impl Iterator<Item = (RuleId, RuleStatus)> {
        self.states().map(|(id, state)| {
            let (_, rule) = self.rule(id);
            (id, state.watch.status(rule))
        })
    }

    fn states(&self) -> impl Iterator<Item = (RuleId, &RuleState)> {
        self.groups.iter().enumerate().flat_map(|(group, state)| {
            state.rules.iter().enumerate().map(move |(rule, state)| (RuleId { group, rule }, state))
        })
    }

    /// How far back the rules look from the time of their evaluation: what is older may be dropped from the storage.
    pub fn reach(&self) -> Reach {
        let reaches = self.groups.iter().flat_map(|state| {
            let offset = state.group.query_offset;
            state.group.rules.iter().map(move |rule| (offset, &rule.query))
        });
        let reaches = reaches.map(|(offset, query)| match query.reach(self.settings.engine.lookback) {
            Reach::Within(reach) => Reach::Within(reach + offset),
            Reach::Everything => Reach::Everything,
        });
        reaches.max().unwrap_or(Reach::Within(Duration::ZERO))
    }

    /// Evaluates what has become due up to and including `now_ms`, in order of time. The first call begins: all groups
    /// are due at its time, and then once an interval.
    ///
    /// An evaluation that is made late is made for the time at which it was due, so that how often this is called changes
    /// nothing, as long as samples up to `now_ms` are in the storage.
    pub fn evaluate_until(&mut self, storage: &mut Storage, now_ms: i64) -> Evaluation {
        let mut evaluation = Evaluation::default();
        while let Some((at_ms, group)) = self.next_due(now_ms) {
            self.evaluate_group(group, storage, at_ms, &mut evaluation);
            let interval = self.groups[group].group.interval_or(self.settings.interval);
            let step = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
            self.groups[group].next_ms = Some(at_ms.saturating_add(step));
        }
        evaluation
    }

    /// The group that is due first, up to `now_ms`.
    fn next_due(&self, now_ms: i64) -> Option<(i64, usize)> {
        let able = |state: &GroupState| state.rules.iter().any(|rule| !rule.budget.is_spent());
        let groups = self.groups.iter().enumerate().filter(|(_, state)| able(state));
        let due = groups.map(|(i, state)| (state.next_ms.unwrap_or(now_ms), i));
        due.filter(|(at_ms, _)| *at_ms <= now_ms).min()
    }

    /// Evaluates all groups at `at_ms`, whatever their intervals: what unit tests of rules do.
    pub fn evaluate_all(&mut self, storage: &mut Storage, at_ms: i64) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for group in 0..self.groups.len() {
            self.evaluate_group(group, storage, at_ms, &mut evaluation);
        }
        evaluation
    }

    fn evaluate_group(&mut self, at: usize, storage: &mut Storage, at_ms: i64, evaluation: &mut Evaluation) {
        let GroupState { group, rules, .. } = &mut self.groups[at];
        let offset = i64::try_from(group.query_offset.as_millis()).unwrap_or(i64::MAX);
        let times = Times { at_ms, asked_ms: at_ms.saturating_sub(offset) };
        let able =
            group.rules.iter().zip(rules).enumerate().filter(|(_, (_, state))| !state.budget.is_spent());
        for (i, (rule, state)) in able {
            let mut round = Round {
                settings: &self.settings,
                id: RuleId { group: at, rule: i },
                limit: group.limit,
                times,
                evaluation,
            };
            let failures = round.evaluation.failures.len();
            round.evaluate(rule, state, storage);
            let failure = evaluation.failures[failures..]
                .iter()
                .find(|failure| failure.part != FailedPart::Template)
                .map(|failure| failure.message.clone());
            state.watch.note(storage, times.asked_ms, state.alerts.iter(), failure);
        }
    }
}

/// When a group is evaluated, and for which time it asks: `query_offset` earlier.
#[derive(Debug, Clone, Copy)]
struct Times {
    at_ms: i64,
    asked_ms: i64,
}

/// One evaluation of one rule.
struct Round<'a> {
    settings: &'a Settings,
    id: RuleId,
    limit: usize,
    times: Times,
    evaluation: &'a mut Evaluation,
}

impl Round<'_> {
    fn evaluate(&mut self, rule: &Rule, state: &mut RuleState, storage: &mut Storage) {
        let budget = &mut state.budget;
        let asked = budget
            .spend(EVALUATION)
            .and_then(|()| vector(self.settings, &rule.query, storage, self.times.asked_ms, budget));
        let samples = match asked {
            Ok(samples) => samples,
            Err(error) => return self.fail(FailedPart::Evaluation, error),
        };
        let made = match &rule.kind {
            RuleKind::Recording { labels } => self.recorded(rule, labels, samples),
            RuleKind::Alerting(alerting) => self.alerts(rule, alerting, samples, state, storage),
        };
        match made {
            Ok(series) => self.write(series, state, storage),
            Err(error) => self.fail(FailedPart::Evaluation, error),
        }
    }

    fn fail(&mut self, part: FailedPart, message: String) {
        let Self { id, times, .. } = *self;
        self.evaluation.failures.push(Failure { at_ms: times.at_ms, rule: id, part, message });
    }

    fn recorded(
        &self,
        rule: &Rule,
        labels: &BTreeMap<String, String>,
        samples: Vec<VectorSample>,
    ) -> Result<Vec<VectorSample>, String> {
        let mut seen = BTreeSet::new();
        let mut series = Vec::with_capacity(samples.len());
        for sample in samples {
            let named = sample.labels.with(METRIC_NAME, &rule.name);
            let labels = labels.iter().fold(named, |series, (name, value)| series.with(name, value));
            if !seen.insert(labels.clone()) {
                return Err(
                    "vector contains metrics with the same labelset after applying rule labels".to_owned()
                );
            }
            series.push(VectorSample { labels, value: sample.value });
        }
        if self.limit > 0 && series.len() > self.limit {
            return Err(format!("exceeded limit of {} with {} series", self.limit, series.len()));
        }
        Ok(series)
    }

    /// Takes the result into the state of the rule's alerts; gives the series that tell of them.
    fn alerts(
        &mut self,
        rule: &Rule,
        alerting: &Alerting,
        samples: Vec<VectorSample>,
        state: &mut RuleState,
        storage: &Storage,
    ) -> Result<Vec<VectorSample>, String> {
        let at_ms = self.times.at_ms;
        let mut found = BTreeMap::new();
        for sample in samples {
            state.budget.spend(EVALUATION)?;
            let alert = self.alert(rule, alerting, &sample, storage, &mut state.budget);
            if found.insert(alert.labels.clone(), alert).is_some() {
                return Err(
                    "vector contains metrics with the same labelset after applying alert labels".to_owned()
                );
            }
        }
        let (changes, result) = state.alerts.take(found, alerting, self.limit, at_ms);
        let rule_id = self.id;
        let told = changes.into_iter().map(|change| Transition { at_ms, rule: rule_id, change });
        self.evaluation.transitions.extend(told);
        result?;
        Ok(state.alerts.iter().flat_map(synthetic).collect())
    }

    fn alert(
        &mut self,
        rule: &Rule,
        alerting: &Alerting,
        sample: &VectorSample,
        storage: &Storage,
        budget: &mut Budget,
    ) -> Alert {
        let at_ms = self.times.at_ms;
        let settings = self.settings;
        let subject = Subject {
            labels: &sample.labels,
            value: sample.value,
            external_labels: &settings.external_labels,
            external_url: &settings.external_url,
            at_ms,
        };
        let mut expand = |name: &str, template: &super::Template| {
            let cost = if template.text().contains("{{") { EXPANSION } else { 0 };
            let mut ask = |text: &str| {
                budget.spend(EXPANSION)?;
                let query = Query::parse(text).map_err(|error| error.message)?;
                vector(settings, &query, storage, at_ms, budget)
            };
            let expanded = template.expand(subject, &mut ask);
            budget.spend(cost).and(expanded).unwrap_or_else(|error| {
                self.fail(FailedPart::Template, format!("`{name}`: {error}"));
                in_place_of_text(&error)
            })
        };
        let own = alerting.labels.iter().map(|(name, text)| (name, expand(name, text)));
        let own: Vec<(&String, String)> = own.collect();
        let annotations =
            alerting.annotations.iter().map(|(name, text)| (name.clone(), expand(name, text))).collect();
        let labels = own
            .iter()
            .fold(sample.labels.without_name(), |labels, (name, value)| labels.with(name, value))
            .with("alertname", &rule.name);
        Alert::new(labels, sample.value, annotations, at_ms)
    }

    /// Writes `series`, and marks those stale that were written the last time.
    fn write(&mut self, series: Vec<VectorSample>, state: &mut RuleState, storage: &mut Storage) {
        let at_ms = self.times.asked_ms;
        let mut written = BTreeSet::new();
        for sample in series {
            let id = storage.series(&sample.labels);
            match storage.append(id, at_ms, sample.value) {
                Ok(()) => {
                    written.insert(id);
                }
                Err(error) => self.fail(FailedPart::Recording, format!("{}: {error}", sample.labels)),
            }
        }
        for gone in state.written.difference(&written) {
            // Another rule may have written it at this very time: then it is not gone.
            let _ = storage.mark_stale(*gone, at_ms);
        }
        state.written = written;
    }
}

/// The series by which Prometheus tells of an alert.
fn synthetic(alert: &Alert) -> [VectorSample; 2] {
    let state = alert.labels.with(METRIC_NAME, "ALERTS").with("alertstate", alert.state.name());
    let since = alert.labels.with(METRIC_NAME, "ALERTS_FOR_STATE");
    [
        VectorSample { labels: state, value: 1.0 },
        VectorSample { labels: since, value: alert.active_since_ms.div_euclid(1000) as f64 },
    ]
}

/// What a rule may give: an instant vector, or a number as a vector of one series without labels.
pub(super) fn vector(
    settings: &Settings,
    query: &Query,
    storage: &Storage,
    at_ms: i64,
    budget: &mut Budget,
) -> Result<Vec<VectorSample>, String> {
    let asked = settings.engine.instant_within(query, storage, at_ms, budget);
    let answer = asked.map_err(|error| error.message)?;
    match answer.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar(value) => Ok(vec![VectorSample { labels: Labels::empty(), value }]),
        Value::Text(_) | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

impl Evaluation {
    /// Alerts that began to fire.
    pub fn fired(&self) -> impl Iterator<Item = &Transition> {
        self.transitions.iter().filter(|transition| transition.change.alert.state == AlertState::Firing)
    }
}
