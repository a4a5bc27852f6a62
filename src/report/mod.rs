//! L1: one input, many formats. Pure: a report is a function of the run's log.

mod run_log;
mod run_report;

pub use run_log::{Ending, Environment, Manifest, RUN_FORMAT_VERSION, RunLog, Totals};
pub use run_report::{
    HealthSpan, ObjectiveResult, OutcomeCount, REPORT_VERSION, RunReport, Saturation, StepRow, TimelinePoint,
};
