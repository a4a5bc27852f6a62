//! Series that a Prometheus was asked for: raw samples with their own times of day, as records on disk and in memory.
//!
//! [`FetchEncoder`] makes a record of each round of questions; [`FetchedStore::apply`] is its inverse. Where series ended is not
//! among the samples that a Prometheus gives away: it is worked out here, of all of them.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{MAX_SERIES, NewSeries, SampleValue, SeriesError};
use crate::model::Labels;

/// What a Prometheus says of its scrapes: where series of a target end is known by it.
pub(crate) const UP: &str = "up";

/// The most samples that one run keeps.
pub const MAX_SAMPLES: u64 = 5_000_000;

/// What one round of questions brought: on disk one line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FetchRecord {
    /// Since the start of the run, in microseconds.
    pub at_us: u64,
    /// The time of day at which the run's clock was zero, in milliseconds since 1970 on the clock of the Prometheus.
    pub zero_ms: i64,
    /// Selectors that are asked for, seen for the first time in the run. Ids count up from 0 without gaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selectors: Vec<String>,
    /// What was answered: a selector's id, and from when to when its samples are known, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<(u32, i64, i64)>,
    /// What was not, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<(u32, String)>,
    /// Series seen for the first time in the run. Ids count up from 0 without gaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<NewSeries>,
    /// Samples by the series' id: times in milliseconds since 1970, ascending and later than all before them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<(u32, Vec<(i64, SampleValue)>)>,
}

/// A series as it was given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchedSeries {
    /// The metric's name; may be empty.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Times in milliseconds since 1970, ascending, each with its value.
    pub samples: Vec<(i64, f64)>,
}

/// The answer to one selector.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The selector, as rules have it.
    pub selector: String,
    /// From when to when its samples are known, in milliseconds since 1970; or why they are not.
    pub span: Result<(i64, i64), String>,
    /// Its series.
    pub series: Vec<FetchedSeries>,
}

/// Turns one round of answers after the other into records.
#[derive(Debug)]
pub struct FetchEncoder {
    selectors: HashMap<String, u32>,
    ids: HashMap<(String, Labels), u32>,
    /// By id: the time of the last sample.
    last_ms: Vec<i64>,
    samples: u64,
    max_series: usize,
    max_samples: u64,
}

impl Default for FetchEncoder {
    fn default() -> Self {
        Self::new(MAX_SERIES, MAX_SAMPLES)
    }
}

impl FetchEncoder {
    /// An encoder that takes so many series and samples over the run.
    pub fn new(max_series: usize, max_samples: u64) -> Self {
        Self {
            selectors: HashMap::new(),
            ids: HashMap::new(),
            last_ms: Vec::new(),
            samples: 0,
            max_series,
            max_samples,
        }
    }

    /// The record of a round. Samples that are known already are left out; an answer for which there is no room is a failed one.
    pub fn record(&mut self, at_us: u64, zero_ms: i64, round: Vec<Fetched>) -> FetchRecord {
        let mut record = FetchRecord { at_us, zero_ms, ..FetchRecord::default() };
        for Fetched { selector, span, series } in round {
            let id = self.selector(selector, &mut record);
            match span.and_then(|span| self.take(series, &mut record).map(|()| span)) {
                Ok((from_ms, until_ms)) => record.answered.push((id, from_ms, until_ms)),
                Err(why) => record.failed.push((id, why)),
            }
        }
        record
    }

    fn selector(&mut self, selector: String, record: &mut FetchRecord) -> u32 {
        let next = u32::try_from(self.selectors.len()).unwrap_or(u32::MAX);
        *self.selectors.entry(selector).or_insert_with_key(|text| {
            record.selectors.push(text.clone());
            next
        })
    }

    fn take(&mut self, series: Vec<FetchedSeries>, record: &mut FetchRecord) -> Result<(), String> {
        for FetchedSeries { name, labels, samples } in series {
            let key = (name, labels);
            let known = self.ids.get(&key).copied();
            if known.is_none() && self.last_ms.len() >= self.max_series {
                return Err(format!("there are more than {} series", self.max_series));
            }
            let last_ms = known.map_or(i64::MIN, |id| self.last_ms[id as usize]);
            let mut fresh: Vec<(i64, SampleValue)> = samples
                .into_iter()
                .filter(|(at, _)| *at > last_ms)
                .map(|(at, it)| (at, SampleValue(it)))
                .collect();
            fresh.sort_by_key(|(at, _)| *at);
            fresh.dedup_by_key(|(at, _)| *at);
            let Some(&(last, _)) = fresh.last() else { continue };
            self.samples += fresh.len() as u64;
            if self.samples > self.max_samples {
                return Err(format!("there are more than {} samples", self.max_samples));
            }
            let id = known.unwrap_or_else(|| self.declare(key, record));
            self.last_ms[id as usize] = last;
            record.samples.push((id, fresh));
        }
        Ok(())
    }

    fn declare(&mut self, key: (String, Labels), record: &mut FetchRecord) -> u32 {
        let id = u32::try_from(self.last_ms.len()).unwrap_or(u32::MAX);
        let (name, labels) = key.clone();
        record.new.push(NewSeries { id, name, labels });
        self.last_ms.push(i64::MIN);
        self.ids.insert(key, id);
        id
    }
}

/// All that was fetched in a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FetchedStore {
    zero_ms: i64,
    selectors: Vec<Asked>,
    series: Vec<FetchedSeries>,
}

/// A selector that was asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// As rules have it.
    pub selector: String,
    /// From when to when its samples are known, in milliseconds since 1970; `None` when it was never answered.
    pub known: Option<(i64, i64)>,
    /// Why the last question failed; `None` when it did not.
    pub fault: Option<String>,
}

impl FetchedStore {
    /// The time of day at which the run's clock was zero, in milliseconds since 1970 on the clock of the Prometheus.
    pub fn zero_ms(&self) -> i64 {
        self.zero_ms
    }

    /// Every series, in the order in which they were first seen.
    pub fn series(&self) -> &[FetchedSeries] {
        &self.series
    }

    /// What was asked for; empty when nothing was ever answered.
    pub fn asked(&self) -> &[Asked] {
        &self.selectors
    }

    /// How many samples there are.
    pub fn samples(&self) -> u64 {
        self.series.iter().map(|series| series.samples.len() as u64).sum()
    }

    /// From when to when all of what was ever answered is known, in milliseconds since 1970.
    pub fn known_ms(&self) -> Option<(i64, i64)> {
        let known = self.selectors.iter().filter_map(|asked| asked.known);
        known.reduce(|all, one| (all.0.max(one.0), all.1.min(one.1)))
    }

    /// Adds one round. On an error the store is as it was.
    pub fn apply(&mut self, record: &FetchRecord) -> Result<(), SeriesError> {
        self.check(record)?;
        self.zero_ms = record.zero_ms;
        let asked = |text: &String| Asked { selector: text.clone(), ..Asked::default() };
        self.selectors.extend(record.selectors.iter().map(asked));
        for &(id, from_ms, until_ms) in &record.answered {
            let asked = &mut self.selectors[id as usize];
            asked.fault = None;
            asked.known = Some(match asked.known {
                Some((first, last)) => (first.min(from_ms), last.max(until_ms)),
                None => (from_ms, until_ms),
            });
        }
        for (id, why) in &record.failed {
            self.selectors[*id as usize].fault = Some(why.clone());
        }
        for NewSeries { name, labels, .. } in &record.new {
            let series = FetchedSeries { name: name.clone(), labels: labels.clone(), samples: Vec::new() };
            self.series.push(series);
        }
        for (id, samples) in &record.samples {
            self.series[*id as usize].samples.extend(samples.iter().map(|(at, value)| (*at, value.0)));
        }
        Ok(())
    }

    fn check(&self, record: &FetchRecord) -> Result<(), SeriesError> {
        for (expected, new) in (self.series.len()..).zip(&record.new) {
            if new.id as usize != expected {
                return Err(SeriesError::IdGap { expected, found: new.id });
            }
        }
        let series = self.series.len() + record.new.len();
        if series > MAX_SERIES {
            return Err(SeriesError::TooManySeries);
        }
        let selectors = self.selectors.len() + record.selectors.len();
        let asked = record.answered.iter().map(|(id, ..)| *id).chain(record.failed.iter().map(|(id, _)| *id));
        if let Some(id) = asked.into_iter().find(|id| *id as usize >= selectors) {
            return Err(SeriesError::UnknownId(id));
        }
        for (id, samples) in &record.samples {
            if *id as usize >= series {
                return Err(SeriesError::UnknownId(*id));
            }
            let known = self.series.get(*id as usize).and_then(|series| series.samples.last());
            let times = known.map(|(at, _)| *at).into_iter().chain(samples.iter().map(|(at, _)| *at));
            if !times.is_sorted_by(|a, b| a < b) {
                return Err(SeriesError::NotLater(record.at_us));
            }
        }
        Ok(())
    }

    /// The usual time between the samples of a series, in milliseconds: the median of its gaps. `None` for fewer than
    /// three samples.
    pub fn spacing_ms(samples: &[(i64, f64)]) -> Option<i64> {
        let mut gaps: Vec<i64> = samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        gaps.sort_unstable();
        (gaps.len() >= 2).then(|| gaps[gaps.len() / 2])
    }

    /// For each series, when it was not there any more, in milliseconds since 1970: where a Prometheus has its stale markers.
    ///
    /// A scraped series ends with the first scrape of its target that does not have it: the times of scrapes are those of `up`.
    /// Any other (a recorded one, or one with times of its own) is missed half as long again after its last sample as its
    /// samples usually are apart.
    pub fn ends(&self) -> Vec<Vec<i64>> {
        let mut targets: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
        for series in self.series.iter().filter(|series| series.name == UP) {
            let times = targets.entry(target(series)).or_default();
            times.extend(series.samples.iter().map(|(at, _)| *at));
            times.sort_unstable();
            times.dedup();
        }
        let until_ms = self.known_ms().map_or(i64::MIN, |(_, until)| until);
        let ends = |series: &FetchedSeries| {
            let scrapes = targets.get(&target(series)).filter(|_| series.name != UP);
            match scrapes.filter(|scrapes| is_of_scrapes(series, scrapes)) {
                Some(scrapes) => missed_scrapes(series, scrapes),
                None => missed_samples(series, until_ms),
            }
        };
        self.series.iter().map(ends).collect()
    }
}

fn target(series: &FetchedSeries) -> (&str, &str) {
    let label = |name| series.labels.get(name).unwrap_or_default();
    (label("job"), label("instance"))
}

/// True when most samples have the times of scrapes.
fn is_of_scrapes(series: &FetchedSeries, scrapes: &[i64]) -> bool {
    let fitting = series.samples.iter().filter(|(at, _)| scrapes.binary_search(at).is_ok()).count();
    fitting * 2 > series.samples.len()
}

fn missed_scrapes(series: &FetchedSeries, scrapes: &[i64]) -> Vec<i64> {
    let next_samples = series.samples.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
    let gaps = series.samples.iter().zip(next_samples);
    let ends = gaps.filter_map(|((at, _), next)| {
        let following = scrapes.partition_point(|scrape| scrape <= at);
        scrapes.get(following).copied().filter(|scrape| *scrape < next)
    });
    ends.collect()
}

fn missed_samples(series: &FetchedSeries, until_ms: i64) -> Vec<i64> {
    let Some(spacing) = FetchedStore::spacing_ms(&series.samples) else { return Vec::new() };
    let next_samples = series.samples.iter().skip(1).map(|(at, _)| *at).chain([until_ms]);
    let gaps = series.samples.iter().zip(next_samples);
    gaps.filter(|((at, _), next)| next - at > spacing + spacing / 2)
        .map(|((at, _), _)| at + spacing)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, labels: &[(&str, &str)], samples: &[(i64, f64)]) -> FetchedSeries {
        let labels = labels.iter().copied().collect();
        FetchedSeries { name: name.to_owned(), labels, samples: samples.to_vec() }
    }

    fn answer(selector: &str, until_ms: i64, series: Vec<FetchedSeries>) -> Fetched {
        Fetched { selector: selector.to_owned(), span: Ok((0, until_ms)), series }
    }

    /// What is on disk of `rounds`, read back.
    fn stored(encoder: &mut FetchEncoder, rounds: Vec<Vec<Fetched>>) -> FetchedStore {
        let mut store = FetchedStore::default();
        for (round, at_us) in rounds.into_iter().zip(1..) {
            let line = serde_json::to_string(&encoder.record(at_us, 500, round)).unwrap();
            store.apply(&serde_json::from_str(&line).unwrap()).unwrap();
        }
        store
    }

    #[test]
    fn samples_are_kept_once_whatever_asked_for_them() {
        let first = series("a", &[("x", "1")], &[(1000, 1.0), (2000, f64::NAN)]);
        let later = series("a", &[("x", "1")], &[(3000, f64::INFINITY), (2000, f64::NAN), (3000, 9.0)]);
        let rounds = vec![
            vec![answer("a", 2500, vec![first.clone()]), answer("a{x=\"1\"}", 2500, vec![first])],
            vec![answer("a", 3500, vec![later])],
        ];
        let store = stored(&mut FetchEncoder::default(), rounds);
        let samples: Vec<(i64, SampleValue)> =
            store.series()[0].samples.iter().map(|(at, value)| (*at, SampleValue(*value))).collect();
        let expected = [(1000, 1.0), (2000, f64::NAN), (3000, f64::INFINITY)];
        assert_eq!(samples, expected.map(|(at, value)| (at, SampleValue(value))));
        assert_eq!((store.series().len(), store.samples(), store.zero_ms()), (1, 3, 500));
        // What one of the two was not asked for since is not known.
        assert_eq!(store.known_ms(), Some((0, 2500)));
    }

    #[test]
    fn what_was_not_answered_is_told_until_it_is() {
        let failed =
            Fetched { selector: "a".to_owned(), span: Err("refused".to_owned()), series: Vec::new() };
        let mut encoder = FetchEncoder::default();
        let store = stored(&mut encoder, vec![vec![answer("a", 10, Vec::new())], vec![failed]]);
        let told =
            Asked { selector: "a".to_owned(), known: Some((0, 10)), fault: Some("refused".to_owned()) };
        assert_eq!(store.asked(), [told]);
        let mut store = store;
        let record = encoder.record(9, 500, vec![answer("a", 20, Vec::new())]);
        store.apply(&record).unwrap();
        assert_eq!((store.asked()[0].known, &store.asked()[0].fault), (Some((0, 20)), &None));
    }

    #[test]
    fn what_there_is_no_room_for_is_a_failed_answer() {
        let two = vec![series("a", &[], &[(1, 1.0)]), series("b", &[], &[(1, 1.0)])];
        let record = FetchEncoder::new(1, 10).record(1, 0, vec![answer("x", 5, two)]);
        assert_eq!(record.failed, [(0, "there are more than 1 series".to_owned())]);
        let many = vec![series("a", &[], &[(1, 1.0), (2, 1.0), (3, 1.0)])];
        let record = FetchEncoder::new(9, 2).record(1, 0, vec![answer("x", 5, many)]);
        assert_eq!((record.answered.len(), record.failed.len()), (0, 1));
    }

    #[test]
    fn records_that_cannot_follow_are_refused() {
        let mut store = FetchedStore::default();
        let at = |ms: i64| vec![(ms, SampleValue(1.0))];
        let unknown = FetchRecord { samples: vec![(0, at(1))], ..FetchRecord::default() };
        assert_eq!(store.apply(&unknown), Err(SeriesError::UnknownId(0)));
        let unasked = FetchRecord { answered: vec![(3, 0, 1)], ..FetchRecord::default() };
        assert_eq!(store.apply(&unasked), Err(SeriesError::UnknownId(3)));
        let new = NewSeries { id: 0, name: "a".to_owned(), labels: Labels::new() };
        let first = FetchRecord { new: vec![new], samples: vec![(0, at(5))], ..FetchRecord::default() };
        store.apply(&first).unwrap();
        let earlier = FetchRecord { samples: vec![(0, at(5))], ..FetchRecord::default() };
        assert_eq!(store.apply(&earlier), Err(SeriesError::NotLater(0)));
    }

    #[track_caller]
    fn check_ends(all: Vec<FetchedSeries>, until_ms: i64, expected: &[&[i64]]) {
        let store = stored(&mut FetchEncoder::default(), vec![vec![answer("x", until_ms, all)]]);
        assert_eq!(store.ends(), expected);
    }

    #[test]
    fn a_scraped_series_ends_with_the_first_scrape_without_it() {
        let of_a = [("job", "a"), ("instance", "h:1")];
        let up = series("up", &of_a, &[(10, 1.0), (20, 1.0), (30, 0.0), (40, 1.0), (50, 1.0)]);
        let gone = series("x", &of_a, &[(10, 1.0), (20, 1.0), (40, 1.0)]);
        let late = series("y", &of_a, &[(40, 1.0), (50, 1.0)]);
        // Of another target, whose scrapes are not known.
        let other = series("x", &[("job", "b")], &[(11, 1.0), (21, 1.0), (31, 1.0)]);
        check_ends(vec![up, gone, late, other], 55, &[&[], &[30, 50], &[], &[41]]);
    }

    #[test]
    fn a_recorded_series_ends_when_it_is_missed() {
        let recorded = series("job:x", &[], &[(0, 1.0), (10, 1.0), (20, 1.0), (50, 1.0), (60, 1.0)]);
        let short = series("one", &[], &[(0, 1.0)]);
        check_ends(vec![recorded.clone(), short.clone()], 74, &[&[30], &[]]);
        check_ends(vec![recorded, short], 76, &[&[30, 70], &[]]);
    }
}
