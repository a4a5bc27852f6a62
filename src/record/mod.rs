//! L2: writes and reads the run directory.
//!
//! ```text
//! runs/<id>/run.json          what the run is called, what wrote it        complete or absent
//!           plan.json         what was to be done                          complete or absent
//!           objectives.json   what was to hold                             complete or absent
//!           alerts.json     alert rules, and what is expected of them    complete or absent
//!           checks.json       what is checked of the target's telemetry    complete or absent
//!           environment.json  where it ran                                 complete or absent
//!           target.json       what the target said of itself               complete or absent
//!           seconds.ndjson    one line a second: counts, latencies, errors every line complete or dropped
//!           series.ndjson     one line a scrape: what changed              every line complete or dropped
//!           fetched.ndjson    one line a round of questions to a Prometheus; absent without one
//!           logs.ndjson       one line a second: lines of the target's log, matched with calls; absent where none is followed
//!           events.ndjson     one line an event: probes, process, notes    every line complete or dropped
//!           end.json          how it ended; absent: the run is partial     complete or absent
//! ```

mod files;
mod reader;
mod writer;

pub use files::{RecordError, write_whole};
pub use reader::read;
pub use writer::{MadeArguments, RunWriter};
