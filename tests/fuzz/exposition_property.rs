//! What must hold of a reader of foreign text, whatever it is. Shared by a target of cargo-fuzz and by `tests/it/fuzzed.rs`.

use std::time::Duration;

use gander::metrics::{Exposition, Format, Sample, SampleValue, ScrapeEncoder, SeriesStore};

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
                let mut encoder = ScrapeEncoder::new(MOST_SAMPLES);
                assert!(
                    encoder.scraped(Duration::ZERO, bytes, format).is_err(),
                    "two readers differ: {error}"
                );
            }
        }
    }
}

/// What is recorded of a scrape is what was read of it, and a second one like it adds nothing.
fn taken_in(bytes: &[u8], format: Format, samples: &[Sample]) {
    let mut encoder = ScrapeEncoder::new(MOST_SAMPLES);
    let mut store = SeriesStore::default();
    let first = encoder.scraped(Duration::from_secs(1), bytes, format).expect("it was read before");
    let line = serde_json::to_string(&first.record).expect("records are JSON");
    let record = serde_json::from_str(&line).expect("and read back");
    assert_eq!(first.record, record, "{line}");
    store.apply(&record).expect("the first record follows nothing");
    for sample in samples {
        let mut series = store.select(&sample.name, &sample.labels).filter(|one| one.labels == sample.labels);
        let value = series.next().and_then(|series| series.value_at(Duration::from_secs(1)));
        assert_eq!(value.map(SampleValue), Some(SampleValue(sample.value)), "{sample:?}");
    }
    assert_eq!(store.iter().count(), samples.len());
    let second = encoder.scraped(Duration::from_secs(2), bytes, format).expect("it was read before").record;
    assert!(second.new.is_empty() && second.values.is_empty() && second.gone.is_empty(), "{second:?}");
}
