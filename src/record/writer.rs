//! Writes a run directory while the run is on.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::files::{LineFile, RecordError, io_error, write_json};
use crate::metrics::{FetchRecord, LogRecord, ScrapeRecord, Second};
use crate::model::{Event, Stamped, TargetInfo};
use crate::plan::Plan;
use crate::report::{Ending, Environment, Manifest};
use crate::slo::Criteria;

/// Arguments that were made for a step, one of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeArguments {
    /// The step's name.
    pub step: String,
    /// Its number among those of the step, from 0.
    pub number: u32,
    /// True when it is an edge value.
    pub at_edge: bool,
    /// JSON text of an object, with the scenario's expressions as written.
    pub arguments: String,
}

/// A run directory under construction.
#[derive(Debug)]
pub struct RunWriter {
    folder: PathBuf,
    seconds: LineFile,
    series: LineFile,
    /// Where a Prometheus is asked.
    fetched: Option<LineFile>,
    /// Where the target's log is followed.
    logs: Option<LineFile>,
    /// Where its audit log is.
    audit: Option<LineFile>,
    events: LineFile,
}

impl RunWriter {
    /// Creates the directory `parent/<run id>` (with a number behind it when that is taken) and writes all that is known
    /// before the first request.
    pub fn create(
        parent: &Path,
        mut manifest: Manifest,
        plan: &Plan,
        criteria: &Criteria,
        environment: &Environment,
    ) -> Result<Self, RecordError> {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
        let base = manifest.run_id.clone();
        let mut folder = parent.join(&base);
        let mut number = 1;
        while let Err(error) = fs::create_dir(&folder) {
            if error.kind() != std::io::ErrorKind::AlreadyExists {
                return Err(io_error("create", &folder)(error));
            }
            number += 1;
            manifest.run_id = format!("{base}-{number}");
            folder = parent.join(&manifest.run_id);
        }
        write_json(&folder.join("plan.json"), plan)?;
        write_json(&folder.join("objectives.json"), &criteria.objectives)?;
        if let Some(alerts) = &criteria.alerts {
            write_json(&folder.join("alerts.json"), alerts)?;
        }
        if !criteria.checks.is_empty() {
            write_json(&folder.join("checks.json"), &criteria.checks)?;
        }
        if let Some(when) = &criteria.abort_when {
            write_json(&folder.join("abort_when.json"), when)?;
        }
        write_json(&folder.join("environment.json"), environment)?;
        let writer = Self {
            seconds: LineFile::create(folder.join("seconds.ndjson"))?,
            series: LineFile::create(folder.join("series.ndjson"))?,
            fetched: plan
                .observe
                .prometheus
                .as_ref()
                .map(|_| LineFile::create(folder.join("fetched.ndjson")))
                .transpose()?,
            logs: criteria
                .checks
                .logs
                .as_ref()
                .map(|_| LineFile::create(folder.join("logs.ndjson")))
                .transpose()?,
            audit: criteria
                .checks
                .audit
                .as_ref()
                .map(|_| LineFile::create(folder.join("audit.ndjson")))
                .transpose()?,
            events: LineFile::create(folder.join("events.ndjson"))?,
            folder,
        };
        // Last: a directory that has it can be read.
        write_json(&writer.folder.join("run.json"), &manifest)?;
        Ok(writer)
    }

    /// Where the run is recorded.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the first contact found.
    pub fn target(&self, target: &TargetInfo) -> Result<(), RecordError> {
        write_json(&self.folder.join("target.json"), target)
    }

    /// The arguments that were made before the load; nothing is written where there are none.
    pub fn arguments(&self, made: &[MadeArguments]) -> Result<(), RecordError> {
        if made.is_empty() {
            return Ok(());
        }
        let mut file = LineFile::create(self.folder.join("arguments.ndjson"))?;
        made.iter().try_for_each(|one| file.append(one))
    }

    /// One second of load.
    pub fn second(&mut self, second: &Second) -> Result<(), RecordError> {
        self.seconds.append(second)
    }

    /// What one scrape added.
    pub fn scrape(&mut self, record: &ScrapeRecord) -> Result<(), RecordError> {
        self.series.append(record)
    }

    /// What one round of questions to a Prometheus brought.
    pub fn fetched(&mut self, record: &FetchRecord) -> Result<(), RecordError> {
        self.fetched.iter_mut().try_for_each(|file| file.append(record))
    }

    /// What was seen of the target's log.
    pub fn log(&mut self, record: &LogRecord) -> Result<(), RecordError> {
        self.logs.iter_mut().try_for_each(|file| file.append(record))
    }

    /// What was seen of its audit log.
    pub fn audit(&mut self, record: &LogRecord) -> Result<(), RecordError> {
        self.audit.iter_mut().try_for_each(|file| file.append(record))
    }

    /// One event.
    pub fn event(&mut self, event: &Stamped<Event>) -> Result<(), RecordError> {
        self.events.append(event)
    }

    /// How the run ended. Nothing may follow.
    pub fn end(self, ending: &Ending) -> Result<(), RecordError> {
        #[derive(Serialize)]
        struct End<'a> {
            ending: &'a Ending,
        }
        write_json(&self.folder.join("end.json"), &End { ending })
    }
}
