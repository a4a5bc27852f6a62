//! How a rule has fared: whether it could be evaluated, whether there was anything to look at, and how much of what it looks
//! back on was there.

use std::collections::BTreeMap;
use std::time::Duration;

use super::alert::{Alert, AlertState};
use super::rule::Rule;
use crate::promql::{Budget, Matcher, Query, Reach, Storage};

/// What it costs to look for the first sample of a series, counted in samples.
const LOOK: u64 = 32;

/// How a rule has fared so far.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleStatus {
    /// How often it was evaluated, failures included.
    pub evaluations: u64,
    /// How often that failed.
    pub failures: u64,
    /// Why it failed the last time that it did.
    pub last_failure: Option<String>,
    /// Selectors of its expression that no series was ever there for, as written. An alert that can only fire by them
    /// is dead.
    pub unmatched: Vec<String>,
    /// How much of what it looks back on was there at its last evaluation.
    pub coverage: Coverage,
    /// What can be said of it; of an alerting rule alone.
    pub reading: Option<Reading>,
}

/// Data that was there, against what the expression looks back on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Ranges and offsets added up; `None` where an `@` may look at anything.
    pub wanted: Option<Duration>,
    /// From the first sample of its series to the last evaluation.
    pub had: Duration,
}

impl Coverage {
    /// From 0 to 1. Below 1, what was read is not what a server with a longer memory would have read.
    pub fn share(self) -> f64 {
        match self.wanted {
            Some(wanted) if wanted > self.had => self.had.as_secs_f64() / wanted.as_secs_f64(),
            Some(_) => 1.0,
            None => 0.0,
        }
    }
}

/// What can be said of an alerting rule *as written*, over the time in which it was evaluated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// An alert of it has fired.
    Fired {
        /// When the first one did, in milliseconds since 1970.
        first_ms: i64,
    },
    /// The condition held, but not for as long as `for` asks.
    Pending {
        /// The longest that it held without a break.
        held: Duration,
        /// `for`.
        of: Duration,
    },
    /// The condition never held. Not contradicted, but not shown either, when [`Coverage::share`] is below 1 or a selector
    /// is unmatched.
    Inactive,
    /// It could not be evaluated, at least once, and has not fired otherwise.
    Undecided,
}

/// Watches one rule.
#[derive(Debug)]
pub(super) struct Watch {
    evaluations: u64,
    failures: u64,
    last_failure: Option<String>,
    selectors: Vec<Watched>,
    wanted: Option<Duration>,
    last_ms: Option<i64>,
    first_firing_ms: Option<i64>,
    longest_held: Option<Duration>,
}

/// One selector of the expression.
#[derive(Debug)]
struct Watched {
    text: String,
    matchers: Vec<Matcher>,
    /// The first sample of a series that fits.
    since_ms: Option<i64>,
}

impl Watch {
    pub(super) fn new(query: &Query) -> Self {
        // The same selector twice is one.
        let mut selectors: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
        for selection in query.selectors() {
            let text = query.text().get(selection.span.clone()).unwrap_or_default();
            selectors.insert(text.to_owned(), selection.selector.matchers.clone());
        }
        let selectors =
            selectors.into_iter().map(|(text, matchers)| Watched { text, matchers, since_ms: None });
        Self {
            evaluations: 0,
            failures: 0,
            last_failure: None,
            selectors: selectors.collect(),
            // An instant vector looks back on nothing that must be there.
            wanted: match query.reach(Duration::ZERO) {
                Reach::Within(reach) => Some(reach),
                Reach::Everything => None,
            },
            last_ms: None,
            first_firing_ms: None,
            longest_held: None,
        }
    }

    /// Notes an evaluation, with the alerts that are active after it. What that costs is taken from `budget`.
    pub(super) fn note<'a>(
        &mut self,
        storage: &Storage,
        at_ms: i64,
        alerts: impl Iterator<Item = &'a Alert>,
        budget: &mut Budget,
    ) {
        self.evaluations += 1;
        self.last_ms = Some(at_ms);
        for selector in self.selectors.iter_mut().filter(|selector| selector.since_ms.is_none()) {
            let Ok(series) = storage.select_within(&selector.matchers, |cost| budget.spend(cost)) else {
                break;
            };
            if budget.spend(series.len() as u64 * LOOK).is_err() {
                break;
            }
            // The rule's own result, written at this time, is nothing that it looked at.
            let mut cut = storage.cut(i64::MIN, at_ms);
            selector.since_ms = series
                .into_iter()
                .filter_map(|id| cut.window(id).points().next().map(|(time, _)| time))
                .filter(|time| *time <= at_ms)
                .min();
        }
        for alert in alerts {
            if alert.state == AlertState::Firing {
                self.first_firing_ms = self.first_firing_ms.or(alert.firing_since_ms);
            }
            self.longest_held = self.longest_held.max(Some(alert.held(at_ms)));
        }
    }

    /// Notes that the evaluation failed, and why.
    pub(super) fn failed(&mut self, why: String) {
        self.failures += 1;
        self.last_failure = Some(why);
    }

    pub(super) fn status(&self, rule: &Rule) -> RuleStatus {
        let unmatched = self.selectors.iter().filter(|selector| selector.since_ms.is_none());
        // The shortest memory counts: what one selector lacks, the others don't make up for.
        let since = self.selectors.iter().filter_map(|selector| selector.since_ms).max();
        let had = self.last_ms.zip(since).map(|(last, since)| last.saturating_sub(since).max(0));
        RuleStatus {
            evaluations: self.evaluations,
            failures: self.failures,
            last_failure: self.last_failure.clone(),
            unmatched: unmatched.map(|selector| selector.text.clone()).collect(),
            coverage: Coverage {
                wanted: self.wanted,
                had: Duration::from_millis(had.unwrap_or_default().unsigned_abs()),
            },
            reading: rule.alerting().map(|alerting| self.reading(alerting.hold)),
        }
    }

    fn reading(&self, of: Duration) -> Reading {
        match (self.first_firing_ms, self.longest_held) {
            (Some(first_ms), _) => Reading::Fired { first_ms },
            _ if self.failures > 0 || self.evaluations == 0 => Reading::Undecided,
            (None, Some(held)) => Reading::Pending { held, of },
            (None, None) => Reading::Inactive,
        }
    }
}
