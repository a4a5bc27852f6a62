//! Objectives on when the parts of answers came, held against the answers that came in parts. Knows nothing of how a count of bad
//! ones becomes a verdict.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::judge::{Measurements, Sample, blank_limit, is_in};
use super::{Finding, Indicator, Objective, Scope};
use crate::metrics::{Course, CourseSecond, Moments, Phase, Second, StreamLimit};
use crate::model::{LatencyHistogram, StreamClock, format_count};
use crate::plan::{Role, StepId};

/// True when answers to this method can come in parts: those of MCP can, plain HTTP (`GET /path`) has none.
pub(super) fn comes_in_parts(method: &str) -> bool {
    !method.contains(' ')
}

/// The limits that `objectives` name, in order, each once.
pub fn stream_limits(objectives: &[Objective]) -> Vec<StreamLimit> {
    let limits: BTreeSet<StreamLimit> = objectives
        .iter()
        .filter_map(|objective| match &objective.indicator {
            Indicator::Stream { clock, within, .. } => Some(StreamLimit { clock: *clock, within: *within }),
            Indicator::Latency { .. }
            | Indicator::ErrorRatio { .. }
            | Indicator::Throughput { .. }
            | Indicator::Metric(_)
            | Indicator::Promql(_)
            | Indicator::Events(_) => None,
        })
        .collect();
    limits.into_iter().collect()
}

pub(super) fn judge(objective: &Objective, limit: StreamLimit, share: f64, run: &Measurements<'_>) -> Draft {
    let finding = blank_limit(objective, share, &limit.clock, limit.within);
    let answers = Answers::of(&objective.scope, limit, run);
    let calls = answers.times.count() + answers.failed;
    if calls == 0 {
        return Draft::found(Finding { because: no_data(&objective.scope, limit.clock), ..finding });
    }
    // Those that failed rank as slower than any answer.
    let (rank, good) = (share * calls as f64, answers.times.count() as f64);
    let quantile = if rank <= good { answers.times.quantile(rank / good) } else { None };
    let more = match answers.failed {
        0 => String::new(),
        failed => format!("; {} of them failed without an answer", format_count(failed)),
    };
    let late = answers.late.unwrap_or_else(|| answers.times.count_over(limit.within));
    let sample = Sample {
        calls,
        failed: answers.failed,
        late,
        is_exact: answers.late.is_some(),
        quantile,
        course: Course::of(run.seconds, |second| answers.among(second, limit)),
        median: answers.times.quantile(0.5),
        bursts_up_to: objective.terms.bursts_up_to,
    };
    sample.judge(finding, share, run.steady_time(), "late or without an answer", &more)
}

/// The answers in parts to the calls of a scope, in the steady phase.
pub(super) struct Answers {
    times: LatencyHistogram,
    /// How many were over the limit; `None` where that was not counted when they ended.
    late: Option<u64>,
    /// Calls beside them that failed without an answer.
    failed: u64,
    /// The steps whose calls these are.
    steps: Vec<StepId>,
}

impl Answers {
    pub(super) fn of(scope: &Scope, limit: StreamLimit, run: &Measurements<'_>) -> Self {
        let Measurements { plan, aggregates, .. } = run;
        let mut all = Self { times: LatencyHistogram::new(), late: Some(0), failed: 0, steps: Vec::new() };
        let steps = plan.steps.iter().filter(|step| step.role == Role::Load && is_in(scope, step));
        for step in steps.filter(|step| comes_in_parts(&step.method)) {
            let calls = aggregates.step(step.id, Phase::Steady);
            let cell = aggregates.streams(step.id, Phase::Steady);
            let times = cell.map(|cell| cell.answered(limit.clock)).unwrap_or_default();
            if times.is_empty() && calls.ok() > 0 {
                // Its answers come as a whole, or in one part: a call that fails lacks nothing that others have.
                continue;
            }
            if !times.is_empty() {
                all.late = all.late.zip(cell.and_then(|cell| cell.over(limit))).map(|(all, more)| all + more);
                all.times.merge(&times);
            }
            all.failed += calls.without_answer();
            all.steps.push(step.id);
        }
        all
    }

    /// Those of one second. When late answers of it came is not kept.
    pub(super) fn among(&self, second: &Second, limit: StreamLimit) -> CourseSecond {
        let is_one = |step: StepId, phase| phase == Phase::Steady && self.steps.contains(&step);
        let mut all = CourseSecond::default();
        for cell in second.streams.iter().filter(|cell| is_one(cell.step, cell.phase)) {
            let times = cell.answered(limit.clock);
            let bad = cell.over(limit).unwrap_or_else(|| times.count_over(limit.within));
            all.add(CourseSecond { calls: times.count(), bad, at: Moments::default() });
        }
        let failed = second.cells.iter().filter(|cell| is_one(cell.step, cell.phase));
        for cell in failed.filter(|cell| cell.outcome.is_without_answer()) {
            all.add(CourseSecond { calls: cell.count, bad: cell.count, at: cell.bad_at.failed });
        }
        all
    }
}

fn no_data(scope: &Scope, clock: StreamClock) -> String {
    let parts = match clock {
        StreamClock::FirstByte | StreamClock::FirstMessage => "came on a stream, or with news before it,",
        StreamClock::LongestGap => "had two messages or more",
    };
    let of = match scope {
        Scope::All => String::new(),
        Scope::Method(_) | Scope::Tool(_) | Scope::Step(_) => format!(" to {scope}"),
    };
    format!("no data: no answer{of} {parts} in the steady phase")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Aggregates, SeriesStore, StreamCell, StreamedCall};
    use crate::model::{Outcome, StreamTimes, TimeoutPhase, TransportFault, Verdict};
    use crate::plan::StepId;
    use crate::slo::BudgetTerms;
    use crate::slo::fails_despite;
    use crate::slo::judge;
    use crate::slo::judge::tests::{aggregates_with, calls, with_run};

    const TIMEOUT: Outcome = Outcome::Transport(TransportFault::Timeout(TimeoutPhase::Body));

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const fn limit(clock: StreamClock, within: u64) -> StreamLimit {
        StreamLimit { clock, within: Duration::from_millis(within) }
    }

    const LIMITS: [StreamLimit; 2] = [limit(StreamClock::FirstByte, 300), limit(StreamClock::LongestGap, 40)];

    /// `count` calls of step 1 whose first byte came after `first`, and their two messages 5 ms and 45 ms later.
    fn add(cell: &mut StreamCell, count: u64, first: Duration, is_answered: bool) {
        let mut times = StreamTimes::default();
        let sent = ms(1000);
        for later in [5, 45] {
            times.event(sent + first + ms(later));
        }
        for _ in 0..count {
            let answer = is_answered.then_some(sent + first + ms(45));
            cell.add(StreamedCall { sent, first_byte: Some(sent + first), answer, times });
        }
    }

    /// 110 calls of `search` with an answer in parts (3 of them late by a hair, 10 tool errors), 5 that time out half way after
    /// an early first byte and 2 that are refused; 50 whole answers and 20 timeouts of `calculate`; and what must not count.
    fn run() -> Aggregates {
        let mut cell = StreamCell::new(StepId(1), Phase::Steady);
        add(&mut cell, 107, ms(20), true);
        add(&mut cell, 3, ms(300) + Duration::from_nanos(1), true);
        add(&mut cell, 5, ms(20), false);
        // Cancelled ones.
        add(&mut cell, 40, ms(900), false);
        cell.settle(&LIMITS);
        let cells = vec![
            calls(1, Phase::Steady, Outcome::Ok, 100, 50),
            calls(1, Phase::Steady, Outcome::ToolError, 10, 50),
            calls(1, Phase::Steady, TIMEOUT, 5, 1000),
            calls(1, Phase::Steady, Outcome::HttpStatus(503), 2, 1),
            calls(1, Phase::Steady, Outcome::Cancelled, 40, 50),
            calls(2, Phase::Steady, Outcome::Ok, 50, 50),
            calls(2, Phase::Steady, TIMEOUT, 20, 1000),
        ];
        aggregates_with(cells, vec![cell])
    }

    fn objective(scope: Scope, limit: StreamLimit, share: f64) -> Objective {
        let StreamLimit { clock, within } = limit;
        let indicator = Indicator::Stream { clock, share, within };
        Objective {
            name: "o".to_owned(),
            scope,
            indicator,
            terms: crate::slo::Terms::default(),
            budget: BudgetTerms::default(),
            origin: "slos/a.yaml:3".to_owned(),
        }
    }

    fn judged(limit: StreamLimit, share: f64, aggregates: &Aggregates) -> Finding {
        let objective = objective(Scope::All, limit, share);
        judge::tests::judged(&[objective], aggregates, &SeriesStore::default()).remove(0)
    }

    #[track_caller]
    fn check(finding: &Finding, verdict: Verdict, value: &str, because: &str) {
        let found = (finding.verdict, finding.value.as_str(), finding.because.as_str());
        assert_eq!(found, (verdict, value, because));
    }

    #[test]
    fn an_answer_in_parts_is_bad_when_it_is_late_or_never_came() {
        let found = judged(LIMITS[0], 0.8, &run());
        let because = "10 of 117 calls late or without an answer (8.55 %), budget 20 %; at most 14.1 % with 95 % confidence; \
                       bursts longer than 668 ms may have been missed; \
                       7 of them failed without an answer";
        check(&found, Verdict::Pass, "20.0 ms", because);
        assert_eq!((found.samples, found.bad, found.indicator.as_str()), (117, Some(10), "p80 first byte"));
        let found = judged(LIMITS[0], 0.98, &run());
        assert_eq!((found.verdict, found.value.as_str()), (Verdict::Fail, "5.98 % failed"));
        let found = judged(LIMITS[1], 0.8, &run());
        assert_eq!(
            (found.verdict, found.bad, found.indicator.as_str()),
            (Verdict::Pass, Some(7), "p80 longest gap")
        );
    }

    #[test]
    fn a_limit_that_was_not_counted_is_estimated() {
        let found = judged(limit(StreamClock::FirstByte, 10), 0.5, &run());
        assert_eq!((found.verdict, found.bad), (Verdict::Fail, Some(117)));
        assert!(found.because.ends_with("; late calls estimated from the histogram"), "{}", found.because);
    }

    #[test]
    fn without_an_answer_in_parts_nothing_is_passed() {
        let whole = aggregates_with(
            vec![calls(1, Phase::Steady, Outcome::Ok, 500, 5), calls(1, Phase::Steady, TIMEOUT, 1, 5)],
            Vec::new(),
        );
        let because = "no data: no answer came on a stream, or with news before it, in the steady phase";
        check(&judged(LIMITS[0], 0.5, &whole), Verdict::Inconclusive, "no data", because);
        let failed = aggregates_with(vec![calls(1, Phase::Steady, TIMEOUT, 50, 5)], Vec::new());
        let found = judged(LIMITS[1], 0.5, &failed);
        assert_eq!((found.verdict, found.samples, found.value.as_str()), (Verdict::Fail, 50, "100 % failed"));
    }

    #[test]
    fn a_fail_stands_only_beyond_what_gander_may_have_cost() {
        let aggregates = run();
        let fails = |late, within| {
            let objectives = [objective(Scope::All, limit(StreamClock::FirstByte, within), 0.5)];
            with_run(&aggregates, &SeriesStore::default(), |run| fails_despite(late, &objectives, run))
        };
        assert!(fails(ms(5), 10) && !fails(ms(15), 10));
    }

    #[test]
    fn limits_are_counted_once_each() {
        let of = |limit, share| objective(Scope::All, limit, share);
        let objectives = [of(LIMITS[1], 0.5), of(LIMITS[0], 0.5), of(LIMITS[1], 0.9)];
        assert_eq!(stream_limits(&objectives), LIMITS);
    }
}
