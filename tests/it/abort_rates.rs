//! How often a load is stopped that should not be, and how soon one that should: loads whose true share of bad calls is known, simulated and
//! sent through the recorder and the watch, a second at a time. Everything is seeded; nothing is sent.
//!
//! Measured over 200 runs of 120 s with a budget of 5 %, 60 calls a second (`RUNS=200`): how many are stopped at the limit; how many with three
//! times the budget, and after how many seconds in the median.
//!
//! | process | at the limit | three times | seconds |
//! |---|--:|--:|--:|
//! | independent | 0 | 200 | 20 |
//! | autoregression of 0.1 s | 1 | 200 | 20 |
//! | autoregression of 1 s | 2 | 197 | 24 |
//! | slow phases of 0.2 s | 1 | 200 | 20 |
//! | slow phases of 1 s | 8 | 197 | 23 |
//! | freezes of 50 ms | 1 | 200 | 20 |
//! | freezes of 0.2 s | 1 | 200 | 20 |
//! | freezes of 0.5 s | 2 | 199 | 24 |
//! | queue at 70 % | 3 | 200 | 20 |
//! | queue at 80 % | 3 | 196 | 33 |
//! | half freezes of 0.1 s | 1 | 200 | 20 |

use std::ops::Range;

use gander::model::LatencyClock;
use gander::plan::{Plan, Role};
use gander::slo::{AbortWatch, BudgetTerms, Criteria, Indicator, Objective, Scope, Terms};
use gander::stats::binomial::lower_bound;

use super::verdicts::{BURSTY, LIMIT, Process, load_of, plan};

const BUDGET: f64 = 0.05;
/// In seconds.
const LENGTH: u32 = 120;

/// After how many seconds each run is stopped, if it is.
fn stopped(process: Process, late: f64, runs: Range<u64>, plan: &Plan) -> Vec<Option<u32>> {
    let step = plan.steps.iter().find(|step| step.role == Role::Load).unwrap().id;
    let objective = Objective {
        name: "o".to_owned(),
        scope: Scope::All,
        indicator: Indicator::Latency { clock: LatencyClock::Response, share: 1.0 - BUDGET, within: LIMIT },
        terms: Terms { abort: true, ..Terms::default() },
        budget: BudgetTerms::default(),
        origin: String::new(),
    };
    let criteria = Criteria { objectives: vec![objective], ..Criteria::default() };
    let run = |seed| {
        let mut watch = AbortWatch::of(&criteria, plan);
        let seconds = load_of(process, LENGTH, late).seconds(step, seed);
        let found = seconds.iter().find(|second| watch.second(second).is_some());
        found.map(|second| second.second + 1)
    };
    runs.map(run).collect()
}

/// How many are stopped, and the median time of those, in seconds.
fn summary(stopped: &[Option<u32>]) -> (u32, u32) {
    let mut times: Vec<u32> = stopped.iter().flatten().copied().collect();
    times.sort_unstable();
    let count = u32::try_from(times.len()).unwrap();
    (count, times.get(times.len() / 2).copied().unwrap_or(0))
}

#[test]
fn runs_at_the_limit_are_seldom_stopped() {
    let plan = plan();
    let runs = 0..std::env::var("RUNS").map_or(40, |runs| runs.parse().unwrap());
    for process in [Process::Independent].into_iter().chain(BURSTY) {
        let of = stopped(process, BUDGET, runs.clone(), &plan);
        let (count, _) = summary(&of);
        println!("{process:?} at the limit: {count} of {} stopped", of.len());
        let bound = lower_bound(of.len() as f64, f64::from(count));
        assert!(bound <= 0.05, "{process:?}: {count} of {} runs at the limit were stopped", of.len());
    }
}

#[test]
fn runs_with_three_times_the_budget_are_stopped() {
    let plan = plan();
    let runs = 0..std::env::var("RUNS").map_or(20, |runs| runs.parse().unwrap());
    for process in [Process::Independent].into_iter().chain(BURSTY) {
        let of = stopped(process, 3.0 * BUDGET, runs.clone(), &plan);
        let (count, median) = summary(&of);
        println!(
            "{process:?} at three times the budget: {count} of {} stopped, in a median of {median} s",
            of.len()
        );
    }
}
