//! How full the target was: its process as sampled, its connections as scraped.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::metrics::Series;
use crate::model::{Event, Labels, ProcessSample};
use crate::report::measured::LoadClock;
use crate::report::{RunLog, Saturation};

/// Connections that are open at the target.
const ACTIVE_CONNECTIONS: &str = "mcp_active_connections";
/// Connections that the target takes.
const MAX_CONNECTIONS: &str = "mcp_max_connections";

/// What the process holds of the machine's memory.
pub(super) const MEMORY: &str = "memory";

type Points = Vec<(f64, f64)>;

/// Every measure that has a point.
pub(super) fn saturation(log: &RunLog, clock: &LoadClock) -> Vec<Saturation> {
    let samples: Vec<(f64, &ProcessSample)> = log
        .events
        .iter()
        .filter_map(|stamped| match &stamped.what {
            Event::Process(sample) => Some((clock.seconds(stamped.at), sample)),
            Event::Floor(_)
            | Event::Baseline { .. }
            | Event::Swept(_)
            | Event::LoadStarted
            | Event::SteadyStarted
            | Event::LoadStopped
            | Event::Aborted(_)
            | Event::Probe(_)
            | Event::Scrape(_)
            | Event::Prometheus(_)
            | Event::Note { .. } => None,
        })
        .collect();
    let each = |value: fn(&ProcessSample) -> Option<u64>| -> Points {
        samples.iter().filter_map(|(at, sample)| Some((*at, value(sample)? as f64))).collect()
    };
    [
        ("CPU", "cores", cpu_cores(&samples)),
        (MEMORY, "bytes", each(|sample| Some(sample.resident_bytes))),
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
    let any = Labels::new();
    let sums = sum_over_time(log.series.select(metric, &any), log.series.scrape_times());
    sums.into_iter().map(|(at, value)| (clock.seconds(at), value)).collect()
}

fn connection_ratio(log: &RunLog, clock: &LoadClock) -> Points {
    let any = Labels::new();
    let sum = |metric| sum_over_time(log.series.select(metric, &any), log.series.scrape_times());
    let ratios = ratio_over_time(&sum(ACTIVE_CONNECTIONS), &sum(MAX_CONNECTIONS));
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

/// The sum of `series` at each of `scrapes` that has a value of any of them. A series keeps only its changes, so it is
/// asked for its value at every scrape.
fn sum_over_time<'a>(
    series: impl Iterator<Item = &'a Series>,
    scrapes: &[Duration],
) -> BTreeMap<Duration, f64> {
    let series: Vec<&Series> = series.collect();
    let mut sums = BTreeMap::new();
    for &at in scrapes {
        let values: Vec<f64> = series.iter().filter_map(|series| series.value_at(at)).collect();
        if !values.is_empty() {
            sums.insert(at, values.iter().sum());
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Point;

    fn series(name: &str, points: &[(u64, Option<f64>)]) -> Series {
        let points = points.iter().map(|&(s, value)| Point::held(Duration::from_secs(s), value)).collect();
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

    fn seconds(at: std::ops::RangeInclusive<u64>) -> Vec<Duration> {
        at.map(Duration::from_secs).collect()
    }

    #[test]
    fn a_series_keeps_its_value_until_its_next_point() {
        let open = [
            series("open", &[(1, Some(3.0)), (4, Some(5.0))]),
            series("open", &[(2, Some(10.0)), (3, None)]),
        ];
        let sums = sum_over_time(open.iter(), &seconds(0..=5));
        check(&sums, &[(1, 3.0), (2, 13.0), (3, 3.0), (4, 5.0), (5, 5.0)]);
    }

    #[test]
    fn a_ratio_has_a_value_at_every_scrape_that_has_both() {
        let open = [series("open", &[(1, Some(5.0)), (3, Some(10.0))])];
        let most = [series("most", &[(2, Some(20.0))])];
        let ratio = ratio_over_time(
            &sum_over_time(open.iter(), &seconds(1..=4)),
            &sum_over_time(most.iter(), &seconds(1..=4)),
        );
        check(&ratio, &[(2, 0.25), (3, 0.5), (4, 0.5)]);
    }

    #[test]
    fn cpu_is_the_time_used_between_two_samples() {
        let samples = [sample(1.0), sample(2.0), sample(0.5), sample(0.5)];
        let at: Vec<(f64, &ProcessSample)> = [0.0, 2.0, 4.0, 4.0].into_iter().zip(&samples).collect();
        assert_eq!(cpu_cores(&at), vec![(2.0, 0.5)]);
    }
}
