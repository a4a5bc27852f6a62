//! Rules over a made run: what becomes of them, and what is concluded of that.

use std::time::Duration;

use super::{
    AlertCriteria, AlertExpectation, AlertNews, AlertReading, Expected, LiveAlerts, LiveState,
    ProjectedReading, TextFile, alert_findings, alert_history,
};
use super::{AlertHistory, AlertRow};
use crate::alertmanager;
use crate::metrics::{Format, ScrapeEncoder, ScrapeRecord, SeriesStore};
use crate::model::{Event, Labels, ScrapeFault, ScrapeStat, Stamped, Verdict};
use crate::slo::{Finding, Recorded};

const RULES: &str = r#"
groups:
  - name: g
    interval: 10s
    rules:
      - alert: Errors
        expr: sum(rate(errors_total[1m])) / sum(rate(calls_total[1m])) > 0.05
        for: 30s
        labels: {severity: critical}
        annotations: {summary: "{{ $value | humanizePercentage }} fail"}
      - {alert: Full, expr: full > 0.9, for: 1m, labels: {severity: warning}}
      - {alert: Dead, expr: container_memory > 1, for: 10s}
      - {alert: Long, expr: "rate(calls_total[1h]) > 1e9"}
      - {alert: Broken, expr: calls_total * on (job) pair}
      - {alert: Costly, expr: "max_over_time(max_over_time(max_over_time(full[1d:])[1d:])[1d:]) > 0.9"}
"#;

const ALERTMANAGER: &str = "
route:
  receiver: nobody
  group_wait: 10s
  routes: [{matchers: [severity=critical], receiver: pager}]
receivers:
  - {name: nobody}
  - {name: pager, pagerduty_configs: [{routing_key: s3cret}]}
";

/// A scrape a second for two minutes: 10 calls a second, of which one fails from second 20 to second 70.
fn series() -> SeriesStore {
    let mut encoder = ScrapeEncoder::default();
    let mut series = SeriesStore::default();
    let mut errors = 0;
    for second in 1..=120u64 {
        errors += u64::from((20..70).contains(&second));
        let text = format!(
            "calls_total {}\nerrors_total {errors}\nfull 0.5\npair{{x=\"1\"}} 1\npair{{x=\"2\"}} 1\n",
            second * 10
        );
        let record =
            encoder.scraped(Duration::from_secs(second), text.as_bytes(), Format::Text).unwrap().record;
        series.apply(&record).unwrap();
    }
    series
}

fn criteria() -> AlertCriteria {
    AlertCriteria {
        rules: vec![TextFile { name: "rules.yml".to_owned(), text: RULES.to_owned() }],
        alertmanager: Some(alertmanager::load("alertmanager.yml", ALERTMANAGER).unwrap()),
        evaluation_interval: Duration::from_secs(60),
        labels: [("job", "mcp")].into_iter().collect(),
        external_labels: [("cluster", "c")].into_iter().collect(),
        time_scale: 1,
        out_of_reach: Vec::new(),
        expectations: Vec::new(),
    }
}

fn history(criteria: &AlertCriteria, end: u64) -> AlertHistory {
    let series = series();
    let recorded = Recorded { series: &series, events: &[], fetched: None, zero_ms: 1_700_000_000_000 };
    alert_history(criteria, recorded, &(Duration::ZERO..Duration::from_secs(end)))
}

pub(super) fn row<'a>(history: &'a AlertHistory, alert: &str) -> &'a AlertRow {
    history.rules.iter().find(|row| row.alert == alert).unwrap()
}

#[track_caller]
pub(super) fn check(history: &AlertHistory, alert: &str, reading: AlertReading, because: &str) {
    let row = row(history, alert);
    assert_eq!((row.reading, row.because.as_str()), (reading, because));
}

#[test]
fn each_rule_says_what_became_of_it() {
    let history = history(&criteria(), 120);
    check(&history, "Errors", AlertReading::Fired, "fired after 70.0 s");
    check(&history, "Full", AlertReading::Silent, "its condition never held");
    check(&history, "Dead", AlertReading::NoSuchSeries, "the target has no container_memory");
    let broken = row(&history, "Broken");
    assert_eq!(broken.reading, AlertReading::Failed);
    assert!(broken.because.contains("many-to-many"), "{}", broken.because);
    let costly = row(&history, "Costly");
    assert_eq!(costly.reading, AlertReading::Failed);
    assert!(costly.because.contains("more than 500000000 samples, the limit of"), "{}", costly.because);
    let long = row(&history, "Long");
    assert_eq!((long.reading, long.needs), (AlertReading::TooShort, Some(3610.0)));
    assert!(long.coverage < 0.05, "{}", long.coverage);
}

#[test]
fn a_series_that_the_rules_make_is_not_what_the_target_lacks() {
    let rules = "groups: [{name: m, interval: 10s, rules: [{record: made, expr: container_memory > 1}, {record: never, expr: \
                 calls_total < 0}, {alert: Made, expr: made > 1}, {alert: Never, expr: never > 1}]}]";
    let mut criteria = criteria();
    criteria.rules.push(TextFile { name: "m.yml".to_owned(), text: rules.to_owned() });
    let history = history(&criteria, 120);
    check(&history, "Made", AlertReading::NoSuchSeries, "the target has no container_memory");
    check(&history, "Never", AlertReading::NoSuchSeries, "its recording rules made no never");
}

#[test]
fn what_the_run_was_too_short_for_is_guessed_and_nothing_else_is() {
    let whole = history(&criteria(), 120);
    for row in &whole.rules {
        let guess = row.projected.as_ref().map(|projected| (projected.reading, projected.because.as_str()));
        let expected = (row.alert == "Long").then_some((
            ProjectedReading::WouldNotFire,
            "the condition never held; its ranges were cut to the data",
        ));
        assert_eq!(guess, expected, "{}", row.alert);
    }
    // The load went on for a third of a minute with one call in ten failing: for its latter part alone.
    let pending = history(&criteria(), 50);
    let guess = row(&pending, "Errors").projected.as_ref().unwrap();
    assert_eq!(guess.reading, ProjectedReading::WouldNotFire, "{guess:?}");
    assert!(guess.because.starts_with("the condition held at "), "{guess:?}");
    let findings = finding(Some("Long"), &[], Expected::Fires { within: None }, 120);
    assert_eq!(findings[0].verdict, Verdict::Inconclusive, "a guess is in no verdict");
}

#[test]
fn an_alert_has_its_times_its_texts_and_those_who_are_told() {
    let history = history(&criteria(), 120);
    let errors = row(&history, "Errors");
    // Above 5 % from the evaluation at 40 s on, for 30 s; below again when too little of the minute had errors.
    let span = &errors.spans[0];
    assert_eq!((span.active_at, span.fired_at), (40.0, Some(70.0)));
    assert!((90.0..=120.0).contains(&span.ended_at.unwrap()), "{span:?}");
    assert_eq!(span.labels, [("alertname", "Errors"), ("severity", "critical")].into_iter().collect());
    assert!(span.annotations["summary"].ends_with("% fail"), "{span:?}");
    assert_eq!(errors.receivers, ["pager"]);
    let page = &history.pages.as_ref().unwrap()[0];
    assert_eq!((page.at, page.receiver.as_str(), page.kinds[0].as_str()), (80.0, "pager", "pagerduty"));
    assert_eq!(page.firing[0].get("cluster"), Some("c"));
}

#[test]
fn a_condition_that_holds_at_the_end_is_pending() {
    check(
        &history(&criteria(), 50),
        "Errors",
        AlertReading::Pending,
        "pending at the end, for 10.0 s of 30.0 s",
    );
}

#[test]
fn in_a_faster_time_rules_fire_sooner_and_counting_ones_are_refused() {
    let counting = "groups: [{name: n, rules: [{alert: Counts, expr: 'increase(calls_total[1m]) > 1'}]}]";
    let mut criteria = AlertCriteria { time_scale: 5, ..criteria() };
    criteria.rules.push(TextFile { name: "n.yml".to_owned(), text: counting.to_owned() });
    let history = history(&criteria, 120);
    let errors = row(&history, "Errors");
    assert!(errors.expr.contains("[12s]"), "{}", errors.expr);
    assert_eq!((errors.hold, errors.spans[0].fired_at), (6.0, Some(32.0)));
    let counts = row(&history, "Counts");
    assert_eq!(counts.reading, AlertReading::Refused);
    assert!(counts.because.contains("`increase`"), "{}", counts.because);
}

#[test]
fn an_alert_that_is_out_of_reach_is_marked_so() {
    let mut criteria = criteria();
    criteria.out_of_reach = vec!["Dead".to_owned()];
    let history = history(&criteria, 120);
    let marked: Vec<&str> =
        history.rules.iter().filter(|row| row.out_of_reach).map(|row| row.alert.as_str()).collect();
    assert_eq!(marked, ["Dead"]);
}

#[test]
fn the_recorded_criteria_hold_no_secret_and_read_back() {
    let written = serde_json::to_string(&criteria()).unwrap();
    assert!(!written.contains("s3cret"), "{written}");
    assert_eq!(serde_json::from_str::<AlertCriteria>(&written).unwrap(), criteria());
}

fn finding(alert: Option<&str>, labels: &[(&str, &str)], expected: Expected, end: u64) -> Vec<Finding> {
    let mut criteria = criteria();
    criteria.out_of_reach = vec!["Dead".to_owned()];
    criteria.expectations = vec![AlertExpectation {
        alert: alert.map(str::to_owned),
        labels: labels.iter().copied().collect::<Labels>(),
        expected,
        origin: "slo.yaml:3".to_owned(),
    }];
    alert_findings(&criteria, &history(&criteria, end))
}

#[track_caller]
fn judged(alert: &str, labels: &[(&str, &str)], expected: Expected, end: u64, verdict: Verdict, words: &str) {
    let finding = finding(Some(alert), labels, expected, end).remove(0);
    assert_eq!(finding.verdict, verdict, "{}", finding.because);
    assert!(finding.because.contains(words), "{}", finding.because);
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn what_must_fire_fires_in_time() {
    use Verdict::{Fail, Inconclusive, Pass};
    let fires = |within| Expected::Fires { within };
    judged("Errors", &[], fires(Some(seconds(75))), 120, Pass, "fired after 70.0 s");
    judged("Errors", &[("severity", "critical")], fires(None), 120, Pass, "fired after 70.0 s");
    judged("Errors", &[("severity", "page")], fires(None), 120, Fail, "not with");
    judged("Errors", &[], fires(Some(seconds(40))), 120, Fail, "too late");
    judged("Full", &[], fires(None), 120, Fail, "did not fire");
    judged("Dead", &[], fires(None), 120, Fail, "dead alert");
    judged("Long", &[], fires(None), 120, Inconclusive, "it can be judged after 1h");
    judged("Broken", &[], fires(None), 120, Inconclusive, "many-to-many");
    judged("Errors", &[], fires(Some(seconds(75))), 50, Inconclusive, "pending at the end");
    judged("Errors", &[], fires(Some(seconds(45))), 50, Fail, "did not fire in that time");
}

#[test]
fn what_must_stay_silent_is_shown_to_be() {
    use Verdict::{Fail, Inconclusive, Pass};
    let silent = Expected::StaysSilent;
    judged("Errors", &[], silent, 120, Fail, "would have been told to pager");
    judged("Errors", &[("severity", "warning")], silent, 120, Pass, "no alert with");
    judged("Full", &[], silent, 120, Pass, "never held");
    judged("Dead", &[], silent, 120, Inconclusive, "`out_of_reach`");
    judged("Long", &[], silent, 120, Inconclusive, "not contradicted");
    judged("Broken", &[], silent, 120, Inconclusive, "evaluations failed");
    judged("Errors", &[], silent, 50, Inconclusive, "pending");
    let all = finding(None, &[], silent, 120);
    let names: Vec<&str> = all.iter().map(|finding| finding.name.as_str()).collect();
    assert_eq!(names, ["alert Errors", "alert Full", "alert Long", "alert Broken", "alert Costly"]);
}

#[test]
fn a_rule_that_costs_too_much_proves_nothing() {
    for expected in
        [Expected::StaysSilent, Expected::Fires { within: None }, Expected::Resolves { within: None }]
    {
        judged("Costly", &[], expected, 120, Verdict::Inconclusive, "more than 500000000 samples");
    }
}

#[test]
fn what_must_be_resolved_is_resolved_in_time() {
    use Verdict::{Fail, Inconclusive, Pass};
    let resolves = |within| Expected::Resolves { within };
    judged("Errors", &[], resolves(Some(seconds(60))), 120, Pass, "was resolved");
    judged("Errors", &[], resolves(Some(seconds(5))), 120, Fail, "too late");
    judged("Errors", &[], resolves(Some(seconds(60))), 80, Inconclusive, "before the limit");
    judged("Errors", &[], resolves(None), 80, Fail, "never resolved");
    judged("Full", &[], resolves(None), 120, Inconclusive, "never fired");
}

/// The records of `series`, and a scrape that failed at 60 s.
fn records() -> Vec<ScrapeRecord> {
    let mut encoder = ScrapeEncoder::default();
    let mut errors = 0;
    let records = (1..=120u64).map(|second| {
        let at = Duration::from_secs(second);
        if second == 60 {
            return encoder.failed(at);
        }
        errors += u64::from((20..70).contains(&second));
        let full = if (30..40).contains(&second) { "full 0.95\n" } else { "" };
        let text = format!("calls_total {}\nerrors_total {errors}\n{full}", second * 10);
        encoder.scraped(at, text.as_bytes(), Format::Text).unwrap().record
    });
    records.collect()
}

#[test]
fn live_rules_say_what_the_history_says() {
    let criteria = AlertCriteria { external_labels: Labels::new(), ..criteria() };
    let (zero_ms, records) = (1_700_000_000_000, records());
    let mut series = SeriesStore::default();
    for record in &records {
        series.apply(record).unwrap();
    }
    let fault = |record: &ScrapeRecord| (record.at_us == 60_000_000).then_some(ScrapeFault::Timeout);
    let stats = records.iter().map(|record| {
        let stat = ScrapeStat {
            duration: Duration::ZERO,
            bytes: 1,
            samples: 3,
            fault: fault(record),
            troubles: Vec::new(),
        };
        Stamped { at: Duration::from_micros(record.at_us), what: Event::Scrape(stat) }
    });
    let events: Vec<Stamped<Event>> = stats.collect();

    let mut live = LiveAlerts::new(&criteria, zero_ms);
    let mut news = Vec::new();
    for (record, event) in records.iter().zip(&events) {
        let Event::Scrape(stat) = &event.what else { continue };
        live.told(event.at, stat);
        news.extend(live.scraped(record));
    }

    let recorded = Recorded { series: &series, events: &events, fetched: None, zero_ms };
    // The last scrape, at 120 s, is not followed by any: what is due then is in the history alone.
    let history = alert_history(&criteria, recorded, &(Duration::ZERO..Duration::from_millis(119_999)));
    let mut expected = Vec::new();
    for span in history.rules.iter().flat_map(|row| &row.spans) {
        expected.push((span.active_at, LiveState::Pending, span.labels.clone()));
        expected.extend(span.fired_at.map(|at| (at, LiveState::Firing, span.labels.clone())));
        let over = if span.fired_at.is_some() { LiveState::Resolved } else { LiveState::Dropped };
        expected.extend(span.ended_at.map(|at| (at, over, span.labels.clone())));
    }
    let (unknown, news): (Vec<AlertNews>, Vec<AlertNews>) =
        news.into_iter().partition(|news| news.state == LiveState::Unknown);
    let names: Vec<_> = unknown.iter().map(|news| news.labels.get("alertname").unwrap()).collect();
    assert_eq!(names, ["Costly"], "a rule that fails is told of once");
    assert!(unknown[0].value.contains("the limit of one evaluation"), "{unknown:?}");
    let told = |news: &AlertNews| (news.at.as_secs_f64(), news.state, news.labels.clone());
    let mut found: Vec<_> = news.iter().map(told).collect();
    let by_time = |a: &(f64, LiveState, Labels), b: &(f64, LiveState, Labels)| {
        a.0.total_cmp(&b.0).then_with(|| a.2.cmp(&b.2))
    };
    expected.sort_by(by_time);
    found.sort_by(by_time);
    assert_eq!(found, expected);
    let seen: Vec<LiveState> = found.iter().map(|(_, state, _)| *state).collect();
    for state in [LiveState::Pending, LiveState::Firing, LiveState::Resolved, LiveState::Dropped] {
        assert!(seen.contains(&state), "{state:?} is not tested: {seen:?}");
    }
    let fired = news.iter().find(|news| news.state == LiveState::Firing).unwrap();
    assert_eq!(fired.receivers, ["pager"]);
}

#[test]
fn silence_while_nothing_was_scraped_proves_nothing() {
    let mut encoder = ScrapeEncoder::default();
    let mut series = SeriesStore::default();
    for second in 1..=120u64 {
        let at = Duration::from_secs(second);
        let text = format!("calls_total {}\nerrors_total 0\nfull 0.5\n", second * 10);
        let record = match second {
            ..=30 => encoder.scraped(at, text.as_bytes(), Format::Text).unwrap().record,
            _ => encoder.failed(at),
        };
        series.apply(&record).unwrap();
    }
    let recorded = Recorded { series: &series, events: &[], fetched: None, zero_ms: 1_700_000_000_000 };
    let history = alert_history(&criteria(), recorded, &(Duration::ZERO..Duration::from_secs(120)));
    let told = "metrics were read for 31.0 s of 2m 00s, too little to judge it";
    check(&history, "Full", AlertReading::TooShort, told);
    check(&history, "Errors", AlertReading::TooShort, told);
}

#[test]
fn a_dead_rule_is_found_through_what_it_reads_of_recorded_series() {
    let text = "groups:\n- name: g\n  interval: 10s\n  rules:\n  - {record: 'r:x', expr: 'sum(rate(nowhere[30s])) or vector(0)'}\n  \
                - {alert: Via, expr: 'r:x > 5', for: 10s}\n";
    let rules = vec![TextFile { name: "rules.yml".to_owned(), text: text.to_owned() }];
    let history = history(&AlertCriteria { rules, ..criteria() }, 120);
    check(&history, "Via", AlertReading::NoSuchSeries, "the target has no nowhere[30s]");
}

#[test]
fn a_rule_that_had_no_time_to_look_is_not_dead() {
    let rules =
        vec![TextFile { name: "rules.yml".to_owned(), text: RULES.replace("interval: 10s", "interval: 5m") }];
    let history = history(&AlertCriteria { rules, ..criteria() }, 120);
    assert_eq!(row(&history, "Full").reading, AlertReading::TooShort);
    check(&history, "Dead", AlertReading::NoSuchSeries, "the target has no container_memory");
}
