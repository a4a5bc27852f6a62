//! Groups of rules, evaluated in order at the times that they are due: what is recorded goes into the storage, what
//! changes is told.
//!
//! Time comes in, and nothing else but the storage: the same samples and times give the same alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::alert::{Alert, AlertState, Alerts, Change};
use super::costs::{Allowance, Costs};
use super::rule::{Alerting, Group, Rule, RuleKind};
use super::status::{RuleStatus, Watch};
use super::template::{Subject, Template, in_place_of_text};
use crate::input::Place;
use crate::promql::{
    Budget, Engine, EvalError, Labels, METRIC_NAME, Query, Reach, SeriesId, Storage, Value, VectorSample,
};

/// What it costs to evaluate a rule beside its query, to make an alert, to read a query in a template, and to make and write a
/// series, counted in samples as by [`Limits::max_samples`](crate::promql::Limits::max_samples).
const EVALUATION: u64 = 1_000;
const ALERT: u64 = 1_000;
const ASKING: u64 = 5_000;
const WRITING: u64 = 1_000;
/// More failures of templates than this are not told of one evaluation of a rule.
const MOST_FAILURES: usize = 10;

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
    /// What all rules together may cost.
    pub allowance: Allowance,
}

impl Default for Settings {
    /// As Prometheus without a configuration: an evaluation each minute.
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            interval: Duration::from_secs(60),
            external_labels: Labels::empty(),
            external_url: String::new(),
            allowance: Allowance::default(),
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
    /// Where it is written: a template, or the part of the expression.
    pub place: Place,
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
    costs: Costs,
    /// Why rules are given up, once all together have cost too much.
    why_over: Option<String>,
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
    /// What its evaluations have cost so far.
    used: u64,
    /// It cost too much, has failed for that and is not evaluated any more.
    is_given_up: bool,
    /// The series that the last evaluation wrote.
    written: BTreeSet<SeriesId>,
    watch: Watch,
}

impl Evaluator {
    /// None of the rules has been evaluated yet.
    pub fn new(groups: Vec<Group>, settings: Settings) -> Self {
        let costs = Costs::growing(settings.allowance);
        Self::with(groups, settings, costs)
    }

    /// [`Evaluator::new`] with a budget that is shared with others.
    pub(super) fn within(groups: Vec<Group>, settings: Settings, budget: Budget) -> Self {
        Self::with(groups, settings, Costs::within(budget))
    }

    fn with(groups: Vec<Group>, settings: Settings, costs: Costs) -> Self {
        let state = |rule: &Rule| RuleState {
            alerts: Alerts::default(),
            used: 0,
            is_given_up: false,
            written: BTreeSet::new(),
            watch: Watch::new(&rule.query),
        };
        let groups = groups.into_iter().map(|group| {
            let rules = group.rules.iter().map(state).collect();
            GroupState { group, next_ms: None, rules }
        });
        Self { groups: groups.collect(), settings, costs, why_over: None }
    }

    /// What is left for all rules together.
    pub(super) fn budget(&self) -> Budget {
        self.costs.budget()
    }

    /// Takes what was used beside the rules.
    pub(super) fn settle(&mut self, used: u64) {
        self.costs.settle(used);
    }

    /// What each rule has cost so far.
    pub(super) fn used(&self) -> impl Iterator<Item = (RuleId, u64)> {
        self.states().map(|(id, state)| (id, state.used))
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
        let able = |state: &GroupState| state.rules.iter().any(|rule| !rule.is_given_up);
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
        self.costs.reach(at_ms);
        let group = &self.groups[at].group;
        let offset = i64::try_from(group.query_offset.as_millis()).unwrap_or(i64::MAX);
        let times = Times { at_ms, asked_ms: at_ms.saturating_sub(offset) };
        for i in 0..group.rules.len() {
            if !self.groups[at].rules[i].is_given_up {
                self.evaluate_rule(RuleId { group: at, rule: i }, storage, times, evaluation);
            }
        }
    }

    fn evaluate_rule(
        &mut self,
        id: RuleId,
        storage: &mut Storage,
        times: Times,
        evaluation: &mut Evaluation,
    ) {
        let GroupState { group, rules, .. } = &mut self.groups[id.group];
        let (rule, state) = (&group.rules[id.rule], &mut rules[id.rule]);
        let own = self.costs.of_rule(state.used);
        let failures = evaluation.failures.len();
        let limit = group.limit;
        let mut round = Round { settings: &self.settings, id, limit, times, evaluation, budget: own };
        round.evaluate(rule, state, storage);
        let mut failure = round.evaluation.failures[failures..]
            .iter()
            .position(|failure| failure.part != FailedPart::Template)
            .map(|at| failures + at);
        state.watch.note(storage, times.asked_ms, state.alerts.iter(), &mut round.budget);
        if round.budget.is_spent() && failure.is_none() {
            round.fail(FailedPart::Evaluation, String::new(), &rule.expr);
            failure = round.evaluation.failures.len().checked_sub(1);
        }
        let left = round.budget;
        state.is_given_up = left.is_spent();
        state.used += own.left() - left.left();
        self.costs.settle(own.left() - left.left());
        if left.is_spent()
            && let Some(failure) = failure
        {
            evaluation.failures[failure].message = self.words_of_cost(id);
        }
        if let Some(failure) = failure {
            let message = evaluation.failures[failure].message.clone();
            self.groups[id.group].rules[id.rule].watch.failed(message);
        }
    }

    fn words_of_cost(&mut self, id: RuleId) -> String {
        if let Some(words) = &self.why_over {
            return words.clone();
        }
        let each: Vec<(String, u64)> =
            self.used().map(|(id, used)| (format!("`{}`", self.rule(id).1.name), used)).collect();
        let words = self.costs.words(self.groups[id.group].rules[id.rule].used, &each);
        if self.costs.budget().is_spent() {
            self.why_over = Some(words.clone());
        }
        words
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
    /// What it may still cost.
    budget: Budget,
}

/// Why there is no result: in words, and of which part of the rule.
type Mistake = (String, Place);

impl Round<'_> {
    fn evaluate(&mut self, rule: &Rule, state: &mut RuleState, storage: &mut Storage) {
        let made = self.samples(rule, storage).and_then(|samples| match &rule.kind {
            RuleKind::Recording { labels } => {
                self.recorded(rule, labels, samples).map_err(|message| (message, rule.expr.clone()))
            }
            RuleKind::Alerting(alerting) => self.alerts(rule, alerting, samples, state, storage),
        });
        match made {
            Ok(series) => self.write(rule, series, state, storage),
            Err((message, place)) => self.fail(FailedPart::Evaluation, message, &place),
        }
    }

    /// What the expression gives, and what is to be done with it booked.
    fn samples(&mut self, rule: &Rule, storage: &Storage) -> Result<Vec<VectorSample>, Mistake> {
        let whole = |message| (message, rule.expr.clone());
        self.budget.spend(EVALUATION).map_err(whole)?;
        let asked = vector(self.settings, &rule.query, storage, self.times.asked_ms, &mut self.budget);
        let samples = asked.map_err(|error| {
            let part = error.span.and_then(|span| rule.expr.inside(rule.query.text(), span));
            (error.message, part.unwrap_or_else(|| rule.expr.clone()))
        })?;
        let each = match &rule.kind {
            RuleKind::Recording { .. } => WRITING,
            RuleKind::Alerting(_) => ALERT,
        };
        self.budget.spend(samples.len() as u64 * each).map_err(whole)?;
        Ok(samples)
    }

    fn fail(&mut self, part: FailedPart, message: String, place: &Place) {
        let Self { id, times, .. } = *self;
        let place = place.clone();
        self.evaluation.failures.push(Failure { at_ms: times.at_ms, rule: id, part, place, message });
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
    ) -> Result<Vec<VectorSample>, Mistake> {
        let at_ms = self.times.at_ms;
        let whole = |message: String| (message, rule.expr.clone());
        let mut found = BTreeMap::new();
        let mut failed = 0;
        for sample in samples {
            let alert = self.alert(rule, alerting, &sample, storage, &mut failed)?;
            if found.insert(alert.labels.clone(), alert).is_some() {
                return Err(whole(
                    "vector contains metrics with the same labelset after applying alert labels".to_owned(),
                ));
            }
        }
        let (changes, result) = state.alerts.take(found, alerting, self.limit, at_ms);
        let rule_id = self.id;
        let told = changes.into_iter().map(|change| Transition { at_ms, rule: rule_id, change });
        self.evaluation.transitions.extend(told);
        result.map_err(whole)?;
        let active = state.alerts.iter().count() as u64;
        self.budget.spend(active * 2 * WRITING).map_err(whole)?;
        Ok(state.alerts.iter().flat_map(synthetic).collect())
    }

    fn alert(
        &mut self,
        rule: &Rule,
        alerting: &Alerting,
        sample: &VectorSample,
        storage: &Storage,
        failed: &mut usize,
    ) -> Result<Alert, Mistake> {
        let at_ms = self.times.at_ms;
        let settings = self.settings;
        let subject = Subject {
            labels: &sample.labels,
            value: sample.value,
            external_labels: &settings.external_labels,
            external_url: &settings.external_url,
            at_ms,
        };
        let mut expand = |name: &str, template: &Template| {
            let mut ask = |text: &str, budget: &mut Budget| {
                budget.spend(ASKING)?;
                let query = Query::parse(text).map_err(|error| error.message)?;
                vector(settings, &query, storage, at_ms, budget).map_err(|error| error.message)
            };
            let place = template.place().unwrap_or(&rule.place);
            match template.expand(subject, &mut self.budget, &mut ask) {
                Ok(text) => Ok((name.to_owned(), text)),
                Err(error) if self.budget.is_spent() => Err((error, place.clone())),
                Err(error) => {
                    *failed += 1;
                    if *failed <= MOST_FAILURES {
                        self.fail(FailedPart::Template, format!("`{name}`: {error}"), place);
                    }
                    Ok((name.to_owned(), in_place_of_text(&error)))
                }
            }
        };
        let own = alerting.labels.iter().map(|(name, text)| expand(name, text));
        let own: Vec<(String, String)> = own.collect::<Result<_, Mistake>>()?;
        let annotations = alerting.annotations.iter().map(|(name, text)| expand(name, text));
        let annotations = annotations.collect::<Result<_, Mistake>>()?;
        let labels = own
            .iter()
            .fold(sample.labels.without_name(), |labels, (name, value)| labels.with(name, value))
            .with("alertname", &rule.name);
        Ok(Alert::new(labels, sample.value, annotations, at_ms))
    }

    /// Writes `series`, and marks those stale that were written the last time.
    fn write(
        &mut self,
        rule: &Rule,
        series: Vec<VectorSample>,
        state: &mut RuleState,
        storage: &mut Storage,
    ) {
        let at_ms = self.times.asked_ms;
        let mut written = BTreeSet::new();
        for sample in series {
            let id = storage.series(&sample.labels);
            match storage.append(id, at_ms, sample.value) {
                Ok(()) => {
                    written.insert(id);
                }
                Err(error) => {
                    self.fail(FailedPart::Recording, format!("{}: {error}", sample.labels), &rule.expr);
                }
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
) -> Result<Vec<VectorSample>, EvalError> {
    match settings.engine.instant_within(query, storage, at_ms, budget)?.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar(value) => Ok(vec![VectorSample { labels: Labels::empty(), value }]),
        Value::Text(_) | Value::Matrix(_) => {
            let message = "rule result is not a vector or scalar".to_owned();
            Err(EvalError { message, span: None })
        }
    }
}

impl Evaluation {
    /// Alerts that began to fire.
    pub fn fired(&self) -> impl Iterator<Item = &Transition> {
        self.transitions.iter().filter(|transition| transition.change.alert.state == AlertState::Firing)
    }
}
