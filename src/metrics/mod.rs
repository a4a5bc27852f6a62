//! L1: what was measured, as values: seconds of load, scraped series, exposition text.

mod aggregate;
mod call_notes;
mod course;
mod error_book;
mod exposition;
mod falls;
mod fetched;
mod flow;
mod generator;
mod intake;
mod log_record;
mod moments;
mod output_check;
mod scrape_record;
mod session_losses;
mod store;
mod stream;
mod sweep;
mod window;

pub use aggregate::{Aggregates, Tally};
pub(crate) use call_notes::carries_id;
pub use call_notes::{CallEnd, CallNote, CallNotes, NoteTaker, call_notes};
pub use course::{Course, CourseSecond};
pub use error_book::{ErrorBook, FOUND, MAX_REASONS};
pub use exposition::{Exposition, ExpositionError, ExpositionErrorKind, Family, Format, MetricKind, Sample};
pub(crate) use falls::START_TIME;
pub use falls::{Fallen, Falls};
pub(crate) use fetched::UP;
pub use fetched::{Asked, FetchEncoder, FetchRecord, Fetched, FetchedSeries, FetchedStore, MAX_SAMPLES};
pub use flow::{Flow, touched_seconds, whole_seconds};
pub use generator::{BEAT, GeneratorSecond};
pub use log_record::{
    LogFault, LogFaultKind, LogMessage, LogRecord, LogStore, LogTally, LogTrouble, NewLogMessage, StepLines,
};
pub use moments::{BadMoments, Moments};
pub use output_check::OutputCheck;
pub use scrape_record::{
    MAX_SERIES, NewSeries, SampleValue, ScrapeEncoder, ScrapeMark, ScrapeRecord, Scraped,
};
pub use session_losses::SessionLosses;
pub use store::{Point, Series, SeriesError, SeriesStore};
pub use stream::{StreamCell, StreamLimit, StreamOver, StreamedCall, Unanswered};
pub use sweep::{MOST_SOURCES, Sweep};
pub use window::{Cell, ErrorSample, IdleSecond, Phase, Second};
