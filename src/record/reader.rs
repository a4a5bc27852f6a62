//! Reads a run directory back, whole or partial.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::files::{RecordError, read_json, read_json_if_there, read_lines};
use crate::metrics::{
    FetchRecord, FetchedStore, LogRecord, LogStore, ScrapeRecord, SeriesError, SeriesStore,
};
use crate::plan::Plan;
use crate::report::{Ending, Manifest, RUN_FORMAT_VERSION, RunLog};
use crate::slo::Criteria;

#[derive(Deserialize)]
struct End {
    ending: Ending,
}

/// The run recorded in `folder`. A run that was killed reads as [`Ending::Partial`], with everything up to its last
/// complete lines.
pub fn read(folder: &Path) -> Result<RunLog, RecordError> {
    let run = folder.join("run.json");
    if !run.exists() {
        return Err(RecordError::NotARun { path: folder.to_owned() });
    }
    let manifest: Manifest = read_json(&run)?;
    if !(1..=RUN_FORMAT_VERSION).contains(&manifest.version) {
        return Err(RecordError::Version {
            path: folder.to_owned(),
            found: manifest.version,
            known: RUN_FORMAT_VERSION,
        });
    }
    let end: Option<End> = read_json_if_there(&folder.join("end.json"))?;
    let plan: Plan = read_json(&folder.join("plan.json"))?;
    let mut series = SeriesStore::default();
    each_line(&folder.join("series.ndjson"), |scrape: &ScrapeRecord| series.apply(scrape))?;
    let mut fetched = plan.observe.prometheus.as_ref().map(|_| FetchedStore::default());
    if let Some(fetched) = &mut fetched {
        each_line(&folder.join("fetched.ndjson"), |round: &FetchRecord| fetched.apply(round))?;
    }
    Ok(RunLog {
        manifest,
        plan,
        criteria: Criteria {
            objectives: read_json(&folder.join("objectives.json"))?,
            alerts: read_json_if_there(&folder.join("alerts.json"))?,
            checks: read_json_if_there(&folder.join("checks.json"))?.unwrap_or_default(),
            abort_when: read_json_if_there(&folder.join("abort_when.json"))?,
        },
        environment: read_json(&folder.join("environment.json"))?,
        target: read_json_if_there(&folder.join("target.json"))?,
        seconds: read_lines(&folder.join("seconds.ndjson"))?,
        events: read_lines(&folder.join("events.ndjson"))?,
        series,
        fetched,
        logs: read_log(&folder.join("logs.ndjson"))?,
        audit: read_log(&folder.join("audit.ndjson"))?,
        ending: end.map_or(Ending::Partial, |end| end.ending),
    })
}

/// What was seen of one of the target's logs; `None` where nobody followed it.
fn read_log(path: &Path) -> Result<Option<LogStore>, RecordError> {
    let records: Vec<LogRecord> = read_lines(path)?;
    Ok((!records.is_empty()).then(|| {
        let mut store = LogStore::default();
        for record in &records {
            store.apply(record);
        }
        store
    }))
}

/// Gives every record of `path` to `apply`, in order.
fn each_line<T: DeserializeOwned>(
    path: &Path,
    mut apply: impl FnMut(&T) -> Result<(), SeriesError>,
) -> Result<(), RecordError> {
    let records: Vec<T> = read_lines(path)?;
    for (number, record) in records.iter().enumerate() {
        apply(record).map_err(|error| RecordError::Content {
            path: path.to_owned(),
            line: number + 1,
            reason: error.to_string(),
        })?;
    }
    Ok(())
}
