//! When calls are due in an open load: a schedule that depends on the plan alone, never on the target.
//!
//! Arrivals are counted on the straight lines of the rate; each count is mapped back to the moment at which the lines have
//! reached it. So constant spacing stays even, and random spacing stays a Poisson process, while the rate ramps.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::CounterRng;

/// The stream of draws that spacing comes from; users have streams of their own from 4 on.
const SPACING_STREAM: u64 = 0;

/// Draws that belong to iterations come from this stream on.
const ARRIVAL_STREAMS: u64 = 1 << 40;
/// How many streams each iteration has.
const STREAMS: u64 = 2;

/// An open load: iterations begin when they are due, whether or not earlier ones have ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenLoad {
    /// The rate as straight lines: within a stage it goes from the previous stage's rate (0 at the start) to its own.
    pub stages: Vec<RateStage>,
    /// How arrivals are spaced.
    pub spacing: Spacing,
    /// So many iterations are due at each arrival: the rate counts iterations, so arrivals are rarer by this.
    pub burst: u32,
    /// Users that open their sessions when the load begins.
    pub users: u32,
    /// Users there may be in all: an arrival that finds none free waits for one.
    pub max_users: u32,
}

/// One straight line of the arrival rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateStage {
    /// How long it takes. Zero is a jump.
    pub duration: Duration,
    /// Iterations per second at its end.
    pub rate: f64,
}

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Evenly: a server sees less queueing than independent clients would cause.
    Constant,
    /// As independent clients come: a Poisson process.
    Poisson,
}

/// An iteration that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, from 0.
    pub number: u64,
    /// When it is due, from the start of the load.
    pub due: Duration,
}

impl Arrival {
    /// A stream of draws of this iteration's own; `stream` is below [`STREAMS`].
    pub(super) fn draws(self, seed: u64, stream: u64) -> CounterRng {
        CounterRng::new(seed, ARRIVAL_STREAMS + STREAMS * self.number + stream)
    }
}

/// The arrivals of an open load, in order.
#[derive(Debug, Clone)]
pub struct Schedule {
    lines: Vec<Line>,
    spacing: Spacing,
    burst: u64,
    rng: CounterRng,
    /// Bursts that have come, as the lines count them.
    reached: f64,
    next: u64,
    /// The moment of the burst that is being given out.
    due: Option<Duration>,
}

/// One stage, in seconds and bursts.
#[derive(Debug, Clone, Copy)]
struct Line {
    began: f64,
    length: f64,
    /// Bursts before it.
    before: f64,
    from: f64,
    to: f64,
}

impl OpenLoad {
    /// How long the load lasts.
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.duration).sum()
    }

    /// The rate at `t`, in iterations per second; 0 after the end.
    pub fn rate_at(&self, t: Duration) -> f64 {
        let mut began = Duration::ZERO;
        let mut before = 0.0;
        for stage in &self.stages {
            let ends = began + stage.duration;
            if t < ends {
                let share = t.saturating_sub(began).as_secs_f64() / stage.duration.as_secs_f64();
                return before + (stage.rate - before) * share;
            }
            began = ends;
            before = stage.rate;
        }
        0.0
    }

    /// The highest rate at any moment that lasts, in iterations per second.
    pub fn peak_rate(&self) -> f64 {
        self.stages.iter().map(|stage| stage.rate).fold(0.0, f64::max)
    }

    /// The mean number of iterations in all.
    pub fn expected(&self) -> f64 {
        self.lines().last().map_or(0.0, |line| line.before + line.area()) * f64::from(self.burst)
    }

    /// The schedule that `seed` gives.
    pub fn schedule(&self, seed: u64) -> Schedule {
        Schedule {
            lines: self.lines(),
            spacing: self.spacing,
            burst: u64::from(self.burst.max(1)),
            rng: CounterRng::new(seed, SPACING_STREAM),
            reached: 0.0,
            next: 0,
            due: None,
        }
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let (mut began, mut before, mut from) = (0.0, 0.0, 0.0);
        for stage in &self.stages {
            let length = stage.duration.as_secs_f64();
            let to = stage.rate / f64::from(self.burst.max(1));
            let line = Line { began, length, before, from, to };
            began += length;
            before += line.area();
            from = to;
            lines.push(line);
        }
        lines
    }
}

impl Line {
    fn area(&self) -> f64 {
        f64::midpoint(self.from, self.to) * self.length
    }

    /// The moment at which `count` bursts have come, in seconds; `count` is on this line.
    fn moment(&self, count: f64) -> f64 {
        let ahead = count - self.before;
        let slope = (self.to - self.from) / self.length;
        // ahead = from t + slope t² / 2, solved without cancellation.
        let root = (self.from * self.from + 2.0 * slope * ahead).max(0.0).sqrt();
        let divisor = self.from + root;
        let into = if divisor > 0.0 { 2.0 * ahead / divisor } else { 0.0 };
        self.began + into.clamp(0.0, self.length)
    }
}

impl Schedule {
    /// The moment of the next burst.
    fn next_burst(&mut self) -> Option<Duration> {
        let first = self.next == 0;
        self.reached += match self.spacing {
            Spacing::Constant if first => 0.0,
            Spacing::Constant => 1.0,
            // 1 - u is above 0, so that its logarithm is finite.
            Spacing::Poisson => -(1.0 - self.rng.unit()).ln(),
        };
        let line = self.lines.iter().find(|line| self.reached < line.before + line.area())?;
        Some(Duration::from_secs_f64(line.moment(self.reached)))
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        if self.next.is_multiple_of(self.burst) {
            self.due = self.next_burst();
        }
        let due = self.due?;
        let number = self.next;
        self.next += 1;
        Some(Arrival { number, due })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(stages: &[(f64, f64)], spacing: Spacing, burst: u32) -> OpenLoad {
        let stages = stages
            .iter()
            .map(|&(seconds, rate)| RateStage { duration: Duration::from_secs_f64(seconds), rate })
            .collect();
        OpenLoad { stages, spacing, burst, users: 1, max_users: 1 }
    }

    fn dues(load: &OpenLoad) -> Vec<f64> {
        load.schedule(7).map(|arrival| arrival.due.as_secs_f64()).collect()
    }

    #[test]
    fn constant_spacing_is_even() {
        let dues = dues(&open(&[(0.0, 4.0), (2.0, 4.0)], Spacing::Constant, 1));
        assert_eq!(dues, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]);
    }

    #[test]
    fn a_ramp_has_as_many_arrivals_as_the_area_under_it() {
        let load = open(&[(10.0, 100.0), (5.0, 100.0), (10.0, 0.0)], Spacing::Constant, 1);
        let dues = dues(&load);
        assert_eq!(dues.len(), 1_500);
        assert!((load.expected() - 1_500.0).abs() < 1e-9);
        // Half way up the ramp, a quarter of its area has passed.
        assert_eq!(dues.iter().filter(|due| **due < 5.0).count(), 125);
        assert_eq!(dues.iter().filter(|due| **due < 15.0).count(), 1_000);
        assert!(dues.is_sorted());
    }

    #[test]
    fn a_stage_without_load_is_a_gap() {
        let stages = [(0.0, 2.0), (1.0, 2.0), (0.0, 0.0), (3.0, 0.0), (0.0, 2.0), (1.0, 2.0)];
        assert_eq!(dues(&open(&stages, Spacing::Constant, 1)), [0.0, 0.5, 4.0, 4.5]);
    }

    #[test]
    fn bursts_come_together_and_keep_the_rate() {
        let dues = dues(&open(&[(0.0, 10.0), (2.0, 10.0)], Spacing::Constant, 5));
        assert_eq!(dues, [[0.0; 5], [0.5; 5], [1.0; 5], [1.5; 5]].concat());
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_their_kind() {
        let dues = dues(&open(&[(0.0, 1_000.0), (100.0, 1_000.0)], Spacing::Poisson, 1));
        let count = dues.len() as f64;
        // Four standard deviations of a Poisson count.
        assert!((count - 100_000.0).abs() < 4.0 * 100_000f64.sqrt(), "{count}");
        let mut gaps: Vec<f64> = dues.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_by(f64::total_cmp);
        // The median of an exponential distribution is ln 2 of its mean.
        let median = gaps[gaps.len() / 2] * 1_000.0;
        assert!((median - std::f64::consts::LN_2).abs() < 0.02, "{median}");
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let load = open(&[(1.0, 500.0), (1.0, 500.0)], Spacing::Poisson, 1);
        let of = |seed| load.schedule(seed).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
