//! A run's rules, evaluated over what it scraped: the same states, at the same times, as Prometheus and Alertmanager would have
//! had. Pure: the same run gives the same history.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use super::projection::projection;
use super::{
    AlertCriteria, AlertHistory, AlertProjection, AlertReading, AlertRow, AlertSpan, HeldBackRow, PageRow,
};
use crate::alertmanager::{self, Hold, Paging, Why};
use crate::input::Problems;
use crate::model::{Labels, format_duration};
use crate::promql::{self, Budget, Limits, Storage};
use crate::rules::{
    self, AlertState, Evaluation, Evaluator, FailedPart, Group, Reading, Rule, RuleId, RuleStatus, Settings,
    SteadyPhase, TimeScale, Transition, projected, run_lengths, scaled,
};
use crate::slo::{FetchGap, Recorded};

/// What became of the rules of `alerts` while `recorded` was scraped, up to the end of the `steady` phase on the run's clock.
pub fn alert_history(
    alerts: &AlertCriteria,
    recorded: Recorded<'_>,
    steady: &Range<Duration>,
) -> AlertHistory {
    let end = steady.end;
    let Rules { groups, refused } = Rules::of(alerts);
    let interval = alerts.scaled_interval();
    let (end, gap) = recorded.known_until(end);
    let needs: Vec<Option<Duration>> =
        run_lengths(&groups, interval).iter().map(|length| recorded.needed(length)).collect();
    let mut storage = recorded.storage_before(&groups, &alerts.labels, alerts.time_scale);
    let mut evaluator = Evaluator::new(groups, alerts.settings());
    let mut evaluation = Evaluation::default();
    // Groups are due when the load begins. Where nothing is known, nothing is absent.
    let is_known = gap.as_ref().is_none_or(|gap| !gap.from.is_zero());
    for until in [Duration::ZERO, end].into_iter().filter(|_| is_known) {
        let more = evaluator.evaluate_until(&mut storage, recorded.ms(until));
        evaluation.transitions.extend(more.transitions);
        evaluation.failures.extend(more.failures);
    }

    let phase = SteadyPhase { from_ms: recorded.ms(steady.start), until_ms: recorded.ms(end) };
    let unknown = recorded.unknown_until(end);
    let gap = gap.as_ref();
    let play = Play { evaluator: &evaluator, storage: &storage, recorded, unknown, phase, end, gap };
    let paging = alerts.alertmanager.as_ref().map(|config| {
        let began = Timestamp::from_millisecond(recorded.ms(Duration::ZERO)).unwrap_or_default();
        let transitions = play.sent(&evaluation, alerts);
        alertmanager::paging(config, &transitions, began, end)
    });
    let mut rules = play.rows(&evaluation, &needs, paging.as_ref());
    rules.extend(refused.iter().map(refused_row));
    for row in &mut rules {
        row.out_of_reach = alerts.out_of_reach.contains(&row.alert);
    }
    AlertHistory {
        time_scale: alerts.time_scale,
        span: end.as_secs_f64(),
        unknown_from: gap.as_ref().map(|gap| gap.from.as_secs_f64()),
        rules,
        broken: play.broken(&evaluation),
        held_back: paging.as_ref().map(held_back).unwrap_or_default(),
        pages: paging.map(pages),
    }
}

/// The groups of all files as they are evaluated, in the time scale that is asked for.
pub(in crate::slo) fn evaluated_groups(alerts: &AlertCriteria) -> Vec<Group> {
    Rules::of(alerts).groups
}

/// The groups of all files as they are to be evaluated, and the alerts that can't be.
pub(super) struct Rules {
    pub(super) groups: Vec<Group>,
    pub(super) refused: Vec<Refused>,
}

pub(super) struct Refused {
    alert: String,
    group: String,
    origin: String,
    expr: String,
    hold: Duration,
    because: String,
}

impl Rules {
    pub(super) fn of(alerts: &AlertCriteria) -> Self {
        // Files with mistakes were refused before the run.
        let groups = alerts.groups().map(|(groups, _)| groups).unwrap_or_default();
        let Some(scale) = alerts.scale() else { return Self { groups, refused: Vec::new() } };
        let done = scaled(&groups, scale, alerts.evaluation_interval);
        let mut why: BTreeMap<RuleId, &str> = BTreeMap::new();
        for (id, problem) in &done.refused {
            why.entry(*id).or_insert(&problem.message);
        }
        let refused = why.into_iter().filter_map(|(id, because)| {
            let group = &groups[id.group];
            let rule = &group.rules[id.rule];
            Some(Refused {
                alert: rule.name.clone(),
                group: group.name.clone(),
                origin: rule.place.to_string(),
                expr: one_line(rule.query.text()),
                hold: rule.alerting()?.hold,
                because: because.to_owned(),
            })
        });
        Self { refused: refused.collect(), groups: done.groups }
    }
}

impl AlertCriteria {
    /// The groups of all rule files, and what there is to warn of.
    ///
    /// # Errors
    /// Every mistake in them.
    pub(super) fn groups(&self) -> Result<(Vec<Group>, Problems), Problems> {
        let (mut groups, mut problems) = (Vec::new(), Problems::new());
        for file in &self.rules {
            match rules::load(&file.name, &file.text) {
                Ok((read, warnings)) => {
                    groups.extend(read);
                    problems.extend(warnings);
                }
                Err(found) => problems.extend(found),
            }
        }
        problems.into_result(Some(groups))
    }

    /// By how much times are divided; `None` where they are as written.
    pub(super) fn scale(&self) -> Option<TimeScale> {
        (self.time_scale > 1).then(|| TimeScale::new(f64::from(self.time_scale))).flatten()
    }

    fn scaled_interval(&self) -> Duration {
        self.evaluation_interval / self.time_scale.max(1)
    }

    /// How the rules are evaluated.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            interval: self.scaled_interval(),
            external_labels: promql::Labels::from_pairs(self.external_labels.iter()),
            ..Settings::default()
        }
    }
}

/// An evaluated run.
struct Play<'a> {
    evaluator: &'a Evaluator,
    storage: &'a Storage,
    recorded: Recorded<'a>,
    /// How much of the time is not known, because nothing was scraped.
    unknown: Duration,
    phase: SteadyPhase,
    end: Duration,
    gap: Option<&'a FetchGap>,
}

impl Play<'_> {
    /// Seconds since the load began.
    fn seconds(&self, at_ms: i64) -> f64 {
        (at_ms - self.recorded.ms(Duration::ZERO)) as f64 / 1000.0
    }

    fn moment(&self, at_ms: i64) -> Duration {
        Duration::from_millis((at_ms - self.recorded.ms(Duration::ZERO)).max(0).unsigned_abs())
    }

    /// What Alertmanager would be sent.
    fn sent(&self, evaluation: &Evaluation, alerts: &AlertCriteria) -> Vec<alertmanager::Transition> {
        let told = evaluation.transitions.iter().filter_map(|transition| {
            let change = &transition.change;
            let state = match (change.from, change.alert.state) {
                (_, AlertState::Firing) => alertmanager::AlertState::Firing,
                (AlertState::Firing, AlertState::Inactive) => alertmanager::AlertState::Resolved,
                (_, AlertState::Pending | AlertState::Inactive) => return None,
            };
            let labels = alerts.told_labels(&labels_of(transition));
            Some(alertmanager::Transition { at: self.moment(transition.at_ms), labels, state })
        });
        told.collect()
    }

    fn rows(
        &self,
        evaluation: &Evaluation,
        needs: &[Option<Duration>],
        paging: Option<&Paging>,
    ) -> Vec<AlertRow> {
        let mut spans = self.spans(&evaluation.transitions);
        // Guesses are to cost no more than a query over a run does.
        let mut budget = Budget::new(Limits::default().max_samples_together);
        let statuses = self.evaluator.statuses().zip(needs);
        let rows = statuses.filter_map(|((id, status), needs)| {
            let (group, rule) = self.evaluator.rule(id);
            let alerting = rule.alerting()?;
            let found = self.reading(rule, &status, *needs);
            let (reading, because) = self.recorded.settled(rule, &status, self.gap, found);
            Some(AlertRow {
                alert: rule.name.clone(),
                group: group.name.clone(),
                origin: rule.place.to_string(),
                expr: one_line(rule.query.text()),
                hold: alerting.hold.as_secs_f64(),
                severity: alerting.labels.get("severity").map(|it| it.text().to_owned()).unwrap_or_default(),
                reading,
                because,
                out_of_reach: false,
                needs: needs.map(|needs| needs.as_secs_f64()),
                coverage: status.coverage.share(),
                spans: spans.remove(&id).unwrap_or_default(),
                receivers: paging.map(|paging| told_of(paging, &rule.name)).unwrap_or_default(),
                projected: self.projected(id, reading, &mut budget),
            })
        });
        rows.collect()
    }

    /// What the rule `id` would have done, where the run was too short to say what it does.
    fn projected(&self, id: RuleId, reading: AlertReading, budget: &mut Budget) -> Option<AlertProjection> {
        matches!(reading, AlertReading::Pending | AlertReading::TooShort)
            .then(|| projection(&projected(self.evaluator, id, self.storage, self.phase, budget)))
    }

    /// What can be said of a rule, and why.
    fn reading(&self, rule: &Rule, status: &RuleStatus, needs: Option<Duration>) -> (AlertReading, String) {
        let hold = rule.alerting().map(|alerting| alerting.hold).unwrap_or_default();
        if let Some(Reading::Fired { first_ms }) = status.reading {
            return (AlertReading::Fired, format!("fired after {}", format_duration(self.moment(first_ms))));
        }
        if status.failures > 0 {
            let why = status.last_failure.as_deref().unwrap_or("it failed");
            let counts = format!("{} of {} evaluations failed", status.failures, status.evaluations);
            return (AlertReading::Failed, format!("{counts}: {why}"));
        }
        let active = self.evaluator.active().find(|(id, _)| {
            let (_, other) = self.evaluator.rule(*id);
            std::ptr::eq(other, rule)
        });
        if let Some((_, alert)) = active {
            let so_far = format_duration(alert.held(self.recorded.ms(self.end)));
            let of = format_duration(hold);
            return (AlertReading::Pending, format!("pending at the end, for {so_far} of {of}"));
        }
        if let Some(because) = self.missing(rule) {
            return (AlertReading::NoSuchSeries, because);
        }
        match needs {
            Some(needs) if needs > self.end => {
                let (needs, had) = (format_duration(needs), format_duration(self.end));
                (AlertReading::TooShort, format!("it can be judged after {needs}, the load took {had}"))
            }
            needs
                if self.unknown * 2 > self.end
                    || needs.is_some_and(|needs| needs + self.unknown > self.end) =>
            {
                let known = format_duration(self.end.saturating_sub(self.unknown));
                let of = format_duration(self.end);
                (
                    AlertReading::TooShort,
                    format!("metrics were read for {known} of {of}, too little to judge it"),
                )
            }
            Some(_) | None => match status.reading {
                Some(Reading::Pending { held: longest, .. }) => {
                    let (longest, of) = (format_duration(longest), format_duration(hold));
                    (AlertReading::Silent, format!("pending for {longest} of {of} at the most"))
                }
                _ => (AlertReading::Silent, "its condition never held".to_owned()),
            },
        }
    }

    /// Selectors of the rule, and of the recorded series that it reads, that no series of the whole run fits, whenever the rule
    /// looked: those that the target lacks, or, where it has all, those that the recording rules did not make of them.
    fn missing(&self, rule: &Rule) -> Option<String> {
        let (mut missing, mut unmade, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut queries = vec![&rule.query];
        while let Some(query) = queries.pop() {
            for selection in query.selectors() {
                let recorded = self.evaluator.groups().flat_map(|group| &group.rules).filter(|other| {
                    other.alerting().is_none() && selection.selector.name() == Some(other.name.as_str())
                });
                let mut is_recorded = false;
                for other in recorded {
                    is_recorded = true;
                    if seen.insert(other.place.to_string()) {
                        queries.push(&other.query);
                    }
                }
                let has_samples = |id: &promql::SeriesId| self.storage.last(*id).is_some();
                if !self.storage.select(&selection.selector.matchers).iter().any(has_samples) {
                    let selector = query.text().get(selection.span.clone()).unwrap_or_default().to_owned();
                    if is_recorded {
                        unmade.insert(selector)
                    } else {
                        missing.insert(selector)
                    };
                }
            }
        }
        let told = |selectors: BTreeSet<String>| selectors.into_iter().collect::<Vec<_>>().join(", ");
        match (missing.is_empty(), unmade.is_empty()) {
            (false, _) => Some(format!("the target has no {}", told(missing))),
            (true, false) => Some(format!("its recording rules made no {}", told(unmade))),
            (true, true) => None,
        }
    }

    /// The life of each alert, by rule.
    fn spans(&self, transitions: &[Transition]) -> BTreeMap<RuleId, Vec<AlertSpan>> {
        let mut spans: BTreeMap<RuleId, Vec<AlertSpan>> = BTreeMap::new();
        for transition in transitions {
            let of_rule = spans.entry(transition.rule).or_default();
            let labels = labels_of(transition);
            let at = self.seconds(transition.at_ms);
            let alert = &transition.change.alert;
            let open = of_rule.iter().position(|span| span.ended_at.is_none() && span.labels == labels);
            let place = open.unwrap_or_else(|| {
                of_rule.push(AlertSpan {
                    labels,
                    active_at: self.seconds(alert.active_since_ms),
                    fired_at: None,
                    ended_at: None,
                    value: String::new(),
                    annotations: BTreeMap::new(),
                });
                of_rule.len() - 1
            });
            let span = &mut of_rule[place];
            match alert.state {
                AlertState::Pending => {}
                AlertState::Firing => span.fired_at = Some(at),
                AlertState::Inactive => span.ended_at = Some(at),
            }
            span.value = promql_value(alert.value);
            span.annotations.clone_from(&alert.annotations);
        }
        // Those that are still there have gone on changing.
        for (id, alert) in self.evaluator.active() {
            let labels = labels(&alert.labels);
            let of_rule = spans.get_mut(&id).into_iter().flatten();
            for span in of_rule.filter(|span| span.ended_at.is_none() && span.labels == labels) {
                span.value = promql_value(alert.value);
                span.annotations.clone_from(&alert.annotations);
            }
        }
        spans
    }

    /// Recording rules that failed: what reads them may be silent for that alone.
    fn broken(&self, evaluation: &Evaluation) -> Vec<(String, String)> {
        let mut broken: BTreeMap<RuleId, &str> = BTreeMap::new();
        for failure in evaluation.failures.iter().filter(|failure| failure.part != FailedPart::Template) {
            broken.entry(failure.rule).or_insert(&failure.message);
        }
        let of_recording = broken.into_iter().filter_map(|(id, message)| {
            let (_, rule) = self.evaluator.rule(id);
            rule.alerting().is_none().then(|| (rule.name.clone(), message.to_owned()))
        });
        of_recording.collect()
    }
}

/// Expressions are written over several lines; blanks mean nothing in them.
fn one_line(expr: &str) -> String {
    expr.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn promql_value(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    value.to_string()
}

pub(super) fn labels_of(transition: &Transition) -> Labels {
    labels(&transition.change.alert.labels)
}

fn labels(labels: &promql::Labels) -> Labels {
    labels.iter().collect()
}

fn is_of(labels: &Labels, alert: &str) -> bool {
    labels.get("alertname") == Some(alert)
}

fn told_of(paging: &Paging, alert: &str) -> Vec<String> {
    let told = paging.pages.iter().filter(|page| page.firing.iter().any(|labels| is_of(labels, alert)));
    let receivers: BTreeSet<&String> = told.map(|page| &page.receiver).collect();
    receivers.into_iter().cloned().collect()
}

fn pages(paging: Paging) -> Vec<PageRow> {
    let page = |page: alertmanager::Page| PageRow {
        at: page.at.as_secs_f64(),
        receiver: page.receiver,
        kinds: page.kinds.into_iter().map(str::to_owned).collect(),
        why: why(page.why).to_owned(),
        group: page.group,
        firing: page.firing,
        resolved: page.resolved,
    };
    paging.pages.into_iter().map(page).collect()
}

fn why(why: Why) -> &'static str {
    match why {
        Why::First => "first of its group",
        Why::NewAlerts => "further alerts",
        Why::SomeResolved => "some are over",
        Why::AllResolved => "all are over",
        Why::Repeat => "repeated",
    }
}

fn held_back(paging: &Paging) -> Vec<HeldBackRow> {
    let rows = paging.held_back.iter().flat_map(|held| {
        held.alerts.iter().map(|(labels, hold)| HeldBackRow {
            at: held.at.as_secs_f64(),
            receiver: held.receiver.clone(),
            labels: labels.clone(),
            because: match hold {
                Hold::Muted(interval) => format!("muted in `{interval}`"),
                Hold::Inactive(intervals) => format!("outside of `{}`", intervals.join("`, `")),
                Hold::Inhibited { source, rule } => format!("inhibited by {source} ({rule})"),
            },
        })
    });
    rows.collect()
}

fn refused_row(refused: &Refused) -> AlertRow {
    AlertRow {
        alert: refused.alert.clone(),
        group: refused.group.clone(),
        origin: refused.origin.clone(),
        expr: refused.expr.clone(),
        hold: refused.hold.as_secs_f64(),
        severity: String::new(),
        reading: AlertReading::Refused,
        because: refused.because.clone(),
        out_of_reach: false,
        needs: None,
        coverage: 0.0,
        spans: Vec::new(),
        receivers: Vec::new(),
        projected: None,
    }
}
