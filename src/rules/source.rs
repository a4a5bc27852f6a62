//! Which rules make the series that a query reads, as far as names and labels are known before anything is evaluated.

use std::time::Duration;

use super::rule::{Alerting, Rule, RuleKind};
use crate::promql::{METRIC_NAME, Query, Selector};

/// How long a rule's condition must have held until what `query` reads of it is there: nothing for what is recorded, `for`
/// for alerts that fire. `None` where it reads nothing of it.
///
/// Labels that come from the rule's own series are not known: a matcher on one may fit.
pub(super) fn read_of(query: &Query, rule: &Rule) -> Option<Duration> {
    let selections = query.selectors();
    selections.iter().filter_map(|selection| selected_of(selection.selector, rule)).max()
}

fn selected_of(selector: &Selector, rule: &Rule) -> Option<Duration> {
    match &rule.kind {
        RuleKind::Recording { labels } => {
            let label = |name: &str| match name {
                METRIC_NAME => Some(rule.name.as_str()),
                _ => labels.get(name).map(String::as_str),
            };
            fits(selector, label).then_some(Duration::ZERO)
        }
        RuleKind::Alerting(alerting) => {
            let read =
                |metric, state| fits(selector, |name| alert_label(rule, alerting, metric, state, name));
            if read("ALERTS", Some("firing")) {
                return Some(alerting.hold);
            }
            let early = read("ALERTS", Some("pending")) || read("ALERTS_FOR_STATE", None);
            early.then_some(Duration::ZERO)
        }
    }
}

/// A label of the series that an alert leaves; `None` where it is not known.
fn alert_label<'a>(
    rule: &'a Rule,
    alerting: &'a Alerting,
    metric: &'a str,
    state: Option<&'a str>,
    name: &str,
) -> Option<&'a str> {
    match name {
        METRIC_NAME => Some(metric),
        "alertname" => Some(&rule.name),
        "alertstate" if state.is_some() => state,
        _ => alerting.labels.get(name).map(super::Template::text).filter(|text| !text.contains("{{")),
    }
}

fn fits<'a>(selector: &Selector, label: impl Fn(&str) -> Option<&'a str>) -> bool {
    selector.matchers.iter().all(|matcher| label(&matcher.name).is_none_or(|value| matcher.matches(value)))
}
