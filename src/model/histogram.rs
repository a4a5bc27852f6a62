//! Latencies as a mergeable histogram: HDR, 3 significant digits, microseconds, up to one hour.
//!
//! Serialised as base64 of the HdrHistogram V2 compressed format, which every HdrHistogram tool reads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as HdrDeserializer, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Latencies from 1 us to 1 h (shorter and longer ones are counted at the nearest end), each kept to 0.1 %.
/// Merging two gives exactly what recording everything into one would have given.
#[derive(Debug, Clone)]
pub struct LatencyHistogram(Form);

#[derive(Debug, Clone)]
enum Form {
    /// What is recorded into.
    Open(Histogram<u64>),
    /// What was read back: the buckets that hold something, as their highest latency in microseconds and their count,
    /// ascending. A run of an hour has tens of thousands of these, each of few calls.
    Packed(Box<[(u32, u32)]>),
}

/// A stored histogram that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// Not base64.
    #[error("histogram is not base64")]
    Base64(#[source] base64::DecodeError),
    /// Not an HdrHistogram V2 compressed payload.
    #[error("histogram is not in the HdrHistogram V2 compressed format: {0}")]
    Payload(String),
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl LatencyHistogram {
    /// An empty histogram. It grows with the largest value it holds, so short latencies cost little memory.
    pub fn new() -> Self {
        Self(Form::Open(empty()))
    }

    /// One that holds nothing and is not meant to: it has no memory yet.
    pub fn nothing() -> Self {
        Self(Form::Packed(Box::default()))
    }

    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        self.record_n(latency, 1);
    }

    /// Counts one latency `n` times.
    pub fn record_n(&mut self, latency: Duration, n: u64) {
        let us = u64::try_from(latency.as_nanos().div_ceil(1000)).unwrap_or(HIGHEST_US);
        record(self.open_mut(), us, n);
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        let histogram = self.open_mut();
        match &other.0 {
            Form::Open(other) => {
                histogram.add(other).expect("an auto-resizing histogram takes every value of its own kind");
            }
            Form::Packed(buckets) => fill(histogram, buckets),
        }
    }

    /// What is left of it without `part`, which was recorded into it, too.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        let part: BTreeMap<Duration, u64> = part.buckets().into_iter().collect();
        let mut rest = Self::new();
        for (latency, count) in self.buckets() {
            let left = count.saturating_sub(part.get(&latency).copied().unwrap_or(0));
            if left > 0 {
                rest.record_n(latency, left);
            }
        }
        rest
    }

    /// An estimate of what would have been measured, had calls gone on being due every `pace` while one was under way: for
    /// each latency above `pace`, those of the calls that it held up are added (HdrHistogram's correction for coordinated
    /// omission).
    #[must_use]
    pub fn corrected(&self, pace: Duration) -> Self {
        let us = u64::try_from(pace.as_micros()).unwrap_or(HIGHEST_US).clamp(LOWEST_US, HIGHEST_US);
        Self(Form::Open(self.open().clone_correct(us)))
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        match &mut self.0 {
            Form::Open(histogram) => histogram.reset(),
            Form::Packed(_) => *self = Self::new(),
        }
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Form::Open(histogram) => histogram.len(),
            Form::Packed(buckets) => buckets.iter().map(|(_, count)| u64::from(*count)).sum(),
        }
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The latency that a share `quantile` (0 to 1) of the calls did not exceed; `None` when empty.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.open().value_at_quantile(quantile)))
    }

    /// The smallest latency; `None` when empty.
    pub fn min(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.open().min()))
    }

    /// The largest latency; `None` when empty.
    pub fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.open().max()))
    }

    /// The mean; `None` when empty.
    pub fn mean(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_secs_f64(self.open().mean() / 1e6))
    }

    /// How many latencies exceed `limit`, to the histogram's 0.1 %: an estimate where the limit falls inside a
    /// bucket. Verdicts use counts taken at record time where they have them.
    pub fn count_over(&self, limit: Duration) -> u64 {
        let us = u64::try_from(limit.as_micros()).unwrap_or(HIGHEST_US).min(HIGHEST_US);
        let histogram = self.open();
        if us >= histogram.max() { 0 } else { histogram.count_between(us + 1, histogram.max()) }
    }

    /// Every bucket that holds something: (highest latency of the bucket, calls in it), ascending.
    pub fn buckets(&self) -> Vec<(Duration, u64)> {
        recorded(&self.open()).map(|(us, count)| (Duration::from_micros(us), count)).collect()
    }

    /// The percentile curve as HdrHistogram's plotter expects it: (quantile, latency, calls up to there), with
    /// `ticks_per_half` points each time the distance to 100 % halves.
    pub fn curve(&self, ticks_per_half: u32) -> Vec<(f64, Duration, u64)> {
        let mut total = 0;
        let histogram = self.open();
        histogram
            .iter_quantiles(ticks_per_half)
            .map(|value| {
                total += value.count_since_last_iteration();
                let us = value.value_iterated_to().min(histogram.max());
                (value.quantile_iterated_to(), Duration::from_micros(us), total)
            })
            .collect()
    }

    /// The standard deviation; zero when empty.
    pub fn stdev(&self) -> Duration {
        if self.is_empty() { Duration::ZERO } else { Duration::from_secs_f64(self.open().stdev() / 1e6) }
    }

    /// Base64 of the HdrHistogram V2 compressed payload.
    pub fn encode(&self) -> String {
        let mut payload = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.open(), &mut payload)
            .expect("writing to memory does not fail");
        STANDARD.encode(payload)
    }

    /// Reads what [`Self::encode`], or any HdrHistogram library, wrote.
    pub fn decode(text: &str) -> Result<Self, HistogramError> {
        let payload = STANDARD.decode(text).map_err(HistogramError::Base64)?;
        let mut histogram: Histogram<u64> = HdrDeserializer::new()
            .deserialize(&mut payload.as_slice())
            .map_err(|error| HistogramError::Payload(format!("{error:?}")))?;
        histogram.auto(true);
        let packed: Option<Box<[_]>> = recorded(&histogram)
            .map(|(us, count)| u32::try_from(us).ok().zip(u32::try_from(count).ok()))
            .collect();
        Ok(Self(packed.map_or(Form::Open(histogram), Form::Packed)))
    }

    fn open(&self) -> Cow<'_, Histogram<u64>> {
        match &self.0 {
            Form::Open(histogram) => Cow::Borrowed(histogram),
            Form::Packed(buckets) => {
                let mut histogram = empty();
                fill(&mut histogram, buckets);
                Cow::Owned(histogram)
            }
        }
    }

    fn open_mut(&mut self) -> &mut Histogram<u64> {
        if let Form::Packed(_) = &self.0 {
            self.0 = Form::Open(self.open().into_owned());
        }
        match &mut self.0 {
            Form::Open(histogram) => histogram,
            Form::Packed(_) => unreachable!("it was opened above"),
        }
    }
}

fn empty() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(LOWEST_US, 2 * LOWEST_US, SIGNIFICANT_DIGITS)
        .expect("the bounds are constants that HdrHistogram accepts");
    histogram.auto(true);
    histogram
}

fn record(histogram: &mut Histogram<u64>, us: u64, n: u64) {
    histogram
        .record_n(us.clamp(LOWEST_US, HIGHEST_US), n)
        .expect("an auto-resizing histogram takes every value up to one hour");
}

fn fill(histogram: &mut Histogram<u64>, buckets: &[(u32, u32)]) {
    for (us, count) in buckets {
        record(histogram, u64::from(*us), u64::from(*count));
    }
}

/// (highest latency of the bucket in microseconds, calls in it) of every bucket that holds something, ascending.
fn recorded(histogram: &Histogram<u64>) -> impl Iterator<Item = (u64, u64)> + '_ {
    histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_since_last_iteration()))
}

impl PartialEq for LatencyHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.buckets() == other.buckets()
    }
}

impl Serialize for LatencyHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(latencies: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        for &us in latencies {
            histogram.record(Duration::from_micros(us));
        }
        histogram
    }

    proptest! {
        #[test]
        fn merging_is_recording_once(a in prop::collection::vec(0u64..4_000_000_000, 0..60),
                                     b in prop::collection::vec(0u64..4_000_000_000, 0..60)) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            let once = of(&[a.clone(), b.clone()].concat());
            prop_assert_eq!(merged.buckets(), once.buckets());
            prop_assert_eq!(merged.count(), once.count());
            prop_assert_eq!(merged.without(&of(&b)).buckets(), of(&a).buckets());
        }

        #[test]
        fn a_stored_histogram_reads_back_equal(a in prop::collection::vec(1u64..4_000_000_000, 0..60)) {
            let histogram = of(&a);
            let back = LatencyHistogram::decode(&histogram.encode()).unwrap();
            prop_assert_eq!(&back, &histogram);
            let told = |histogram: &LatencyHistogram| {
                (histogram.count(), histogram.min(), histogram.max(), histogram.mean(), histogram.quantile(0.9))
            };
            prop_assert_eq!(told(&back), told(&histogram));
            prop_assert_eq!(back.encode(), histogram.encode());
            let (mut merged, mut into_read) = (LatencyHistogram::new(), back.clone());
            merged.merge(&back);
            into_read.merge(&histogram);
            prop_assert_eq!(&merged, &histogram);
            prop_assert_eq!(into_read.count(), 2 * histogram.count());
        }
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(LatencyHistogram::new().quantile(0.5), None);
    }

    #[test]
    fn calls_over_a_limit_are_counted() {
        let histogram = of(&[100, 200, 300]);
        assert_eq!(histogram.count_over(Duration::from_micros(200)), 1);
        assert_eq!(histogram.count_over(Duration::from_micros(300)), 0);
        assert_eq!(histogram.count_over(Duration::ZERO), 3);
    }

    #[test]
    fn garbage_is_refused() {
        assert!(LatencyHistogram::decode("###").is_err());
        assert!(LatencyHistogram::decode("aGVsbG8=").is_err());
    }
}
