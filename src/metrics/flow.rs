//! What ended while the load was steady, by the clock: the ground of everything that is said per second. Calls that were due
//! in the warm-up count for the second in which they ended; those that end after the load do not.

use std::ops::Range;

use super::{Aggregates, Phase, Second, Tally};
use crate::plan::{Plan, Step};

/// The calls that ended within a span of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flow {
    ended: Aggregates,
    /// The only phase whose calls count; `None` where the span itself tells which do.
    phase: Option<Phase>,
    /// How long the span is, in seconds.
    span: f64,
}

impl Flow {
    /// Of the whole seconds within `steady` (seconds from the start of the load). Where there is none, of those calls that were
    /// due in it and ended in a second that it touches: an estimate.
    pub fn of(seconds: &[Second], steady: &Range<f64>) -> Self {
        match whole_seconds(seconds, steady) {
            [] => Self {
                phase: Some(Phase::Steady),
                ..Self::new(
                    Aggregates::of(touched_seconds(seconds, steady)),
                    (steady.end - steady.start).max(0.0),
                )
            },
            whole => Self::new(Aggregates::of(whole), whole.len() as f64),
        }
    }

    /// `ended` within `span` seconds.
    pub fn new(ended: Aggregates, span: f64) -> Self {
        Self { ended, phase: None, span }
    }

    /// Adds one whole second.
    pub fn add(&mut self, second: &Second) {
        self.ended.add(second);
        self.span += 1.0;
    }

    /// The calls of every step for which `wanted` says yes, whichever phase they were due in.
    pub fn calls(&self, plan: &Plan, wanted: impl Fn(&Step) -> bool) -> Tally {
        self.ended.sum(plan, self.phase, wanted)
    }

    /// `count` a second; 0 without time.
    pub fn per_second(&self, count: u64) -> f64 {
        if self.span > 0.0 { count as f64 / self.span } else { 0.0 }
    }

    /// True when the span has no whole second, so that it is not known which calls ended in it.
    pub fn is_estimate(&self) -> bool {
        self.phase.is_some()
    }

    /// How long the span is, in seconds.
    pub fn span(&self) -> f64 {
        self.span
    }
}

/// The seconds that lie within `span` (seconds from the start of the load) from their beginning to their end.
pub fn whole_seconds<'a>(seconds: &'a [Second], span: &Range<f64>) -> &'a [Second] {
    between(seconds, span.start.ceil(), span.end.floor())
}

/// The seconds of which at least a part lies within `span`.
pub fn touched_seconds<'a>(seconds: &'a [Second], span: &Range<f64>) -> &'a [Second] {
    between(seconds, span.start.floor(), span.end.ceil())
}

fn between(seconds: &[Second], first: f64, last: f64) -> &[Second] {
    let begin = seconds.iter().position(|second| f64::from(second.second) >= first).unwrap_or(seconds.len());
    let end = seconds.iter().rposition(|second| f64::from(second.second) < last).map_or(begin, |at| at + 1);
    &seconds[begin..end.max(begin)]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{BadMoments, Cell};
    use crate::model::{LatencyHistogram, Outcome, Strays};
    use crate::plan::StepId;

    /// A second in which `warm_up` calls ended that were due in the warm-up, and `steady` others.
    fn second(number: u32, warm_up: u64, steady: u64) -> Second {
        let cell = |phase, count| {
            let mut service = LatencyHistogram::new();
            service.record_n(Duration::from_millis(1), count);
            let (step, outcome, over) = (StepId(0), Outcome::Ok, Vec::new());
            Cell {
                step,
                phase,
                outcome,
                count,
                over,
                service,
                response: None,
                lag: None,
                bad_at: BadMoments::default(),
            }
        };
        let cells = vec![cell(Phase::WarmUp, warm_up), cell(Phase::Steady, steady)];
        let (pacing, generator, errors) = (None, None, Vec::new());
        let (planned, in_flight, waiting, users, left_open, resumed, held) =
            (0, 0, 0, 1, 0, 0, Duration::ZERO);
        Second {
            second: number,
            planned,
            in_flight,
            waiting,
            users,
            pacing,
            left_open,
            resumed,
            held,
            strays: Strays::default(),
            echoed: 0,
            messages: crate::model::Messages::default(),
            streams: Vec::new(),
            sessions: None,
            idle: None,
            outputs: Vec::new(),
            generator,
            cells,
            errors,
        }
    }

    #[track_caller]
    fn check(steady: Range<f64>, calls: u64, span: f64) {
        let seconds = [second(0, 50, 0), second(1, 30, 20), second(2, 2, 40), second(3, 0, 7)];
        let flow = Flow::of(&seconds, &steady);
        let ended: u64 = [Phase::WarmUp, Phase::Steady]
            .into_iter()
            .filter(|phase| flow.phase.is_none_or(|only| only == *phase))
            .map(|phase| flow.ended.step(StepId(0), phase).ok())
            .sum();
        assert_eq!(ended, calls);
        assert!((flow.span() - span).abs() < 1e-9, "{}", flow.span());
    }

    #[test]
    fn whole_seconds_count_with_all_that_ended_in_them() {
        check(1.0..3.0, 92, 2.0);
        check(0.5..2.9, 50, 1.0);
    }

    #[test]
    fn without_a_whole_second_the_calls_of_the_steady_phase_count() {
        check(1.4..1.9, 20, 0.5);
        check(1.5..2.5, 60, 1.0);
    }
}
