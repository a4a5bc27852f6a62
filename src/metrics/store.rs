//! Scraped series in memory, and the questions that verdicts and reports ask of them.
//!
//! A store is what the run's scrape records add up to. Constant stretches are one point; the times of the scrapes
//! are kept beside them, so the value at each scrape is exact.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::intake::LOOKBACK_MS;
use super::{MAX_SERIES, MetricKind, ScrapeMark, ScrapeRecord, UP};
use crate::model::Labels;

/// One series over the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The sample's name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its values over time, ascending: a point wherever the value changed, which holds until the next point; and one for each sample
    /// with a time of its own.
    pub points: Vec<Point>,
}

/// A value of a series, or its disappearance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Since the start of the run; its start for what is stamped before it.
    pub at: Duration,
    /// `None`: the series was gone from here on (a stale marker).
    pub value: Option<f64>,
    /// Of a sample with a time of its own, up to when it is seen at the most; any other holds until the next point.
    pub until: Option<Duration>,
}

impl Point {
    /// What holds from `at` on.
    pub const fn held(at: Duration, value: Option<f64>) -> Self {
        Self { at, value, until: None }
    }

    /// A sample of this time, in milliseconds since the run's start, below zero before it. `None` where the run sees nothing of it.
    fn stamped(at_ms: i64, value: f64) -> Option<Self> {
        let until = Duration::from_millis(u64::try_from(at_ms.checked_add(LOOKBACK_MS)?).ok()?);
        let at = Duration::from_millis(u64::try_from(at_ms).unwrap_or(0));
        Some(Self { at, value: Some(value), until: Some(until) })
    }

    /// The sample's own time, where it has one, in milliseconds since the run's start.
    pub fn stamp_ms(&self) -> Option<i64> {
        let until = self.until?;
        Some(i64::try_from(until.as_millis()).unwrap_or(i64::MAX) - LOOKBACK_MS)
    }
}

/// All series of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesStore {
    /// By id.
    series: Vec<Series>,
    by_name: HashMap<String, Vec<usize>>,
    kinds: BTreeMap<String, MetricKind>,
    scrapes: Vec<Duration>,
    /// Those of them that failed.
    failed: BTreeSet<Duration>,
    last_us: Option<u64>,
    own_times: Option<OwnTimes>,
}

/// Of series that no scrapes of ours have: when they have samples.
#[derive(Debug, Clone, Copy, PartialEq)]
struct OwnTimes {
    /// How far apart samples usually are.
    spacing: Duration,
    /// Up to when they are known.
    until: Duration,
}

/// A record that cannot follow the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Not later than the record before.
    #[error("the record at {0} us is not later than the one before it")]
    NotLater(u64),
    /// Ids of new series must count up without gaps.
    #[error("series id {found} where {expected} should be")]
    IdGap {
        /// The next free id.
        expected: usize,
        /// What the record has.
        found: u32,
    },
    /// A value or an end of a series that no record so far declared.
    #[error("series id {0} was never declared")]
    UnknownId(u32),
    /// More series than a run keeps.
    #[error("more than {MAX_SERIES} series")]
    TooManySeries,
}

impl Series {
    /// As it is selected: its name, and its labels in braces where it has any.
    pub fn text(&self) -> String {
        let labels = if self.labels.is_empty() { String::new() } else { self.labels.to_string() };
        format!("{}{labels}", self.name)
    }

    /// The value at `at`: that of the last scrape at or before it, or of the last sample with a time of its own, for as long as that
    /// is seen. `None` before the first one, and where the series was gone.
    pub fn value_at(&self, at: Duration) -> Option<f64> {
        self.seen_at(at).and_then(|point| point.value)
    }

    fn seen_at(&self, at: Duration) -> Option<&Point> {
        let after = self.points.partition_point(|point| point.at <= at);
        self.points[..after].last().filter(|point| point.until.is_none_or(|until| at < until))
    }

    /// Increase per second of a counter between two scrapes. A drop means that the target began again at 0.
    /// `None` unless both scrapes have the series: like Prometheus, a series' first value is no increase. Samples with times of
    /// their own are as far apart as those are, and there have to be two.
    pub fn rate_between(&self, from: Duration, to: Duration) -> Option<f64> {
        let (first, last) = (self.seen_at(from)?, self.seen_at(to)?);
        let (before, after) = (first.value?, last.value?);
        let time = |point: &Point, scrape: Duration| if point.until.is_some() { point.at } else { scrape };
        let span = time(last, to).checked_sub(time(first, from)).filter(|span| !span.is_zero());
        let increase = if after < before { after } else { after - before };
        Some(increase / span?.as_secs_f64())
    }

    /// Adds a point, whatever the order in which samples with times of their own come.
    fn add(&mut self, point: Point) {
        let place = self.points.partition_point(|before| before.at <= point.at);
        self.points.insert(place, point);
    }
}

impl SeriesStore {
    /// Every series, sorted by name and labels.
    pub fn iter(&self) -> impl Iterator<Item = &Series> {
        let mut sorted: Vec<&Series> = self.series.iter().collect();
        sorted.sort_unstable_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
        sorted.into_iter()
    }

    /// The series called `name`, in the order they were first seen.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Series> + use<'a> {
        let named = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        named.iter().map(|&id| &self.series[id])
    }

    /// Those of them that have all of `labels`.
    pub fn select<'a>(&'a self, name: &str, labels: &'a Labels) -> impl Iterator<Item = &'a Series> {
        self.named(name).filter(|series| series.labels.matches(labels))
    }

    /// True when the scrape at `at` was read: there was anything.
    pub fn has_any_at(&self, at: Duration) -> bool {
        !self.failed.contains(&at) && self.series.iter().any(|series| series.value_at(at).is_some())
    }

    /// When the target was scraped, ascending, failed scrapes included: at those every series is gone.
    pub fn scrape_times(&self) -> &[Duration] {
        &self.scrapes
    }

    /// Series with times of their own, a point for each sample: `spacing` apart where a series itself does not tell, and known
    /// up to `until`.
    pub fn of_own_times(series: Vec<Series>, spacing: Duration, until: Duration) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, one) in series.iter().enumerate() {
            by_name.entry(one.name.clone()).or_default().push(place);
        }
        Self { series, by_name, own_times: Some(OwnTimes { spacing, until }), ..Self::default() }
    }

    /// When the series called `name` that have all of `labels` were looked at, ascending: at each scrape; or, of series with
    /// times of their own, when the one with the most samples has one, or should have had one.
    pub fn times_of(&self, name: &str, labels: &Labels) -> Vec<Duration> {
        let Some(own) = self.own_times else { return self.scrapes.clone() };
        own.filled(&densest(self.select(name, labels)))
    }

    /// When the target was looked at, ascending: at each scrape; or, of series with times of their own, when `up` says that it was
    /// scraped, or else when the series with the most samples has one. Those that are missing are among them.
    pub fn looks(&self) -> Vec<Duration> {
        let Some(own) = self.own_times else { return self.scrapes.clone() };
        let scraped = self.times_of(UP, &Labels::new());
        if scraped.is_empty() { own.filled(&densest(self.series.iter())) } else { scraped }
    }

    /// True when a look without a series says that the series was not there.
    pub fn has_whole_scrapes(&self) -> bool {
        self.own_times.is_none()
    }

    /// What the family of a sample called `name` says it is. `mcp_requests_total` may belong to a family of that
    /// name or, in OpenMetrics, to `mcp_requests`; `x_bucket` belongs to `x`.
    pub fn kind(&self, name: &str) -> MetricKind {
        const SUFFIXES: [&str; 7] = ["_total", "_bucket", "_sum", "_count", "_created", "_info", "_gsum"];
        let stems = SUFFIXES.iter().filter_map(|suffix| name.strip_suffix(suffix));
        let family = std::iter::once(name).chain(stems).find_map(|family| self.kinds.get(family));
        family.copied().unwrap_or(MetricKind::Untyped)
    }

    /// Adds one scrape. On an error the store is as it was.
    pub fn apply(&mut self, record: &ScrapeRecord) -> Result<(), SeriesError> {
        self.check(record)?;
        let at = Duration::from_micros(record.at_us);
        self.last_us = Some(record.at_us);
        self.kinds.extend(record.kinds.iter().map(|(name, kind)| (name.clone(), *kind)));
        for new in &record.new {
            self.by_name.entry(new.name.clone()).or_default().push(self.series.len());
            let series = Series { name: new.name.clone(), labels: new.labels.clone(), points: Vec::new() };
            self.series.push(series);
        }
        for &(id, value) in &record.values {
            self.series[id as usize].add(Point::held(at, Some(value.0)));
        }
        for &id in &record.gone {
            self.series[id as usize].add(Point::held(at, None));
        }
        for &(id, at_ms, value) in &record.stamped {
            if let Some(point) = Point::stamped(at_ms, value.0) {
                self.series[id as usize].add(point);
            }
        }
        match record.mark {
            ScrapeMark::Scraped => self.scrapes.push(at),
            ScrapeMark::Failed => {
                self.scrapes.push(at);
                self.failed.insert(at);
                self.lose_all(at);
            }
            ScrapeMark::Ended => self.lose_all(at),
        }
        Ok(())
    }

    fn check(&self, record: &ScrapeRecord) -> Result<(), SeriesError> {
        if self.last_us.is_some_and(|last| record.at_us <= last) {
            return Err(SeriesError::NotLater(record.at_us));
        }
        for (expected, new) in (self.series.len()..).zip(&record.new) {
            if new.id as usize != expected {
                return Err(SeriesError::IdGap { expected, found: new.id });
            }
        }
        let known = self.series.len() + record.new.len();
        if known > MAX_SERIES {
            return Err(SeriesError::TooManySeries);
        }
        let stamped = record.stamped.iter().map(|(id, ..)| id);
        let used = record.values.iter().map(|(id, _)| id).chain(&record.gone).chain(stamped);
        match used.copied().find(|&id| id as usize >= known) {
            Some(id) => Err(SeriesError::UnknownId(id)),
            None => Ok(()),
        }
    }

    fn lose_all(&mut self, at: Duration) {
        for series in &mut self.series {
            // A sample with a time of its own says nothing of scrapes.
            let held = series.points.iter().rev().find(|point| point.until.is_none());
            if held.is_some_and(|point| point.value.is_some()) {
                series.add(Point::held(at, None));
            }
        }
    }
}

/// When the one of `series` with the most samples has them.
fn densest<'a>(series: impl Iterator<Item = &'a Series>) -> Vec<Duration> {
    let times = |series: &Series| -> Vec<Duration> {
        series.points.iter().filter(|point| point.value.is_some()).map(|point| point.at).collect()
    };
    series.map(times).max_by_key(Vec::len).unwrap_or_default()
}

impl OwnTimes {
    /// `times` with those at which a sample is missing.
    fn filled(self, times: &[Duration]) -> Vec<Duration> {
        let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        gaps.sort_unstable();
        let spacing = if gaps.len() >= 2 { gaps[gaps.len() / 2] } else { self.spacing };
        let Some(&first) = times.first().filter(|_| !spacing.is_zero()) else { return times.to_vec() };
        let mut filled = Vec::new();
        let mut missing = first;
        while let Some(earlier) = missing.checked_sub(spacing) {
            missing = earlier;
            filled.push(missing);
        }
        filled.reverse();
        for (i, &at) in times.iter().enumerate() {
            filled.push(at);
            let next = times.get(i + 1).copied().unwrap_or(self.until);
            let mut missing = at + spacing;
            // A sample that is a little late is none that is missing.
            while missing + spacing / 2 < next {
                filled.push(missing);
                missing += spacing;
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{ExpositionErrorKind, Format, NewSeries, SampleValue, ScrapeEncoder};
    use crate::model::SampleFault;

    const SECOND: Duration = Duration::from_secs(1);

    fn scraped(encoder: &mut ScrapeEncoder, at: Duration, text: &str) -> ScrapeRecord {
        encoder.scraped(at, text.as_bytes(), Format::Text).unwrap().record
    }

    /// One scrape a second, from second 0.
    fn stored(scrapes: &[&str]) -> SeriesStore {
        let mut encoder = ScrapeEncoder::default();
        let mut store = SeriesStore::default();
        for (second, text) in (0..).zip(scrapes) {
            store.apply(&scraped(&mut encoder, SECOND * second, text)).unwrap();
        }
        store
    }

    fn only<'a>(store: &'a SeriesStore, name: &str) -> &'a Series {
        store.iter().find(|series| series.name == name).unwrap()
    }

    #[test]
    fn only_changes_are_stored() {
        let store = stored(&["a 1\nb 1\n", "a 1\nb 2\n", "a 1\n", "a 1\nb 2\n"]);
        assert_eq!(only(&store, "a").points.len(), 1);
        let b: Vec<_> =
            only(&store, "b").points.iter().map(|point| (point.at.as_secs(), point.value)).collect();
        assert_eq!(b, [(0, Some(1.0)), (1, Some(2.0)), (2, None), (3, Some(2.0))]);
        assert_eq!(store.scrape_times().len(), 4);
    }

    #[test]
    fn a_counter_that_drops_began_again() {
        let store = stored(&["c 10\n", "c 13\n", "c 2\n", "d 1\n", "c 5\n"]);
        let rate = |from, to| only(&store, "c").rate_between(SECOND * from, SECOND * to);
        assert_eq!(rate(0, 1), Some(3.0));
        assert_eq!(rate(1, 2), Some(2.0));
        assert_eq!(rate(2, 3), None);
        assert_eq!(rate(3, 4), None);
        assert_eq!(rate(1, 1), None);
    }

    #[test]
    fn series_are_selected_by_name_and_labels() {
        let store = stored(&["a{x=\"1\",y=\"1\"} 1\na{x=\"2\"} 2\na 3\nb{x=\"1\"} 4\n"]);
        let select = |labels: &[(&str, &str)]| -> Vec<f64> {
            let labels = labels.iter().copied().collect();
            store.select("a", &labels).filter_map(|series| series.value_at(SECOND)).collect()
        };
        assert_eq!(select(&[]), [1.0, 2.0, 3.0]);
        assert_eq!(select(&[("x", "1")]), [1.0]);
        assert_eq!(select(&[("x", "")]), [3.0]);
        assert_eq!(store.select("c", &Labels::new()).count(), 0);
    }

    #[test]
    fn the_kind_of_a_sample_is_that_of_its_family() {
        let store = stored(&["# TYPE h histogram\nh_sum 1\n# TYPE c_total counter\nc_total 1\nu_sum 1\n"]);
        assert_eq!(store.kind("h_sum"), MetricKind::Histogram);
        assert_eq!(store.kind("c_total"), MetricKind::Counter);
        assert_eq!(store.kind("u_sum"), MetricKind::Untyped);
    }

    #[test]
    fn a_failed_scrape_and_the_end_lose_every_series() {
        let mut encoder = ScrapeEncoder::default();
        let mut store = SeriesStore::default();
        store.apply(&scraped(&mut encoder, SECOND, "a 1\n")).unwrap();
        store.apply(&encoder.failed(SECOND * 2)).unwrap();
        store.apply(&scraped(&mut encoder, SECOND * 3, "a 1\n")).unwrap();
        store.apply(&encoder.ended(SECOND * 3)).unwrap();
        let at = |second| only(&store, "a").value_at(SECOND * second);
        assert_eq!((at(0), at(1), at(2), at(3), at(4)), (None, Some(1.0), None, Some(1.0), None));
        assert_eq!(store.scrape_times(), [SECOND, SECOND * 2, SECOND * 3]);
    }

    #[test]
    fn more_series_than_the_limit_are_refused_and_nothing_is_taken_in() {
        let mut encoder = ScrapeEncoder::new(2, 0);
        scraped(&mut encoder, SECOND, "a 1\n");
        for refused in ["a 1\nb 1\nc 1\n", "b 1\nc 1\n"] {
            let error = encoder.scraped(SECOND * 2, refused.as_bytes(), Format::Text).unwrap_err();
            assert_eq!(error.kind, ExpositionErrorKind::TooManySamples);
        }
        let record = scraped(&mut encoder, SECOND * 3, "a 2\nd 1\n");
        assert_eq!((record.new.len(), record.new[0].id), (1, 1));
    }

    #[test]
    fn a_series_is_the_same_however_it_is_written() {
        let store = stored(&["a{x=\"1\",y=\"2\"} 1\n", "a { y=\"2\", z=\"\", x=\"1\", } 3\n"]);
        assert_eq!(store.iter().count(), 1);
    }

    #[test]
    fn of_two_samples_of_a_series_the_first_counts() {
        for twice in
            ["a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 5\nb 2\n", "a{x=\"1\"} 1\na{x=\"1\"} 1\nb 2\n"]
        {
            let mut encoder = ScrapeEncoder::default();
            let scraped = encoder.scraped(SECOND, twice.as_bytes(), Format::Text).unwrap();
            let mut store = SeriesStore::default();
            store.apply(&scraped.record).unwrap();
            assert_eq!((scraped.samples, store.iter().count()), (3, 2));
            assert_eq!(only(&store, "a").value_at(SECOND), Some(1.0));
            let [trouble] = &*scraped.troubles else { panic!("{:?}", scraped.troubles) };
            assert_eq!((trouble.fault, trouble.samples), (SampleFault::Duplicate, 1));
            assert!(trouble.series.starts_with("a{x=\"1\""), "{}", trouble.series);
        }
    }

    /// One scrape a second from second 0 of a run that began at 1,000 s; `at` of a sample is in seconds.
    fn with_times(rounds: &[&[(f64, Option<i64>)]]) -> (Series, Vec<(SampleFault, u64)>) {
        let mut encoder = ScrapeEncoder::new(10, 1_000_000);
        let (mut store, mut faults) = (SeriesStore::default(), BTreeMap::new());
        for (second, samples) in (0..).zip(rounds) {
            let stamp = |at: &Option<i64>| at.map_or_else(String::new, |at| ((1000 + at) * 1000).to_string());
            let line = |(value, at): &(f64, Option<i64>)| format!("a {value} {}\n", stamp(at));
            let text: String = std::iter::once("b 1\n".to_owned()).chain(samples.iter().map(line)).collect();
            let scraped = encoder.scraped(SECOND * second, text.as_bytes(), Format::Text).unwrap();
            for trouble in scraped.troubles {
                *faults.entry(trouble.fault).or_default() += trouble.samples;
            }
            let line = serde_json::to_string(&scraped.record).unwrap();
            store.apply(&serde_json::from_str(&line).unwrap()).unwrap();
        }
        (only(&store, "a").clone(), faults.into_iter().collect())
    }

    #[test]
    fn a_sample_with_a_time_of_its_own_counts_then_and_is_seen_for_five_minutes() {
        let (series, faults) = with_times(&[&[(7.0, Some(-8))], &[(8.0, Some(2))], &[(8.0, Some(2))]]);
        let at = |second| series.value_at(SECOND * second);
        assert_eq!(
            (at(0), at(1), at(2), at(301), at(302)),
            (Some(7.0), Some(7.0), Some(8.0), Some(8.0), None)
        );
        assert_eq!(series.rate_between(Duration::ZERO, SECOND * 4), Some(0.5));
        assert_eq!(series.rate_between(SECOND * 3, SECOND * 4), None);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn what_nobody_would_see_is_told() {
        let (series, faults) =
            with_times(&[&[(1.0, Some(-1000))], &[(2.0, Some(-200))], &[(3.0, Some(300))]]);
        assert_eq!(series.value_at(SECOND * 2), Some(2.0));
        // A minute and 40 s after the run's start it is five minutes old.
        assert_eq!((series.value_at(SECOND * 99), series.value_at(SECOND * 100)), (Some(2.0), None));
        assert_eq!(series.value_at(SECOND * 300), Some(3.0));
        assert_eq!(faults, [(SampleFault::TooOld, 1), (SampleFault::Ahead, 1)]);
        let (series, faults) = with_times(&[&[(1.0, Some(700))]]);
        assert!(series.points.is_empty());
        assert_eq!(faults, [(SampleFault::Ahead, 1)]);
    }

    #[test]
    fn samples_that_come_late_are_left_out_and_a_series_may_change_its_mind() {
        let (series, faults) = with_times(&[
            &[(1.0, None)],
            &[(2.0, Some(1)), (3.0, Some(0)), (4.0, Some(1))],
            &[(5.0, None)],
            &[],
        ]);
        let points: Vec<_> = series.points.iter().map(|point| (point.at.as_secs(), point.value)).collect();
        assert_eq!(points, [(0, Some(1.0)), (1, None), (1, Some(2.0)), (2, Some(5.0)), (3, None)]);
        assert_eq!(faults, [(SampleFault::Duplicate, 1), (SampleFault::OutOfOrder, 1)]);
    }

    #[test]
    fn a_record_is_a_short_line() {
        let mut encoder = ScrapeEncoder::default();
        let text = "# TYPE a gauge\na{x=\"1\"} NaN\nb -Inf\nc 0.1\nd -0\n";
        let line = |record: &ScrapeRecord| serde_json::to_string(record).unwrap();
        assert_eq!(
            line(&scraped(&mut encoder, SECOND, text)),
            concat!(
                r#"{"at_us":1000000,"kinds":{"a":"gauge"},"new":[{"id":0,"name":"a","labels":{"x":"1"}},"#,
                r#"{"id":1,"name":"b"},{"id":2,"name":"c"},{"id":3,"name":"d"}],"#,
                r#""values":[[0,"NaN"],[1,"-Inf"],[2,0.1],[3,-0.0]]}"#
            )
        );
        assert_eq!(line(&scraped(&mut encoder, SECOND * 2, text)), r#"{"at_us":2000000}"#);
        assert_eq!(line(&encoder.failed(SECOND * 3)), r#"{"at_us":3000000,"mark":"failed"}"#);
    }

    #[test]
    fn records_that_cannot_follow_are_refused() {
        let mut store = stored(&["a 1\n", "a 1\n"]);
        let record = |at_us| ScrapeRecord { at_us, ..ScrapeRecord::default() };
        assert_eq!(store.apply(&record(1_000_000)), Err(SeriesError::NotLater(1_000_000)));
        let unknown = ScrapeRecord { values: vec![(7, SampleValue(1.0))], ..record(3_000_000) };
        assert_eq!(store.apply(&unknown), Err(SeriesError::UnknownId(7)));
        let new = NewSeries { id: 5, name: "x".to_owned(), labels: Labels::new() };
        let gap = ScrapeRecord { new: vec![new], ..record(3_000_000) };
        assert_eq!(store.apply(&gap), Err(SeriesError::IdGap { expected: 1, found: 5 }));
    }

    #[test]
    fn series_of_their_own_times_are_looked_at_when_they_have_samples_or_should() {
        let point = |second: u64| Point::held(SECOND * u32::try_from(second).unwrap(), Some(1.0));
        let series = |name: &str, seconds: &[u64]| Series {
            name: name.to_owned(),
            labels: Labels::new(),
            points: seconds.iter().copied().map(point).collect(),
        };
        let all = vec![series("a", &[4, 6, 8, 14, 16]), series("b", &[9])];
        let store = SeriesStore::of_own_times(all, SECOND * 3, SECOND * 21);
        let seconds = |name| -> Vec<u64> {
            store.times_of(name, &Labels::new()).iter().map(Duration::as_secs).collect()
        };
        assert_eq!(seconds("a"), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
        assert_eq!(seconds("b"), [0, 3, 6, 9, 12, 15, 18]);
        assert!(seconds("c").is_empty());
        assert!(!store.has_whole_scrapes() && SeriesStore::default().has_whole_scrapes());
    }

    /// A few series with values from a small set, so that runs, gaps and special values all occur.
    fn scrapes() -> impl Strategy<Value = Vec<Option<BTreeMap<u8, f64>>>> {
        let value = prop_oneof![
            prop::sample::select(vec![0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
            any::<f64>()
        ];
        let scrape = prop::collection::btree_map(0u8..6, value, 0..6);
        prop::collection::vec(prop::option::weighted(0.8, scrape), 0..20)
    }

    proptest! {
        #[test]
        fn what_was_scraped_reads_back_from_the_records(scrapes in scrapes()) {
            let mut encoder = ScrapeEncoder::default();
            let mut store = SeriesStore::default();
            for (second, scrape) in (0..).zip(&scrapes) {
                let record = match scrape {
                    None => encoder.failed(SECOND * second),
                    Some(values) => {
                        let line = |(series, value)| format!("m{{series=\"{series}\"}} {value}\n");
                        let text: String = values.iter().map(line).collect();
                        scraped(&mut encoder, SECOND * second, &text)
                    }
                };
                let line = serde_json::to_string(&record).unwrap();
                store.apply(&serde_json::from_str(&line).unwrap()).unwrap();
            }
            for (&at, scrape) in store.scrape_times().iter().zip(&scrapes) {
                for series in 0u8..6 {
                    let labels = [("series", series.to_string())].into_iter().collect();
                    let read = store.select("m", &labels).find_map(|series| series.value_at(at));
                    let scraped = scrape.as_ref().and_then(|values| values.get(&series)).copied();
                    prop_assert_eq!(read.map(SampleValue), scraped.map(SampleValue));
                }
            }
            prop_assert_eq!(store.scrape_times().len(), scrapes.len());
        }
    }
}
