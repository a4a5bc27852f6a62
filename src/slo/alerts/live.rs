//! Rules evaluated while a run goes on, scrape by scrape: what fires is told when it does.
//!
//! The same evaluations as those of [`alert_history`](super::alert_history) at the same times, made as soon as all is there that they may
//! see. Verdicts and reports don't rest on it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::AlertCriteria;
use super::replay::{Rules, labels_of, promql_value};
use crate::metrics::ScrapeRecord;
use crate::model::{Labels, ScrapeStat};
use crate::promql::Reach;
use crate::rules::{AlertState, Evaluation, Evaluator, FailedPart, RuleId};
use crate::slo::feed::{DayClock, Feed};

/// The rules of a run that goes on.
#[derive(Debug)]
pub struct LiveAlerts {
    criteria: AlertCriteria,
    evaluator: Evaluator,
    feed: Feed,
    clock: DayClock,
    /// What is older than this before an evaluation, no rule looks at.
    reach_ms: Option<i64>,
    begun: bool,
    /// Rules that could not be evaluated.
    failed: BTreeSet<RuleId>,
}

/// An alert that came to another state.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertNews {
    /// When, on the run's clock: the time for which the rule was evaluated.
    pub at: Duration,
    /// Its labels, its name among them, as Alertmanager would be told.
    pub labels: Labels,
    /// What became of it.
    pub state: LiveState,
    /// The value of its expression, as Prometheus prints it; why, of what is unknown.
    pub value: String,
    /// Who is to be told of it, as the routes of Alertmanager's configuration say; empty without one.
    pub receivers: Vec<String>,
}

/// To which state an alert came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveState {
    /// Its condition holds, for less than `for`.
    Pending,
    /// It fires.
    Firing,
    /// It no longer fires.
    Resolved,
    /// Its condition no longer holds, and it never fired.
    Dropped,
    /// Its rule could not be evaluated, for the first time: what it says from now on is not all that it had to say. The name is
    /// that of the rule, the value says why.
    Unknown,
}

impl LiveAlerts {
    /// Of the rules of `criteria`, over a run whose clock was zero at `zero_ms`, in milliseconds since 1970.
    pub fn new(criteria: &AlertCriteria, zero_ms: i64) -> Self {
        let Rules { groups, .. } = Rules::of(criteria);
        let evaluator = Evaluator::new(groups, criteria.settings());
        let reach_ms = match evaluator.reach() {
            Reach::Within(reach) => i64::try_from(reach.as_millis()).ok(),
            Reach::Everything => None,
        };
        let clock = DayClock { zero_ms };
        let feed = Feed::new(clock, &criteria.labels);
        Self {
            criteria: criteria.clone(),
            evaluator,
            feed,
            clock,
            reach_ms,
            begun: false,
            failed: BTreeSet::new(),
        }
    }

    /// Takes in how a scrape went that began at `at` on the run's clock.
    pub fn told(&mut self, at: Duration, stat: &ScrapeStat) {
        self.feed.told(at, stat);
    }

    /// Takes in what a scrape added, and evaluates what was due before it.
    pub fn scraped(&mut self, record: &ScrapeRecord) -> Vec<AlertNews> {
        // Of the time of the scrape itself more may come.
        let until_ms = self.feed.scraped(record) - 1;
        let start_ms = self.clock.ms(Duration::ZERO);
        if until_ms < start_ms {
            return Vec::new();
        }
        let mut news = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            // Groups are due when the load begins.
            news.extend(self.evaluate(start_ms));
        }
        news.extend(self.evaluate(until_ms));
        if let Some(reach_ms) = self.reach_ms {
            // Groups that were due before are evaluated; the next one is due after this.
            self.feed.storage.drop_before(until_ms.saturating_sub(reach_ms));
        }
        news
    }

    fn evaluate(&mut self, until_ms: i64) -> Vec<AlertNews> {
        let evaluation = self.evaluator.evaluate_until(&mut self.feed.storage, until_ms);
        let mut news = self.news(&evaluation);
        news.extend(self.failures(&evaluation));
        news
    }

    /// The rules that failed for the first time: their silence says nothing.
    fn failures(&mut self, evaluation: &Evaluation) -> Vec<AlertNews> {
        let failures = evaluation.failures.iter().filter(|failure| failure.part != FailedPart::Template);
        let mut news = Vec::new();
        for failure in failures {
            if self.failed.insert(failure.rule) {
                let (_, rule) = self.evaluator.rule(failure.rule);
                news.push(AlertNews {
                    at: self.since_zero(failure.at_ms),
                    labels: Labels::from_iter([("alertname", rule.name.as_str())]),
                    state: LiveState::Unknown,
                    value: failure.message.clone(),
                    receivers: Vec::new(),
                });
            }
        }
        news
    }

    fn since_zero(&self, at_ms: i64) -> Duration {
        Duration::from_millis((at_ms - self.clock.ms(Duration::ZERO)).max(0).unsigned_abs())
    }

    fn news(&self, evaluation: &Evaluation) -> Vec<AlertNews> {
        let news = evaluation.transitions.iter().map(|transition| {
            let labels = self.criteria.told_labels(&labels_of(transition));
            let state = match (transition.change.from, transition.change.alert.state) {
                (_, AlertState::Pending) => LiveState::Pending,
                (_, AlertState::Firing) => LiveState::Firing,
                (AlertState::Firing, AlertState::Inactive) => LiveState::Resolved,
                (_, AlertState::Inactive) => LiveState::Dropped,
            };
            AlertNews {
                at: self.since_zero(transition.at_ms),
                receivers: self.receivers(&labels),
                labels,
                state,
                value: promql_value(transition.change.alert.value),
            }
        });
        news.collect()
    }

    fn receivers(&self, labels: &Labels) -> Vec<String> {
        let Some(config) = &self.criteria.alertmanager else { return Vec::new() };
        config.routes_of(labels).into_iter().map(|route| config.receiver_of(route).name.clone()).collect()
    }
}
