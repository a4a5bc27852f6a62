//! Which samples of a scrape are taken, and at what time: as Prometheus takes them.
//!
//! A sample without a time of its own counts at its scrape, and its series is there until a scrape lacks it. One with a time of its own
//! (`honor_timestamps`) counts then, and is seen for five minutes from there. Of two samples of one time the first counts, and what
//! is older than what its series has is dropped.

use super::scrape_record::SampleValue;
use crate::model::SampleFault;

/// How long a sample with a time of its own is seen.
pub(super) const LOOKBACK_MS: i64 = 5 * 60 * 1000;
/// What is stamped further ahead is not stored.
const MOST_AHEAD_MS: i64 = 10 * 60 * 1000;
/// Clocks that differ by less are not worth a word.
const TOLD_AHEAD_MS: i64 = 1000;

/// A sample on its way in. Times are in milliseconds on the run's clock, before its start below zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    pub(super) scrape_ms: i64,
    pub(super) stamp_ms: Option<i64>,
    pub(super) value: SampleValue,
}

/// What a series has so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Newest {
    sample: Option<(i64, SampleValue)>,
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Intake {
    /// It counts at its scrape.
    Held,
    /// It counts at this time.
    Stamped(i64),
    /// It adds nothing.
    Left,
}

impl Newest {
    /// The series is gone as of a scrape: to Prometheus that is a sample, too.
    pub(super) fn end(&mut self, scrape_ms: i64) {
        if self.sample.is_none_or(|(last_ms, _)| last_ms < scrape_ms) {
            self.sample = Some((scrape_ms, SampleValue(f64::NAN)));
        }
    }

    /// Takes a sample in, if it can; and what is to be told of it.
    pub(super) fn take(&mut self, incoming: Incoming) -> (Intake, Option<SampleFault>) {
        let Incoming { scrape_ms, stamp_ms, value } = incoming;
        let at_ms = stamp_ms.unwrap_or(scrape_ms);
        if at_ms < -LOOKBACK_MS {
            return (Intake::Left, Some(SampleFault::TooOld));
        }
        if at_ms > scrape_ms.saturating_add(MOST_AHEAD_MS) {
            return (Intake::Left, Some(SampleFault::Ahead));
        }
        let odd = if at_ms > scrape_ms.saturating_add(TOLD_AHEAD_MS) {
            Some(SampleFault::Ahead)
        } else {
            (scrape_ms.saturating_sub(at_ms) >= LOOKBACK_MS).then_some(SampleFault::TooOld)
        };
        match self.sample {
            Some((last_ms, _)) if at_ms < last_ms => (Intake::Left, Some(SampleFault::OutOfOrder)),
            // A time that stands still is what a target says that has nothing new.
            Some((last_ms, last)) if at_ms == last_ms && stamp_ms.is_some() && last == value => {
                (Intake::Left, odd)
            }
            Some((last_ms, _)) if at_ms == last_ms => (Intake::Left, Some(SampleFault::Duplicate)),
            _ => {
                self.sample = Some((at_ms, value));
                (if stamp_ms.is_some() { Intake::Stamped(at_ms) } else { Intake::Held }, odd)
            }
        }
    }
}
