//! Rules over what a Prometheus gave: its labels, what was before the run, and what it did not give.

use std::time::Duration;

use super::tests::{check, row};
use super::{
    AlertCriteria, AlertExpectation, AlertHistory, AlertReading, Expected, TextFile, alert_findings,
    alert_history,
};
use crate::metrics::{Aggregates, FetchEncoder, Fetched, FetchedSeries, FetchedStore, SeriesStore};
use crate::model::{Labels, Verdict};
use crate::promql::Query;
use crate::slo::judge::tests::with_run;
use crate::slo::judge::{Measurements, judge};
use crate::slo::{
    Aggregation, BudgetTerms, Comparison, Counted, Criteria, EventsIndicator, Finding, Holding, Indicator,
    Objective, QueryIndicator, QueryLimit, Recorded, Scope, Terms, Unit, fetch_gap, fetched_series, wanted,
    without_series,
};

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

fn objective(indicator: Indicator) -> Objective {
    Objective {
        name: "o".to_owned(),
        scope: Scope::All,
        indicator,
        terms: Terms::default(),
        budget: BudgetTerms::default(),
        origin: "slo.yaml:3".to_owned(),
    }
}

fn events() -> Indicator {
    Indicator::Events(EventsIndicator {
        counted: Counted::Bad("sum(errors_total)".to_owned()),
        total: "sum(calls_total)".to_owned(),
        objective: 0.9,
        slices: None,
    })
}

fn promql(query: &str, holding: Holding, at_least: f64) -> Indicator {
    let limit = QueryLimit { is: Comparison::AtLeast, value: at_least, unit: Unit::Number };
    Indicator::Promql(QueryIndicator { query: query.to_owned(), holding, limit })
}

/// Judged over the first minute of what was given.
fn judged(all: &[FetchedSeries], indicator: Indicator) -> Finding {
    let objective = objective(indicator);
    let criteria = Criteria { objectives: vec![objective.clone()], ..Criteria::default() };
    let round = wanted(&criteria, None).selectors.into_iter().map(|wanted| {
        let series = all.iter().filter(|one| one.name == wanted.selector).cloned().collect();
        Fetched { selector: wanted.selector, span: Ok((ZERO_MS - 600_000, ZERO_MS + 60_000)), series }
    });
    let mut fetched = FetchedStore::default();
    fetched.apply(&FetchEncoder::default().record(1, ZERO_MS, round.collect())).unwrap();
    let series = fetched_series(&fetched);
    let recorded =
        Recorded { series: &series, events: &[], fetched: Some(&fetched), zero_ms: fetched.zero_ms() };
    let steady = Duration::ZERO..Duration::from_secs(60);
    let found = with_run(&Aggregates::default(), &series, |run| {
        judge(std::slice::from_ref(&objective), &Measurements { recorded, steady: &steady, ..*run })
    });
    found.into_iter().next().unwrap()
}

/// [`series`], of a second target, too, which is scraped two seconds before the first one.
fn of_two_targets() -> Vec<FetchedSeries> {
    let mut all = series(60);
    let second = series(60).into_iter().map(|mut one| {
        one.labels = [("job", "m"), ("instance", "h:2")].into_iter().collect();
        one.samples.iter_mut().for_each(|(at_ms, _)| *at_ms -= 2_000);
        one
    });
    all.extend(second);
    all
}

#[test]
fn queries_see_what_a_prometheus_gave() {
    let rate = "sum(rate(calls_total[20s]))";
    let found = judged(&series(60), promql(rate, Holding::OverRun(Aggregation::Min), 9.9));
    assert_eq!((found.verdict, found.value.as_str()), (Verdict::Pass, "10"), "{}", found.because);
    assert_eq!(judged(&series(60), promql(rate, Holding::AtEnd, 10.1)).verdict, Verdict::Fail);
    let share = Holding::Share { share: 0.5, slices: None };
    assert_eq!(judged(&series(60), promql(rate, share, 10.1)).verdict, Verdict::Fail);
}

#[test]
fn events_are_counted_of_what_a_prometheus_gave_and_of_nothing_before_it() {
    let found = judged(&series(60), events());
    assert_eq!(
        (found.verdict, found.samples, found.bad),
        (Verdict::Fail, 550, Some(110)),
        "{}",
        found.because
    );
    // What the second one had counted before the run is in none of its samples since.
    let found = judged(&of_two_targets(), events());
    assert_eq!((found.verdict, found.samples), (Verdict::Fail, 1100), "{}", found.because);
}

#[test]
fn a_target_that_began_again_is_told_from_a_counter_that_falls() {
    let fallen = |began_again: bool| {
        let mut all = series(60);
        let calls = all.iter_mut().find(|one| one.name == "calls_total").unwrap();
        let after = |at_ms: i64| at_ms > ZERO_MS + 30_000;
        calls.samples.iter_mut().filter(|(at, _)| after(*at)).for_each(|(_, value)| *value -= 7_300.0);
        let start = FetchedSeries {
            name: "process_start_time_seconds".to_owned(),
            labels: calls.labels.clone(),
            samples: calls
                .samples
                .iter()
                .map(|(at, _)| (*at, if began_again && after(*at) { 9.0 } else { 1.0 }))
                .collect(),
        };
        all.push(start);
        judged(&all, events())
    };
    let found = fallen(true);
    assert_eq!(found.verdict, Verdict::Fail, "{}", found.because);
    let found = fallen(false);
    assert_eq!(found.verdict, Verdict::Inconclusive, "{}", found.because);
    assert!(found.because.contains("`process_start_time_seconds` did not change"), "{}", found.because);
    // It need not be there, and only counters want it.
    let asks = |indicator| {
        let criteria = Criteria { objectives: vec![objective(indicator)], ..Criteria::default() };
        wanted(&criteria, None).selectors.iter().any(|one| one.selector == "process_start_time_seconds")
    };
    assert!(asks(events()) && asks(promql("sum(rate(x[1m]))", Holding::AtEnd, 1.0)));
    assert!(!asks(promql("sum(x)", Holding::AtEnd, 1.0)));
}
