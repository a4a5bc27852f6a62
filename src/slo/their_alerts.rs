//! What the rule engine of the user's own Prometheus made of the same alerts, beside gander's own reading of them.
//!
//! Pure. Times are seconds since the load began.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{AlertHistory, AlertReading, AlertRow};
use crate::model::{
    Event, Labels, PrometheusEvent, Stamped, TheirAlert, TheirRule, TheirState, format_seconds,
};
use crate::promql::Query;

/// What a Prometheus made of one of the alerts whose rules gander evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TheirAlertRow {
    /// The alert's name.
    pub alert: String,
    /// Where gander's rule is written: `file:line`.
    pub origin: String,
    /// Whether the Prometheus runs the same rule.
    pub rule: TheirRuleState,
    /// When its condition began to hold there, before it fired or at last.
    pub active_at: Option<f64>,
    /// When it fired there first.
    pub fired_at: Option<f64>,
    /// When that was over there.
    pub ended_at: Option<f64>,
    /// When it fired first by gander's own reading.
    pub ours_fired_at: Option<f64>,
    /// Whether both say the same.
    pub agreement: Agreement,
    /// Why, in a few words.
    pub because: String,
}

/// Whether a Prometheus runs a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TheirRuleState {
    /// The same expression with the same `for`.
    Same,
    /// A rule of this name with another expression.
    OtherExpression,
    /// The same expression with another `for`.
    OtherHold,
    /// No rule of this name.
    NotLoaded,
    /// It did not tell.
    Unknown,
}

/// Whether two engines say the same of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// Both fired it at the same time, as far as that can be told; or neither did.
    Agree,
    /// One fired it and the other did not, or at another time.
    Differ,
    /// Neither can fire it: the series that it reads are not there.
    BothDead,
    /// They can't be held against each other.
    NotComparable,
}

impl Agreement {
    /// As tables say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Differ => "differ",
            Self::BothDead => "both dead",
            Self::NotComparable => "not comparable",
        }
    }
}

impl TheirRuleState {
    /// As tables say it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Same => "the same",
            Self::OtherExpression => "another expression",
            Self::OtherHold => "another `for`",
            Self::NotLoaded => "not loaded",
            Self::Unknown => "not known",
        }
    }
}

/// Each alert of `history` beside what `events` say of it; `zero_ms` is the time of day at which the run began, on the clock of the
/// Prometheus, which scrapes each `scrape_interval`.
pub fn their_alerts(
    events: &[Stamped<Event>],
    zero_ms: i64,
    scrape_interval: Option<Duration>,
    history: &AlertHistory,
) -> Vec<TheirAlertRow> {
    let seen = || events.iter().filter_map(|stamped| Some((stamped.at, of_prometheus(&stamped.what)?)));
    let rules = seen().find_map(|(_, event)| match event {
        PrometheusEvent::Rules { rules } => Some(rules.as_slice()),
        PrometheusEvent::Reached { .. } | PrometheusEvent::Alert(_) => None,
    });
    let alerts: Vec<(f64, &TheirAlert)> = seen()
        .filter_map(|(at, event)| match event {
            PrometheusEvent::Alert(alert) => Some((at.as_secs_f64(), alert)),
            PrometheusEvent::Reached { .. } | PrometheusEvent::Rules { .. } => None,
        })
        .collect();
    let theirs = Theirs { rules, alerts, zero_ms, scrape_interval: scrape_interval.unwrap_or_default() };
    history.rules.iter().map(|row| theirs.row(row, history)).collect()
}

fn of_prometheus(event: &Event) -> Option<&PrometheusEvent> {
    if let Event::Prometheus(seen) = event { Some(seen) } else { None }
}

struct Theirs<'a> {
    /// `None` where it did not tell.
    rules: Option<&'a [TheirRule]>,
    /// When a change was seen.
    alerts: Vec<(f64, &'a TheirAlert)>,
    zero_ms: i64,
    scrape_interval: Duration,
}

/// One alert from pending to its end.
#[derive(Debug, Clone, Copy, Default)]
struct Life {
    active: Option<f64>,
    fired: Option<f64>,
    ended: Option<f64>,
}

impl Theirs<'_> {
    fn row(&self, row: &AlertRow, history: &AlertHistory) -> TheirAlertRow {
        let (state, rule) = self.rule_of(row);
        let life = self.life_of(row, rule, history.span);
        let ours_fired_at = row.first_fired();
        let (agreement, because) = self.compared(row, state, rule, life, history.span);
        TheirAlertRow {
            alert: row.alert.clone(),
            origin: row.origin.clone(),
            rule: state,
            active_at: life.active,
            fired_at: life.fired,
            ended_at: life.ended,
            ours_fired_at,
            agreement,
            because,
        }
    }

    /// The rule that is most like ours.
    fn rule_of(&self, row: &AlertRow) -> (TheirRuleState, Option<&TheirRule>) {
        let Some(rules) = self.rules else { return (TheirRuleState::Unknown, None) };
        let expr = normal(&row.expr);
        let named = || rules.iter().filter(|rule| rule.name == row.alert);
        let same = || named().filter(|rule| normal(&rule.expr) == expr);
        let holds = |rule: &&TheirRule| (rule.hold - row.hold).abs() < 1e-3;
        if let Some(rule) = same().find(holds) {
            return (TheirRuleState::Same, Some(rule));
        }
        if let Some(rule) = same().next() {
            return (TheirRuleState::OtherHold, Some(rule));
        }
        match named().next() {
            Some(rule) => (TheirRuleState::OtherExpression, Some(rule)),
            None => (TheirRuleState::NotLoaded, None),
        }
    }

    /// The first of the rule's alerts that fired up to `end`, else the first that was pending.
    fn life_of(&self, row: &AlertRow, rule: Option<&TheirRule>, end: f64) -> Life {
        let mut lives: BTreeMap<&Labels, Life> = BTreeMap::new();
        let mut done: Vec<Life> = Vec::new();
        for (seen, alert) in self.alerts.iter().filter(|(_, alert)| is_of(row, &alert.labels)) {
            let life = lives.entry(&alert.labels).or_default();
            let active_at = alert.active_ms.map(|ms| (ms - self.zero_ms) as f64 / 1000.0);
            life.active = life.active.or(active_at);
            match alert.state {
                TheirState::Pending => {}
                TheirState::Firing => {
                    let fired = life.active.and_then(|active| fired_at(active, rule?));
                    life.fired = Some(fired.unwrap_or(*seen).min(*seen));
                }
                TheirState::Inactive => {
                    life.ended = Some(*seen);
                    done.push(std::mem::take(life));
                }
            }
        }
        done.extend(lives.into_values());
        let fired = done.iter().filter(|life| life.fired.is_some_and(|at| at <= end));
        let first = fired.min_by(|a, b| order(a.fired, b.fired));
        let pending = || {
            let pending = done.iter().filter(|life| life.active.is_some_and(|at| at <= end));
            pending.min_by(|a, b| order(a.active, b.active))
        };
        let life = first.or_else(pending).copied().unwrap_or_default();
        Life { fired: life.fired.filter(|at| *at <= end), ..life }
    }

    fn compared(
        &self,
        row: &AlertRow,
        state: TheirRuleState,
        rule: Option<&TheirRule>,
        life: Life,
        end: f64,
    ) -> (Agreement, String) {
        let not = |why: String| (Agreement::NotComparable, why);
        match (state, rule) {
            (TheirRuleState::Unknown, _) => return not("it does not tell which rules it runs".to_owned()),
            (TheirRuleState::NotLoaded, _) | (_, None) => {
                return not("it runs no rule of this name".to_owned());
            }
            (TheirRuleState::OtherExpression, Some(rule)) => {
                return not(format!("its rule has another expression: {}", normal(&rule.expr)));
            }
            (TheirRuleState::OtherHold, Some(rule)) => {
                return not(format!("its rule has `for: {}`", format_seconds(rule.hold)));
            }
            (TheirRuleState::Same, Some(_)) => {}
        }
        if matches!(row.reading, AlertReading::Failed | AlertReading::Refused) {
            return not(format!("gander could not evaluate it: {}", row.because));
        }
        if life.active.is_some_and(|at| at < 0.0) {
            return not("it was active there before the load began".to_owned());
        }
        let slack = self.scrape_interval.as_secs_f64() + rule.map_or(0.0, |rule| rule.interval);
        let close = |at: f64| at > end - slack;
        match (row.first_fired(), life.fired) {
            (None, None) if row.reading == AlertReading::NoSuchSeries => {
                (Agreement::BothDead, format!("it can fire in neither: {}", row.because))
            }
            (None, None) => (Agreement::Agree, "it fired in neither".to_owned()),
            (Some(ours), Some(theirs)) => {
                let apart = format_seconds((ours - theirs).abs());
                let told = format!(
                    "fired there at {}, here at {}: {apart} apart",
                    format_seconds(theirs),
                    format_seconds(ours)
                );
                // Times of day are rounded to milliseconds.
                let agree = (ours - theirs).abs() <= slack + 0.005;
                (if agree { Agreement::Agree } else { Agreement::Differ }, told)
            }
            (Some(at), None) | (None, Some(at)) if close(at) => not(format!(
                "it fired in one of both at {}, too close to the end for the other",
                format_seconds(at)
            )),
            (Some(ours), None) => {
                (Agreement::Differ, format!("fired here at {}, and not there", format_seconds(ours)))
            }
            (None, Some(theirs)) => (
                Agreement::Differ,
                format!("fired there at {}, and not here: {}", format_seconds(theirs), row.because),
            ),
        }
    }
}

/// Rules of one name are told apart by their severity.
fn is_of(row: &AlertRow, labels: &Labels) -> bool {
    let severity = labels.get("severity").unwrap_or_default();
    labels.get("alertname") == Some(row.alert.as_str())
        && (row.severity.is_empty() || row.severity == severity)
}

/// Alerts come to a state when their group is evaluated: firing is so many intervals after pending.
fn fired_at(active_at: f64, rule: &TheirRule) -> Option<f64> {
    let intervals = (rule.hold / rule.interval - 1e-6).ceil().max(0.0);
    Some(active_at + intervals * rule.interval).filter(|at| at.is_finite())
}

/// An expression as PromQL prints it, so that blanks and brackets make no difference.
fn normal(expr: &str) -> String {
    Query::parse(expr).map_or_else(|_| expr.to_owned(), |query| query.expr().to_string())
}

fn order(a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
    a.unwrap_or(f64::INFINITY).total_cmp(&b.unwrap_or(f64::INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Event, Stamped};

    const ZERO_MS: i64 = 1_700_000_000_000;

    fn row(fired_at: Option<f64>) -> AlertRow {
        let span = |fired_at| crate::slo::AlertSpan {
            labels: [("alertname", "High")].into_iter().collect(),
            active_at: 0.0,
            fired_at: Some(fired_at),
            ended_at: None,
            value: "1".to_owned(),
            annotations: BTreeMap::new(),
        };
        AlertRow {
            alert: "High".to_owned(),
            group: "g".to_owned(),
            origin: "r.yml:1".to_owned(),
            expr: "sum( rate(x[5m]) )>0.5".to_owned(),
            hold: 20.0,
            severity: String::new(),
            reading: if fired_at.is_some() { AlertReading::Fired } else { AlertReading::Silent },
            because: "its condition never held".to_owned(),
            out_of_reach: false,
            needs: None,
            coverage: 1.0,
            projected: None,
            spans: fired_at.map(span).into_iter().collect(),
            receivers: Vec::new(),
        }
    }

    fn rule(expr: &str, hold: f64) -> TheirRule {
        let (name, group) = ("High".to_owned(), "g".to_owned());
        TheirRule { name, group, expr: expr.to_owned(), hold, interval: 10.0 }
    }

    fn same() -> TheirRule {
        rule("sum(rate(x[5m])) > 0.5", 20.0)
    }

    /// At which second it was seen, in which state, active since which second.
    type Seen = (u64, TheirState, i64);

    fn compared(rules: Vec<TheirRule>, seen: &[Seen], ours: Option<f64>) -> TheirAlertRow {
        beside(rules, seen, row(ours))
    }

    fn beside(rules: Vec<TheirRule>, seen: &[Seen], ours: AlertRow) -> TheirAlertRow {
        let at = |second, what| Stamped { at: Duration::from_secs(second), what: Event::Prometheus(what) };
        let alerts = seen.iter().map(|(second, state, active)| {
            let labels = [("alertname", "High"), ("job", "m")].into_iter().collect();
            let alert = TheirAlert { labels, state: *state, active_ms: Some(ZERO_MS + active * 1000) };
            at(*second, PrometheusEvent::Alert(alert))
        });
        let events: Vec<_> = std::iter::once(at(0, PrometheusEvent::Rules { rules })).chain(alerts).collect();
        let history = AlertHistory {
            time_scale: 1,
            span: 100.0,
            unknown_from: None,
            rules: vec![ours],
            broken: Vec::new(),
            pages: None,
            held_back: Vec::new(),
        };
        their_alerts(&events, ZERO_MS, Some(Duration::from_secs(5)), &history).remove(0)
    }

    #[track_caller]
    fn check(found: &TheirAlertRow, agreement: Agreement, because: &str) {
        assert_eq!((found.agreement, found.because.as_str()), (agreement, because));
    }

    const FIRED: [Seen; 2] = [(12, TheirState::Pending, 10), (33, TheirState::Firing, 10)];

    #[test]
    fn both_agree_within_an_evaluation_and_a_scrape() {
        let found = compared(vec![same()], &FIRED, Some(40.0));
        // Seen at 33 s; by its rule it fired two evaluations after it was active.
        assert_eq!((found.active_at, found.fired_at), (Some(10.0), Some(30.0)));
        check(&found, Agreement::Agree, "fired there at 30.0 s, here at 40.0 s: 10.0 s apart");
        check(&compared(vec![same()], &[], None), Agreement::Agree, "it fired in neither");
        let found = compared(vec![same()], &FIRED, Some(46.0));
        check(&found, Agreement::Differ, "fired there at 30.0 s, here at 46.0 s: 16.0 s apart");
    }

    #[test]
    fn what_reads_series_that_are_not_there_agrees_with_nothing() {
        let mut dead = row(None);
        (dead.reading, dead.because) = (AlertReading::NoSuchSeries, "the Prometheus has no x".to_owned());
        let found = beside(vec![same()], &[], dead);
        check(&found, Agreement::BothDead, "it can fire in neither: the Prometheus has no x");
    }

    #[test]
    fn what_only_one_of_them_fired_differs_unless_the_end_was_near() {
        let found = compared(vec![same()], &FIRED, None);
        check(&found, Agreement::Differ, "fired there at 30.0 s, and not here: its condition never held");
        let found = compared(vec![same()], &[], Some(30.0));
        check(&found, Agreement::Differ, "fired here at 30.0 s, and not there");
        let found = compared(vec![same()], &[], Some(90.0));
        let why = "it fired in one of both at 90.0 s, too close to the end for the other";
        check(&found, Agreement::NotComparable, why);
        // After the load it says nothing.
        let late: [Seen; 1] = [(120, TheirState::Firing, 95)];
        let found = compared(vec![same()], &late, None);
        assert_eq!((found.agreement, found.fired_at, found.active_at), (Agreement::Agree, None, Some(95.0)));
    }

    #[test]
    fn another_rule_of_that_name_is_not_compared() {
        let found = compared(vec![rule("sum(rate(x[5m])) > 0.9", 20.0)], &FIRED, Some(30.0));
        assert_eq!(found.rule, TheirRuleState::OtherExpression);
        let why = "its rule has another expression: sum(rate(x[5m])) > 0.9";
        check(&found, Agreement::NotComparable, why);
        let found = compared(vec![rule("sum(rate(x[5m])) > 0.5", 60.0)], &FIRED, Some(30.0));
        check(&found, Agreement::NotComparable, "its rule has `for: 60.0 s`");
        let found = compared(Vec::new(), &[], Some(30.0));
        assert_eq!(found.rule, TheirRuleState::NotLoaded);
    }

    #[test]
    fn what_was_active_before_the_load_has_no_time_to_compare() {
        let before: [Seen; 1] = [(1, TheirState::Firing, -60)];
        let found = compared(vec![same()], &before, Some(20.0));
        check(&found, Agreement::NotComparable, "it was active there before the load began");
    }
}
