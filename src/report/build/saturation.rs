//! How full the target was: its process as sampled, its connections as scraped.

use std::collections::BTreeMap;
use std::time::Duration;

use super::LoadClock;
use crate::metrics::Series;
use crate::model::{Event, ProcessSample};
use crate::report::{RunLog, Saturation};

/// Connections that are open at the target.
const ACTIVE_CONNECTIONS: &str = "mcp_active_connections";
/// Connections that the target takes.
const MAX_CONNECTIONS: &str = "mcp_max_connections";

type Points = Vec<(f64, f64)>;

/// Every measure that has a point.
pub(super) fn saturation(log: &RunLog, clock: &LoadClock) -> Vec<Saturation> {
    let samples: Vec<(f64, &ProcessSample)> = log
        .events
        .iter()
        .filter_map(|stamped| match &stamped.what {
            Event::Process(sample) => Some((clock.seconds(stamped.at), sample)),
            Event::LoadStarted
            | Event::SteadyStarted
            | Event::LoadStopped
            | Event::Probe(_)
            | Event::Scrape(_)
            | Event::Note { .. } => None,
        })
        .collect();
    let each = |value: fn(&ProcessSample) -> Option<u64>| -> Points {
        samples.iter().filter_map(|(at, sample)| Some((*at, value(sample)? as f64))).collect()
    };
    [
        ("CPU", "cores", cpu_cores(&samples)),
        ("memory", "bytes", each(|sample| Some(sample.resident_bytes))),
        ("open files", "count", each(|sample| sample.open_fds)),
        ("threads", "count", each(|sample| Some(sample.threads))),
        ("connections", "count", scraped(log, clock, ACTIVE_CONNECTIONS)),
        ("connections of the maximum", "ratio", connection_ratio(log, clock)),
    ]
    .into_iter()
    .filter_map(|(name, unit, points)| measure(name, unit, points))
    .collect()
}

fn measure(name: &str, unit: &str, mut points: Points) -> Option<Saturation> {
    points.retain(|(at, value)| at.is_finite() && value.is_finite());
    let peak = points.iter().map(|(_, value)| *value).reduce(f64::max)?;
    Some(Saturation { name: name.to_owned(), unit: unit.to_owned(), points, peak })
}

/// CPU seconds used per second, between neighbouring samples. CPU time that fell means another process: no point.
fn cpu_cores(samples: &[(f64, &ProcessSample)]) -> Points {
    samples
        .windows(2)
        .filter_map(|pair| {
            let [(before, first), (after, second)] = pair else { return None };
            let used = second.cpu_seconds - first.cpu_seconds;
            let passed = after - before;
            (used >= 0.0 && passed > 0.0).then(|| (*after, used / passed))
        })
        .collect()
}

fn scraped(log: &RunLog, clock: &LoadClock, metric: &str) -> Points {
    let sums = sum_over_time(log.series.iter(), metric);
    sums.into_iter().map(|(at, value)| (clock.seconds(at), value)).collect()
}

fn connection_ratio(log: &RunLog, clock: &LoadClock) -> Points {
    let ratios = ratio_over_time(
        &sum_over_time(log.series.iter(), ACTIVE_CONNECTIONS),
        &sum_over_time(log.series.iter(), MAX_CONNECTIONS),
    );
    ratios.into_iter().map(|(at, value)| (clock.seconds(at), value)).collect()
}

/// `part` over the value that `whole` last had.
fn ratio_over_time(
    part: &BTreeMap<Duration, f64>,
    whole: &BTreeMap<Duration, f64>,
) -> BTreeMap<Duration, f64> {
    part.iter()
        .filter_map(|(at, part)| {
            let (_, whole) = whole.range(..=at).next_back()?;
            (*whole > 0.0).then(|| (*at, part / whole))
        })
        .collect()
}

/// The sum of all series called `metric`, at each time one of them has a point. A series keeps its value until its
/// next point, so a store that holds changes alone gives the same sums.
fn sum_over_time<'a>(all: impl Iterator<Item = &'a Series>, metric: &str) -> BTreeMap<Duration, f64> {
    let series: Vec<&Series> = all.filter(|series| series.name == metric).collect();
    let mut sums = BTreeMap::new();
    for at in series.iter().flat_map(|series| &series.points).map(|point| point.at) {
        let values: Vec<f64> = series.iter().filter_map(|series| value_at(series, at)).collect();
        if !values.is_empty() {
            sums.insert(at, values.iter().sum());
        }
    }
    sums
}

fn value_at(series: &Series, at: Duration) -> Option<f64> {
    let known = series.points.partition_point(|point| point.at <= at);
    series.points[..known].last()?.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Point;
    use crate::model::Labels;

    fn series(name: &str, points: &[(u64, Option<f64>)]) -> Series {
        let points = points.iter().map(|&(s, value)| Point { at: Duration::from_secs(s), value }).collect();
        Series { name: name.to_owned(), labels: Labels::new(), points }
    }

    fn sample(cpu_seconds: f64) -> ProcessSample {
        ProcessSample { cpu_seconds, resident_bytes: 1, open_fds: None, threads: 1 }
    }

    #[track_caller]
    fn check(sums: &BTreeMap<Duration, f64>, expected: &[(u64, f64)]) {
        let sums: Vec<(u64, f64)> = sums.iter().map(|(at, value)| (at.as_secs(), *value)).collect();
        assert_eq!(sums, expected);
    }

    #[test]
    fn a_series_keeps_its_value_until_its_next_point() {
        let all = [
            series("open", &[(1, Some(3.0)), (4, Some(5.0))]),
            series("open", &[(2, Some(10.0)), (3, None)]),
            series("other", &[(2, Some(99.0))]),
        ];
        check(&sum_over_time(all.iter(), "open"), &[(1, 3.0), (2, 13.0), (3, 3.0), (4, 5.0)]);
    }

    #[test]
    fn a_ratio_takes_the_maximum_that_was_known() {
        let all = [series("open", &[(1, Some(5.0)), (3, Some(10.0))]), series("most", &[(2, Some(20.0))])];
        let ratio = ratio_over_time(&sum_over_time(all.iter(), "open"), &sum_over_time(all.iter(), "most"));
        check(&ratio, &[(3, 0.5)]);
    }

    #[test]
    fn cpu_is_the_time_used_between_two_samples() {
        let samples = [sample(1.0), sample(2.0), sample(0.5), sample(0.5)];
        let at: Vec<(f64, &ProcessSample)> = [0.0, 2.0, 4.0, 4.0].into_iter().zip(&samples).collect();
        assert_eq!(cpu_cores(&at), vec![(2.0, 0.5)]);
    }
}
