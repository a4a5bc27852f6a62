//! L1: what was measured, as values: seconds of load, scraped series, exposition text.

mod aggregate;
mod exposition;
mod store;
mod window;

pub use aggregate::{Aggregates, Tally};
pub use exposition::{Exposition, ExpositionError, ExpositionErrorKind, Family, Format, MetricKind, Sample};
pub use store::{Point, ScrapeRecord, Series, SeriesStore};
pub use window::{Cell, Phase, Second};
