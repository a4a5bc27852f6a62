//! Rules over what a Prometheus gave: its labels, what was before the run, and what it did not give.

use std::time::Duration;

use super::tests::{check, row};
use super::{
    AlertCriteria, AlertExpectation, AlertHistory, AlertReading, Expected, TextFile, alert_findings,
    alert_history,
};
use crate::metrics::{FetchEncoder, Fetched, FetchedSeries, FetchedStore, SeriesStore};
use crate::model::{Labels, Verdict};
use crate::promql::Query;
use crate::slo::{Criteria, Recorded, fetch_gap, fetched_series, wanted, without_series};

const ZERO_MS: i64 = 1_700_000_000_000;

const RULES: &str = r#"
groups:
  - name: recorded
    interval: 10s
    rules: [{record: "job:errors:share", expr: "sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(calls_total[5m]))"}]
  - name: g
    interval: 10s
    rules:
      - {alert: Errors, expr: "job:errors:share > 0.05", for: 30s}
      - {alert: Trend, expr: "avg_over_time(job:errors:share[5m]) > 0.9"}
      - {alert: Theirs, expr: "theirs:recorded > 5", for: 20s}
      - {alert: Quiet, expr: "rate(calls_total[5m]) > 1e9"}
      - {alert: Dead, expr: "container_memory > 1"}
      - {alert: Gone, expr: "absent(container_memory)"}
      - {alert: Deep, expr: "rate(calls_total[1h]) > 1e9"}
"#;

fn criteria() -> AlertCriteria {
    let expectation = |alert: &str, expected| AlertExpectation {
        alert: Some(alert.to_owned()),
        labels: Labels::new(),
        expected,
        origin: "slo.yaml:3".to_owned(),
    };
    AlertCriteria {
        rules: vec![TextFile { name: "rules.yml".to_owned(), text: RULES.to_owned() }],
        alertmanager: None,
        evaluation_interval: Duration::from_secs(60),
        labels: [("job", "not-used")].into_iter().collect(),
        external_labels: Labels::new(),
        time_scale: 1,
        out_of_reach: Vec::new(),
        expectations: vec![
            expectation("Errors", Expected::Fires { within: None }),
            expectation("Errors", Expected::Resolves { within: None }),
            expectation("Quiet", Expected::StaysSilent),
            expectation("Dead", Expected::StaysSilent),
        ],
    }
}

/// A sample each 5 s from ten minutes before the run up to second `until`: 10 calls a second, of which from second 0 on
/// every fifth fails; and what the Prometheus records itself, from its own copy of the rules, too.
fn series(until: i64) -> Vec<FetchedSeries> {
    let each = |value: &dyn Fn(i64) -> f64| -> Vec<(i64, f64)> {
        (-120..=until / 5).map(|i| (ZERO_MS + i * 5_000, value(i * 5))).collect()
    };
    let made = |name: &str, samples| FetchedSeries {
        name: name.to_owned(),
        labels: [("job", "m"), ("instance", "h:1")].into_iter().collect(),
        samples,
    };
    vec![
        made("up", each(&|_| 1.0)),
        made("calls_total", each(&|at| (at + 700) as f64 * 10.0)),
        made("errors_total", each(&|at| at.max(0) as f64 * 2.0)),
        made("job:errors:share", each(&|_| 0.01)),
        made("theirs:recorded", each(&|at| if at >= 20 { 9.0 } else { 1.0 })),
    ]
}

/// What was asked for of these rules, and answered with [`series`]; of those that are `left_out` nothing came.
fn store(until: i64, left_out: &[&str]) -> FetchedStore {
    store_of(&series(until), until, left_out)
}

fn store_of(all: &[FetchedSeries], until: i64, left_out: &[&str]) -> FetchedStore {
    let criteria = Criteria { alerts: Some(criteria()), ..Criteria::default() };
    let round = wanted(&criteria, None).selectors.into_iter().map(|wanted| {
        if left_out.contains(&wanted.selector.as_str()) {
            let span = Err("refused".to_owned());
            return Fetched { selector: wanted.selector, span, series: Vec::new() };
        }
        let query = Query::parse(&wanted.query).unwrap();
        let name = query.selectors()[0].selector.name().map(str::to_owned);
        let series = all.iter().filter(|one| Some(&one.name) == name.as_ref()).cloned().collect();
        let span = Ok((ZERO_MS - 600_000, ZERO_MS + until * 1000));
        Fetched { selector: wanted.selector, span, series }
    });
    let mut store = FetchedStore::default();
    store.apply(&FetchEncoder::default().record(1, ZERO_MS, round.collect())).unwrap();
    store
}

fn history(store: &FetchedStore, criteria: &AlertCriteria, end: u64) -> AlertHistory {
    let series = SeriesStore::default();
    let recorded = Recorded { series: &series, events: &[], fetched: Some(store), zero_ms: store.zero_ms() };
    alert_history(criteria, recorded, &(Duration::ZERO..Duration::from_secs(end)))
}

#[test]
fn what_was_before_the_run_fills_ranges() {
    let history = history(&store(130, &[]), &criteria(), 120);
    // 5 % of five minutes is there after 75 s of 20 %; the rule's own series is used, not that of the Prometheus.
    check(&history, "Errors", AlertReading::Fired, "fired after 1m 50s");
    let labels = [("alertname", "Errors"), ("job", "m")].into_iter().collect();
    assert_eq!(row(&history, "Errors").spans[0].labels, labels);
    assert!(history.broken.is_empty(), "{:?}", history.broken);
    check(&history, "Theirs", AlertReading::Fired, "fired after 40.0 s");
    check(&history, "Quiet", AlertReading::Silent, "its condition never held");
    check(&history, "Gone", AlertReading::Fired, "fired after 0 s");
    // The recorded series that the Prometheus had before fills its range, too.
    check(&history, "Trend", AlertReading::Silent, "its condition never held");
    check(&history, "Dead", AlertReading::NoSuchSeries, "the Prometheus has no container_memory");
    check(
        &history,
        "Deep",
        AlertReading::TooShort,
        "its series go back for 12m 00s of the 1h 00m 00s that it looks back on",
    );
    assert_eq!(without_series(&store(130, &[]), Some(&criteria())), ["container_memory"]);
}

#[test]
fn what_the_rules_record_themselves_is_not_missed() {
    let mut there = series(130);
    there.retain(|one| one.name != "job:errors:share");
    let store = store_of(&there, 130, &[]);
    assert_eq!(without_series(&store, Some(&criteria())), ["container_memory"]);
    assert!(without_series(&store, None).iter().any(|selector| selector == "job:errors:share"));
}

#[test]
fn what_was_not_answered_is_no_silence() {
    let store = store(60, &[]);
    let history = history(&store, &criteria(), 120);
    assert_eq!((history.span, history.unknown_from), (60.0, Some(60.0)));
    let why = "from 60.0 s on the Prometheus did not give its series: it was not asked any more";
    check(&history, "Quiet", AlertReading::Failed, why);
    check(&history, "Theirs", AlertReading::Fired, "fired after 40.0 s");
    let findings = alert_findings(&criteria(), &history);
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Inconclusive), "{findings:#?}");
    assert_eq!(fetch_gap(&store, Duration::from_secs(60)), None);
}

#[test]
fn what_fired_before_it_died_fired_and_the_rest_is_not_known() {
    let history = history(&store(115, &[]), &criteria(), 120);
    let verdicts: Vec<Verdict> =
        alert_findings(&criteria(), &history).iter().map(|finding| finding.verdict).collect();
    let open = Verdict::Inconclusive;
    assert_eq!(verdicts, [Verdict::Pass, open, open, open]);
}

#[test]
fn a_selector_that_was_never_answered_makes_nothing_known() {
    let store = store(130, &["container_memory"]);
    let history = history(&store, &criteria(), 120);
    let why = "the Prometheus did not give its series: container_memory (refused)";
    check(&history, "Dead", AlertReading::Failed, why);
    // What was not looked at is not absent.
    check(&history, "Gone", AlertReading::Failed, why);
    assert!(without_series(&store, None).is_empty());
}

#[test]
fn other_rules_than_those_of_the_run_find_what_they_read_or_say_that_it_was_not_asked_for() {
    let mut others = criteria();
    others.rules[0].text =
        "groups: [{name: g, interval: 10s, rules: [{alert: New, expr: other_total > 1}]}]".to_owned();
    let history = history(&store(130, &[]), &others, 120);
    check(&history, "New", AlertReading::Failed, "the Prometheus was not asked for other_total in this run");
}

#[test]
fn objectives_see_each_series_at_its_own_times() {
    let fetched = fetched_series(&store(60, &[]));
    let times = fetched.times_of("calls_total", &Labels::new());
    assert_eq!(times[..3], [0, 5, 10].map(Duration::from_secs));
    assert_eq!(times.len(), 13);
}
