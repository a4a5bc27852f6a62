//! What ended while the load was steady, by the clock: the ground of everything that is said per second. Calls that were due
//! in the warm-up count for the second in which they ended; those that end after the load do not.

use std::ops::Range;

use super::{Aggregates, Second, Tally};
use crate::plan::{Plan, Step};

/// The calls that ended within a span of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flow {
    ended: Aggregates,
    /// How long the span is, in seconds.
    span: f64,
}

impl Flow {
    /// Of the whole seconds within `steady` (seconds from the start of the load); of all that was recorded where there is
    /// none.
    pub fn of(seconds: &[Second], steady: &Range<f64>) -> Self {
        match whole_seconds(seconds, steady) {
            [] => Self::new(Aggregates::of(seconds), (steady.end - steady.start).max(0.0)),
            whole => Self::new(Aggregates::of(whole), whole.len() as f64),
        }
    }

    /// `ended` within `span` seconds.
    pub fn new(ended: Aggregates, span: f64) -> Self {
        Self { ended, span }
    }

    /// Adds one whole second.
    pub fn add(&mut self, second: &Second) {
        self.ended.add(second);
        self.span += 1.0;
    }

    /// The calls of every step for which `wanted` says yes, whichever phase they were due in.
    pub fn calls(&self, plan: &Plan, wanted: impl Fn(&Step) -> bool) -> Tally {
        self.ended.sum(plan, None, wanted)
    }

    /// `count` a second; 0 without time.
    pub fn per_second(&self, count: u64) -> f64 {
        if self.span > 0.0 { count as f64 / self.span } else { 0.0 }
    }

    /// How long the span is, in seconds.
    pub fn span(&self) -> f64 {
        self.span
    }
}

/// The seconds that lie within `span` (seconds from the start of the load) from their beginning to their end.
pub fn whole_seconds<'a>(seconds: &'a [Second], span: &Range<f64>) -> &'a [Second] {
    let (first, last) = (span.start.ceil(), span.end.floor());
    let begin = seconds.iter().position(|second| f64::from(second.second) >= first).unwrap_or(seconds.len());
    let end = seconds.iter().rposition(|second| f64::from(second.second) < last).map_or(begin, |at| at + 1);
    &seconds[begin..end.max(begin)]
}
