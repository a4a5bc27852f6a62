//! When a load is to be stopped because it has shown enough: watched second by second while the run is on.
//!
//! Whoever looks each second at a test that errs in 5 % of runs stops many more of them. So the evidence is an e-process
//! (`stats/e_process.rs`): 20 of it are reached in at most 5 % of runs that keep the budget, however often one looks; with several objectives
//! that may stop the load, so many times 20. Calls that come in bursts are worth less, as in the verdict: counts are divided by the same
//! factor, and nobody looks before there are twenty seconds to learn it from (what is plain earlier is a guard's). The factor is an estimate, so
//! the 5 % are no theorem beyond independent calls; they are what simulation shows (`tests/it/abort_rates.rs`): of 200 runs of 120 s at the
//! limit 0 were stopped with independent calls, 2 with an autoregression of 1 s, 8 at the most (slow phases of 1 s); of those with three times
//! the budget 196 or more, in a median of 20 to 33 s. The factor of a PASS (`Inflation::cautious`) stops next to none of either.
//!
//! Guards are plain, and calls of the warm-up count for them. Calls failed, none succeeded, from one second to another so many later.
//! Or calls waited and nothing came back for any, in seconds one after the other: that sees a target that accepts and never answers before
//! any call has timed out. How long the slowest call may take is for the user to know, so that each guard is asked for by itself.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::bursts::{Bad, Bursts, counted};
use super::{Criteria, Objective};
use crate::metrics::{Course, CourseSecond, Phase, Second};
use crate::model::{Abort, LatencyHistogram, Outcome};
use crate::plan::{Plan, Role};
use crate::stats::e_process::EProcess;

/// So much evidence is seen in 5 % of healthy runs at the most.
const ENOUGH: f64 = 20.0;
/// There is nothing to learn of bursts before there are so many seconds.
const LEAST_SECONDS: usize = 20;
/// JSON has no infinity.
const LARGEST: f64 = 1e300;

/// What stops a load however little is proven of any objective: one of them, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbortWhen {
    /// All calls that end fail, for so many seconds. Calls that do not end are [`Self::no_answer_for`]'s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_calls_fail_for: Option<u32>,
    /// Calls wait and nothing comes back for any, be it an error, for so many seconds: longer than the slowest sound call takes.
    /// Logins and the opening of sessions are calls here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_answer_for: Option<u32>,
}

impl fmt::Display for AbortWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all_fail = self.all_calls_fail_for.map(|seconds| format!("all calls fail for {seconds} s"));
        let no_answer = self.no_answer_for.map(|seconds| format!("nothing is answered for {seconds} s"));
        f.write_str(&all_fail.into_iter().chain(no_answer).collect::<Vec<_>>().join(", or "))
    }
}

/// Watches a run for reasons to stop it.
pub struct AbortWatch {
    watched: Vec<Watched>,
    guards: Vec<Guard>,
}

impl fmt::Debug for AbortWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortWatch").field("objectives", &self.watched.len()).finish_non_exhaustive()
    }
}

/// One objective that may stop the load.
struct Watched {
    name: String,
    budget: f64,
    of: Box<dyn Fn(&Second) -> CourseSecond + Send>,
    /// The seconds that it looks at.
    during: Range<u32>,
    course: Course,
    latency: LatencyHistogram,
    calls: u64,
    bad: u64,
}

impl AbortWatch {
    /// Of what `criteria` say of a run of `plan`.
    pub fn of(criteria: &Criteria, plan: &Plan) -> Self {
        let aborting = criteria.objectives.iter().filter(|objective| objective.terms.abort);
        let is_load = plan.steps.iter().map(|step| step.role == Role::Load).collect();
        let all_failed = |after| Guard::AllFailed(AllFailed { after, is_load, streak: None });
        let when = criteria.abort_when;
        let all_failed = when.and_then(|when| when.all_calls_fail_for).map(all_failed);
        let no_answer = when.and_then(|when| when.no_answer_for);
        let no_answer = no_answer.map(|after| Guard::NoAnswer(NoAnswer { after, streak: None }));
        let guards = no_answer.into_iter().chain(all_failed).collect();
        Self { watched: aborting.filter_map(|objective| Watched::of(objective, plan)).collect(), guards }
    }

    /// Why the load is to be stopped now that `second` is over, if it is.
    pub fn second(&mut self, second: &Second) -> Option<Abort> {
        let needed = ENOUGH * self.watched.len() as f64;
        let proven = self.watched.iter_mut().filter_map(|watched| watched.second(second, needed));
        // Each has to see the second.
        let proven: Vec<Abort> = proven.collect();
        let guarded: Vec<Abort> = self.guards.iter_mut().filter_map(|guard| guard.second(second)).collect();
        guarded.into_iter().chain(proven).next()
    }
}

impl Watched {
    /// `None` of what no share of calls is counted of; the file's reader refuses it.
    fn of(objective: &Objective, plan: &Plan) -> Option<Self> {
        let (bad, budget) = Bad::of(&objective.indicator, plan)?;
        let during = match &objective.terms.during {
            None => 0..u32::MAX,
            Some(during) => {
                let span = during.span(&plan.load)?;
                let number = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
                number(span.start.as_secs() + u64::from(span.start.subsec_nanos() > 0))
                    ..number(span.end.as_secs())
            }
        };
        Some(Self {
            name: objective.name.clone(),
            budget,
            of: Box::new(counted(plan, &objective.scope, bad)),
            during,
            course: Course::default(),
            latency: LatencyHistogram::new(),
            calls: 0,
            bad: 0,
        })
    }

    fn second(&mut self, second: &Second, needed: f64) -> Option<Abort> {
        if !self.during.contains(&second.second) {
            return None;
        }
        let found = (self.of)(second);
        if self.calls == 0 && found.calls == 0 {
            return None;
        }
        self.calls += found.calls;
        self.bad += found.bad;
        self.course.seconds.push(found);
        let steady = second.cells.iter().filter(|cell| cell.phase == Phase::Steady && cell.outcome.counts());
        steady.for_each(|cell| self.latency.merge(cell.latency()));
        let e_value = self.e_value(needed)?;
        Some(Abort::Budget {
            objective: self.name.clone(),
            calls: self.calls,
            bad: self.bad,
            budget: self.budget,
            e_value: e_value.is_finite().then_some(e_value),
            needed,
        })
    }

    /// The evidence, where it is enough; infinite where nothing may be bad and something is.
    fn e_value(&self, needed: f64) -> Option<f64> {
        if self.budget <= 0.0 {
            return (self.bad > 0).then_some(f64::INFINITY);
        }
        if self.course.seconds.len() < LEAST_SECONDS {
            return None;
        }
        let bursts = Bursts::of(&self.course, self.latency.quantile(0.5));
        let factor = bursts.inflation.factor();
        let ln_e = EProcess::new(self.budget).ln_e(self.calls as f64 / factor, self.bad as f64 / factor);
        (ln_e >= needed.ln()).then(|| ln_e.exp().min(LARGEST))
    }
}

enum Guard {
    AllFailed(AllFailed),
    NoAnswer(NoAnswer),
}

impl Guard {
    fn second(&mut self, second: &Second) -> Option<Abort> {
        match self {
            Self::AllFailed(guard) => guard.second(second),
            Self::NoAnswer(guard) => guard.second(second),
        }
    }
}

/// Seconds since the last one in which all was well.
#[derive(Debug, Clone, Copy)]
struct Streak {
    /// The first second that counts.
    since: u32,
    /// Calls that ended badly since then.
    calls: u64,
}

impl Streak {
    fn seconds(self, second: &Second) -> u32 {
        second.second + 1 - self.since
    }
}

/// Watches for calls that wait for a target which says nothing.
struct NoAnswer {
    after: u32,
    streak: Option<Streak>,
}

impl NoAnswer {
    fn second(&mut self, second: &Second) -> Option<Abort> {
        let (mut silent, mut answered) = (0, 0);
        for cell in second.cells.iter().filter(|cell| cell.outcome != Outcome::Interrupted) {
            // What the scenario cancels did not have to be answered.
            *if cell.outcome.is_silence() { &mut silent } else { &mut answered } += cell.count;
        }
        if answered > 0 {
            self.streak = None;
            return None;
        }
        if silent == 0 && second.in_flight == 0 {
            // Nobody waits: that says nothing of the target.
            return None;
        }
        let streak = self.streak.get_or_insert(Streak { since: second.second, calls: 0 });
        streak.calls += silent;
        let seconds = streak.seconds(second);
        let abort = Abort::NoAnswer { seconds, in_flight: second.in_flight, ended: streak.calls };
        (seconds >= self.after).then_some(abort)
    }
}

/// Watches for calls that all fail.
struct AllFailed {
    after: u32,
    is_load: Vec<bool>,
    streak: Option<Streak>,
}

impl AllFailed {
    fn second(&mut self, second: &Second) -> Option<Abort> {
        let is_load = |step: usize| self.is_load.get(step) == Some(&true);
        let ended = second.cells.iter().filter(|cell| is_load(cell.step.index()) && cell.outcome.counts());
        let (mut good, mut failed) = (0, 0);
        for cell in ended {
            if cell.outcome.is_failure() {
                failed += cell.count;
            } else {
                good += cell.count;
            }
        }
        if good > 0 {
            self.streak = None;
            return None;
        }
        if failed == 0 {
            // Nothing ended: that is no failure, and no success. What waits for how long is `NoAnswer`'s to see.
            return None;
        }
        let streak = self.streak.get_or_insert(Streak { since: second.second, calls: 0 });
        streak.calls += failed;
        let seconds = streak.seconds(second);
        (seconds >= self.after).then_some(Abort::AllFailed { seconds, calls: streak.calls })
    }
}

#[cfg(test)]
mod tests;
