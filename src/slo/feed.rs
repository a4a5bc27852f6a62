//! Scrapes on their way into the series of a Prometheus, as they come: the target's labels on each series, stale markers where
//! series went, `up` and its like beside them.

use std::time::Duration;

use crate::metrics::{ScrapeMark, ScrapeRecord};
use crate::model::{Labels, ScrapeStat};
use crate::promql::{self, METRIC_NAME, SeriesId, Storage};

/// A storage that grows by one scrape after the other.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) storage: Storage,
    clock: DayClock,
    labels: Labels,
    /// By the ids of the records: the series, and its value at the last scrape.
    series: Vec<(SeriesId, Option<f64>)>,
    last_ms: i64,
    own: OwnSeries,
}

/// The run's clock on that of the day.
#[derive(Debug, Clone, Copy)]
pub(super) struct DayClock {
    /// The time of day at which the run's clock was zero, in milliseconds since 1970.
    pub(super) zero_ms: i64,
}

impl DayClock {
    /// The time of day at `at` on the run's clock, in milliseconds since 1970.
    pub(super) fn ms(self, at: Duration) -> i64 {
        self.zero_ms + i64::try_from(at.as_millis()).unwrap_or(i64::MAX / 2)
    }
}

impl Feed {
    /// Without series, but for those by which Prometheus tells of its scrapes.
    pub(super) fn new(clock: DayClock, labels: &Labels) -> Self {
        let mut storage = Storage::new();
        let own = OwnSeries::new(labels, &mut storage);
        Self { storage, clock, labels: labels.clone(), series: Vec::new(), last_ms: i64::MIN, own }
    }

    /// Takes in what a scrape added. Gives its time.
    pub(super) fn scraped(&mut self, record: &ScrapeRecord) -> i64 {
        let at_ms = self.clock.ms(Duration::from_micros(record.at_us)).max(self.last_ms.saturating_add(1));
        self.last_ms = at_ms;
        for new in &record.new {
            let id = self.storage.series(&of_target(&new.name, &new.labels, &self.labels));
            self.series.push((id, None));
        }
        if record.mark != ScrapeMark::Scraped {
            for (id, _) in self.series.iter_mut().filter_map(|(id, value)| value.take().map(|it| (id, it))) {
                mark_stale(&mut self.storage, *id, at_ms);
            }
            return at_ms;
        }
        for &place in &record.gone {
            if let Some((id, value)) = self.series.get_mut(place as usize)
                && value.take().is_some()
            {
                mark_stale(&mut self.storage, *id, at_ms);
            }
        }
        for &(place, value) in &record.values {
            if let Some((_, held)) = self.series.get_mut(place as usize) {
                *held = Some(value.0);
            }
        }
        for &(place, stamp_ms, value) in &record.stamped {
            if let Some(&(id, _)) = self.series.get(place as usize) {
                let _ = self.storage.append(id, self.clock.zero_ms.saturating_add(stamp_ms), value.0);
            }
        }
        for &(id, value) in &self.series {
            if let Some(value) = value {
                // Two series may have become one where secrets were taken out of their labels: then the first one counts.
                let _ = self.storage.append(id, at_ms, value);
            }
        }
        at_ms
    }

    /// Takes in how a scrape went that began at `at`.
    pub(super) fn told(&mut self, at: Duration, stat: &ScrapeStat) {
        self.own.told(self.clock.ms(at), stat, &mut self.storage);
    }
}

/// A series that has a sample of this very time is another one's, too: see [`Feed::scraped`].
fn mark_stale(storage: &mut Storage, id: SeriesId, at_ms: i64) {
    let _ = storage.mark_stale(id, at_ms);
}

/// What Prometheus itself says of each scrape.
#[derive(Debug)]
pub(super) struct OwnSeries {
    ids: [SeriesId; 4],
    last_ms: i64,
}

impl OwnSeries {
    /// What they are called.
    pub(super) const NAMES: [&str; 4] =
        ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling"];

    pub(super) fn new(labels: &Labels, storage: &mut Storage) -> Self {
        let ids = Self::NAMES.map(|name| storage.series(&of_target(name, &Labels::new(), labels)));
        Self { ids, last_ms: i64::MIN }
    }

    /// How a scrape went that began at `at_ms`.
    pub(super) fn told(&mut self, at_ms: i64, stat: &ScrapeStat, storage: &mut Storage) {
        let at_ms = at_ms.max(self.last_ms.saturating_add(1));
        self.last_ms = at_ms;
        let up = if stat.fault.is_none() { 1.0 } else { 0.0 };
        let count = stat.samples as f64;
        for (id, value) in self.ids.into_iter().zip([up, stat.duration.as_secs_f64(), count, count]) {
            storage.append(id, at_ms, value).expect("the times of scrapes ascend");
        }
    }
}

/// `name` and its own labels, with those of its target before them.
pub(super) fn of_target(name: &str, own: &Labels, target: &Labels) -> promql::Labels {
    let own = own.iter().map(|(name, value)| match target.get(name) {
        Some(_) => (format!("exported_{name}"), value),
        None => (name.to_owned(), value),
    });
    let target = target.iter().map(|(name, value)| (name.to_owned(), value));
    promql::Labels::from_pairs(own.chain(target).chain([(METRIC_NAME.to_owned(), name)]))
}
