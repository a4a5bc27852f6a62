//! What is asked of the target's logs, and who tells of the calls that their lines are about.

use std::time::Duration;

use crate::metrics::{NoteTaker, call_notes, carries_id};
use crate::model::Secret;
use crate::observe::LogOptions;
use crate::plan::{LogPlace, Operation, Plan};
use crate::slo::Criteria;

/// How the log is followed, and the taker of the notes that it is held against; `None` where nobody asks.
pub(super) fn options(
    plan: &Plan,
    criteria: &Criteria,
    authorization: Option<&Secret>,
) -> Option<(LogOptions, NoteTaker)> {
    let checks = criteria.checks.logs.as_ref()?;
    let (taker, calls) = call_notes(plan, carries_id);
    let options = LogOptions {
        place: checks.place.clone(),
        authorization: authorization.cloned(),
        fields: checks.fields.clone(),
        required: checks.required.clone(),
        lag_within: checks.lag_within,
        slow: checks.slow,
        longest_call: longest_call(plan),
        users: plan.load.peak_users(),
        calls,
    };
    Some((options, taker))
}

/// The same of the audit log, where calls of tools have records.
pub(super) fn audit_options(plan: &Plan, criteria: &Criteria) -> Option<(LogOptions, NoteTaker)> {
    let checks = criteria.checks.audit.as_ref()?;
    let (taker, calls) = call_notes(plan, Operation::is_tool_call);
    let options = LogOptions {
        place: LogPlace::File(checks.file.clone()),
        authorization: None,
        fields: checks.fields.clone(),
        required: vec![checks.who.clone(), checks.what.clone()],
        lag_within: checks.lag_within,
        slow: Duration::MAX,
        longest_call: longest_call(plan),
        users: plan.load.peak_users(),
        calls,
    };
    Some((options, taker))
}

fn longest_call(plan: &Plan) -> Duration {
    plan.steps.iter().map(|step| step.deadline).max().unwrap_or(Duration::ZERO)
}
