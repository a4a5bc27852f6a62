//! Runs to be stopped, and runs that are not.

use std::time::Duration;

use super::*;
use crate::model::{LatencyClock, Outcome, TimeoutPhase, TransportFault};
use crate::slo::Indicator;
use crate::slo::judge::tests::{calls, plan, second_with};
use crate::slo::{During, Scope, Terms};

const ERRORS: Indicator = Indicator::ErrorRatio { at_most: 0.05 };

/// Of so many calls of `search` each, `good` succeeded and the others failed.
fn second(number: u32, good: u64, failed: u64) -> Second {
    let steady = |outcome, count| calls(1, Phase::Steady, outcome, count, 5);
    second_with(number, vec![steady(Outcome::Ok, good), steady(Outcome::ToolError, failed)], Vec::new())
}

fn objective(name: &str, indicator: Indicator, terms: Terms) -> Objective {
    let terms = Terms { abort: true, ..terms };
    let budget = crate::slo::BudgetTerms::default();
    Objective { name: name.to_owned(), scope: Scope::All, indicator, terms, budget, origin: String::new() }
}

fn watch(objectives: Vec<Objective>, all_calls_fail_for: Option<u32>) -> AbortWatch {
    let abort_when = Some(AbortWhen { all_calls_fail_for, no_answer_for: None });
    AbortWatch::of(&Criteria { objectives, abort_when, ..Criteria::default() }, &plan())
}

/// After how many seconds, each of which `of` makes, the load is stopped; and why.
fn stopped(mut watch: AbortWatch, of: impl Fn(u32) -> Second) -> Option<(u32, Abort)> {
    (0..60).find_map(|number| Some((number + 1, watch.second(&of(number))?)))
}

fn errors() -> AbortWatch {
    watch(vec![objective("errors", ERRORS, Terms::default())], None)
}

#[test]
fn a_load_is_stopped_when_the_evidence_is_enough() {
    let (after, why) = stopped(errors(), |number| second(number, 80, 20)).unwrap();
    assert_eq!(after, 20);
    let Abort::Budget { objective, calls, bad, budget, e_value, needed } = &why else { panic!("{why:?}") };
    assert_eq!((objective.as_str(), *calls, *bad, *needed), ("errors", 2000, 400, 20.0));
    assert!((budget - 0.05).abs() < 1e-12 && e_value.unwrap() >= 20.0, "{why:?}");
    assert!(
        why.to_string().starts_with("errors: 400 of 2,000 calls were bad (20 %), budget 5 %; e-value "),
        "{why}"
    );
}

#[test]
fn a_load_that_keeps_its_budget_goes_on() {
    for failed in [0, 1, 4, 5] {
        assert_eq!(stopped(errors(), |number| second(number, 100 - failed, failed)), None);
    }
    // An objective that does not say so stops nothing.
    let mut plain = objective("errors", ERRORS, Terms::default());
    plain.terms.abort = false;
    assert_eq!(stopped(watch(vec![plain], None), |number| second(number, 0, 100)), None);
}

#[test]
fn one_burst_is_no_reason() {
    let burst = |number| if number == 12 { second(number, 0, 100) } else { second(number, 100, 0) };
    assert_eq!(stopped(errors(), burst), None);
}

#[test]
fn a_budget_of_nothing_is_spent_by_one_call() {
    let none = objective("none", Indicator::ErrorRatio { at_most: 0.0 }, Terms::default());
    let (after, why) =
        stopped(watch(vec![none], None), |number| second(number, 10, u64::from(number == 3))).unwrap();
    assert_eq!((after, why.to_string().as_str()), (4, "none: 1 of 41 calls were bad (2.44 %), budget 0 %"));
}

#[test]
fn with_several_objectives_more_is_needed_of_each() {
    let two = || vec![objective("a", ERRORS, Terms::default()), objective("b", ERRORS, Terms::default())];
    let (_, why) = stopped(watch(two(), None), |number| second(number, 80, 20)).unwrap();
    let Abort::Budget { needed, .. } = why else { panic!("{why:?}") };
    assert!((needed - 40.0).abs() < 1e-12);
}

#[test]
fn late_calls_count_as_the_limit_says() {
    let within = Duration::from_millis(100);
    let p95 = Indicator::Latency { clock: LatencyClock::Response, share: 0.95, within };
    let slow = |number| {
        let late = calls(1, Phase::Steady, Outcome::Ok, 30, 200);
        second_with(number, vec![calls(1, Phase::Steady, Outcome::Ok, 70, 5), late], Vec::new())
    };
    assert!(stopped(watch(vec![objective("p95", p95, Terms::default())], None), slow).is_some());
}

#[test]
fn only_the_part_that_the_objective_looks_at_stops_the_load() {
    let later = During::Span { from: Duration::from_secs(20), to: Duration::from_secs(50) };
    let of = || {
        let terms = Terms { during: Some(later.clone()), ..Terms::default() };
        watch(vec![objective("later", ERRORS, terms)], None)
    };
    let early = |number| if number < 20 { second(number, 50, 50) } else { second(number, 100, 0) };
    assert_eq!(stopped(of(), early), None);
    assert_eq!(stopped(of(), |number| second(number, 50, 50)).unwrap().0, 40);
}

#[test]
fn neither_the_warm_up_nor_what_surrounds_the_load_is_evidence() {
    let around = |number| {
        let cells = vec![
            calls(1, Phase::WarmUp, Outcome::ToolError, 50, 5),
            calls(0, Phase::Steady, Outcome::ToolError, 50, 5),
            calls(1, Phase::Steady, Outcome::Ok, 50, 5),
        ];
        second_with(number, cells, Vec::new())
    };
    assert_eq!(stopped(errors(), around), None);
}

#[test]
fn a_guard_stops_a_load_of_failures_alone() {
    let guard = || watch(Vec::new(), Some(5));
    let (after, why) = stopped(guard(), |number| second(number, u64::from(number < 7), 10)).unwrap();
    assert_eq!((after, why), (12, Abort::AllFailed { seconds: 5, calls: 50 }));
    assert_eq!(stopped(guard(), |number| second(number, u64::from(number % 5 == 0), 10)), None);
    // A target that stands still fails nothing, and mends nothing.
    let still = |number| if number % 4 == 3 { second(number, 0, 2) } else { second(number, 0, 0) };
    assert_eq!(stopped(guard(), still).unwrap(), (8, Abort::AllFailed { seconds: 5, calls: 4 }));
    assert_eq!(stopped(guard(), |number| second(number, 0, 0)), None);
    // The first calls of a warm-up count.
    let cold =
        |number| second_with(number, vec![calls(1, Phase::WarmUp, Outcome::ToolError, 3, 5)], Vec::new());
    assert_eq!(stopped(guard(), cold).unwrap().0, 5);
}

/// Stops a load that is not answered for five seconds.
fn unanswered() -> AbortWatch {
    let abort_when = Some(AbortWhen { all_calls_fail_for: None, no_answer_for: Some(5) });
    AbortWatch::of(&Criteria { abort_when, ..Criteria::default() }, &plan())
}

/// At whose end so many calls wait.
fn waiting(number: u32, in_flight: u64, ended: &[(Outcome, u64)]) -> Second {
    let cells = ended.iter().map(|&(outcome, count)| calls(1, Phase::Steady, outcome, count, 5)).collect();
    Second { in_flight, ..second_with(number, cells, Vec::new()) }
}

#[test]
fn a_guard_stops_a_load_that_nothing_answers() {
    const TIMEOUT: Outcome = Outcome::Transport(TransportFault::Timeout(TimeoutPhase::FirstByte));
    let (after, why) = stopped(unanswered(), |number| waiting(number, 4, &[])).unwrap();
    assert_eq!((after, why.to_string().as_str()), (5, "nothing answered for 5 s: 4 calls in flight"));
    let (after, why) = stopped(unanswered(), |number| {
        waiting(number, 4, if number % 2 == 1 { &[(TIMEOUT, 3)] } else { &[] })
    })
    .unwrap();
    let told = "nothing answered for 5 s: 4 calls in flight, 6 ended without an answer";
    assert_eq!((after, why.to_string().as_str()), (5, told));
    // Any answer is one, and what the scenario cancels needs none.
    for outcome in [Outcome::Ok, Outcome::ToolError, Outcome::HttpStatus(503), Outcome::Cancelled] {
        let some = [(outcome, 1), (TIMEOUT, 9)];
        let seldom = |number| waiting(number, 4, if number % 4 == 3 { &some } else { &[] });
        assert_eq!(stopped(unanswered(), seldom), None, "{outcome}");
    }
    // Nobody waits for a target that is asked nothing.
    assert_eq!(stopped(unanswered(), |number| waiting(number, 0, &[])), None);
    // The other guard sees calls that end, and this one those that do not.
    assert_eq!(stopped(watch(Vec::new(), Some(5)), |number| waiting(number, 4, &[])), None);
}

#[test]
fn what_was_seen_is_written_and_read() {
    let old: AbortWhen = serde_json::from_str(r#"{"all_calls_fail_for":10}"#).unwrap();
    assert_eq!(old, AbortWhen { all_calls_fail_for: Some(10), no_answer_for: None });
    for why in [
        Abort::NoAnswer { seconds: 5, in_flight: 4, ended: 6 },
        Abort::AllFailed { seconds: 10, calls: 7 },
        Abort::Budget {
            objective: "a".to_owned(),
            calls: 9,
            bad: 3,
            budget: 0.0,
            e_value: None,
            needed: 20.0,
        },
    ] {
        let text = serde_json::to_string(&why).unwrap();
        assert_eq!(serde_json::from_str::<Abort>(&text).unwrap(), why, "{text}");
    }
}
