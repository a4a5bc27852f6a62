//! What was counted since the moment before: calls, events or scrapes, and the bad ones among them. What is bad, who counts says.

use std::time::Duration;

use super::bursts::Bursts;
use super::evidence::Evidence;
use crate::metrics::{Course, CourseSecond, Moments};

/// Counts up to one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tick {
    /// The end of what was counted, on the run's clock.
    pub(super) at: Duration,
    pub(super) calls: u64,
    /// Never more than `calls`.
    pub(super) bad: u64,
}

/// The seconds of `course`, each at its end.
pub(super) fn of_course(course: &Course) -> Vec<Tick> {
    let ends = (course.first..).map(|second| Duration::from_secs(u64::from(second) + 1));
    let ticks = course.seconds.iter().zip(ends);
    ticks.map(|(second, at)| Tick { at, calls: second.calls, bad: second.bad }).collect()
}

/// What all of `ticks` prove about `budget`, bursts told by them alone; `noun` says what was counted, in the plural.
pub(super) fn evidence(ticks: &[Tick], budget: f64, noun: &'static str) -> Evidence {
    let second = |tick: &Tick| CourseSecond { calls: tick.calls, bad: tick.bad, at: Moments::default() };
    let course = Course { first: 0, seconds: ticks.iter().map(second).collect() };
    // When within their stretch bad ones ended is not known, and whoever asks says so in its own words.
    let bursts = Bursts { is_exact: true, ..Bursts::of(&course, None) };
    let calls = ticks.iter().map(|tick| tick.calls).sum();
    let bad = ticks.iter().map(|tick| tick.bad).sum();
    Evidence { bursts, noun, ..Evidence::new(calls, bad, budget) }
}
