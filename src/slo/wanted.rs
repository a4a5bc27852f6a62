//! Which series a run's criteria read: what a Prometheus is asked for, and how far back.
//!
//! One place for all of them: whatever else comes to read series adds its selectors in [`wanted`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::alerts::evaluated_groups;
use super::queried::{COUNTING, stand_in};
use super::{Criteria, Divisor, Indicator, Reading, Selector};
use crate::metrics::{START_TIME, UP};
use crate::promql::{Engine, ExprKind, METRIC_NAME, MatchOp, Matcher, Query, Reach};
use crate::rules::Group;
use crate::verify::DashboardChecks;

/// What criteria read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Each once, in order.
    pub selectors: Vec<WantedSeries>,
    /// How far back of the run; `None` where an `@` may look at anything.
    pub reach: Option<Duration>,
    /// Names of the alerts of the rules, each once, in order.
    pub alerts: Vec<String>,
}

/// Series that criteria read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSeries {
    /// As the rules have them, without ranges.
    pub selector: String,
    /// As they are asked for: with the matchers of `select`.
    pub query: String,
}

/// A `select` that is no selection of series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectProblem {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
    /// Which bytes of it.
    pub span: Range<usize>,
}

/// The series that `criteria` read, `up` among them, narrowed by the matchers `select`.
pub fn wanted(criteria: &Criteria, select: Option<&str>) -> Wanted {
    let mut reads = Reads::default();
    reads.selector(&[name_is(UP)]);
    let groups = criteria.alerts.as_ref().map(evaluated_groups).unwrap_or_default();
    for group in &groups {
        reads.group(group);
    }
    for objective in &criteria.objectives {
        reads.indicator(&objective.indicator);
        if reads_counters(&objective.indicator) {
            // A counter that falls is told from a target that began again by it.
            reads.selector(&[name_is(START_TIME)]);
        }
    }
    if let Some(dashboards) = &criteria.checks.dashboards {
        reads.dashboards(dashboards);
    }
    let narrowing = select.and_then(|select| read_select(select).ok()).unwrap_or_default();
    let rules = groups.iter().flat_map(|group| &group.rules);
    let mut alerts: Vec<String> =
        rules.filter(|rule| rule.alerting().is_some()).map(|rule| rule.name.clone()).collect();
    alerts.sort();
    alerts.dedup();
    Wanted { selectors: reads.selectors(&narrowing), reach: reads.reach(), alerts }
}

/// True where what is asked for depends on which falls of a counter are restarts.
fn reads_counters(indicator: &Indicator) -> bool {
    match indicator {
        Indicator::Events(_) => true,
        Indicator::Promql(asked) => Query::parse(&stand_in(&asked.query))
            .is_ok_and(|query| query.functions().iter().any(|name| COUNTING.contains(name))),
        Indicator::Metric(asked) => {
            let divisor = match &asked.divided_by {
                Some(Divisor::Metric(selector)) => Some(selector),
                Some(Divisor::Number(_)) | None => None,
            };
            std::iter::once(&asked.value).chain(divisor).any(|selector| selector.read == Reading::Rate)
        }
        Indicator::Latency { .. }
        | Indicator::Stream { .. }
        | Indicator::ErrorRatio { .. }
        | Indicator::Throughput { .. } => false,
    }
}

/// True when `criteria` read any series at all.
pub fn reads_metrics(criteria: &Criteria) -> bool {
    criteria.alerts.is_some()
        || criteria.checks.truth.is_some()
        || criteria.checks.dashboards.is_some()
        || criteria.objectives.iter().any(|objective| objective.indicator.is_scraped())
}

/// The matchers of a `select`.
pub(crate) fn read_select(text: &str) -> Result<Vec<Matcher>, SelectProblem> {
    let help = "write matchers of labels alone, such as `{job=\"mcp-server\"}`".to_owned();
    let query = Query::parse(text).map_err(|error| SelectProblem {
        message: error.message,
        help: error.help.unwrap_or_else(|| help.clone()),
        span: error.span,
    })?;
    let whole = 0..text.len();
    let ExprKind::Selector(selector) = &query.expr().kind else {
        return Err(SelectProblem { message: "this selects no series".to_owned(), help, span: whole });
    };
    let message = if selector.name().is_some() {
        "this names one metric, but what is selected must fit every metric that is read"
    } else if selector.at.is_some() || selector.offset_ms != 0 {
        "series are selected whatever their time"
    } else {
        return Ok(selector.matchers.clone());
    };
    Err(SelectProblem { message: message.to_owned(), help, span: whole })
}

/// A selector as it is written, from its matchers.
pub(super) fn selector_text(matchers: &[Matcher]) -> String {
    let name = matchers.iter().find(|matcher| matcher.is_name() && is_plain(&matcher.value));
    let others: Vec<String> = matchers
        .iter()
        .filter(|matcher| name.is_none_or(|name| !std::ptr::eq(*matcher, name)))
        .map(|matcher| {
            // A name that is no plain one stands behind its label.
            if METRIC_NAME == &*matcher.name {
                format!("{METRIC_NAME}{}\"{}\"", matcher.op.symbol(), escaped(&matcher.value))
            } else {
                matcher.to_string()
            }
        })
        .collect();
    let named = name.map_or("", |name| &*name.value);
    if others.is_empty() { named.to_owned() } else { format!("{named}{{{}}}", others.join(",")) }
}

fn is_plain(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn name_is(name: &str) -> Matcher {
    Matcher::new(METRIC_NAME, MatchOp::Equal, name).expect("no pattern is compiled")
}

/// Selectors by their texts.
#[derive(Default)]
struct Reads {
    by_text: BTreeMap<String, Vec<Matcher>>,
    back: Duration,
    anywhere: bool,
}

impl Reads {
    fn group(&mut self, group: &Group) {
        for rule in &group.rules {
            self.query(&rule.query, group.query_offset);
        }
    }

    fn query(&mut self, query: &Query, offset: Duration) {
        for selection in query.selectors() {
            self.selector(&selection.selector.matchers);
        }
        match query.reach(Engine::default().lookback) {
            Reach::Within(back) => self.back = self.back.max(back.saturating_add(offset)),
            Reach::Everything => self.anywhere = true,
        }
    }

    fn indicator(&mut self, indicator: &Indicator) {
        let texts = match indicator {
            Indicator::Metric(indicator) => {
                self.metric(&indicator.value);
                if let Some(Divisor::Metric(selector)) = &indicator.divided_by {
                    self.metric(selector);
                }
                return;
            }
            Indicator::Promql(indicator) => vec![&indicator.query],
            Indicator::Events(indicator) => indicator.queries(),
            Indicator::Latency { .. }
            | Indicator::Stream { .. }
            | Indicator::ErrorRatio { .. }
            | Indicator::Throughput { .. } => return,
        };
        // Files with mistakes were refused before. Nothing before the steady phase is looked at.
        for query in texts.into_iter().filter_map(|text| Query::parse(&stand_in(text)).ok()) {
            for selection in query.selectors() {
                self.selector(&selection.selector.matchers);
            }
        }
    }

    /// Whole metrics: what variables stand for in matchers is known in the run alone.
    fn dashboards(&mut self, dashboards: &DashboardChecks) {
        for name in dashboards.metrics() {
            self.selector(&[name_is(&name)]);
        }
        for query in dashboards.queries() {
            match query.reach(Engine::default().lookback) {
                Reach::Within(back) => self.back = self.back.max(back),
                Reach::Everything => self.anywhere = true,
            }
        }
    }

    fn metric(&mut self, selector: &Selector) {
        let labels = selector
            .labels
            .iter()
            .map(|(name, value)| Matcher::new(name, MatchOp::Equal, value).expect("no pattern is compiled"));
        let matchers: Vec<Matcher> = std::iter::once(name_is(&selector.metric)).chain(labels).collect();
        self.selector(&matchers);
        self.back = self.back.max(Engine::default().lookback);
    }

    fn selector(&mut self, matchers: &[Matcher]) {
        self.by_text.insert(selector_text(matchers), matchers.to_vec());
    }

    /// Without those whose series another one has, too.
    fn selectors(&self, narrowing: &[Matcher]) -> Vec<WantedSeries> {
        let is_in_another = |matchers: &[Matcher]| {
            let name = matchers.iter().find(|matcher| matcher.is_name());
            matchers.len() > 1 && name.is_some_and(|name| self.by_text.contains_key(&*name.value))
        };
        let kept = self.by_text.iter().filter(|(_, matchers)| !is_in_another(matchers));
        let wanted = kept.map(|(text, matchers)| {
            let narrowed: Vec<Matcher> = matchers.iter().chain(narrowing).cloned().collect();
            WantedSeries { selector: text.clone(), query: selector_text(&narrowed) }
        });
        wanted.collect()
    }

    fn reach(&self) -> Option<Duration> {
        (!self.anywhere).then_some(self.back)
    }
}

/// True when the series of a selector are among those of `asked`.
pub(super) fn is_asked_by(matchers: &[Matcher], asked: &str) -> bool {
    let name = matchers.iter().find(|matcher| matcher.is_name());
    selector_text(matchers) == asked || name.is_some_and(|name| &*name.value == asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;
    use crate::slo::{AlertCriteria, TextFile};

    fn of_rules(text: &str, time_scale: u32) -> Criteria {
        let rules = vec![TextFile { name: "rules.yml".to_owned(), text: text.to_owned() }];
        let alerts = AlertCriteria {
            rules,
            alertmanager: None,
            evaluation_interval: Duration::from_secs(60),
            labels: Labels::new(),
            external_labels: Labels::new(),
            time_scale,
            out_of_reach: Vec::new(),
            expectations: Vec::new(),
        };
        Criteria { alerts: Some(alerts), ..Criteria::default() }
    }

    const RULES: &str = r#"groups:
- name: g
  query_offset: 1m
  rules:
  - {record: "job:x:rate", expr: 'sum(rate(x_total{code=~"5.."}[10m] offset 5m)) / sum(rate(x_total[5m]))'}
  - {alert: High, expr: 'job:x:rate > 0.1 and on () y{a="1"} unless {__name__=~"z.*", b!="\"q\""}'}
"#;

    fn texts(wanted: &Wanted) -> Vec<(&str, &str)> {
        wanted.selectors.iter().map(|one| (one.selector.as_str(), one.query.as_str())).collect()
    }

    #[test]
    fn rules_say_which_series_are_read_and_how_far_back() {
        let wanted = wanted(&of_rules(RULES, 1), Some(r#"{job="m"}"#));
        let expected = [
            ("job:x:rate", r#"job:x:rate{job="m"}"#),
            ("up", r#"up{job="m"}"#),
            ("x_total", r#"x_total{job="m"}"#),
            (r#"y{a="1"}"#, r#"y{a="1",job="m"}"#),
            (r#"{__name__=~"z.*",b!="\"q\""}"#, r#"{__name__=~"z.*",b!="\"q\"",job="m"}"#),
        ];
        assert_eq!(texts(&wanted), expected);
        assert_eq!(wanted.reach, Some(Duration::from_secs(16 * 60)));
        assert_eq!(wanted.alerts, ["High"]);
        // What is asked for is PromQL again.
        for (_, query) in expected {
            Query::parse(&format!("{query}[5m]")).unwrap();
        }
    }

    #[test]
    fn dashboards_are_asked_whole_metrics() {
        let dashboard = r#"{"title": "d", "templating": {"list": [
            {"name": "tool", "type": "query", "query": "label_values(calls_total{job=\"x\"}, tool)"},
            {"name": "metric", "type": "query", "query": "label_values(up, job)"}]},
            "panels": [{"targets": [{"expr": "rate(seconds_sum{tool=~\"$tool\"}[7m]) / rate(seconds_count[$__range])"}]},
                {"targets": [{"expr": "calls_${metric}"}]}]}"#;
        let read = |path: &std::path::Path| match path.to_str() {
            Some("d.json") => Ok(dashboard.to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        };
        let files = crate::input::Files { read: &read, names: &|_| Vec::new() };
        let text = "version: 1\nchecks: {dashboards: {files: [d.json]}}\n";
        let criteria = crate::slo::load("slo.yaml", text, files).unwrap();
        let wanted = wanted(&criteria, Some(r#"{job="m"}"#));
        let selectors: Vec<&str> = wanted.selectors.iter().map(|one| one.selector.as_str()).collect();
        assert_eq!(selectors, ["calls_total", "calls_x", "seconds_count", "seconds_sum", "up"]);
        assert_eq!(wanted.reach, Some(Duration::from_secs(7 * 60)));
        assert!(reads_metrics(&criteria));
    }

    #[test]
    fn a_faster_time_looks_less_far_back() {
        let wanted = wanted(&of_rules(RULES, 10), None);
        assert!(wanted.reach.unwrap() < Duration::from_secs(6 * 60), "{:?}", wanted.reach);
        assert_eq!(wanted.selectors[0].query, "job:x:rate");
    }

    #[test]
    fn without_rules_scrapes_alone_are_looked_at() {
        let wanted = wanted(&Criteria::default(), None);
        assert_eq!(texts(&wanted), [("up", "up")]);
        assert!(!reads_metrics(&Criteria::default()) && reads_metrics(&of_rules(RULES, 1)));
    }

    #[test]
    fn a_select_is_matchers_of_labels_and_nothing_else() {
        assert_eq!(read_select(r#"{job="a",tool=~"b.*"}"#).unwrap().len(), 2);
        for (text, message) in [
            ("up", "this names one metric, but what is selected must fit every metric that is read"),
            (r#"{job="a"} offset 5m"#, "series are selected whatever their time"),
            (r#"{job="a"}[5m]"#, "this selects no series"),
            ("1 + 1", "this selects no series"),
        ] {
            assert_eq!(read_select(text).unwrap_err().message, message, "{text}");
        }
        for text in ["{}", "{job=}", "job=\"a\"", ""] {
            assert!(read_select(text).is_err(), "{text}");
        }
    }
}
