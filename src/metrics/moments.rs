//! When within a second bad calls ended, in 128 bits: enough to tell bursts from bad calls that come one by one, whichever steps, outcomes
//! and threads they are of. It does not know what is bad.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The parts of a second in which something was. Merging two loses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments(u128);

/// When the bad calls of a cell ended; unknown to the first run directories.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BadMoments {
    /// Where the outcome is a failure: all of them.
    #[serde(default, skip_serializing_if = "Moments::is_none")]
    pub failed: Moments,
    /// For each of the plan's thresholds: those over it. Empty where none is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<Moments>,
}

impl Moments {
    /// A second has so many parts.
    pub const PARTS: u32 = u128::BITS;

    /// Something was at `at`, counted from the start of the load.
    pub fn mark(&mut self, at: Duration) {
        self.0 |= 1 << (u64::from(at.subsec_nanos()) * u64::from(Self::PARTS) / 1_000_000_000);
    }

    /// Adds what `other` holds.
    pub fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// True when nothing was.
    pub fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// The numbers of the parts in which something was, ascending.
    pub fn parts(self) -> impl Iterator<Item = u32> {
        (0..Self::PARTS).filter(move |part| (self.0 >> part) & 1 == 1)
    }
}

impl BadMoments {
    /// A call that was over the threshold at `place` ended at `at`.
    pub fn mark_over(&mut self, place: usize, at: Duration) {
        if self.over.len() <= place {
            self.over.resize(place + 1, Moments::default());
        }
        self.over[place].mark(at);
    }

    /// Those over the threshold at `place`.
    pub fn over(&self, place: usize) -> Moments {
        self.over.get(place).copied().unwrap_or_default()
    }

    /// Adds what `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.failed.merge(other.failed);
        self.over.resize(self.over.len().max(other.over.len()), Moments::default());
        for (mine, theirs) in self.over.iter_mut().zip(&other.over) {
            mine.merge(*theirs);
        }
    }

    /// True when there are none.
    pub fn is_none(&self) -> bool {
        self.failed.is_none() && self.over.is_empty()
    }
}

/// As a hexadecimal number: JSON's own are not exact beyond 2^53.
impl Serialize for Moments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Moments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_those_of_the_second() {
        let mut moments = Moments::default();
        for micros in [0, 7_812, 7_813, 3_500_000, 999_999] {
            moments.mark(Duration::from_micros(micros));
        }
        assert_eq!(moments.parts().collect::<Vec<_>>(), [0, 1, 64, 127]);
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bad = BadMoments::default();
        assert_eq!(serde_json::to_string(&bad).unwrap(), "{}");
        bad.failed.mark(Duration::from_millis(999));
        bad.mark_over(2, Duration::ZERO);
        let text = serde_json::to_string(&bad).unwrap();
        assert_eq!(text, r#"{"failed":"80000000000000000000000000000000","over":["0","0","1"]}"#);
        assert_eq!(serde_json::from_str::<BadMoments>(&text).unwrap(), bad);
        assert!(serde_json::from_str::<Moments>("\"1g\"").is_err());
    }

    #[test]
    fn merging_is_recording_into_one() {
        let (mut one, mut two, mut both) =
            (BadMoments::default(), BadMoments::default(), BadMoments::default());
        for (place, ms) in [(0, 5), (3, 400), (1, 900)] {
            let at = Duration::from_millis(ms);
            if place == 3 { &mut two } else { &mut one }.mark_over(place, at);
            both.mark_over(place, at);
        }
        one.merge(&two);
        assert_eq!(one, both);
    }
}
