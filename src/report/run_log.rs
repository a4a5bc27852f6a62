//! All that a run directory holds, read back: the one input of verdicts and reports.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::metrics::{FetchedStore, LogStore, Second, SeriesStore};
use crate::model::{Event, Stamped, TargetInfo};
use crate::plan::Plan;
use crate::slo::Criteria;
use crate::verify::Checks;

/// The version of the run directory's files. Version 2 is version 1 with objectives on windows or on parts of the load: readers of version 1
/// refuse it, where they would judge such an objective over the whole run. Version 3 is version 2 with checks of the target's telemetry, which
/// readers of version 2 would pass over. Version 4 is version 3 with any other check (of health endpoints, logs, dashboards, what is redacted), or with
/// prices, which those of
/// version 3 would pass over.
pub const RUN_FORMAT_VERSION: u32 = 4;

/// The first version whose readers judge a run by all of `criteria`.
pub fn run_format_version(criteria: &Criteria) -> u32 {
    let Checks { truth, health, logs, audit, redaction, dashboards, cost } = &criteria.checks;
    let is_of_logs = logs.is_some() || audit.is_some() || redaction.is_some();
    if health.is_some() || is_of_logs || dashboards.is_some() || cost.is_some() {
        4
    } else if truth.is_some() {
        3
    } else if criteria.objectives.iter().any(|objective| objective.terms.narrow()) {
        2
    } else {
        1
    }
}

/// A run as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLog {
    /// What the run is called, and what wrote it.
    pub manifest: Manifest,
    /// What was to be done.
    pub plan: Plan,
    /// What was to hold.
    pub criteria: Criteria,
    /// Where it ran.
    pub environment: Environment,
    /// Who was called; `None` when the target was never reached.
    pub target: Option<TargetInfo>,
    /// What was measured, a second each, ascending, without gaps.
    pub seconds: Vec<Second>,
    /// What else happened, ascending.
    pub events: Vec<Stamped<Event>>,
    /// What was scraped.
    pub series: SeriesStore,
    /// What a Prometheus gave in its place; `None` where none was to be asked.
    pub fetched: Option<FetchedStore>,
    /// What was seen of the target's log; `None` where nobody followed it.
    pub logs: Option<LogStore>,
    /// What was seen of its audit log.
    pub audit: Option<LogStore>,
    /// How it ended.
    pub ending: Ending,
}

/// What the run is called, and what wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`RUN_FORMAT_VERSION`], or an earlier one that says all that is in it: [`run_format_version`].
    pub version: u32,
    /// The directory's name.
    pub run_id: String,
    /// The version of gander that wrote it.
    pub gander: String,
    /// When the run began, RFC 3339, UTC.
    pub started_at: String,
    /// The scenario file as given.
    pub scenario_file: String,
}

impl Manifest {
    /// When the run began, in milliseconds since 1970.
    pub fn started_ms(&self) -> i64 {
        self.started_at.parse::<Timestamp>().unwrap_or_default().as_millisecond()
    }
}

/// The machine that made the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system and kernel.
    pub os: String,
    /// CPU model.
    pub cpu: String,
    /// Usable cores.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Optimised build?
    pub profile: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The plan was carried out.
    Complete {
        /// What the load counted as planned and as recorded, taken when it ended.
        totals: Totals,
    },
    /// A signal stopped it; what was measured until then is whole.
    Interrupted {
        /// 1 for SIGHUP, 2 for SIGINT, 15 for SIGTERM.
        signal: i32,
        /// As in [`Ending::Complete`].
        totals: Totals,
    },
    /// Gander stopped it, because what was to hold did not ([`Event::Aborted`] says what); what was measured until then is whole. Readers
    /// from before this ending refuse the directory.
    Aborted {
        /// As in [`Ending::Complete`].
        totals: Totals,
    },
    /// The target was not reached, or not ready: nothing was measured. The run's last note says why. Readers from before
    /// this ending refuse the directory.
    Unmeasured,
    /// The run directory has no ending: gander was killed, or is still at it.
    Partial,
}

/// The load's own books, to be held against the seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Calls that were planned: begun by a user.
    pub planned: u64,
    /// Calls that ended in an outcome.
    pub recorded: u64,
}
