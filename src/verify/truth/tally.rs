//! What was sent, and what came back, by the names that the target's metrics have for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::Phase;
use crate::model::{Era, Event, LatencyHistogram, Outcome, ProtocolFault};
use crate::plan::Step;
use crate::verify::{MetricNames, Seen};

/// The method that calls tools.
const TOOLS_CALL: &str = "tools/call";

/// What calls are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// As on the wire.
    pub(super) method: String,
    /// The tool as the target labels it; `None` where it calls none, or tools are not told apart.
    pub(super) tool: Option<String>,
}

/// Calls of one kind over the whole run, but for those before the first scrape.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls {
    /// Those that the target answered: it must have counted them.
    pub(super) answered: u64,
    /// Those of which nobody knows whether they arrived, or came to where they are counted.
    pub(super) unsure: u64,
    /// Of the answered: those that say `isError: true`...
    pub(super) tool_errors: u64,
    /// ... and those with a JSON-RPC error.
    pub(super) rpc_errors: u64,
    /// From sent to the end of the answer, of all that were sent.
    pub(super) service: LatencyHistogram,
    /// How many calls are in `service` that were made before the first scrape.
    pub(super) before: u64,
}

/// All calls, by method and tool.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) calls: BTreeMap<Key, Calls>,
    /// Methods whose calls are not told apart by tool.
    pub(super) whole: BTreeSet<String>,
}

impl Key {
    pub(super) fn text(&self) -> String {
        match &self.tool {
            Some(tool) => format!("{} {tool}", self.method),
            None => self.method.clone(),
        }
    }
}

impl Calls {
    /// So many the target must have counted, and so many it may.
    pub(super) fn range(&self) -> (u64, u64) {
        (self.answered, self.answered + self.unsure)
    }

    /// So many it must have counted as failed, and so many it may.
    pub(super) fn failed(&self) -> (u64, u64) {
        let sure = self.tool_errors + self.rpc_errors;
        (sure, sure + self.unsure)
    }

    /// All that were sent, as far as is known.
    pub(super) fn sent(&self) -> u64 {
        self.answered + self.unsure
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.answered += other.answered;
        self.unsure += other.unsure;
        self.tool_errors += other.tool_errors;
        self.rpc_errors += other.rpc_errors;
        self.service.merge(&other.service);
        self.before += other.before;
    }

    fn add(&mut self, outcome: Outcome, count: u64) {
        match outcome {
            Outcome::NotSent(_) => {}
            Outcome::ToolError => {
                self.answered += count;
                self.tool_errors += count;
            }
            Outcome::JsonRpcError(_) => {
                self.answered += count;
                self.rpc_errors += count;
            }
            // An answer that came twice, or to the wrong call, was given; one that asks for more is counted, too.
            Outcome::Ok
            | Outcome::CheckFailed
            | Outcome::Protocol(
                ProtocolFault::Duplicate | ProtocolFault::CrossTalk | ProtocolFault::InputRequired,
            ) => self.answered += count,
            // A status may be that of a proxy, and what broke may have broken before it arrived.
            Outcome::Protocol(_)
            | Outcome::HttpStatus(_)
            | Outcome::Transport(_)
            | Outcome::Cancelled
            | Outcome::Interrupted => self.unsure += count,
        }
    }

    fn before(&mut self, outcome: Outcome) {
        let mut one = Self::default();
        one.add(outcome, 1);
        self.answered = self.answered.saturating_sub(one.answered);
        self.unsure = self.unsure.saturating_sub(one.unsure);
        self.tool_errors = self.tool_errors.saturating_sub(one.tool_errors);
        self.rpc_errors = self.rpc_errors.saturating_sub(one.rpc_errors);
        self.before += one.sent();
    }
}

impl Tally {
    /// Of the whole run: what is counted by the target, warm-up and set-up included.
    pub(super) fn of(seen: &Seen<'_>, names: &MetricNames) -> Self {
        let mut tally = Self::default();
        if names.requests.tool.is_none()
            || seen.plan.steps.iter().any(|step| step.method == TOOLS_CALL && step.tool.is_none())
        {
            tally.whole.insert(TOOLS_CALL.to_owned());
        }
        let steps: Vec<(&Step, Key)> = seen
            .plan
            .steps
            .iter()
            .map(|step| (step, tally.key(step, seen, names)))
            .filter(|(_, key)| names.counts(&key.method))
            .collect();
        for (step, key) in &steps {
            let mut calls = Calls::default();
            for phase in [Phase::WarmUp, Phase::Steady] {
                let one = seen.aggregates.step(step.id, phase);
                one.outcomes.iter().for_each(|(outcome, count)| calls.add(*outcome, *count));
                calls.service.merge(one.service.as_ref().unwrap_or(&one.latency));
            }
            tally.calls.entry(key.clone()).or_default().merge(&calls);
        }
        for (step, outcome) in before(seen) {
            if let Some((_, key)) = steps.iter().find(|(known, _)| known.id == step) {
                tally.calls.entry(key.clone()).or_default().before(outcome);
            }
        }
        tally.calls.retain(|_, calls| calls.sent() > 0);
        // A call that was made again, because its answer asked for input, is one to the load and two to the target.
        let rounds: u64 = seen.seconds.iter().map(|second| second.messages.rounds).sum();
        for calls in tally.calls.iter_mut().filter(|_| rounds > 0).map(|(_, calls)| calls) {
            calls.unsure += rounds;
        }
        tally
    }

    /// All calls of one method, or of one tool, whatever else tells them apart.
    pub(super) fn sum(&self, of: impl Fn(&Key) -> bool) -> Calls {
        let mut sum = Calls::default();
        for (_, calls) in self.calls.iter().filter(|(key, _)| of(key)) {
            sum.merge(calls);
        }
        sum
    }

    fn key(&self, step: &Step, seen: &Seen<'_>, names: &MetricNames) -> Key {
        let is_modern = seen.target.is_some_and(|target| target.era == Era::Modern);
        let method = match step.method.as_str() {
            // The modern era has no ping.
            "ping" if is_modern => "server/discover",
            method => method,
        };
        let tool =
            step.tool.as_ref().filter(|_| names.requests.tool.is_some() && !self.whole.contains(method));
        let listed = seen.target.and_then(|target| target.tools.as_ref());
        let label = |tool: &String| match (&names.requests.unknown_tool, listed) {
            (Some(unknown), Some(listed)) if !listed.contains(tool) => unknown.clone(),
            _ => tool.clone(),
        };
        Key { method: method.to_owned(), tool: tool.map(label) }
    }
}

/// Calls that were made before the first scrape, and are in the books.
fn before(seen: &Seen<'_>) -> Vec<(crate::plan::StepId, Outcome)> {
    let baseline = seen
        .events
        .iter()
        .find_map(|stamped| if let Event::Baseline { calls } = &stamped.what { Some(calls) } else { None });
    baseline.into_iter().flatten().map(|call| (crate::plan::StepId(call.step), call.outcome)).collect()
}
