//! What a load calls, and whether an objective is about some of it: on nothing it could only be INCONCLUSIVE.

use std::collections::BTreeSet;

use super::file::TermPlaces;
use super::stream::comes_in_parts;
use super::{During, Indicator, Scope, WrittenAlerts, WrittenCriteria, WrittenObjective};
use crate::input::{Problem, Problems, quoted, way_out};
use crate::model::{LatencyClock, format_duration};
use crate::plan::{Load, Plan, Role, Step};
use crate::verify::{Prices, WrittenChecks};

/// What objectives can be about.
#[derive(Debug)]
pub(crate) struct Called<'a> {
    /// Who calls, as messages put it.
    pub who: &'static str,
    pub calls: Vec<Call<'a>>,
    /// True when metrics are scraped.
    pub scraped: bool,
    /// True when calls are due at a time of their own, whatever users do.
    pub open: bool,
    /// The load itself; `None` where it has a mistake of its own.
    pub load: Option<&'a Load>,
}

/// One step of the load.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub tool: Option<&'a str>,
    pub method: &'a str,
    pub step: &'a str,
    /// The share (0 to 1) of iterations that it belongs to.
    pub share: f64,
}

impl Call<'_> {
    /// True where an objective on `scope` is about it.
    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Tool(tool) => self.tool == Some(tool),
            Scope::Method(method) => self.method == method,
            Scope::Step(step) => self.step == step,
        }
    }
}

impl<'a> Called<'a> {
    /// What a recorded run of `plan` called.
    pub(crate) fn by_run(plan: &'a Plan) -> Self {
        let switched_on = plan.transactions.iter().filter(|transaction| transaction.weight > 0);
        let steps = switched_on.flat_map(|transaction| {
            let share = plan.share(transaction);
            transaction.steps.iter().map(move |&id| (plan.step(id), share))
        });
        let steps = steps.filter(|(step, _)| step.role == Role::Load);
        let call = |(step, share): (&'a Step, f64)| Call {
            tool: step.tool.as_deref(),
            method: &step.method,
            step: &step.name,
            share,
        };
        Self {
            who: "the run",
            calls: steps.map(call).collect(),
            scraped: plan.observe.has_metrics(),
            open: plan.load.open().is_some(),
            load: Some(&plan.load),
        }
    }

    /// Reports what is about nothing.
    pub(crate) fn check_all(&self, criteria: &WrittenCriteria, problems: &mut Problems) {
        if let Some(written) = &criteria.checks {
            self.check_checks(written, problems);
        }
        for objective in &criteria.objectives {
            self.check(objective, problems);
            self.check_during(objective, problems);
        }
        if let Some(WrittenAlerts { place, .. }) = criteria.alerts.as_ref().filter(|_| !self.scraped) {
            problems.push(
                Problem::error(place, "alert rules read metrics, but none are scraped")
                    .help("add `observe: {metrics: /metrics}` to the scenario"),
            );
        }
    }

    /// Reports checks of metrics that nobody sees, and prices of calls that nobody makes.
    fn check_checks(&self, written: &WrittenChecks, problems: &mut Problems) {
        let help = "add `observe: {metrics: /metrics}` to the scenario";
        if let Some(place) = written.place_of("truth").filter(|_| !self.scraped) {
            let message = "the target's metrics are checked, but none are scraped";
            problems.push(Problem::error(place, message).help(help));
        }
        if let Some(place) = written.place_of("dashboards").filter(|_| !self.scraped) {
            problems.push(Problem::error(place, "dashboards read metrics, but none are scraped").help(help));
        }
        let counter = written.checks.cost.as_ref().and_then(Prices::counter);
        if let (Some(counter), Some(place), false) = (counter, written.place_of("cost"), self.scraped) {
            let message = format!("tokens are counted by {counter}, but no metrics are scraped");
            problems.push(Problem::error(place, message).help(help));
        }
        let known: BTreeSet<&str> = self.calls.iter().map(|call| call.tool.unwrap_or(call.method)).collect();
        let known: Vec<&str> = known.into_iter().collect();
        for (name, place) in written.priced.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let message = format!("{} calls no tool or method {}", self.who, quoted(name));
            let help = way_out(name, &known, "it calls");
            problems.push(Problem::error(place, message).label("nothing to price").help(help));
        }
    }

    /// Reports an objective that is about nothing.
    fn check(&self, written: &WrittenObjective, problems: &mut Problems) {
        if written.objective.indicator.is_scraped() {
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
        let calls = self.calls.iter();
        let (kind, wanted, known): (_, _, BTreeSet<&str>) = match &written.objective.scope {
            Scope::All => return self.check_parts(written, problems),
            Scope::Tool(tool) => ("tool", tool, calls.filter_map(|call| call.tool).collect()),
            Scope::Method(method) => ("method", method, calls.map(|call| call.method).collect()),
            Scope::Step(step) => ("step", step, calls.map(|call| call.step).collect()),
        };
        if known.contains(wanted.as_str()) {
            self.check_parts(written, problems);
        } else {
            let known: Vec<&str> = known.into_iter().collect();
            let message = format!("{} calls no {kind} {}", self.who, quoted(wanted));
            let help = if known.is_empty() {
                format!("it calls no {kind} at all")
            } else {
                way_out(wanted, &known, &format!("each {kind} that it calls"))
            };
            problems.push(Problem::error(&written.scope, message).label("nothing to judge").help(help));
        }
    }

    /// Reports an objective on a part of the load that is not there, or has no time in the steady phase.
    fn check_during(&self, written: &WrittenObjective, problems: &mut Problems) {
        let WrittenObjective { objective, terms: TermPlaces { during: place, .. }, .. } = written;
        let (Some(during), Some(load)) = (&objective.terms.during, self.load) else { return };
        let Some(span) = during.span(load) else {
            let names: Vec<&str> = load.stage_names.iter().map(|stage| stage.name.as_str()).collect();
            let wanted = if let During::Stage(name) = during { name.as_str() } else { "" };
            let help = if names.is_empty() {
                "give the stage this name in the scenario (`stages: [{duration: 30s, users: 20, name: NAME}]`), or write \
                 `during: {from: 30s, to: 60s}`"
                    .to_owned()
            } else {
                way_out(wanted, &names, "each stage that has a name")
            };
            let message = format!("{} has no stage {}", self.who, quoted(wanted));
            problems.push(Problem::error(place, message).label("nothing to judge").help(help));
            return;
        };
        let steady = load.warm_up..load.duration();
        let message = if span.end <= steady.start {
            format!(
                "this part of the load is over when the warm-up is, after {}",
                format_duration(steady.start)
            )
        } else if span.end > steady.end {
            format!("the load ends before this does, after {}", format_duration(steady.end))
        } else if span.is_empty() {
            "this stage has no length: it is a jump".to_owned()
        } else {
            return;
        };
        let help =
            "name a part of the steady phase, which is from the end of the warm-up to the end of the load";
        problems.push(Problem::error(place, message).label("nothing to judge").help(help));
    }

    /// Reports an objective on parts of answers that come as a whole.
    fn check_parts(&self, written: &WrittenObjective, problems: &mut Problems) {
        let WrittenObjective { objective, scope, .. } = written;
        let Indicator::Stream { clock, .. } = &objective.indicator else { return };
        let mut calls = self.calls.iter().filter(|call| call.is_in(&objective.scope));
        if calls.any(|call| comes_in_parts(call.method)) {
            return;
        }
        let message = format!(
            "{} limits a {clock}, but answers of plain HTTP come as a whole",
            quoted(&objective.name)
        );
        let help = "name a step that calls MCP, or limit the `latency`";
        problems.push(Problem::error(scope, message).label("nothing to judge").help(help));
    }
}
