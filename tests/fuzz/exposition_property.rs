//! What must hold of a reader of foreign text, whatever it is. Shared by a target of cargo-fuzz and by `tests/it/fuzzed.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use gander::metrics::{Exposition, Format, Sample, SampleValue, ScrapeEncoder, ScrapeRecord, SeriesStore};

/// More samples than this are refused.
const MOST_SAMPLES: usize = 1000;

/// A scrape's bytes are taken in as they are read, or refused with a place in them.
pub(crate) fn holds(bytes: &[u8]) {
    for format in [Format::Text, Format::OpenMetrics] {
        match Exposition::parse_bytes(bytes, format, MOST_SAMPLES) {
            Ok(read) => taken_in(bytes, format, &read.samples),
            Err(error) => {
                let lines = bytes.split(|byte| *byte == b'\n').count();
                assert!((1..=lines).contains(&error.line), "{error} in {lines} lines");
                assert!((1..=bytes.len() + 1).contains(&error.column), "{error} in {} bytes", bytes.len());
                assert!(!error.reason.contains(|c: char| c.is_control()), "{:?}", error.reason);
                let mut encoder = ScrapeEncoder::new(MOST_SAMPLES, 0);
                assert!(
                    encoder.scraped(Duration::ZERO, bytes, format).is_err(),
                    "two readers differ: {error}"
                );
            }
        }
    }
}

/// What is recorded of a scrape is what was read of it, and a second one like it adds nothing. Of several samples of one series the
/// first counts that has no time of its own.
fn taken_in(bytes: &[u8], format: Format, samples: &[Sample]) {
    let mut encoder = ScrapeEncoder::new(MOST_SAMPLES, 0);
    let mut store = SeriesStore::default();
    let first = encoder.scraped(Duration::from_secs(1), bytes, format).expect("it was read before");
    let line = serde_json::to_string(&first.record).expect("records are JSON");
    let record: ScrapeRecord = serde_json::from_str(&line).expect("and read back");
    assert_eq!(first.record, record, "{line}");
    store.apply(&record).expect("the first record follows nothing");
    let mut seen = BTreeSet::new();
    let mut stamped = BTreeSet::new();
    for sample in samples {
        let series = (&sample.name, &sample.labels);
        if sample.stamp_ms.is_some() {
            stamped.insert(series);
        } else if seen.insert(series) && !stamped.contains(&series) {
            let mut found =
                store.select(&sample.name, &sample.labels).filter(|one| one.labels == sample.labels);
            let points = found.next().map_or(&[][..], |series| &series.points);
            let held = points.iter().find(|point| point.stamp_ms().is_none()).and_then(|point| point.value);
            assert_eq!(held.map(SampleValue), Some(SampleValue(sample.value)), "{sample:?}");
        }
    }
    assert_eq!(store.iter().count(), seen.union(&stamped).count());
    let second = encoder.scraped(Duration::from_secs(2), bytes, format).expect("it was read before").record;
    let told = second.values.iter().map(|(id, _)| *id).chain(second.gone.iter().copied());
    for id in told {
        // A sample of now that was too late beside one that is stamped ahead may count at the next scrape.
        let new = &record.new[id as usize];
        assert!(stamped.contains(&(&new.name, &new.labels)), "{second:?}");
    }
    assert!(second.new.is_empty(), "{second:?}");
    store.apply(&second).expect("the second record follows the first");
}
