//! Parts of a load whose seconds are known: 20 s, of which the first is warm-up.

use super::*;
use crate::metrics::{Phase, SeriesStore};
use crate::model::Outcome;
use crate::plan::{ClosedLoad, LoadModel, Plan, Stage, StageName, ThinkTime};
use crate::slo::judge::tests::{calls, plan, second_with};
use crate::slo::{BudgetTerms, InEvery, Recorded, Scope, Tolerance, judge as judge_all};

/// Stages of 5, 10 and 5 s, the second of which is `peak`.
fn staged() -> Plan {
    let stages = [5, 10, 5].map(|length| Stage { duration: Duration::from_secs(length), users: 10 });
    let model = LoadModel::Closed(ClosedLoad {
        stages: stages.to_vec(),
        think_time: ThinkTime::Constant(Duration::ZERO),
    });
    let stage_names = vec![StageName { stage: 1, name: "peak".to_owned() }];
    let load = Load { model, warm_up: Duration::from_secs(1), idle_streams: 0, stage_names };
    Plan { load, ..plan() }
}

/// 100 calls a second, of which `failed` says how many fail, with so many in flight at the end of each.
fn seconds(in_flight: u64, failed: impl Fn(u32) -> u64) -> Vec<Second> {
    let second = |number| {
        let steady = |outcome, count| calls(1, Phase::Steady, outcome, count, 50);
        let cells = vec![
            steady(Outcome::Ok, 100 - failed(number)),
            steady(Outcome::ToolError, failed(number)),
            calls(1, Phase::WarmUp, Outcome::ToolError, 10, 1),
        ];
        Second { in_flight, ..second_with(number, cells, Vec::new()) }
    };
    (1..20).map(second).collect()
}

fn found(seconds: &[Second], stop: u64, indicator: Indicator, terms: Terms) -> Finding {
    let (plan, aggregates) = (staged(), Aggregates::of(seconds));
    let steady = Duration::from_secs(1)..Duration::from_secs(stop);
    let run = Measurements {
        plan: &plan,
        seconds,
        aggregates: &aggregates,
        flow: &Flow::of(seconds, &(1.0..20.0)),
        recorded: Recorded { series: &SeriesStore::default(), events: &[], fetched: None, zero_ms: 0 },
        labels: crate::model::Labels::none(),
        steady: &steady,
        began: Duration::ZERO,
    };
    let origin = String::new();
    let budget = BudgetTerms::default();
    let objective = Objective { name: "o".to_owned(), scope: Scope::All, indicator, terms, budget, origin };
    judge_all(&[objective], &run).remove(0)
}

const ERRORS: Indicator = Indicator::ErrorRatio { at_most: 0.05 };

fn at(during: During) -> Terms {
    Terms { during: Some(during), ..Terms::default() }
}

fn peak() -> Terms {
    at(During::Stage("peak".to_owned()))
}

fn span(from: u64, to: u64) -> Terms {
    at(During::Span { from: Duration::from_secs(from), to: Duration::from_secs(to) })
}

#[test]
fn a_stage_is_judged_by_its_own_seconds() {
    // Fails at its peak alone, and before: 20 % of these calls, 11 % of all.
    let peaky = seconds(3, |number| if (5..15).contains(&number) { 20 } else { 1 });
    let finding = found(&peaky, 20, ERRORS, peak());
    assert_eq!((finding.verdict, finding.samples, finding.bad), (Verdict::Fail, 1000, Some(200)));
    assert_eq!(finding.scope, "all calls, during peak (5 s to 15 s)");
    let edges = "; calls count where they ended: up to 3 of these were due before, and up to 3 others in it";
    assert!(finding.because.ends_with(edges), "{}", finding.because);
    let calm = found(&peaky, 20, ERRORS, span(15, 20));
    assert_eq!((calm.verdict, calm.samples, calm.bad), (Verdict::Pass, 500, Some(5)));
    assert_eq!(calm.scope, "all calls, from 15 s to 20 s");
    // From the end of the warm-up on, phases tell which calls are its own.
    let first = found(&peaky, 20, ERRORS, span(0, 5));
    assert!(
        first.because.ends_with("up to 0 of these were due before, and up to 3 others in it"),
        "{}",
        first.because
    );
    let all = found(&peaky, 20, ERRORS, span(0, 20));
    assert_eq!((all.samples, all.bad), (1900, Some(209)));
    assert!(!all.because.contains("where they ended"), "{}", all.because);
}

#[test]
fn calls_that_end_after_the_load_are_those_of_its_last_part() {
    let mut late = seconds(0, |_| 0);
    late.push(Second { second: 21, ..seconds(0, |_| 100).remove(0) });
    let finding = found(&late, 20, ERRORS, span(15, 20));
    assert_eq!((finding.samples, finding.bad), (600, Some(100)));
    assert_ne!(finding.verdict, Verdict::Pass);
}

#[test]
fn where_many_calls_hang_over_the_edges_nothing_is_told() {
    let finding = found(&seconds(60, |_| 0), 20, ERRORS, peak());
    let because = "calls count where they ended: of 1,000 here up to 60 were due before, and up to 60 others were due here and ended \
                   later: too many to tell; make this part of the load longer";
    assert_eq!((finding.verdict, finding.because.as_str()), (Verdict::Inconclusive, because));
    assert_eq!(found(&seconds(50, |_| 0), 20, ERRORS, peak()).verdict, Verdict::Pass);
}

#[test]
fn windows_slide_within_the_part() {
    let terms = Terms { in_every: Some(InEvery { seconds: 4, tolerance: Tolerance::default() }), ..peak() };
    let burst = seconds(3, |number| if number == 16 { 90 } else { 0 });
    let finding = found(&burst, 20, ERRORS, terms.clone());
    assert!(finding.because.starts_with("0 of 7 windows of 4 s outside"), "{}", finding.because);
    assert_eq!(finding.verdict, Verdict::Pass);
    let burst = seconds(3, |number| if number == 14 { 90 } else { 0 });
    let finding = found(&burst, 20, ERRORS, terms);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.because.contains("worst 11 s to 15 s: 90 of 400 calls"), "{}", finding.because);
}

#[test]
fn rates_are_those_of_the_part() {
    let slow = seconds(3, |number| if (5..15).contains(&number) { 40 } else { 0 });
    let at_least = |terms| found(&slow, 20, Indicator::Throughput { at_least: 80.0 }, terms);
    assert_eq!((at_least(peak()).verdict, at_least(peak()).value.as_str()), (Verdict::Fail, "60.00/s"));
    assert_eq!(at_least(span(15, 20)).verdict, Verdict::Pass);
}

#[test]
fn a_part_that_never_came_is_no_pass() {
    let finding = found(&seconds(0, |_| 0), 14, ERRORS, span(15, 20));
    assert_eq!((finding.verdict, finding.samples), (Verdict::Inconclusive, 0));
    let gone = found(&seconds(0, |_| 0), 20, ERRORS, at(During::Stage("valley".to_owned())));
    assert_eq!((gone.verdict, gone.samples), (Verdict::Inconclusive, 0));
    assert_eq!(gone.because, "no data: the load has no stage to look at during valley");
}
