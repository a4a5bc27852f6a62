//! What is asked of the target's log, and who tells of the calls that its lines are about.

use std::time::Duration;

use crate::metrics::{NoteTaker, call_notes};
use crate::model::Secret;
use crate::observe::LogOptions;
use crate::plan::Plan;
use crate::slo::Criteria;

/// How the log is followed, and the taker of the notes that it is held against; `None` where nobody asks.
pub(super) fn options(
    plan: &Plan,
    criteria: &Criteria,
    authorization: Option<&Secret>,
) -> Option<(LogOptions, NoteTaker)> {
    let checks = criteria.checks.logs.as_ref()?;
    let (taker, calls) = call_notes(plan);
    let longest_call = plan.steps.iter().map(|step| step.deadline).max().unwrap_or(Duration::ZERO);
    let options = LogOptions {
        place: checks.place.clone(),
        authorization: authorization.cloned(),
        fields: checks.fields.clone(),
        required: checks.required.clone(),
        lag_within: checks.lag_within,
        slow: checks.slow,
        longest_call,
        users: plan.load.peak_users(),
        calls,
    };
    Some((options, taker))
}
