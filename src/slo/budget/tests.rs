//! Budgets over made runs: burn rates and alerts by hand.

use std::ops::Range;
use std::time::Duration;

use super::BurnReading::{Silent, TooFine, TooShort};
use super::{BudgetTerms, BurnLimit, BurnReading, BurnSeverity, ErrorBudget, burned, limit_finding};
use crate::model::Verdict;
use crate::slo::draft::Draft;
use crate::slo::evidence::Evidence;
use crate::slo::judge::blank;
use crate::slo::tick::{Tick, evidence};
use crate::slo::{Finding, Indicator, Objective, Scope};

const HOUR: Duration = Duration::from_secs(3600);

fn objective(budget: BudgetTerms) -> Objective {
    let indicator = Indicator::ErrorRatio { at_most: 0.01 };
    Objective {
        name: "errors".to_owned(),
        scope: Scope::All,
        indicator,
        terms: crate::slo::Terms::default(),
        budget,
        origin: "a.yaml:3".to_owned(),
    }
}

/// 100 calls in each of `seconds` from 10 s on, `bad` of them bad where `bad` says so; the share that may be is 1 %.
fn draft(seconds: u64, bad: impl Fn(u64) -> u64) -> (Draft, Range<Duration>) {
    let tick = |second| Tick { at: Duration::from_secs(10 + second + 1), calls: 100, bad: bad(second) };
    let ticks: Vec<Tick> = (0..seconds).map(tick).collect();
    let finding = blank(&objective(BudgetTerms::default()), "error ratio".to_owned(), "<= 1 %".to_owned());
    let evidence = evidence(&ticks, 0.01, "calls");
    let steady = Duration::from_secs(10)..Duration::from_secs(10 + seconds);
    (Draft::tested(finding, evidence, "failed", String::new()).counted_by(&ticks), steady)
}

fn burn(seconds: u64, bad: impl Fn(u64) -> u64, terms: &BudgetTerms) -> ErrorBudget {
    let (draft, steady) = draft(seconds, bad);
    burned(&draft, terms, &steady).unwrap()
}

#[test]
fn a_budget_lasts_as_long_as_its_burn_rate_says() {
    let budget = burn(60, |second| 2 * (second % 2), &BudgetTerms::default());
    assert_eq!((budget.share, budget.burn, budget.gone_in), (0.01, 1.0, Some(30.0 * 86_400.0)));
    let terms = BudgetTerms { period: HOUR * 24 * 7, ..BudgetTerms::default() };
    let fast = burn(60, |_| 4, &terms);
    assert_eq!((fast.burn, fast.period, fast.gone_in), (4.0, 604_800.0, Some(151_200.0)));
    let none = burn(60, |_| 0, &terms);
    assert_eq!((none.burn, none.gone_in), (0.0, None));
}

#[test]
fn windows_are_scaled_to_the_run_and_no_finer_than_what_is_counted() {
    // A minute: the shortest window is a second, and two of the long ones do not fit.
    let short = burn(60, |_| 0, &BudgetTerms::default());
    assert_eq!(short.scale.to_string(), "300");
    let readings: Vec<BurnReading> = short.alerts.iter().map(|alert| alert.reading).collect();
    assert_eq!(readings, [Silent, TooShort, TooShort, TooShort]);
    // An hour: three days become an hour.
    let long = burn(3_600, |_| 0, &BudgetTerms::default());
    assert_eq!(long.scale.to_string(), "72");
    assert!(long.alerts.iter().all(|alert| alert.reading == Silent && alert.peak == Some(0.0)));
    let said = burn(60, |_| 0, &BudgetTerms { time_scale: Some(3_600), ..BudgetTerms::default() });
    assert_eq!((said.scale, said.alerts[0].reading, said.alerts[1].reading), (3_600.0, TooFine, TooFine));
}

#[test]
fn what_is_counted_a_little_apart_has_the_scale_of_what_is_counted_each_second() {
    let terms = BudgetTerms::default();
    let scale = |each: u64| super::burn_scale(&terms, Duration::from_millis(each), HOUR / 60).to_string();
    assert_eq!([1_000, 1_003, 5_000, 5_020].map(scale), ["300", "300", "60", "60"]);
}

#[test]
fn a_period_is_shown_in_days_and_not_in_weeks() {
    let shown = [24, 28 * 24, 30 * 24, 25].map(|hours| super::as_written(HOUR * hours));
    assert_eq!(shown, ["1d", "28d", "30d", "25h"]);
}

#[test]
fn an_alert_fires_when_both_windows_burn_too_fast() {
    // 20 % fail from second 30 to second 40 of the steady phase. The long window is 12 s, so its burn is 20 for each of them of 12:
    // 14.4 is exceeded by the ninth (15), which ends at 39 s of the phase.
    let budget = burn(60, |second| if (30..40).contains(&second) { 20 } else { 0 }, &BudgetTerms::default());
    let page = &budget.alerts[0];
    assert_eq!((page.severity, page.factor, page.reading), (BurnSeverity::Page, 14.4, BurnReading::Fired));
    assert_eq!(page.fired_at, Some(49.0));
    assert!((page.peak.unwrap() - 200.0 / 12.0).abs() < 1e-9, "{page:?}");
    // With the same count spread out no window burns so fast.
    let spread = burn(60, |second| if second % 6 == 0 { 20 } else { 0 }, &BudgetTerms::default());
    assert_eq!((spread.alerts[0].reading, spread.alerts[0].fired_at), (Silent, None));
}

#[test]
fn a_burst_before_the_window_is_full_is_in_it_and_one_after_it_is_over_is_not() {
    let early = burn(60, |second| if second < 9 { 20 } else { 0 }, &BudgetTerms::default());
    // When the long window is whole, the short one is well again.
    assert_eq!((early.alerts[0].reading, early.alerts[0].peak), (Silent, Some(0.0)));
    let early = burn(60, |second| if second < 12 { 20 } else { 0 }, &BudgetTerms::default());
    assert_eq!(early.alerts[0].fired_at, Some(22.0));
}

fn limited(seconds: u64, at_most: f64, long: Duration, bad: impl Fn(u64) -> u64) -> Finding {
    let limit = BurnLimit { at_most, long, short: long / 12, origin: "a.yaml:5".to_owned() };
    let objective = objective(BudgetTerms { limit: Some(limit.clone()), ..BudgetTerms::default() });
    let (draft, steady) = draft(seconds, bad);
    limit_finding(&objective, &limit, &draft, &steady)
}

#[test]
fn a_burn_rate_can_fail_a_run() {
    let burst = |second| if (30..40).contains(&second) { 20 } else { 0 };
    let finding = limited(60, 10.0, HOUR, burst);
    assert_eq!(
        (finding.name.as_str(), finding.indicator.as_str()),
        ("errors burn rate", "burn rate over 1h & 5m")
    );
    assert_eq!((finding.verdict, finding.value.as_str(), finding.samples), (Verdict::Fail, "16.67", 6_000));
    assert_eq!(
        finding.because,
        "at most 16.67 in both windows at once, limit 10, exceeded after 47.0 s (over the whole steady phase 3.33); windows of 12.0 s & 1.00 s here, times divided by 300"
    );
    assert_eq!(limited(60, 17.0, HOUR, burst).verdict, Verdict::Pass);
    let long = limited(60, 17.0, HOUR * 6, burst);
    assert_eq!((long.verdict, long.within_limit), (Verdict::Inconclusive, None));
    assert!(
        long.because.ends_with("the long one does not fit into the steady phase of 60.0 s: 72.0 s would do"),
        "{}",
        long.because
    );
}

#[test]
fn without_calls_or_a_budget_nothing_burns() {
    let blank = blank(&objective(BudgetTerms::default()), String::new(), String::new());
    let steady = Duration::ZERO..HOUR;
    let ticks = [Tick { at: HOUR, calls: 10, bad: 1 }];
    for (calls, bad, budget) in [(0, 0, 0.01), (10, 1, 0.0), (10, 1, 1.0)] {
        let draft = Draft::tested(blank.clone(), Evidence::new(calls, bad, budget), "failed", String::new());
        assert_eq!(burned(&draft.counted_by(&ticks), &BudgetTerms::default(), &steady), None);
    }
    let limit = BurnLimit { at_most: 1.0, long: HOUR, short: HOUR, origin: String::new() };
    let none = limit_finding(&objective(BudgetTerms::default()), &limit, &Draft::found(blank), &steady);
    assert_eq!((none.verdict, none.because.as_str()), (Verdict::Inconclusive, "no data on errors"));
}
