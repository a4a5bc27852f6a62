//! A stretch of one series as functions see it: runs of one value each.
//!
//! Knows nothing of labels, and nothing of how the stretch was found.

use super::storage::STALE_NAN;

/// Stands where a series has no sample at a time of its timeline. Never seen outside of the storage.
pub(crate) const GAP: f64 = f64::from_bits(0x7ff0_0000_0000_0003);

/// True for a value that is one: no gap, no stale marker.
pub(crate) fn is_sample(value: f64) -> bool {
    !value.is_nan() || (value.to_bits() != GAP.to_bits() && value.to_bits() != STALE_NAN.to_bits())
}

/// Samples of one series in order of time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window<'a> {
    times: &'a [i64],
    /// The place of `times[0]`.
    first: u32,
    starts: &'a [u32],
    values: &'a [f64],
}

/// Samples that follow each other and have the same value. At least one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Their times.
    pub(crate) times: &'a [i64],
    /// The value of each.
    pub(crate) value: f64,
}

impl<'a> Window<'a> {
    /// The places from `first` on whose times are `times`; run `i` begins at `starts[i]`, the first one there or before.
    pub(crate) fn new(times: &'a [i64], first: u32, starts: &'a [u32], values: &'a [f64]) -> Self {
        Self { times, first, starts, values }
    }

    /// The runs in order of time.
    pub(crate) fn runs(&self) -> impl DoubleEndedIterator<Item = Run<'a>> + Clone + use<'a> {
        let window = *self;
        (0..window.values.len())
            .filter(move |at| is_sample(window.values[*at]))
            .map(move |at| Run { times: window.times_of(at), value: window.values[at] })
    }

    /// The samples one by one, in order of time.
    pub(crate) fn points(&self) -> impl Iterator<Item = (i64, f64)> + use<'a> {
        self.runs().flat_map(|run| run.times.iter().map(move |time| (*time, run.value)))
    }

    /// How many samples there are.
    pub(crate) fn count(&self) -> usize {
        self.runs().map(|run| run.times.len()).sum()
    }

    /// How much there is to look at: runs, of whatever kind.
    pub(crate) fn weight(&self) -> usize {
        self.values.len()
    }

    fn times_of(&self, run: usize) -> &'a [i64] {
        let from = self.starts[run].max(self.first) - self.first;
        let to = self.starts.get(run + 1).map_or(self.times.len(), |next| (next - self.first) as usize);
        &self.times[from as usize..to]
    }
}

impl Run<'_> {
    /// The time of the first sample.
    pub(crate) fn first_ms(&self) -> i64 {
        self.times[0]
    }

    /// The time of the last sample.
    pub(crate) fn last_ms(&self) -> i64 {
        self.times[self.times.len() - 1]
    }
}
