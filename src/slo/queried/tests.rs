//! Queries over a made run: values, counts and verdicts by hand.

use std::time::Duration;

use super::{Comparison, Counted, EventsIndicator, Holding, QueryIndicator, QueryLimit, Slices};
use crate::metrics::{Aggregates, Format, ScrapeEncoder, SeriesStore};
use crate::model::Verdict;
use crate::slo::judge::tests::judged;
use crate::slo::{Aggregation, BudgetTerms, Finding, Indicator, Objective, Scope, Unit};

/// What a target says at each second from 0 on; `None`: the scrape failed.
fn stored(scrapes: impl IntoIterator<Item = Option<String>>) -> SeriesStore {
    let mut encoder = ScrapeEncoder::default();
    let mut series = SeriesStore::default();
    for (second, text) in (0..).zip(scrapes) {
        let at = Duration::from_secs(second);
        let record = match text {
            Some(text) => encoder.scraped(at, text.as_bytes(), Format::Text).unwrap().record,
            None => encoder.failed(at),
        };
        series.apply(&record).unwrap();
    }
    series
}

/// Judged over a steady phase from 1 s to 11 s.
fn judge(indicator: Indicator, series: &SeriesStore) -> Finding {
    let objective = Objective {
        name: "o".to_owned(),
        scope: Scope::All,
        indicator,
        terms: crate::slo::Terms::default(),
        budget: BudgetTerms::default(),
        origin: "slos/a.yaml:3".to_owned(),
    };
    judged(&[objective], &Aggregates::default(), series).remove(0)
}

fn values(query: &str, holding: Holding, is: Comparison, value: f64) -> Indicator {
    let limit = QueryLimit { is, value, unit: Unit::Number };
    Indicator::Promql(QueryIndicator { query: query.to_owned(), holding, limit })
}

const WORST: Holding = Holding::OverRun(Aggregation::Max);

fn at_most(query: &str, value: f64) -> Indicator {
    values(query, WORST, Comparison::AtMost, value)
}

fn events(counted: Counted, total: &str, objective: f64, slices: Option<Slices>) -> Indicator {
    Indicator::Events(EventsIndicator { counted, total: total.to_owned(), objective, slices })
}

fn bad(query: &str) -> Counted {
    Counted::Bad(query.to_owned())
}

#[track_caller]
fn check(finding: &Finding, verdict: Verdict, value: &str, because: &str) {
    assert_eq!((finding.verdict, finding.value.as_str()), (verdict, value), "{}", finding.because);
    assert_eq!(finding.because, because);
}

/// 1,000 requests a second, 3 of them bad, a queue that fills, a gauge for two tools.
fn steady_run() -> SeriesStore {
    stored((0..13u64).map(|second| {
        Some(format!(
            "# TYPE depth gauge\nrequests_total{{code=\"ok\"}} {}\nrequests_total{{code=\"bad\"}} {}\n\
             depth{{tool=\"a\"}} {second}\ndepth{{tool=\"b\"}} 3\nzero 0\n",
            second * 997,
            second * 3
        ))
    }))
}

#[test]
fn what_costs_too_much_is_inconclusive_and_says_why() {
    let run = steady_run();
    // Its steps are those of the scrapes, a second: how many they are is known here alone.
    let query = "max_over_time(max_over_time(max_over_time(depth[1h:])[1h:])[1h:])";
    for holding in [WORST, Holding::AtEnd, Holding::Share { share: 0.5, slices: None }] {
        let finding = judge(values(query, holding, Comparison::AtMost, 100.0), &run);
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{}", finding.because);
        let because = &finding.because;
        assert!(
            because.contains("evaluations failed: the query looks at more than 500000000 samples"),
            "{because}"
        );
        assert!(because.contains("subqueries a coarser step"), "{because}");
    }
}

#[test]
fn the_worst_series_at_the_worst_scrape_counts() {
    let run = steady_run();
    let finding = judge(at_most("depth", 9.0), &run);
    check(
        &finding,
        Verdict::Fail,
        "10",
        "maximum 10 of depth{tool=\"a\"}, the worst of 2 series, over 10 of 10 scrapes of the steady phase, limit <= 9",
    );
    assert_eq!((finding.samples, finding.within_limit, finding.scope.as_str()), (10, Some(false), "depth"));
    assert_eq!(judge(at_most("depth", 10.0), &run).verdict, Verdict::Pass);
    let mean = values("sum(depth)", Holding::OverRun(Aggregation::Avg), Comparison::Below, 8.5);
    check(
        &judge(mean, &run),
        Verdict::Fail,
        "8.5",
        "mean 8.5 over 10 of 10 scrapes of the steady phase, limit < 8.5",
    );
    let least = values("depth", Holding::OverRun(Aggregation::Min), Comparison::AtLeast, 1.0);
    assert_eq!(judge(least, &run).verdict, Verdict::Pass);
    // The phase is over at 11 s, which is not in it.
    let end = values("depth{tool=\"a\"} * 2", Holding::AtEnd, Comparison::Above, 20.0);
    check(
        &judge(end, &run),
        Verdict::Fail,
        "20",
        "20 of {tool=\"a\"} at the end of the steady phase, limit > 20",
    );
}

#[test]
fn what_is_not_there_is_no_pass() {
    let run = steady_run();
    for (query, because) in [
        (
            "container_memory",
            "no data: 0 of 10 scrapes give a value, 5 are needed; the target has no container_memory",
        ),
        ("zero / zero", "no data: 0 of 10 scrapes give a value, 5 are needed; 10 give no number (NaN)"),
        ("depth > 99", "no data: 0 of 10 scrapes give a value, 5 are needed"),
        (
            "depth * on () depth",
            "10 of 10 evaluations failed: found duplicate series for the match group {} on the right hand-side of the operation",
        ),
    ] {
        let finding = judge(at_most(query, 1e9), &run);
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{query}");
        assert!(finding.because.starts_with(because), "{query}: {}", finding.because);
    }
    let finding = judge(at_most("depth", 1e9), &SeriesStore::default());
    assert_eq!(finding.because, "no data: no scrape in the steady phase");
    // One series without a number leaves what others say: it may break a limit, and not keep it.
    let nan = "label_replace(zero / zero, \"tool\", \"c\", \"\", \"\") or depth";
    let finding = judge(at_most(nan, 1e9), &run);
    assert!(finding.because.ends_with("10 give no number (NaN), as for {tool=\"c\"}"), "{}", finding.because);
    let few = "label_replace(zero / (sum(depth) > bool 5) + 5, \"tool\", \"c\", \"\", \"\") or depth";
    let least = Holding::OverRun(Aggregation::Min);
    let finding = judge(values(few, least, Comparison::AtLeast, 1.5), &run);
    assert_eq!((finding.verdict, finding.value.as_str(), finding.samples), (Verdict::Fail, "1", 8));
    // An infinity proves that a limit is broken, never that it is kept.
    assert_eq!(judge(at_most("3 / zero", 1e9), &run).verdict, Verdict::Fail);
    let least = values("3 / zero", WORST, Comparison::AtLeast, 1.0);
    assert_eq!(judge(least, &run).verdict, Verdict::Inconclusive);
}

#[test]
fn a_range_longer_than_the_run_judges_ratios_and_nothing_that_grows_with_it() {
    let run = steady_run();
    let ratio = "sum(rate(requests_total{code=\"bad\"}[5m])) / sum(rate(requests_total[5m]))";
    check(
        &judge(at_most(ratio, 0.005), &run),
        Verdict::Pass,
        "0.003",
        "maximum 0.003 over 9 of 10 scrapes of the steady phase, limit <= 0.005; its ranges look back on 5m 00s, the steady \
         phase had 10.0 s",
    );
    let finding = judge(at_most("sum(rate(requests_total[5m]))", 1e9), &run);
    assert_eq!((finding.verdict, finding.within_limit), (Verdict::Inconclusive, Some(true)));
    assert!(
        finding.because.contains("its answer depends on that: make the run longer"),
        "{}",
        finding.because
    );
    // One that fits is looked at where the whole of it is there.
    let rate = values(
        "sum(rate(requests_total[4s]))",
        Holding::OverRun(Aggregation::Min),
        Comparison::AtLeast,
        999.0,
    );
    check(
        &judge(rate, &run),
        Verdict::Pass,
        "1,000",
        "minimum 1,000 over 7 of 7 scrapes of the steady phase, limit >= 999",
    );
    let window =
        values("sum(increase(requests_total[{{ .window }}]))", Holding::AtEnd, Comparison::AtLeast, 9_000.0);
    assert_eq!(judge(window, &run).verdict, Verdict::Pass);
}

#[test]
fn a_share_of_the_scrapes_is_a_count() {
    let run = steady_run();
    let share = Holding::Share { share: 0.5, slices: None };
    let finding = judge(values("depth{tool=\"a\"}", share, Comparison::Below, 3.0), &run);
    assert_eq!((finding.samples, finding.bad, finding.value.as_str()), (10, Some(8), "80 %"));
    assert!(
        finding.because.starts_with("8 of 10 scrapes outside the limit (80 %), budget 50 %"),
        "{}",
        finding.because
    );
    let by = Slices { length: Duration::from_secs(5), target: None };
    let mean = Holding::Share { share: 0.5, slices: Some(by) };
    let finding = judge(values("depth{tool=\"a\"}", mean, Comparison::Below, 3.0), &run);
    // Scrapes at 1 to 5 s (two of them as at 6 s, the end of the first slice) and from 7 s on: 4 of 6 and 4 of 4 are bad.
    assert_eq!((finding.verdict, finding.value.as_str(), finding.samples), (Verdict::Fail, "83.3 %", 2));
}

#[test]
fn events_are_counted_in_whole_numbers_between_scrapes() {
    let run = steady_run();
    // Ten scrapes, nine stretches: 9,000 requests, 27 of them bad.
    for (counted, total) in [
        (bad("sum(rate(requests_total{code=\"bad\"}[5m]))"), "sum(rate(requests_total[5m]))"),
        (bad("requests_total{code=\"bad\"}"), "requests_total"),
        (
            Counted::Good("sum(increase(requests_total{code=~\"ok|fine\"}[{{.window}}]))".to_owned()),
            "requests_total",
        ),
        (bad("sum(requests_total) - sum(requests_total{code=\"ok\"})"), "sum by (code) (requests_total)"),
    ] {
        let finding = judge(events(counted, total, 0.99, None), &run);
        assert_eq!((finding.verdict, finding.samples, finding.bad), (Verdict::Pass, 9_000, Some(27)));
        assert!(
            finding.because.starts_with(
                "27 of 9,000 events bad by the target's own count (0.30 %), budget 1 %; at most "
            ),
            "{}",
            finding.because
        );
        assert!(
            finding.because.ends_with("; counted over the 9.00 s between scrapes"),
            "{}",
            finding.because
        );
    }
    let finding = judge(events(bad("requests_total{code=\"bad\"}"), "requests_total", 0.999, None), &run);
    assert_eq!(
        (finding.verdict, finding.value.as_str(), finding.limit.as_str()),
        (Verdict::Fail, "0.30 %", "<= 0.1 %")
    );
}

#[test]
fn restarts_failed_scrapes_and_new_counters_lose_no_event() {
    // The counter has 100 before the phase. 10 more a second; at 5 s nobody answers; at 7 s the target began again; errors have no
    // counter until 8 s.
    let text = |all: u64, errors: Option<u64>| {
        Some(format!("all {all}\n{}", errors.map(|errors| format!("errors {errors}\n")).unwrap_or_default()))
    };
    let run = stored([
        text(100, None),
        text(110, None),
        text(120, None),
        text(130, None),
        text(140, None),
        None,
        text(160, None),
        text(7, None),
        text(17, Some(4)),
        text(27, Some(5)),
        text(37, Some(5)),
    ]);
    let finding = judge(events(bad("errors"), "all", 0.5, None), &run);
    // 110 to 160 are 50, and 37 since it began again.
    assert_eq!((finding.samples, finding.bad), (87, Some(5)), "{}", finding.because);
}

/// A second counter that never falls, and when the process began.
fn falling(
    values: [u64; 11],
    other: impl Fn(usize) -> u64,
    began: impl Fn(usize) -> Option<u64>,
) -> SeriesStore {
    stored(values.into_iter().enumerate().map(|(second, value)| {
        let other = other(second);
        let began = began(second).map(|at| format!("process_start_time_seconds {at}\n")).unwrap_or_default();
        Some(format!("# TYPE c counter\nc {value}\n# TYPE other counter\nother {other}\n{began}"))
    }))
}

#[test]
fn a_counter_that_falls_without_a_sign_of_a_restart_is_no_pass() {
    const JUMPING: [u64; 11] = [5, 100_000, 7, 100_000, 9, 100_000, 3, 100_000, 2, 100_000, 1];
    const ONCE: [u64; 11] = [100, 110, 120, 130, 140, 3, 13, 23, 33, 43, 53];
    let grows = |second| 10 + second as u64;
    let falls = |second: usize| if second < 5 { 50 } else { 1 };
    let judged = |run: &SeriesStore| judge(events(bad("none or vector(0)"), "c", 0.5, None), run);
    let check = |run: SeriesStore, because: &str| {
        let finding = judged(&run);
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{}", finding.because);
        assert_eq!(finding.because, format!("{because}: how many events there were is not known"));
    };
    let alone = "(without `process_start_time_seconds`, one fall of all counters together is taken for one)";
    check(
        falling(JUMPING, grows, |_| None),
        &format!("`c` fell 5 times without a sign of a restart {alone}"),
    );
    check(falling(ONCE, grows, |_| None), &format!("`c` fell once without a sign of a restart {alone}"));
    check(
        falling(ONCE, falls, |_| Some(7)),
        "`c` fell once without a sign of a restart (`process_start_time_seconds` did not change)",
    );
    for run in
        [falling(ONCE, falls, |_| None), falling(ONCE, grows, |second| Some(if second < 5 { 7 } else { 9 }))]
    {
        let finding = judged(&run);
        assert_eq!((finding.verdict, finding.samples), (Verdict::Pass, 83), "{}", finding.because);
    }
    // PromQL keeps to its own: the value is Prometheus's, and the fall is told.
    let rate = judge(at_most("rate(c[4s])", 1e6), &falling(ONCE, grows, |_| None));
    assert_eq!(rate.verdict, Verdict::Pass);
    assert!(
        rate.because.contains("`c` fell once") && rate.because.ends_with("to PromQL each fall is a restart")
    );
}

#[test]
fn a_counter_that_was_never_there_is_none_only_where_the_query_says_so() {
    const WAY_OUT: &str =
        "; where such a counter is made by the first event, say so in the query: `... or vector(0)`";
    let run = steady_run();
    let none =
        judge(events(bad("requests_total{code=\"lost\"} or vector(0)"), "requests_total", 0.9, None), &run);
    assert_eq!((none.verdict, none.bad), (Verdict::Pass, Some(0)), "{}", none.because);
    let told = "no requests_total{code=\"lost\"} was ever there, which is counted as the query says";
    assert!(none.because.ends_with(told), "{}", none.because);
    for part in [
        "requests_total{code=\"lost\"}",
        "sum(requests_total) - sum(requests_total{code=\"lost\"})",
        "errors_total",
    ] {
        let finding = judge(events(bad(part), "requests_total", 0.9, None), &run);
        let missing = if part == "errors_total" { part } else { "requests_total{code=\"lost\"}" };
        let because = format!("no data: the target has no {missing}{WAY_OUT}");
        assert_eq!((finding.verdict, finding.because), (Verdict::Inconclusive, because));
    }
    for (counted, total, because) in [
        (bad("requests_total"), "calls_total", "no data: the target has no calls_total"),
        (bad("depth"), "requests_total", "`depth` is a gauge, which counts no events"),
        (bad("zero"), "zero", "no data: no events in the steady phase"),
        (
            Counted::Good("requests_total".to_owned()),
            "requests_total{code=\"bad\"}",
            "9,000 good events of 27: the queries do not count the same events",
        ),
    ] {
        let finding = judge(events(counted, total, 0.9, None), &run);
        assert_eq!((finding.verdict, finding.because.as_str()), (Verdict::Inconclusive, because));
    }
    // Whoever writes `or vector(0)` has said it.
    let said = judge(events(bad("sum(errors_total) or vector(0)"), "requests_total", 0.9, None), &run);
    assert_eq!((said.verdict, said.bad), (Verdict::Pass, Some(0)));
}

#[test]
fn slices_are_good_or_bad_as_a_whole() {
    // 10 events a second, all of them bad at 4 s.
    let run = stored((0..13u64).map(|second| {
        let errors = if second < 4 { 0 } else { 10 };
        Some(format!("all {}\nerrors {errors}\n", second * 10))
    }));
    let slices = |target| Some(Slices { length: Duration::from_secs(2), target });
    let finding = judge(events(bad("errors"), "all", 0.7, slices(Some(0.9))), &run);
    // Slices end at 3, 5, 7, 9 and 11 s.
    assert_eq!((finding.samples, finding.bad, finding.value.as_str()), (5, Some(1), "20 %"));
    assert!(
        finding.because.ends_with("; a slice of 2s is good with 90 % good events"),
        "{}",
        finding.because
    );
    // Half of the events of that slice are bad, in one of five slices.
    let finding = judge(events(bad("errors"), "all", 0.95, slices(None)), &run);
    check(&finding, Verdict::Fail, "10 %", "10 % bad in the mean of 5 slices of 2s, budget 5 %");
    let long = Some(Slices { length: Duration::from_secs(60), target: Some(0.9) });
    let finding = judge(events(bad("errors"), "all", 0.95, long), &run);
    assert_eq!(finding.because, "the steady phase of 10.0 s holds no whole slice of 1m: make it longer");
}

#[test]
fn scrapes_that_failed_are_no_evidence_whatever_a_query_makes_of_nothing() {
    let of_nothing = "sum(rate(requests_total[3s])) or vector(0)";
    let all = |run: &SeriesStore| {
        [
            at_most(of_nothing, 5.0),
            events(bad("errors_total"), "requests_total", 0.9, None),
            events(
                bad("errors_total"),
                "requests_total",
                0.9,
                Some(Slices { length: Duration::from_secs(1), target: None }),
            ),
        ]
        .map(|indicator| judge(indicator, run))
    };
    let nothing = stored((0..13).map(|_| None));
    let dies = stored(
        (0..13u64)
            .map(|second| (second < 4).then(|| format!("requests_total {}\nerrors_total 0\n", second * 10))),
    );
    for run in [&nothing, &dies] {
        for finding in all(run) {
            assert_eq!(finding.verdict, Verdict::Inconclusive, "{}: {}", finding.scope, finding.because);
            assert!(finding.because.contains("scrapes of the steady phase were read"), "{}", finding.because);
        }
    }
}
