//! What counters counted between two scrapes.

use std::time::Duration;

use crate::metrics::Series;

/// By how much a counter rose, and how often it began again.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::verify) struct Growth {
    pub(in crate::verify) by: f64,
    pub(in crate::verify) restarts: u64,
}

impl Growth {
    /// Of one series, from one scrape to another. One that was not there at the first began at zero.
    pub(in crate::verify) fn of(series: &Series, from: Duration, to: Duration) -> Self {
        let mut last = series.value_at(from).unwrap_or(0.0);
        let mut growth = Self::default();
        let between = series.points.iter().filter(|point| from < point.at && point.at <= to);
        // Where a scrape failed the series is gone, and comes back as it was.
        for value in between.filter_map(|point| point.value) {
            if value < last {
                growth.restarts += 1;
                last = 0.0;
            }
            growth.by += value - last;
            last = value;
        }
        growth
    }

    /// Of several series together.
    pub(in crate::verify) fn of_all<'s>(
        series: impl IntoIterator<Item = &'s Series>,
        from: Duration,
        to: Duration,
    ) -> Self {
        let each = series.into_iter().map(|series| Self::of(series, from, to));
        each.fold(Self::default(), |sum, one| Self {
            by: sum.by + one.by,
            restarts: sum.restarts + one.restarts,
        })
    }
}
