//! What a load calls, and whether an objective is about some of it: on nothing it could only be INCONCLUSIVE.

use std::collections::BTreeSet;

use super::{Indicator, Scope, WrittenObjective};
use crate::input::{Problem, Problems, quoted, way_out};
use crate::model::LatencyClock;
use crate::plan::{Plan, Role};

/// What objectives can be about.
#[derive(Debug)]
pub(crate) struct Called<'a> {
    /// Who calls, as messages put it.
    pub who: &'static str,
    pub tools: BTreeSet<&'a str>,
    pub methods: BTreeSet<&'a str>,
    pub steps: BTreeSet<&'a str>,
    /// True when metrics are scraped.
    pub scraped: bool,
    /// True when calls are due at a time of their own, whatever users do.
    pub open: bool,
}

impl<'a> Called<'a> {
    /// What a recorded run of `plan` called.
    pub(crate) fn by_run(plan: &'a Plan) -> Self {
        let steps = || {
            let switched_on = plan.transactions.iter().filter(|transaction| transaction.weight > 0);
            let steps = switched_on.flat_map(|transaction| &transaction.steps).map(|&id| plan.step(id));
            steps.filter(|step| step.role == Role::Load)
        };
        Self {
            who: "the run",
            tools: steps().filter_map(|step| step.tool.as_deref()).collect(),
            methods: steps().map(|step| step.method.as_str()).collect(),
            steps: steps().map(|step| step.name.as_str()).collect(),
            scraped: plan.observe.metrics.is_some(),
            open: plan.load.open().is_some(),
        }
    }

    /// Reports an objective that is about nothing.
    pub(crate) fn check(&self, written: &WrittenObjective, problems: &mut Problems) {
        if matches!(written.objective.indicator, Indicator::Metric(_)) {
            if !self.scraped {
                let name = quoted(&written.objective.name);
                let message = format!("{name} reads a metric, but none is scraped");
                problems.push(
                    Problem::error(&written.name, message)
                        .help("add `observe: {metrics: /metrics}` to the scenario"),
                );
            }
            return;
        }
        if !self.open
            && let Indicator::Latency { clock: LatencyClock::SendLag, .. } = written.objective.indicator
        {
            let name = quoted(&written.objective.name);
            let message = format!(
                "{name} limits a send lag, but in a load without a `rate` calls are due when they are sent"
            );
            let help = "give the load a `rate`, or limit the `latency` or the `error_ratio`";
            problems.push(Problem::error(&written.name, message).label("nothing to judge").help(help));
        }
        let (kind, wanted, known) = match &written.objective.scope {
            Scope::All => return,
            Scope::Tool(tool) => ("tool", tool, &self.tools),
            Scope::Method(method) => ("method", method, &self.methods),
            Scope::Step(step) => ("step", step, &self.steps),
        };
        if !known.contains(wanted.as_str()) {
            let known: Vec<&str> = known.iter().copied().collect();
            let message = format!("{} calls no {kind} {}", self.who, quoted(wanted));
            let help = if known.is_empty() {
                format!("it calls no {kind} at all")
            } else {
                way_out(wanted, &known, &format!("each {kind} that it calls"))
            };
            problems.push(Problem::error(&written.scope, message).label("nothing to judge").help(help));
        }
    }
}
