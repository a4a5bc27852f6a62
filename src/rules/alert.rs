//! The alerts of one rule: pending, firing, gone. A pure state machine, that of Prometheus.
//!
//! It knows what the expression gave and when; it asks nothing itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rule::Alerting;
use crate::promql::Labels;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// The condition does not hold, or no longer.
    Inactive,
    /// It holds, but not for as long as `for` asks.
    Pending,
    /// It has held for as long as `for` asks.
    Firing,
}

impl AlertState {
    /// As Prometheus writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An alert that is pending or firing.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Which it is: the labels of the series without its name, those of the rule, and `alertname`. External
    /// labels are added by whoever sends it.
    pub labels: Labels,
    /// Pending or firing.
    pub state: AlertState,
    /// The texts, as of the last evaluation at which the condition held.
    pub annotations: BTreeMap<String, String>,
    /// What the expression gave, at that evaluation.
    pub value: f64,
    /// When the condition began to hold, in milliseconds since 1970.
    pub active_since_ms: i64,
    /// Since when it fires.
    pub firing_since_ms: Option<i64>,
    /// Since when it fires by `keep_firing_for` alone.
    kept_since_ms: Option<i64>,
}

impl Alert {
    /// One whose condition begins to hold at `at_ms`.
    pub(super) fn new(labels: Labels, value: f64, annotations: BTreeMap<String, String>, at_ms: i64) -> Self {
        Self {
            labels,
            state: AlertState::Pending,
            annotations,
            value,
            active_since_ms: at_ms,
            firing_since_ms: None,
            kept_since_ms: None,
        }
    }

    /// How long the condition has held at `at_ms`.
    pub fn held(&self, at_ms: i64) -> Duration {
        Duration::from_millis(at_ms.saturating_sub(self.active_since_ms).max(0).unsigned_abs())
    }
}

/// An alert that has come to another state.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it was before.
    pub from: AlertState,
    /// The alert after it; of one that is gone (`state` is [`AlertState::Inactive`]) as it was last.
    pub alert: Alert,
}

/// The alerts of one rule, each under its labels.
#[derive(Debug, Clone, Default)]
pub(super) struct Alerts {
    active: BTreeMap<Labels, Alert>,
}

impl Alerts {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.active.values()
    }

    /// Takes what the expression gave at `at_ms`: an alert for each series, its labels each once.
    ///
    /// A series that is missing takes a pending alert back, and ends a firing one unless it is kept. More active ones than
    /// `limit` (0 is none) are an error that takes all away.
    pub(super) fn take(
        &mut self,
        found: BTreeMap<Labels, Alert>,
        rule: &Alerting,
        limit: usize,
        at_ms: i64,
    ) -> (Vec<Change>, Result<(), String>) {
        let mut changes = Vec::new();
        let before = std::mem::take(&mut self.active);
        let mut found = found;
        for (labels, mut alert) in before {
            match found.remove(&labels) {
                Some(again) => {
                    alert.value = again.value;
                    alert.annotations = again.annotations;
                    alert.kept_since_ms = None;
                    self.step(alert, AlertState::Pending, rule, at_ms, &mut changes);
                }
                None if keeps_firing(&mut alert, rule, at_ms) => {
                    self.active.insert(labels, alert);
                }
                None => end(alert, &mut changes),
            }
        }
        for alert in found.into_values() {
            self.step(alert, AlertState::Inactive, rule, at_ms, &mut changes);
        }
        if limit > 0 && self.active.len() > limit {
            let count = self.active.len();
            for alert in std::mem::take(&mut self.active).into_values() {
                // What has only just come to be was never there.
                if alert.active_since_ms != at_ms {
                    end(alert, &mut changes);
                }
            }
            changes.retain(|change| change.alert.state == AlertState::Inactive);
            return (changes, Err(format!("exceeded limit of {limit} with {count} alerts")));
        }
        (changes, Ok(()))
    }

    /// An alert whose condition holds: it fires when it has held for long enough.
    fn step(
        &mut self,
        mut alert: Alert,
        from_when_pending: AlertState,
        rule: &Alerting,
        at_ms: i64,
        changes: &mut Vec<Change>,
    ) {
        if alert.state == AlertState::Pending {
            let fires = alert.held(at_ms) >= rule.hold;
            if fires {
                alert.state = AlertState::Firing;
                alert.firing_since_ms = Some(at_ms);
            }
            if fires || from_when_pending == AlertState::Inactive {
                changes.push(Change { from: from_when_pending, alert: alert.clone() });
            }
        }
        self.active.insert(alert.labels.clone(), alert);
    }
}

fn end(mut alert: Alert, changes: &mut Vec<Change>) {
    let from = std::mem::replace(&mut alert.state, AlertState::Inactive);
    changes.push(Change { from, alert });
}

fn keeps_firing(alert: &mut Alert, rule: &Alerting, at_ms: i64) -> bool {
    if alert.state != AlertState::Firing || rule.keep_firing.is_zero() {
        return false;
    }
    let since = *alert.kept_since_ms.get_or_insert(at_ms);
    u128::from(at_ms.abs_diff(since)) < rule.keep_firing.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(hold_s: u64, keep_s: u64) -> Alerting {
        Alerting {
            hold: Duration::from_secs(hold_s),
            keep_firing: Duration::from_secs(keep_s),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// One alert `a`, evaluated each 10 s: `x` where its condition holds. What is left: `-`, `p`, `f` at each.
    #[track_caller]
    fn check(hold_s: u64, keep_s: u64, condition: &str, states: &str) {
        let mut alerts = Alerts::default();
        let mut seen = String::new();
        let mut told = AlertState::Inactive;
        for (at, c) in condition.chars().enumerate() {
            let at_ms = i64::try_from(at).unwrap() * 10_000;
            let labels = Labels::from_pairs([("alertname", "a")]);
            let alert = Alert::new(labels.clone(), 1.0, BTreeMap::new(), at_ms);
            let found = if c == 'x' { BTreeMap::from([(labels, alert)]) } else { BTreeMap::new() };
            let (changes, result) = alerts.take(found, &rule(hold_s, keep_s), 0, at_ms);
            result.unwrap();
            for change in changes {
                assert_eq!(change.from, told, "a change begins where the last one ended");
                told = change.alert.state;
            }
            let state = alerts.iter().next().map_or(AlertState::Inactive, |alert| alert.state);
            assert_eq!(told, state, "each change is told");
            seen.push(match state {
                AlertState::Inactive => '-',
                AlertState::Pending => 'p',
                AlertState::Firing => 'f',
            });
        }
        assert_eq!(seen, states, "for {hold_s}s, keep {keep_s}s, {condition}");
    }

    #[test]
    fn an_alert_fires_when_its_condition_has_held_for_long_enough() {
        check(0, 0, "-xx-x", "-ff-f");
        check(20, 0, "xxxx-xxx", "ppff-ppf");
        check(25, 0, "xxxxx", "pppff");
        check(20, 0, "xx-xx-", "pp-pp-");
    }

    #[test]
    fn a_firing_alert_is_kept_and_a_pending_one_is_not() {
        check(0, 20, "x---x", "fff-f");
        check(20, 20, "xx-xxx---", "pp-ppfff-");
        // The time begins again when the condition holds again.
        check(0, 20, "x-x---", "fffff-");
    }

    #[test]
    fn too_many_alerts_are_an_error_that_takes_all_away() {
        let some = |from: i32, to: i32, at_ms| {
            let alert = |n: i32| {
                let labels = Labels::from_pairs([("n", n.to_string())]);
                (labels.clone(), Alert::new(labels, 1.0, BTreeMap::new(), at_ms))
            };
            (from..to).map(alert).collect::<BTreeMap<_, _>>()
        };
        let mut alerts = Alerts::default();
        assert_eq!(alerts.take(some(0, 2, 0), &rule(0, 0), 2, 0).0.len(), 2);
        let (changes, result) = alerts.take(some(0, 3, 10), &rule(0, 0), 2, 10);
        assert_eq!(result.unwrap_err(), "exceeded limit of 2 with 3 alerts");
        assert_eq!(changes.len(), 2, "the two that were there are gone: {changes:?}");
        assert_eq!(alerts.iter().count(), 0);
    }
}
