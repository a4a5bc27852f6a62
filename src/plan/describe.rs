//! The plan as text: what `gander validate` prints. Plain, at most 100 columns, no network, no clock.

use std::fmt::Write;

use super::Plan;
use crate::slo::Objective;

/// What the run would do.
pub fn describe(plan: &Plan, objectives: &[Objective]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} {}", plan.name, objectives.len());
    out
}
