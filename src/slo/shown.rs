//! What a run scraped, as what dashboards are asked of.

use std::ops::Range;
use std::time::Duration;

use super::fetched::fetch_gap;
use super::{Criteria, Recorded};
use crate::verify::Shown;

const TENTH: Duration = Duration::from_millis(100);

/// What the dashboards of `criteria` are asked of; `None` where there are none. They show the run from its first scrape to the end of its
/// `steady` phase.
pub fn shown(criteria: &Criteria, recorded: &Recorded<'_>, steady: &Range<Duration>) -> Option<Shown> {
    let checks = criteria.checks.dashboards.as_ref()?;
    let labels = checks.labels.as_ref().unwrap_or_else(|| criteria.labels());
    let looks = recorded.series.looks();
    let times: Vec<Duration> = looks.iter().copied().filter(|at| steady.contains(at)).collect();
    let gaps = u32::try_from(times.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let whole = times.last().zip(times.first()).map(|(last, first)| last.saturating_sub(*first));
    let interval = whole.unwrap_or_default() / gaps.max(1);
    // What scrapes are late or early by is no part of how far apart they are meant to be.
    let interval = if interval < TENTH {
        interval
    } else {
        TENTH * u32::try_from((interval + TENTH / 2).as_millis() / 100).unwrap_or(u32::MAX)
    };
    Some(Shown {
        storage: recorded.storage(labels),
        times_ms: times.into_iter().map(|at| recorded.ms(at)).collect(),
        from_ms: recorded.ms(looks.first().copied().unwrap_or_default()),
        interval,
        gap: recorded.fetched.and_then(|fetched| fetch_gap(fetched, steady.end)).map(|gap| gap.because),
        by_name: recorded.fetched.is_some(),
    })
}
