//! L3: one run, from a plan to a recorded run directory. Wires the rooms of level 2 together; judges nothing.

mod annotation;
mod arguments;
mod demo_child;
mod environment;
mod event;
mod floor;
mod listed;
mod live_alerts;
mod orchestrator;
mod output_checks;
mod own_logs;
mod own_prometheus;
mod own_sweep;
mod remarks;

pub use crate::mcp::kill_processes;
pub use annotation::annotate_run;
pub use demo_child::DemoError;
pub use event::RunEvent;
pub use orchestrator::{Finished, RunError, RunOptions, execute, user_agent};
