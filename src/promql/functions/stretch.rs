//! Functions of a stretch of samples: how fast, how often, where to.
//!
//! They look at runs of equal samples in place of samples wherever that gives the same.

use super::stats;
use crate::promql::window::Window;

/// The samples of one series in a range, and the range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a> {
    /// The samples; one at least.
    pub(crate) window: Window<'a>,
    /// How long the range is.
    pub(crate) range_ms: i64,
    /// Where the range ends.
    pub(crate) until_ms: i64,
    /// The time of evaluation.
    pub(crate) at_ms: i64,
    /// The function's scalars.
    pub(crate) params: &'a [f64],
}

impl<'a> Stretch<'a> {
    /// The values, each with how often it comes.
    pub(crate) fn weighed(&self) -> impl Iterator<Item = (f64, f64)> + Clone + use<'a> {
        self.window.runs().map(|run| (run.value, run.times.len() as f64))
    }
}

/// What falls in a counter and may fall in a gauge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

pub(super) fn rate(stretch: &Stretch<'_>) -> Option<f64> {
    extrapolated(stretch, Kind::Counter).map(|increase| increase / seconds(stretch.range_ms))
}

pub(super) fn increase(stretch: &Stretch<'_>) -> Option<f64> {
    extrapolated(stretch, Kind::Counter)
}

pub(super) fn delta(stretch: &Stretch<'_>) -> Option<f64> {
    extrapolated(stretch, Kind::Gauge)
}

/// The increase over the whole range, from that over the samples in it.
fn extrapolated(stretch: &Stretch<'_>, kind: Kind) -> Option<f64> {
    let mut runs = stretch.window.runs();
    let first = runs.next()?;
    let mut last = first;
    let mut count = first.times.len();
    let mut before_resets = 0.0;
    for run in runs {
        if kind == Kind::Counter && run.value < last.value {
            before_resets += last.value;
        }
        count += run.times.len();
        last = run;
    }
    if count < 2 {
        return None;
    }
    let increase = last.value - first.value + before_resets;
    let (first_ms, last_ms) = (first.first_ms(), last.last_ms());
    let sampled = seconds(last_ms - first_ms);
    let between_samples = sampled / (count - 1) as f64;
    let near = between_samples * 1.1;
    // Where the samples reach the end of the range but for about one interval, they are taken to go on to it; where they
    // don't, the series is taken to begin or end half an interval beyond them.
    let mut to_start = seconds(first_ms - (stretch.until_ms - stretch.range_ms));
    if to_start >= near {
        to_start = between_samples / 2.0;
    }
    // A counter can't have been below zero.
    if kind == Kind::Counter && increase > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / increase));
    }
    let mut to_end = seconds(stretch.until_ms - last_ms);
    if to_end >= near {
        to_end = between_samples / 2.0;
    }
    Some(increase * ((sampled + to_start + to_end) / sampled))
}

pub(super) fn irate(stretch: &Stretch<'_>) -> Option<f64> {
    let [(before_ms, before), (last_ms, last)] = last_two(&stretch.window)?;
    let increase = if last < before { last } else { last - before };
    Some(increase / seconds(last_ms - before_ms))
}

pub(super) fn idelta(stretch: &Stretch<'_>) -> Option<f64> {
    let [(_, before), (_, last)] = last_two(&stretch.window)?;
    Some(last - before)
}

fn last_two(window: &Window<'_>) -> Option<[(i64, f64); 2]> {
    let mut runs = window.runs().rev();
    let last = runs.next()?;
    let before = if let [.., before, _] = last.times {
        (*before, last.value)
    } else {
        let before = runs.next()?;
        (before.last_ms(), before.value)
    };
    Some([before, (last.last_ms(), last.value)])
}

pub(super) fn changes(stretch: &Stretch<'_>) -> Option<f64> {
    // Runs are told apart by bits, and values are not: NaN is one value, and so is zero.
    #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
    count_pairs(stretch, |before, after| before != after && !(before.is_nan() && after.is_nan()))
}

pub(super) fn resets(stretch: &Stretch<'_>) -> Option<f64> {
    count_pairs(stretch, |before, after| after < before)
}

/// How many samples follow one that differs from them so.
fn count_pairs(stretch: &Stretch<'_>, differs: impl Fn(f64, f64) -> bool) -> Option<f64> {
    let mut runs = stretch.window.runs();
    let mut before = runs.next()?.value;
    let mut count = 0_u32;
    for run in runs {
        count += u32::from(differs(before, run.value));
        before = run.value;
    }
    Some(f64::from(count))
}

pub(super) fn first(stretch: &Stretch<'_>) -> Option<f64> {
    stretch.window.runs().next().map(|run| run.value)
}

pub(super) fn last(stretch: &Stretch<'_>) -> Option<f64> {
    stretch.window.runs().next_back().map(|run| run.value)
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table")]
pub(super) fn quantile(stretch: &Stretch<'_>) -> Option<f64> {
    let mut values: Vec<f64> = stretch.window.points().map(|(_, value)| value).collect();
    Some(stats::quantile(stretch.params[0], &mut values))
}

pub(super) fn deriv(stretch: &Stretch<'_>) -> Option<f64> {
    // A time near the samples, so that their squares keep their last digits.
    let near = stretch.window.runs().next()?.first_ms();
    line(&stretch.window, near).map(|(slope, _)| slope)
}

pub(super) fn predict_linear(stretch: &Stretch<'_>) -> Option<f64> {
    let (slope, now) = line(&stretch.window, stretch.at_ms)?;
    Some(slope * stretch.params[0] + now)
}

/// The slope per second of the line through the samples (least squares), and its value at `at_ms`.
fn line(window: &Window<'_>, at_ms: i64) -> Option<(f64, f64)> {
    let count = window.count();
    if count < 2 {
        return None;
    }
    let first = window.runs().next()?.value;
    #[expect(clippy::float_cmp, reason = "a constant series has slope 0 without rounding")]
    if window.runs().all(|run| run.value == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let count = count as f64;
    let points = || window.points().map(|(time, value)| (seconds(time - at_ms), value));
    let mean = |value: fn((f64, f64)) -> f64| stats::sum(points().map(|point| (value(point), 1.0))) / count;
    let (mean_x, mean_y) = (mean(|(x, _)| x), mean(|(_, y)| y));
    let covariance = mean(|(x, y)| x * y) - mean_x * mean_y;
    let slope = covariance / (mean(|(x, _)| x * x) - mean_x * mean_x);
    Some((slope, mean_y - slope * mean_x))
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
