//! L1: one input, many formats. Pure: a report is a function of the run's log.

mod run_log;
mod run_report;
mod measured;
mod alert_words;
mod budget_words;
mod cost_words;
mod build;
mod format;
mod gate;
mod figures;
mod terminal;
mod terminal_table;
mod json;
mod judged;
mod junit;
mod markdown;
mod html;
mod own_prometheus;
mod prometheus_words;
mod hgrm;
#[cfg(test)]
mod alert_fixture;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use format::{FORMATS, Format, OutputFile, format_names};
pub use json::REPORT_SCHEMA;
pub use judged::judged;
pub use own_prometheus::PrometheusReport;
pub use run_log::{Ending, Environment, Manifest, RUN_FORMAT_VERSION, RunLog, Totals, run_format_version};
pub use run_report::{
    ClockRow, CrossTalk, ErrorRow, HealthSpan, IdleStreams, LostSessions, OutcomeCount, OutputRow,
    REPORT_VERSION, RunReport, Saturation, SessionGrowth, StepRow, StreamRow, StreamTime, TelemetryCheck,
    TimelinePoint,
};
pub use terminal::{TerminalStyle, terminal_summary};
pub(crate) use terminal_table::{Align, Table};

pub use crate::slo::Finding;
