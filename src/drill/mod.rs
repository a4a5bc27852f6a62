//! L2: the drill: alerts are given to a real Alertmanager, under a silence, to see what becomes of them.
//!
//! It sends a handful of requests, each bounded in time, and pages nobody unless it is told to. It knows of no run and of
//! no configuration file: what Alertmanager itself says is what counts.

mod alerts_api;
mod delivery;
mod error;
mod render;
mod report;
mod rehearsal;
mod webhook;

pub use delivery::{RECEIVER, WEBHOOK, route_snippet};
pub use error::DrillError;
pub use rehearsal::{DrillOptions, Silencing, WebhookOptions, drill};
pub use render::render;
pub use report::{Delivery, DrillReport, DrilledAlert, Fate, Silence};

/// The label that each alert of a drill carries; its value is the drill's name.
pub const LABEL: &str = "load_test";
