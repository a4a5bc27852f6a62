//! What a Prometheus gave, as what rules and objectives are evaluated on; and what of it is not known.
//!
//! Series keep the labels that the Prometheus has. A series that the run's own rules record is taken up to the start of the run
//! alone: from there on the rules record it themselves.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use super::AlertCriteria;
use super::alerts::evaluated_groups;
use super::wanted::is_asked_by;
use crate::metrics::{FetchedSeries, FetchedStore, Point, START_TIME, Series, SeriesStore};
use crate::promql::{Labels, METRIC_NAME, Matcher, Query, STALE_NAN, Selection, Storage};
use crate::rules::Group;

/// By which Prometheus itself tells of alerts.
const OF_ALERTS: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];

/// What is not known of the series that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchGap {
    /// From when on, on the run's clock; zero when nothing is known at all.
    pub from: Duration,
    /// Why, in a few words.
    pub because: String,
}

/// Where the samples end before `end` on the run's clock; `None` where all of them are there.
pub fn fetch_gap(fetched: &FetchedStore, end: Duration) -> Option<FetchGap> {
    let fault = fetched.asked().iter().find_map(|asked| {
        let fault = asked.fault.as_ref()?;
        Some(format!("{} ({fault})", asked.selector))
    });
    let because = fault.unwrap_or_else(|| "it was not asked any more".to_owned());
    let unanswered = fetched.asked().iter().any(|asked| asked.known.is_none());
    let known = fetched.known_ms().filter(|_| !unanswered);
    let Some((_, until_ms)) = known else { return Some(FetchGap { from: Duration::ZERO, because }) };
    let until = Duration::from_millis((until_ms - fetched.zero_ms()).max(0).unsigned_abs());
    (until < end).then_some(FetchGap { from: until, because })
}

/// Selectors that were answered, and that no series ever fitted. What the rules of `alerts` record themselves need not be there.
pub fn without_series(fetched: &FetchedStore, alerts: Option<&AlertCriteria>) -> Vec<String> {
    let groups = alerts.map(evaluated_groups).unwrap_or_default();
    let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.alerting().is_none());
    let recorded: BTreeSet<&str> = rules.map(|rule| rule.name.as_str()).collect();
    let answered = fetched.asked().iter().filter(|asked| asked.known.is_some());
    let is_empty = |selector: &&String| {
        let Ok(query) = Query::parse(selector) else { return false };
        let selections = query.selectors();
        let made =
            |selection: &Selection<'_>| selection.selector.name().is_some_and(|it| recorded.contains(it));
        // A target need not tell when it began: nothing that was asked reads it.
        let is_start =
            |selection: &Selection<'_>| selection.selector.name().is_some_and(|it| it == START_TIME);
        if selections.iter().any(|selection| made(selection) || is_start(selection)) {
            return false;
        }
        let fits = |series: &FetchedSeries| {
            let labels = labels_of(series);
            let all = selections.iter().flat_map(|selection| &selection.selector.matchers);
            all.into_iter().all(|matcher| matcher.matches(labels.get(&matcher.name)))
        };
        !fetched.series().iter().any(fits)
    };
    answered.map(|asked| &asked.selector).filter(is_empty).cloned().collect()
}

/// True when the series of these matchers were asked for, and answered.
pub(super) fn is_known(fetched: &FetchedStore, matchers: &[Matcher]) -> bool {
    let asked = fetched.asked().iter().filter(|asked| asked.known.is_some());
    asked.into_iter().any(|asked| is_asked_by(matchers, &asked.selector))
}

/// All that was fetched, for queries.
pub(super) fn storage(fetched: &FetchedStore) -> Storage {
    filled(fetched, |_, _| true, None)
}

/// What has times within `span`, in milliseconds since 1970.
pub(super) fn storage_within(fetched: &FetchedStore, span: Range<i64>) -> Storage {
    filled(fetched, |_, at_ms| span.contains(&at_ms), None)
}

/// The same for rules that are evaluated from the start of the run on: what they record is theirs from there on. Rules in a
/// faster time record something else than those of the Prometheus.
pub(super) fn storage_before(fetched: &FetchedStore, groups: &[Group], time_scale: u32) -> Storage {
    let rules = || groups.iter().flat_map(|group| &group.rules);
    let recorded: BTreeSet<&str> =
        rules().filter(|rule| rule.alerting().is_none()).map(|rule| rule.name.as_str()).collect();
    let alerts: BTreeSet<&str> =
        rules().filter(|rule| rule.alerting().is_some()).map(|rule| rule.name.as_str()).collect();
    let zero_ms = fetched.zero_ms();
    let is_ours = |series: &FetchedSeries| {
        let alert = series.labels.get("alertname").unwrap_or_default();
        recorded.contains(series.name.as_str())
            || (OF_ALERTS.contains(&series.name.as_str()) && alerts.contains(alert))
    };
    let keep = |series: &FetchedSeries, at_ms| !is_ours(series) || (time_scale == 1 && at_ms < zero_ms);
    // What goes on elsewhere must not be seen for as long as an instant query looks back.
    filled(fetched, keep, Some(zero_ms - 1))
}

/// In the order of time, which takes the least room. A series of which not all is kept ends at `cut_ms`.
fn filled(
    fetched: &FetchedStore,
    keep: impl Fn(&FetchedSeries, i64) -> bool,
    cut_ms: Option<i64>,
) -> Storage {
    let mut storage = Storage::new();
    let mut samples: Vec<(i64, usize, f64)> = Vec::new();
    let mut ids = Vec::new();
    for (place, (series, ends)) in fetched.series().iter().zip(fetched.ends()).enumerate() {
        let before = samples.len();
        let all = series.samples.iter().copied().chain(ends.into_iter().map(|at_ms| (at_ms, STALE_NAN)));
        let mut is_cut = false;
        for (at_ms, value) in all {
            if keep(series, at_ms) {
                samples.push((at_ms, place, value));
            } else {
                is_cut = true;
            }
        }
        if let Some(cut_ms) = cut_ms.filter(|_| is_cut && samples.len() > before) {
            samples.push((cut_ms, place, STALE_NAN));
        }
        ids.push((samples.len() > before).then(|| storage.series(&labels_of(series))));
    }
    samples.sort_by_key(|(at_ms, ..)| *at_ms);
    for (at_ms, place, value) in samples {
        if let Some(id) = ids[place] {
            // Two series may have become one where secrets were taken out of their labels: then the first one counts.
            let _ = storage.append(id, at_ms, value);
        }
    }
    storage
}

fn labels_of(series: &FetchedSeries) -> Labels {
    Labels::from_pairs(series.labels.iter().chain([(METRIC_NAME, series.name.as_str())]))
}

/// What was fetched, for objectives on metrics: on the run's clock, each series with times of its own.
pub fn fetched_series(fetched: &FetchedStore) -> SeriesStore {
    let zero_ms = fetched.zero_ms();
    let on_clock = |at_ms: i64| u64::try_from(at_ms - zero_ms).ok().map(Duration::from_millis);
    let series = fetched.series().iter().zip(fetched.ends()).map(|(series, ends)| {
        let samples = series.samples.iter().map(|(at_ms, value)| (*at_ms, Some(*value)));
        let mut points: Vec<Point> = samples
            .chain(ends.into_iter().map(|at_ms| (at_ms, None)))
            .filter_map(|(at_ms, value)| Some(Point::held(on_clock(at_ms)?, value)))
            .collect();
        points.sort_by_key(|point| point.at);
        Series { name: series.name.clone(), labels: series.labels.clone(), points }
    });
    let densest = fetched.series().iter().max_by_key(|series| series.samples.len());
    let spacing = densest.and_then(|series| FetchedStore::spacing_ms(&series.samples)).unwrap_or_default();
    let until = fetched.known_ms().and_then(|(_, until_ms)| on_clock(until_ms)).unwrap_or_default();
    SeriesStore::of_own_times(series.collect(), Duration::from_millis(spacing.unsigned_abs()), until)
}
