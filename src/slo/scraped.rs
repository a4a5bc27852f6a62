//! What a run scraped, as the series of a Prometheus that had scraped it: the target's labels on each, stale markers where
//! series went, `up` and its like beside them.
//!
//! Knows nothing of queries and rules.

use std::ops::Range;
use std::time::Duration;

use super::feed::{DayClock, OwnSeries, of_target};
use super::fetched;
use crate::metrics::{FetchedStore, Series, SeriesStore};
use crate::model::{Event, Stamped};
use crate::promql::{SeriesId, Storage};
use crate::rules::Group;

/// What was recorded of scrapes.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The series of the run.
    pub series: &'a SeriesStore,
    /// The events of the run, for how its scrapes went.
    pub events: &'a [Stamped<Event>],
    /// What a Prometheus gave in place of scrapes.
    pub fetched: Option<&'a FetchedStore>,
    /// The time of day at which the run's clock was zero, in milliseconds since 1970; where a Prometheus was asked, on its clock.
    pub zero_ms: i64,
}

impl Recorded<'_> {
    /// The time of day at `at` on the run's clock, in milliseconds since 1970.
    pub fn ms(&self, at: Duration) -> i64 {
        DayClock { zero_ms: self.zero_ms }.ms(at)
    }

    /// What the series at `place` had last before `at`, where a Prometheus gave it: samples from before the run are in no series of it.
    pub(super) fn value_before(&self, place: usize, at: Duration) -> Option<f64> {
        let given = self.fetched?.series().get(place)?;
        let before = given.samples.partition_point(|(at_ms, _)| *at_ms <= self.ms(at));
        given.samples[..before].last().map(|(_, value)| *value)
    }

    /// [`Self::storage`], for rules that are evaluated from the start of the run on, and record series themselves.
    pub(super) fn storage_before(
        &self,
        groups: &[Group],
        labels: &crate::model::Labels,
        time_scale: u32,
    ) -> Storage {
        match self.fetched {
            Some(fetched) => fetched::storage_before(fetched, groups, time_scale),
            None => self.storage(labels),
        }
    }

    /// The series as Prometheus would have them, each with `labels` of its target: where a series has such a label itself,
    /// that is called `exported_`. What a Prometheus gave has its own labels.
    pub fn storage(&self, labels: &crate::model::Labels) -> Storage {
        if let Some(fetched) = self.fetched {
            return fetched::storage(fetched);
        }
        self.storage_within(labels, &(Duration::ZERO..Duration::MAX))
    }

    /// How much of the time up to `end` is not known, because the scrape before had failed, or there was none.
    pub(super) fn unknown_until(&self, end: Duration) -> Duration {
        if self.fetched.is_some() {
            // What a Prometheus did not give is told apart.
            return Duration::ZERO;
        }
        let times: Vec<Duration> =
            self.series.scrape_times().iter().copied().filter(|at| *at < end).collect();
        if times.is_empty() {
            return end;
        }
        let next = times.iter().skip(1).copied().chain([end]);
        let failed = times.iter().zip(next).filter(|(at, _)| !self.series.has_any_at(**at));
        failed.map(|(at, next)| next.saturating_sub(*at)).sum()
    }

    /// [`Recorded::storage`] of the scrapes within `span` alone.
    pub(super) fn storage_within(&self, labels: &crate::model::Labels, span: &Range<Duration>) -> Storage {
        if let Some(fetched) = self.fetched {
            return fetched::storage_within(fetched, self.ms(span.start)..self.ms(span.end));
        }
        let mut storage = Storage::new();
        let mut series: Vec<Fed<'_>> =
            self.series.iter().map(|series| Fed::of(series, labels, &mut storage)).collect();
        let mut last_ms = i64::MIN;
        for &at in self.series.scrape_times().iter().filter(|at| span.contains(*at)) {
            // Times of scrapes ascend by microseconds at least.
            let at_ms = self.ms(at).max(last_ms.saturating_add(1));
            last_ms = at_ms;
            for one in &mut series {
                one.scraped(at, at_ms, self, span, &mut storage);
            }
        }
        let mut own = OwnSeries::new(labels, &mut storage);
        for stamped in self.events.iter().filter(|stamped| span.contains(&stamped.at)) {
            if let Event::Scrape(stat) = &stamped.what {
                own.told(self.ms(stamped.at), stat, &mut storage);
            }
        }
        storage
    }
}

/// A series on its way into a storage.
struct Fed<'a> {
    series: &'a Series,
    id: SeriesId,
    /// The next point, and the value until then.
    next: usize,
    value: Option<f64>,
}

impl<'a> Fed<'a> {
    fn of(series: &'a Series, labels: &crate::model::Labels, storage: &mut Storage) -> Self {
        let id = storage.series(&of_target(&series.name, &series.labels, labels));
        Self { series, id, next: 0, value: None }
    }

    fn scraped(
        &mut self,
        at: Duration,
        at_ms: i64,
        recorded: &Recorded<'_>,
        span: &Range<Duration>,
        storage: &mut Storage,
    ) {
        let before = self.value;
        while let Some(point) = self.series.points.get(self.next).filter(|point| point.at <= at) {
            self.next += 1;
            match (point.stamp_ms(), point.value) {
                (Some(stamp_ms), Some(value)) if span.contains(&point.at) => {
                    let _ = storage.append(self.id, recorded.zero_ms.saturating_add(stamp_ms), value);
                }
                (Some(_), _) => {}
                (None, value) => self.value = value,
            }
        }
        // Two series may have become one where secrets were taken out of their labels: then the first one counts.
        let _ = match (before, self.value) {
            (_, Some(value)) => storage.append(self.id, at_ms, value),
            (Some(_), None) => storage.mark_stale(self.id, at_ms),
            (None, None) => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Format, ScrapeEncoder};
    use crate::model::{ScrapeFault, ScrapeStat};
    use crate::promql::is_stale;

    const SECOND: Duration = Duration::from_secs(1);

    fn event(at: Duration, fault: Option<ScrapeFault>) -> Stamped<Event> {
        let stat = ScrapeStat { duration: SECOND / 4, bytes: 10, samples: 2, fault, troubles: Vec::new() };
        Stamped { at, what: Event::Scrape(stat) }
    }

    fn samples(storage: &Storage, wanted: &str) -> Vec<(i64, f64)> {
        let ids = storage.select(&[]);
        let id = ids.into_iter().find(|id| storage.labels(*id).to_string() == wanted);
        storage.samples(id.unwrap_or_else(|| panic!("no {wanted}")))
    }

    #[test]
    fn a_run_becomes_what_prometheus_would_have() {
        let mut encoder = ScrapeEncoder::default();
        let mut series = SeriesStore::default();
        let scrape = |encoder: &mut ScrapeEncoder, at, text: &str| {
            encoder.scraped(at, text.as_bytes(), Format::Text).unwrap().record
        };
        let text = "a{job=\"own\"} 1\nb 2\n";
        series.apply(&scrape(&mut encoder, SECOND, text)).unwrap();
        series.apply(&scrape(&mut encoder, SECOND * 2, text)).unwrap();
        series.apply(&scrape(&mut encoder, SECOND * 3, "b 3\n")).unwrap();
        series.apply(&encoder.failed(SECOND * 4)).unwrap();
        let events = [
            event(SECOND, None),
            event(SECOND * 2, None),
            event(SECOND * 3, None),
            event(SECOND * 4, Some(ScrapeFault::Timeout)),
        ];
        let recorded = Recorded { series: &series, events: &events, fetched: None, zero_ms: 10_000 };
        let target = [("job", "mcp")].into_iter().collect();
        let storage = recorded.storage(&target);

        // A value that stays is a sample at each scrape all the same.
        let a = r#"a{exported_job="own", job="mcp"}"#;
        assert_eq!(samples(&storage, a), [(11_000, 1.0), (12_000, 1.0)]);
        assert_eq!(samples(&storage, r#"b{job="mcp"}"#), [(11_000, 2.0), (12_000, 2.0), (13_000, 3.0)]);
        let up = samples(&storage, r#"up{job="mcp"}"#);
        assert_eq!(up, [(11_000, 1.0), (12_000, 1.0), (13_000, 1.0), (14_000, 0.0)]);
        assert_eq!(samples(&storage, r#"scrape_duration_seconds{job="mcp"}"#)[0], (11_000, 0.25));
        let gone = storage.select(&[]).into_iter().filter_map(|id| {
            let (at, value) = storage.last(id)?;
            is_stale(value).then(|| (storage.labels(id).name().to_owned(), at))
        });
        let gone: Vec<_> = gone.collect();
        assert_eq!(gone, [("a".to_owned(), 13_000), ("b".to_owned(), 14_000)]);
    }
}
