//! Objectives held against what was measured in the steady phase. Pure: the same run gives the same findings.

use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

use super::budget::{burned, limit_finding};
use super::bursts::{Bad, Bursts, course};
use super::draft::{Draft, settle};
use super::evidence::{Evidence, exact_percent, without_binary_noise};
use super::queried::{SteadyScrapes, judge_events, judge_values};
use super::{Finding, Indicator, Objective, Recorded, Scope, metric, part, stream, tick, windows};
use crate::metrics::{Aggregates, Course, Flow, Phase, Second, StreamLimit, Tally};
use crate::model::{
    Labels, LatencyClock, Verdict, format_count, format_duration, format_ratio, format_seconds,
};
use crate::plan::{Plan, Role, Step, Threshold};

/// Gander's own lateness may be this share of the shortest deadline, for failures to be the target's.
const SHARE_OF_DEADLINE: f64 = 0.1;

/// What a run is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Measurements<'a> {
    /// What was to be done.
    pub plan: &'a Plan,
    /// What was done, by seconds: how bad calls bunch. Their latencies are looked at only for limits that the plan does not have.
    pub seconds: &'a [Second],
    /// What those add up to.
    pub aggregates: &'a Aggregates,
    /// What ended in the steady phase.
    pub flow: &'a Flow,
    /// What was scraped, and when.
    pub recorded: Recorded<'a>,
    /// What a Prometheus would have added to each series that was scraped.
    pub labels: &'a Labels,
    /// The steady phase in the time of the run.
    pub steady: &'a Range<Duration>,
    /// When the load began, in the time of the run: seconds are counted from there.
    pub began: Duration,
}

impl Measurements<'_> {
    pub(super) fn steady_time(&self) -> Duration {
        self.steady.end.saturating_sub(self.steady.start)
    }

    /// The numbers of the seconds that lie in the steady phase from their beginning to their end.
    pub(super) fn whole_seconds(&self) -> Range<u32> {
        let number = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX);
        let [start, end] = [self.steady.start, self.steady.end].map(|at| at.saturating_sub(self.began));
        number(start.as_secs() + u64::from(start.subsec_nanos() > 0))..number(end.as_secs())
    }
}

/// Judges each objective, in their order; a limit of its burn rate comes right behind it.
pub fn judge(objectives: &[Objective], run: &Measurements<'_>) -> Vec<Finding> {
    let scrapes = SteadyScrapes::new(run.recorded, run.steady, run.labels);
    let drafts = objectives.iter().flat_map(|objective| {
        let draft = judge_one(objective, run, &scrapes);
        let limit = objective.budget.limit.as_ref();
        let limit = limit.map(|limit| limit_finding(objective, limit, &draft, run.steady));
        // Burn rates are of the whole steady phase.
        let is_whole = objective.terms.during.is_none() && objective.terms.in_every.is_none();
        let budget = is_whole.then(|| burned(&draft, &objective.budget, run.steady)).flatten();
        std::iter::once(draft.with_budget(budget)).chain(limit.map(Draft::found))
    });
    settle(drafts.collect())
}

pub(super) fn judge_one(objective: &Objective, run: &Measurements<'_>, scrapes: &SteadyScrapes<'_>) -> Draft {
    if let Some(during) = &objective.terms.during {
        return part::judge(objective, during, run);
    }
    if let Some(in_every) = objective.terms.in_every {
        return windows::judge(objective, in_every, run, scrapes);
    }
    let scope = &objective.scope;
    let calls = || {
        let is_wanted = |step: &Step| step.role == Role::Load && is_in(scope, step);
        run.aggregates.sum(run.plan, Some(Phase::Steady), is_wanted)
    };
    match &objective.indicator {
        Indicator::Latency { clock, share, within } => {
            let latency = Latency { clock: *clock, share: *share, within: *within };
            latency.judge(objective, &calls(), run)
        }
        Indicator::Stream { clock, share, within } => {
            let limit = StreamLimit { clock: *clock, within: *within };
            stream::judge(objective, limit, *share, run)
        }
        Indicator::ErrorRatio { at_most } => judge_error_ratio(objective, &calls(), *at_most, run),
        Indicator::Throughput { at_least } => {
            let ended = run.flow.calls(run.plan, |step| step.role == Role::Load && is_in(scope, step));
            Draft::found(judge_throughput(objective, &calls(), &ended, run.flow, *at_least))
        }
        Indicator::Metric(indicator) => {
            Draft::found(metric::judge(objective, indicator, run.recorded.series, run.steady))
        }
        Indicator::Promql(indicator) => judge_values(objective, indicator, scrapes),
        Indicator::Events(indicator) => judge_events(objective, indicator, scrapes),
    }
}

/// True when an objective on the calls fails even where each call is given `late` more time, which gander itself may have
/// cost it.
pub fn fails_despite(late: Duration, objectives: &[Objective], run: &Measurements<'_>) -> bool {
    // Calls are given up at their deadline: being late may have made a failure of a call.
    let shortest = run.plan.steps.iter().map(|step| step.deadline).min().unwrap_or_default();
    if late > shortest.mul_f64(SHARE_OF_DEADLINE) {
        return false;
    }
    let with_time = |objective: &Objective| {
        let indicator = match objective.indicator {
            Indicator::Latency { clock, share, within } => {
                Indicator::Latency { clock, share, within: within + late }
            }
            Indicator::Stream { clock, share, within } => {
                Indicator::Stream { clock, share, within: within + late }
            }
            Indicator::ErrorRatio { at_most } => Indicator::ErrorRatio { at_most },
            // These are not about how long a call took.
            Indicator::Throughput { .. }
            | Indicator::Metric(_)
            | Indicator::Promql(_)
            | Indicator::Events(_) => return None,
        };
        Some(Objective { indicator, ..objective.clone() })
    };
    let objectives: Vec<Objective> = objectives.iter().filter_map(with_time).collect();
    judge(&objectives, run).iter().any(|finding| finding.verdict == Verdict::Fail)
}

pub(super) fn is_in(scope: &Scope, step: &Step) -> bool {
    match scope {
        Scope::All => true,
        Scope::Method(method) => step.method == *method,
        Scope::Tool(tool) => step.tool.as_ref() == Some(tool),
        Scope::Step(name) => step.name == *name,
    }
}

/// Calls that a limit on a share of them looks at.
pub(super) struct Sample {
    pub(super) calls: u64,
    /// Bad, whatever time they took.
    pub(super) failed: u64,
    /// The others that are over the limit...
    pub(super) late: u64,
    /// ... and whether they were counted when they ended.
    pub(super) is_exact: bool,
    /// The time that the share kept; `None` where it failed.
    pub(super) quantile: Option<Duration>,
    /// All of them by seconds, ...
    pub(super) course: Course,
    /// ... and the time that half of them take.
    pub(super) median: Option<Duration>,
    /// What a PASS is to be shown against.
    pub(super) bursts_up_to: Option<Duration>,
}

impl Sample {
    /// `what` says in a few words what a bad call is, `more` what else is to be told.
    pub(super) fn judge(
        &self,
        finding: Finding,
        share: f64,
        span: Duration,
        what: &'static str,
        more: &str,
    ) -> Draft {
        let &Self { calls, failed, late, is_exact, quantile, ref course, median, bursts_up_to } = self;
        let budget = without_binary_noise(1.0 - share);
        let bursts = Bursts::of(course, median);
        let evidence = Evidence {
            bursts,
            span: Some(span),
            bursts_up_to,
            ..Evidence::new(calls, failed + late, budget)
        };
        let failed = Evidence::new(calls, failed, budget).share();
        let note = if is_exact { "" } else { "; late calls estimated from the histogram" };
        let finding = Finding {
            value: match quantile {
                None => format!("{} failed", format_ratio(failed)),
                Some(time) if self.lacks_calls(share) => format!("~{}", format_duration(time)),
                Some(time) => format_duration(time),
            },
            value_number: quantile.map(|time| time.as_secs_f64()),
            ..finding
        };
        Draft::tested(finding, evidence, what, format!("{more}{note}")).counted_by(&tick::of_course(course))
    }

    /// True when the quantile is the slowest call, or close to it: it takes `1 / (1 - share)` calls to tell them apart.
    fn lacks_calls(&self, share: f64) -> bool {
        (self.calls as f64) < without_binary_noise(1.0 / without_binary_noise(1.0 - share)) - 0.5
    }
}

/// At least `share` of the calls are good: successful (send lag: sent), and within the limit.
pub(super) struct Latency {
    pub(super) clock: LatencyClock,
    pub(super) share: f64,
    pub(super) within: Duration,
}

impl Latency {
    fn judge(&self, objective: &Objective, calls: &Tally, run: &Measurements<'_>) -> Draft {
        let finding = blank_limit(objective, self.share, &self.clock, self.within);
        if calls.counted() == 0 || calls.good(self.clock).is_none() {
            return Draft::found(without_calls(finding, objective));
        }
        let (failed, what) = match self.clock {
            LatencyClock::Response | LatencyClock::Service => (calls.failed(), "late or failed"),
            LatencyClock::SendLag => (calls.not_sent(), "sent late or not at all"),
        };
        let (late, is_exact) = self.late(calls, &run.plan.thresholds);
        let place = self.threshold(&run.plan.thresholds);
        let bad = Bad::Late { clock: self.clock, within: self.within, place };
        let sample = Sample {
            calls: calls.counted(),
            failed,
            late,
            is_exact,
            quantile: calls.good_quantile(self.clock, self.share),
            course: course(run.seconds, run.plan, &objective.scope, bad),
            median: calls.latency.quantile(0.5),
            bursts_up_to: objective.terms.bursts_up_to,
        };
        sample.judge(finding, self.share, run.steady_time(), what, &never_sent(calls))
    }

    /// Which of the plan's thresholds it is, if any.
    pub(super) fn threshold(&self, thresholds: &[Threshold]) -> Option<usize> {
        let wanted = Threshold { clock: self.clock, limit: self.within };
        thresholds.iter().position(|threshold| *threshold == wanted)
    }

    /// How many calls that would be good were late, and whether that was counted exactly when they ended.
    fn late(&self, calls: &Tally, thresholds: &[Threshold]) -> (u64, bool) {
        let over = match self.clock {
            LatencyClock::Response | LatencyClock::Service if calls.ok() == 0 => return (0, true),
            LatencyClock::Response | LatencyClock::Service => &calls.ok_over,
            LatencyClock::SendLag => &calls.sent_over,
        };
        match self.threshold(thresholds).and_then(|place| over.get(place)) {
            Some(&late) => (late, true),
            None => (self.late_by_histogram(calls), false),
        }
    }

    fn late_by_histogram(&self, calls: &Tally) -> u64 {
        let over = calls.good(self.clock).map_or(0, |latencies| latencies.count_over(self.within));
        match self.clock {
            LatencyClock::Response | LatencyClock::Service => over,
            // Calls that were never sent lag by their deadline; they are bad already.
            LatencyClock::SendLag => over.saturating_sub(calls.not_sent()),
        }
    }
}

fn judge_error_ratio(objective: &Objective, calls: &Tally, at_most: f64, run: &Measurements<'_>) -> Draft {
    let finding = blank(objective, "error ratio".to_owned(), format!("<= {}", exact_percent(at_most)));
    if calls.counted() == 0 {
        return Draft::found(without_calls(finding, objective));
    }
    let course = course(run.seconds, run.plan, &objective.scope, Bad::Failed);
    let bursts = Bursts::of(&course, calls.latency.quantile(0.5));
    let evidence = Evidence {
        bursts,
        span: Some(run.steady_time()),
        bursts_up_to: objective.terms.bursts_up_to,
        ..Evidence::new(calls.counted(), calls.failed(), at_most)
    };
    let share = evidence.share();
    let finding = Finding { value: format_ratio(share), value_number: Some(share), ..finding };
    Draft::tested(finding, evidence, "failed", never_sent(calls)).counted_by(&tick::of_course(&course))
}

/// How many of the failed calls the target never saw.
fn never_sent(calls: &Tally) -> String {
    match calls.not_sent() {
        0 => String::new(),
        count => format!("; {} of the failed calls were never sent", format_count(count)),
    }
}

/// `steady` are the calls that were due in the steady phase, `ended` those that ended in it.
fn judge_throughput(
    objective: &Objective,
    steady: &Tally,
    ended: &Tally,
    flow: &Flow,
    at_least: f64,
) -> Finding {
    let finding = blank(objective, "throughput".to_owned(), format!(">= {at_least}/s"));
    if steady.counted() == 0 && ended.counted() == 0 || flow.span() <= 0.0 {
        return without_calls(finding, objective);
    }
    let rate = flow.per_second(ended.ok());
    let span = format_seconds(flow.span());
    let (count, samples) = (format_count(ended.ok()), ended.ok());
    if flow.is_estimate() {
        let because = format!(
            "the steady phase of {span} holds no whole second: too short to tell a rate; make it longer"
        );
        return Finding {
            value: format!("~{rate:.2}/s"),
            value_number: Some(rate),
            samples,
            because,
            ..finding
        };
    }
    Finding {
        verdict: if rate >= at_least { Verdict::Pass } else { Verdict::Fail },
        value: format!("{rate:.2}/s"),
        value_number: Some(rate),
        within_limit: Some(rate >= at_least),
        samples,
        because: format!("{count} calls succeeded within {span} of steady load, {at_least}/s needed"),
        ..finding
    }
}

/// A finding without a value yet, on a limit for a share of the calls on `clock`.
pub(super) fn blank_limit(
    objective: &Objective,
    share: f64,
    clock: &dyn Display,
    within: Duration,
) -> Finding {
    let percentile = format!("p{}", without_binary_noise(share * 100.0));
    blank(objective, format!("{percentile} {clock}"), format!("<= {}", format_duration(within)))
}

/// A finding without a value yet.
pub(super) fn blank(objective: &Objective, indicator: String, limit: String) -> Finding {
    Finding {
        name: objective.name.clone(),
        scope: objective.scope.to_string(),
        indicator,
        verdict: Verdict::Inconclusive,
        value: "no data".to_owned(),
        value_number: None,
        limit,
        samples: 0,
        bad: None,
        within_limit: None,
        budget: None,
        because: String::new(),
        origin: objective.origin.clone(),
    }
}

fn without_calls(finding: Finding, objective: &Objective) -> Finding {
    let scope = &objective.scope;
    let because = match scope {
        Scope::All => "no data: no calls in the steady phase".to_owned(),
        Scope::Method(_) | Scope::Tool(_) | Scope::Step(_) => {
            format!("no data: no calls of {scope} in the steady phase")
        }
    };
    Finding { because, ..finding }
}

#[cfg(test)]
pub(super) mod tests;
