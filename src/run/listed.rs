//! What the target's list of tools means for the plan: which calls are left out, and what is to be said of it.

use std::collections::BTreeMap;

use crate::mcp::{Catalog, Listing, TaskSupport};
use crate::model::{Era, Secrets, clean_text};
use crate::plan::{Plan, Role, StepId, UnlistedTools};

/// What the list means.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// The steps that are not done.
    pub(super) left_out: Vec<StepId>,
    /// What is to be said before the load: printable, without secrets.
    pub(super) remarks: Vec<String>,
}

/// The names of the tools that a message has room for: printable, without secrets.
pub(super) fn known_tools(catalog: &Catalog, secrets: &Secrets) -> String {
    const MOST_TOLD: usize = 20;
    let shown = |text: &str| clean_text(&secrets.redacted(text));
    let mut told: Vec<String> = catalog.names().take(MOST_TOLD).map(shown).collect();
    let rest = catalog.names().skip(MOST_TOLD).count();
    if rest > 0 {
        told.push(format!("and {rest} more"));
    }
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

/// What is wrong with how `steps` have `tool` run, by a list of the legacy era; in the modern era the target decides.
fn of_tasks(catalog: &Catalog, plan: &Plan, tool: &str, steps: &[StepId]) -> Option<&'static str> {
    let as_task = |step: &StepId| plan.step(*step).conduct.task.is_some();
    match catalog.task_support(tool)? {
        TaskSupport::None if steps.iter().any(as_task) => {
            Some("does not say that it runs as a task (`execution.taskSupport`): it is called without")
        }
        TaskSupport::Required if !steps.iter().all(as_task) => {
            Some("runs as a task alone, by what the target lists: write `task: true` beside each call of it")
        }
        TaskSupport::None | TaskSupport::Optional | TaskSupport::Required => None,
    }
}

impl Listed {
    /// What `catalog` means for `plan`. A tool whose name differs from call to call is called as it comes.
    pub(super) fn by(catalog: &Catalog, plan: &Plan, era: Era, secrets: &Secrets) -> Self {
        let mut steps: BTreeMap<&str, Vec<StepId>> = BTreeMap::new();
        for step in plan.steps.iter().filter(|step| step.role == Role::Load && step.operation.is_tool_call())
        {
            if let Some(tool) = &step.tool {
                steps.entry(tool).or_default().push(step.id);
            }
        }
        let shown = |text: &str| clean_text(&secrets.redacted(text));
        let known = known_tools(catalog, secrets);
        let mut listed = Self::default();
        if let Some(cut) = catalog.why_cut().filter(|_| !steps.is_empty()) {
            listed.remarks.push(format!("the target's list of tools was not read to its end: {cut}"));
        }
        for (tool, steps) in steps {
            match (catalog.listing(tool), plan.unlisted_tools) {
                (Listing::There, _) => listed.remarks.extend(
                    of_tasks(catalog, plan, tool, &steps)
                        .filter(|_| era == Era::Legacy)
                        .map(|why| format!("the tool `{}` {why}", shown(tool))),
                ),
                (Listing::Missing, UnlistedTools::Call) => listed
                    .remarks
                    .push(format!("the target lists no tool `{}`; it has: {known}", shown(tool))),
                (Listing::Missing, UnlistedTools::Skip) => {
                    let remark =
                        format!("calls of `{}` are left out: the target does not list it", shown(tool));
                    listed.remarks.push(remark);
                    listed.left_out.extend(steps);
                }
                (Listing::Refused(why), _) => {
                    let (tool, why) = (shown(tool), shown(&why));
                    listed.remarks.push(format!(
                        "calls of `{tool}` are left out, as clients of this revision must: in its input schema {why}"
                    ));
                    listed.left_out.extend(steps);
                }
            }
        }
        listed
    }
}
