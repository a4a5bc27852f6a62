//! What one scrape adds to a run, as one line of NDJSON: only what changed since the scrape before.
//!
//! [`ScrapeEncoder`] makes records of exposition text; [`super::SeriesStore::apply`] is its inverse.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::exposition::{RawSample, Scan};
use super::intake::{Incoming, Intake, Newest};
use super::{ExpositionError, Format, MetricKind};
use crate::model::{Labels, SampleFault, SampleTrouble};

/// The most series that one run keeps.
pub const MAX_SERIES: usize = 50_000;

/// What one scrape adds: on disk one line. Only what changed is in it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ScrapeRecord {
    /// Since the start of the run, in microseconds; later than the record before.
    pub at_us: u64,
    /// What this record tells of.
    #[serde(default, skip_serializing_if = "ScrapeMark::is_scraped")]
    pub mark: ScrapeMark,
    /// Families whose kind is new or changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, MetricKind>,
    /// Series seen for the first time in the run. Ids count up from 0 without gaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<NewSeries>,
    /// Values that changed, by the series' id; a series that is new or back is always among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(u32, SampleValue)>,
    /// Samples with times of their own: the series' id, and the time in milliseconds since the run's start, below zero before it.
    /// Readers from before it see such series without a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamped: Vec<(u32, i64, SampleValue)>,
    /// Ids of series that the scrape before had and this one has not, or has with times of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<u32>,
}

/// What a record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScrapeMark {
    /// A scrape that was read.
    #[default]
    Scraped,
    /// A scrape that failed: every series is gone until it is seen again.
    Failed,
    /// The end of scraping, which is no scrape: every series is gone.
    Ended,
}

impl ScrapeMark {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` passes a reference")]
    fn is_scraped(&self) -> bool {
        *self == Self::Scraped
    }
}

/// A series' name and labels, under the id that stands for them in the records that follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSeries {
    /// The number of series before it.
    pub id: u32,
    /// The sample's name.
    pub name: String,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// A value as written in a record: a JSON number, or `"NaN"`, `"+Inf"`, `"-Inf"`. NaN equals NaN.
#[derive(Debug, Clone, Copy)]
pub struct SampleValue(pub f64);

/// A scrape that was read and taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Scraped {
    /// What it adds.
    pub record: ScrapeRecord,
    /// How many samples it had.
    pub samples: u64,
    /// What was odd about some of them, of each kind once. Their series are as the target has them.
    pub troubles: Vec<SampleTrouble>,
}

/// Turns one scrape after the other into records. It remembers what the records so far say.
#[derive(Debug)]
pub struct ScrapeEncoder {
    /// By the series as written: a scrape is much like the one before, so few series are read twice.
    by_text: HashMap<Box<str>, u32>,
    ids: HashMap<String, HashMap<Labels, u32>>,
    /// By id: the value that a reader of the records has now, and the scrape that had the series last.
    current: Vec<Current>,
    kinds: BTreeMap<String, MetricKind>,
    scrapes: u64,
    last_us: Option<u64>,
    max_series: usize,
    zero_ms: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Current {
    /// Of samples without times of their own.
    value: Option<SampleValue>,
    seen_in: u64,
    newest: Newest,
}

impl Default for ScrapeEncoder {
    fn default() -> Self {
        Self::new(MAX_SERIES, 0)
    }
}

impl ScrapeEncoder {
    /// An encoder that takes `max_series` different series over a run whose clock was zero at `zero_ms`, in milliseconds since 1970.
    pub fn new(max_series: usize, zero_ms: i64) -> Self {
        Self {
            by_text: HashMap::new(),
            ids: HashMap::new(),
            current: Vec::new(),
            kinds: BTreeMap::new(),
            scrapes: 0,
            last_us: None,
            max_series,
            zero_ms,
        }
    }

    /// Reads the body of a scrape made at `at`. On an error nothing was taken in: the scrape counts as failed.
    pub fn scraped(&mut self, at: Duration, body: &[u8], format: Format) -> Result<Scraped, ExpositionError> {
        let scan = Scan::of_bytes(body, format, self.max_series)?;
        let known = self.current.len();
        let mut new = Vec::new();
        let ids = self.ids_of(&scan, &mut new).inspect_err(|_| self.forget_from(known))?;
        let mut record = ScrapeRecord { at_us: self.stamp(at), new, ..ScrapeRecord::default() };
        for family in &scan.families {
            let is_kept = self.kinds.len() < self.max_series || self.kinds.contains_key(&family.name);
            if is_kept && self.kinds.get(&family.name) != Some(&family.kind) {
                self.kinds.insert(family.name.clone(), family.kind);
                record.kinds.insert(family.name.clone(), family.kind);
            }
        }
        let troubles = self.take_in(&scan, &ids, &mut record);
        for (id, current) in (0..).zip(&mut self.current) {
            if current.value.is_some() && current.seen_in != self.scrapes {
                current.value = None;
                current.newest.end(ms(record.at_us));
                record.gone.push(id);
            }
        }
        Ok(Scraped { record, samples: scan.samples.len() as u64, troubles })
    }

    /// Adds the samples, whose series are those of `ids`, to `record`; gives what was odd about some of them.
    fn take_in(&mut self, scan: &Scan<'_>, ids: &[u32], record: &mut ScrapeRecord) -> Vec<SampleTrouble> {
        let mut odd: BTreeMap<SampleFault, (u64, &RawSample<'_>)> = BTreeMap::new();
        let scrape_ms = ms(record.at_us);
        for (&id, sample) in ids.iter().zip(&scan.samples) {
            let value = SampleValue(sample.value);
            let stamp_ms = sample.stamp_ms.map(|stamp| stamp.saturating_sub(self.zero_ms));
            let current = &mut self.current[id as usize];
            let (intake, fault) = current.newest.take(Incoming { scrape_ms, stamp_ms, value });
            match intake {
                Intake::Held => {
                    current.seen_in = self.scrapes;
                    if current.value.replace(value) != Some(value) {
                        record.values.push((id, value));
                    }
                }
                Intake::Stamped(at_ms) => record.stamped.push((id, at_ms, value)),
                Intake::Left => {}
            }
            if let Some(fault) = fault {
                odd.entry(fault).or_insert((0, sample)).0 += 1;
            }
        }
        let trouble = |(fault, (samples, first)): (SampleFault, (u64, &RawSample<'_>))| {
            let (name, labels) = scan.series(first);
            let labels = if labels.is_empty() { String::new() } else { labels.to_string() };
            SampleTrouble { fault, samples, series: format!("{name}{labels}") }
        };
        odd.into_iter().map(trouble).collect()
    }

    /// The record of a scrape that was tried at `at` and failed.
    pub fn failed(&mut self, at: Duration) -> ScrapeRecord {
        self.without_values(at, ScrapeMark::Failed)
    }

    /// The record that ends the run.
    pub fn ended(&mut self, at: Duration) -> ScrapeRecord {
        self.without_values(at, ScrapeMark::Ended)
    }

    fn without_values(&mut self, at: Duration, mark: ScrapeMark) -> ScrapeRecord {
        let at_us = self.stamp(at);
        for current in &mut self.current {
            if current.value.take().is_some() {
                current.newest.end(ms(at_us));
            }
        }
        ScrapeRecord { at_us, mark, ..ScrapeRecord::default() }
    }

    /// The id of each sample's series, in order. Series seen for the first time are added to `new`.
    fn ids_of(&mut self, scan: &Scan<'_>, new: &mut Vec<NewSeries>) -> Result<Vec<u32>, ExpositionError> {
        self.scrapes += 1;
        let mut ids = Vec::with_capacity(scan.samples.len());
        for sample in &scan.samples {
            let id = match self.by_text.get(sample.series) {
                Some(&id) => id,
                None => self.id_of_new_text(scan, sample, new)?,
            };
            ids.push(id);
        }
        Ok(ids)
    }

    /// The id of a series that was not written so before. It may be known in another spelling.
    fn id_of_new_text(
        &mut self,
        scan: &Scan<'_>,
        sample: &RawSample<'_>,
        new: &mut Vec<NewSeries>,
    ) -> Result<u32, ExpositionError> {
        let (name, labels) = scan.series(sample);
        let known = self.ids.get(&name).and_then(|ids| ids.get(&labels)).copied();
        let id = match known {
            Some(id) => id,
            None if self.current.len() >= self.max_series => {
                return Err(scan.too_many_series(sample, self.max_series));
            }
            None => {
                let id = u32::try_from(self.current.len()).unwrap_or(u32::MAX);
                self.current.push(Current::default());
                self.ids.entry(name.clone()).or_default().insert(labels.clone(), id);
                new.push(NewSeries { id, name, labels });
                id
            }
        };
        // A target that spells its series anew in each scrape gains nothing from this, and must not fill memory.
        if self.by_text.len() < 2 * self.max_series {
            self.by_text.insert(sample.series.into(), id);
        }
        Ok(id)
    }

    /// Forgets the series of a scrape that was refused in its midst.
    fn forget_from(&mut self, first: usize) {
        self.current.truncate(first);
        self.by_text.retain(|_, id| (*id as usize) < first);
        for ids in self.ids.values_mut() {
            ids.retain(|_, id| (*id as usize) < first);
        }
    }

    /// Times of records ascend strictly, even where the clock did not move between two of them.
    fn stamp(&mut self, at: Duration) -> u64 {
        let us = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        let stamp = self.last_us.map_or(us, |last| us.max(last.saturating_add(1)));
        self.last_us = Some(stamp);
        stamp
    }
}

fn ms(at_us: u64) -> i64 {
    i64::try_from(at_us / 1000).unwrap_or(i64::MAX)
}

impl PartialEq for SampleValue {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Serialize for SampleValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let value = self.0;
        if value.is_nan() {
            serializer.serialize_str("NaN")
        } else if value.is_infinite() {
            serializer.serialize_str(if value > 0.0 { "+Inf" } else { "-Inf" })
        } else if value.fract() == 0.0 && value.abs() < EXACT && (value != 0.0 || value.is_sign_positive()) {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
            serializer.serialize_i64(value as i64)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

impl<'de> Deserialize<'de> for SampleValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SampleValueVisitor)
    }
}

struct SampleValueVisitor;

impl serde::de::Visitor<'_> for SampleValueVisitor {
    type Value = SampleValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, `NaN`, `+Inf` or `-Inf`")
    }

    fn visit_f64<E>(self, value: f64) -> Result<SampleValue, E> {
        Ok(SampleValue(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<SampleValue, E> {
        Ok(SampleValue(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<SampleValue, E> {
        Ok(SampleValue(value as f64))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SampleValue, E> {
        match text {
            "NaN" => Ok(SampleValue(f64::NAN)),
            "+Inf" => Ok(SampleValue(f64::INFINITY)),
            "-Inf" => Ok(SampleValue(f64::NEG_INFINITY)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}
