//! How often verdicts on sliding windows err: loads whose true share of bad calls is known at every moment, simulated and sent through the
//! recorder and the judge. Everything is seeded; nothing is sent.
//!
//! What is true of a run is what its worst window was like: the mean, over the calls of that window, of the probability with which each was
//! bad. A PASS of a run whose worst window was at the limit or beyond is wrong, and so is a FAIL of one that was not beyond it.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use gander::load::{Recorder, Timing};
use gander::metrics::{Aggregates, Flow, Phase, Second, SeriesStore};
use gander::model::{CounterRng, Labels, Outcome, Verdict};
use gander::plan::{Plan, Role, StepId};
use gander::slo::{
    BudgetTerms, InEvery, Indicator, Measurements, Objective, Recorded, Scope, Terms, Tolerance, judge,
};
use gander::stats::binomial::lower_bound;

use super::verdicts::plan;

const BUDGET: f64 = 0.05;
/// Of the run, in seconds.
const LENGTH: u32 = 60;
/// Of a window, in seconds.
const WINDOW: u32 = 10;
/// Calls a second, at random times.
const RATE: f64 = 60.0;

/// With which probability a call is bad, by when it is made.
#[derive(Debug, Clone, Copy)]
enum Course {
    /// Always the same.
    Even(f64),
    /// The first in one stretch as long as a window, the second else.
    OneWindow(f64, f64),
    /// Slow for so many seconds on average, then quick (Markov), the share of all time that makes the share of bad calls: every other call
    /// is bad while it is slow.
    SlowPhases(f64, f64),
}

impl Course {
    /// The times of the calls of a run, in seconds, and with which probability each is bad.
    fn calls(self, seed: u64) -> Vec<(f64, f64)> {
        let (mut rng, mut phases) = (CounterRng::new(seed, 1), CounterRng::new(seed, 2));
        let mut slow = matches!(self, Self::SlowPhases(_, share) if phases.unit() < 2.0 * share);
        let mut until = 0.0;
        let mut calls = Vec::new();
        let mut time = rng.exponential() / RATE;
        while time < f64::from(LENGTH) {
            let bad = match self {
                Self::Even(share) => share,
                Self::OneWindow(inside, outside) => {
                    if (20.0..20.0 + f64::from(WINDOW)).contains(&time) {
                        inside
                    } else {
                        outside
                    }
                }
                Self::SlowPhases(dwell, share) => {
                    while time >= until {
                        slow = !slow;
                        let mean = if slow { dwell } else { dwell * (1.0 - 2.0 * share) / (2.0 * share) };
                        until += mean * phases.exponential();
                    }
                    if slow { 0.5 } else { 0.0 }
                }
            };
            calls.push((time, bad));
            time += rng.exponential() / RATE;
        }
        calls
    }
}

/// The largest share of bad calls that was to be expected of any window.
fn worst(calls: &[(f64, f64)]) -> f64 {
    let of = |from: u32| {
        let window = f64::from(from)..f64::from(from + WINDOW);
        let inside: Vec<f64> =
            calls.iter().filter(|(time, _)| window.contains(time)).map(|(_, bad)| *bad).collect();
        inside.iter().sum::<f64>() / inside.len() as f64
    };
    (0..=LENGTH - WINDOW).map(of).fold(0.0, f64::max)
}

fn seconds(calls: &[(f64, f64)], step: StepId, seed: u64) -> Vec<Second> {
    let recorder = Recorder::new(1, Vec::new());
    let mut rng = CounterRng::new(seed, 3);
    let mut calls = calls.iter().peekable();
    let second = |number: u32| {
        while let Some((time, bad)) = calls.next_if(|(time, _)| *time < f64::from(number + 1)) {
            let outcome = if rng.unit() < *bad { Outcome::ToolError } else { Outcome::Ok };
            let timing = Timing::closed(Duration::from_millis(5)).ended(Duration::from_secs_f64(*time));
            recorder.begin(step, Phase::Steady).end(outcome, timing, None);
        }
        recorder.take_second(number, 0)
    };
    (0..LENGTH).map(second).collect()
}

/// How many runs there were, and how many of them were beyond the limit (or at it) and passed, or within it (or at it) and failed.
#[derive(Debug, Clone, Copy, Default)]
struct Verdicts {
    runs: u32,
    pass: u32,
    fail: u32,
    wrong_pass: u32,
    wrong_fail: u32,
    /// What plain comparison of each window would have failed wrongly.
    plain_wrong_fail: u32,
}

fn judged(course: Course, tolerance: Tolerance, runs: Range<u64>, plan: &Plan) -> Verdicts {
    let step = plan.steps.iter().find(|step| step.role == Role::Load).unwrap().id;
    let objective = Objective {
        name: "o".to_owned(),
        scope: Scope::All,
        indicator: Indicator::ErrorRatio { at_most: BUDGET },
        terms: Terms { in_every: Some(InEvery { seconds: WINDOW, tolerance }), ..Terms::default() },
        budget: BudgetTerms::default(),
        origin: String::new(),
    };
    let steady = Duration::ZERO..Duration::from_secs(u64::from(LENGTH));
    let mut all = Verdicts::default();
    for seed in runs {
        let calls = course.calls(seed);
        let seconds = seconds(&calls, step, seed);
        let aggregates = Aggregates::of(&seconds);
        let (flow, series) = (Flow::default(), SeriesStore::default());
        let run = Measurements {
            plan,
            seconds: &seconds,
            aggregates: &aggregates,
            flow: &flow,
            recorded: Recorded { series: &series, events: &[], fetched: None, zero_ms: 0 },
            labels: Labels::none(),
            steady: &steady,
            began: Duration::ZERO,
        };
        let finding = judge(std::slice::from_ref(&objective), &run).remove(0);
        let (pass, fail) = (finding.verdict == Verdict::Pass, finding.verdict == Verdict::Fail);
        let worst = worst(&calls);
        let (is_kept, is_broken) = (worst <= BUDGET * (1.0 + 1e-9), worst >= BUDGET * (1.0 - 1e-9));
        all.runs += 1;
        all.pass += u32::from(pass);
        all.fail += u32::from(fail);
        all.wrong_pass += u32::from(pass && is_broken);
        all.wrong_fail += u32::from(fail && is_kept);
        all.plain_wrong_fail += u32::from(is_kept && finding.within_limit == Some(false));
    }
    all
}

/// True where so many wrong verdicts are more than 5 %, beyond what so few simulated runs leave open.
fn is_too_often(wrong: u32, runs: u32) -> bool {
    lower_bound(f64::from(runs), f64::from(wrong)) > 0.05
}

const RUNS: Range<u64> = 0..500;

#[test]
fn wrong_verdicts_on_windows_are_5_percent_at_most() {
    let plan = plan();
    let mut table = String::new();
    let mut plainly = 0;
    for course in [
        Course::Even(BUDGET),
        Course::OneWindow(BUDGET, 0.01),
        Course::SlowPhases(1.0, 0.02),
        Course::SlowPhases(3.0, 0.03),
    ] {
        let found = judged(course, Tolerance::default(), RUNS, &plan);
        let _ = writeln!(table, "{course:?}: {found:?}");
        assert!(!is_too_often(found.wrong_pass, found.runs), "{course:?}: {found:?}");
        assert!(!is_too_often(found.wrong_fail, found.runs), "{course:?}: {found:?}");
        plainly += found.plain_wrong_fail;
    }
    println!("{table}");
    assert!(plainly > 500, "plain comparison errs too seldom ({plainly}) for this to be a hard case");
}

#[test]
fn what_is_clear_in_windows_is_decided() {
    let plan = plan();
    for (course, tolerance, verdict) in [
        (Course::Even(BUDGET / 5.0), Tolerance::default(), Verdict::Pass),
        (Course::Even(BUDGET * 2.0), Tolerance::default(), Verdict::Fail),
        // The whole run is within, one window is not.
        (Course::OneWindow(0.15, 0.005), Tolerance::default(), Verdict::Fail),
        (Course::OneWindow(0.15, 0.005), Tolerance::Share(0.5), Verdict::Pass),
    ] {
        let found = judged(course, tolerance, 0..60, &plan);
        println!("{course:?}, {tolerance} tolerated: {found:?}");
        let (right, wrong) = match verdict {
            Verdict::Pass => (found.pass, found.fail),
            Verdict::Fail | Verdict::Inconclusive | Verdict::Invalid => (found.fail, found.pass),
        };
        assert!(right >= 54 && wrong == 0, "{course:?}: {found:?}");
    }
}
