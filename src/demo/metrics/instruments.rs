//! What is counted on the way of a call: atomics only, found by index, no lock and no look-up by name.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exposition::Exposition;

/// A number that only grows.
#[derive(Debug, Default)]
pub(in crate::demo) struct Counter(AtomicU64);

/// Durations in buckets.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// One more than `bounds`: the last holds what exceeds them all. Not cumulative.
    buckets: Box<[Counter]>,
    nanos: Counter,
}

/// Durations as a count and a sum, which is all that a client library's summary holds.
#[derive(Debug, Default)]
pub(super) struct Summary {
    count: Counter,
    nanos: Counter,
}

impl Counter {
    pub(in crate::demo) fn increment(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Histogram {
    /// Buckets with these upper bounds, in seconds, ascending.
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| Counter::default()).collect();
        Self { bounds, buckets, nanos: Counter::default() }
    }

    pub(super) fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.bounds.len());
        self.buckets[bucket].increment();
        self.nanos.add(nanos(duration));
    }

    /// `_bucket` (its bounds written as `1.0`, not `1`), `_sum` and `_count`, which agree with each other even while observations come in.
    pub(super) fn write(&self, out: &mut Exposition, labels: &[(&str, &str)]) {
        let mut total = 0;
        let bounds = self.bounds.iter().map(|bound| format!("{bound:?}")).chain(["+Inf".to_owned()]);
        for (bucket, bound) in self.buckets.iter().zip(bounds) {
            total += bucket.get();
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            out.suffixed("_bucket", &labels, total as f64);
        }
        out.suffixed("_sum", labels, self.nanos.get() as f64 / 1e9);
        out.suffixed("_count", labels, total as f64);
    }
}

impl Summary {
    pub(super) fn observe(&self, duration: Duration) {
        self.count.increment();
        self.nanos.add(nanos(duration));
    }

    /// `_sum` and `_count`.
    pub(super) fn write(&self, out: &mut Exposition, labels: &[(&str, &str)]) {
        out.suffixed("_sum", labels, self.nanos.get() as f64 / 1e9);
        out.suffixed("_count", labels, self.count.get() as f64);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::exposition::{Format, Kind};
    use super::*;

    #[test]
    fn a_duration_on_a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&[0.001, 1.0]);
        for us in [1_000, 1_001, 1_000_000, 1_000_001] {
            histogram.observe(Duration::from_micros(us));
        }
        let mut out = Exposition::new(Format::Text);
        out.family("t", Kind::Histogram, "T.");
        histogram.write(&mut out, &[("a", "b")]);
        let text = out.finish();
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            samples,
            [
                "t_bucket{a=\"b\",le=\"0.001\"} 1",
                "t_bucket{a=\"b\",le=\"1.0\"} 3",
                "t_bucket{a=\"b\",le=\"+Inf\"} 4",
                "t_sum{a=\"b\"} 2.002002",
                "t_count{a=\"b\"} 4",
            ]
        );
    }
}
