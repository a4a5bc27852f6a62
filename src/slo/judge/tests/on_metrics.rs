//! Objectives on the target's own metrics.

use super::*;

fn selector(metric: &str, labels: &[(&str, &str)], read: Reading) -> Selector {
    Selector { metric: metric.to_owned(), labels: labels.iter().copied().collect::<Labels>(), read }
}

fn of_metric(
    scrapes: &[Option<&str>],
    value: Selector,
    divided_by: Option<Divisor>,
    over_run: Aggregation,
    bound: Bound,
) -> Finding {
    in_units(
        scrapes,
        MetricIndicator {
            value,
            divided_by,
            divisor_unit: Unit::Number,
            over_run,
            bound,
            unit: Unit::Number,
        },
    )
}

fn in_units(scrapes: &[Option<&str>], indicator: MetricIndicator) -> Finding {
    let indicator = Indicator::Metric(indicator);
    judge_one(Scope::All, indicator, &Aggregates::default(), &store(scrapes))
}

#[test]
fn a_gauge_is_summed_over_its_series_at_each_scrape() {
    let scrapes =
        [Some("m{t=\"x\"} 900\n"), Some("m{t=\"x\"} 1\nm{t=\"y\"} 2\n"), None, Some("m{t=\"x\"} 5\n")];
    let of = |labels, over_run, bound| {
        of_metric(&scrapes, selector("m", labels, Reading::Gauge), None, over_run, bound)
    };
    let finding = of(&[], Aggregation::Max, Bound::AtMost(5.0));
    check(
        &finding,
        Verdict::Pass,
        "5",
        "<= 5",
        "maximum 5 over 2 of 3 scrapes of the steady phase, limit <= 5",
    );
    assert_eq!((finding.scope.as_str(), finding.samples, finding.bad), ("m", 2, None));
    let finding = of(&[], Aggregation::Min, Bound::AtLeast(3.5));
    check(
        &finding,
        Verdict::Fail,
        "3",
        ">= 3.5",
        "minimum 3 over 2 of 3 scrapes of the steady phase, limit >= 3.5",
    );
    let finding = of(&[("t", "x")], Aggregation::Avg, Bound::AtMost(3.0));
    check(&finding, Verdict::Pass, "3", "<= 3", "mean 3 over 2 of 3 scrapes of the steady phase, limit <= 3");
    assert_eq!(finding.scope, "m{t=\"x\"}");
}

#[test]
fn values_are_in_the_unit_of_their_limit() {
    let of = |divided_by, unit, limit| {
        let indicator = MetricIndicator {
            value: selector("m", &[], Reading::Gauge),
            divided_by,
            divisor_unit: Unit::BinaryBytes,
            over_run: Aggregation::Max,
            bound: Bound::AtMost(limit),
            unit,
        };
        in_units(&[Some("m 1\n"), Some("m 3145728\n"), Some("m 2.5e6\n")], indicator)
    };
    let of_four = of(Some(Divisor::Number(4_194_304.0)), Unit::Percent, 0.9);
    check(
        &of_four,
        Verdict::Pass,
        "75 %",
        "<= 90 %",
        "maximum 75 % over 2 of 2 scrapes of the steady phase, limit <= 90 %",
    );
    assert_eq!(of_four.scope, "m / 4 MiB");
    let bytes = of(None, Unit::BinaryBytes, 2_621_440.0);
    let because = "maximum 3 MiB over 2 of 2 scrapes of the steady phase, limit <= 2.5 MiB";
    check(&bytes, Verdict::Fail, "3 MiB", "<= 2.5 MiB", because);
}

#[test]
fn a_rate_lies_between_two_scrapes_of_the_steady_phase() {
    let scrapes = [Some("c 0\n"), Some("c 500\n"), Some("c 510\n"), Some("c 4\n")];
    let value = selector("c", &[], Reading::Rate);
    let finding = of_metric(&scrapes, value, None, Aggregation::Max, Bound::AtMost(9.0));
    check(
        &finding,
        Verdict::Fail,
        "10",
        "<= 9",
        "maximum 10 over 2 of 3 scrapes of the steady phase, limit <= 9",
    );
    assert_eq!(finding.scope, "rate(c)");
}

#[test]
fn a_quotient_is_taken_at_the_same_scrape_and_nothing_by_nothing_is_no_data() {
    let scrapes = [
        None,
        Some("hits 10\nall 10\n"),
        Some("hits 10\nall 10\n"),
        Some("hits 16\nall 20\n"),
        Some("hits 22\nall 30\n"),
    ];
    let rate = |name| selector(name, &[], Reading::Rate);
    let finding = of_metric(
        &scrapes,
        rate("hits"),
        Some(Divisor::Metric(rate("all"))),
        Aggregation::Min,
        Bound::AtLeast(0.5),
    );
    check(
        &finding,
        Verdict::Pass,
        "0.6",
        ">= 0.5",
        "minimum 0.6 over 2 of 4 scrapes of the steady phase, limit >= 0.5",
    );
    assert_eq!(finding.scope, "rate(hits) / rate(all)");
}

#[test]
fn a_counter_that_appears_in_mid_run_began_at_zero() {
    let quiet = [Some("up 1\n"); 6];
    let scrapes: Vec<Option<&str>> = quiet.into_iter().chain([Some("up 1\nerrors 500\n"); 2]).collect();
    let errors = selector("errors", &[], Reading::Rate);
    let finding = of_metric(&scrapes, errors, None, Aggregation::Max, Bound::AtMost(0.1));
    assert_eq!((finding.verdict, finding.value.as_str()), (Verdict::Fail, "500"), "{finding:?}");
}

#[test]
fn too_little_data_is_never_a_pass_and_says_what_is_missing() {
    let gauge = |name: &str| selector(name, &[("t", "x")], Reading::Gauge);
    let missing = |scrapes: &[Option<&str>], value: Selector, divided_by: Option<Divisor>, because: &str| {
        let finding = of_metric(scrapes, value, divided_by, Aggregation::Max, Bound::AtMost(1e9));
        check(&finding, Verdict::Inconclusive, "no data", "<= 1000000000", because);
    };
    let there = [Some("m{t=\"x\"} 1\n"); 3];
    let mostly_gone: Vec<Option<&str>> = there.into_iter().chain([None; 6]).collect();
    missing(
        &mostly_gone,
        gauge("m"),
        None,
        "no data: 2 of 8 scrapes give a value of `m{t=\"x\"}`, 4 are needed",
    );
    missing(&[], gauge("m"), None, "no data: no scrape in the steady phase");
    missing(&there[..1], gauge("m"), None, "no data: no scrape in the steady phase");
    missing(&there, gauge("n"), None, "no data: no series `n{t=\"x\"}` in the steady phase");
    missing(
        &there,
        gauge("m"),
        Some(Divisor::Metric(gauge("n"))),
        "no data: no series `n{t=\"x\"}` in the steady phase",
    );
    missing(
        &there[..2],
        gauge("m"),
        None,
        "no data: 1 of 1 scrapes give a value of `m{t=\"x\"}`, 2 are needed",
    );
    missing(
        &[Some("m{t=\"x\"} NaN\n"); 4],
        gauge("m"),
        Some(Divisor::Number(2.0)),
        "no data: 0 of 3 scrapes give a value of `m{t=\"x\"} / 2`, 2 are needed",
    );
}

#[test]
fn samples_with_times_of_their_own_count_then_and_no_scrape_that_failed_gives_them() {
    let of = |scrapes: &[Option<&str>]| {
        let gauge = selector("m", &[], Reading::Gauge);
        of_metric(scrapes, gauge, None, Aggregation::Max, Bound::AtMost(9.0))
    };
    let finding = of(&[Some("x 1\n"), Some("m 5 900\nx 1\n"), None, Some("m 7 2900\nx 1\n")]);
    let because = "maximum 7 over 2 of 3 scrapes of the steady phase, limit <= 9";
    check(&finding, Verdict::Pass, "7", "<= 9", because);
    // What is stamped hours ago is not there now.
    let old = Some("m 5 -7200000\nx 1\n");
    let finding = of(&[old, old, old, old]);
    assert_eq!(
        (finding.verdict, finding.because.as_str()),
        (Verdict::Inconclusive, "no data: no series `m` in the steady phase")
    );
}

#[test]
fn the_rate_of_a_counter_that_falls_again_and_again_is_no_pass() {
    let scrapes = [
        Some("c 1\nother 1\n"),
        Some("c 10\nother 2\n"),
        Some("c 5\nother 3\n"),
        Some("c 15\nother 4\n"),
        Some("c 6\nother 5\n"),
    ];
    let of = |bound| {
        let rate = selector("c", &[], Reading::Rate);
        let other = Divisor::Metric(selector("other", &[], Reading::Gauge));
        of_metric(&scrapes, rate, Some(other), Aggregation::Avg, bound)
    };
    let finding = of(Bound::AtMost(9.0));
    assert_eq!((finding.verdict, finding.within_limit), (Verdict::Inconclusive, Some(true)));
    assert!(finding.because.contains("; `c` fell once without a sign"), "{}", finding.because);
    assert!(finding.because.ends_with(": the rate is not known"), "{}", finding.because);
    assert_eq!(of(Bound::AtMost(0.1)).verdict, Verdict::Fail);
}
