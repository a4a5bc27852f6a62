//! Objectives on a part of the load: on one of its stages, or from one moment to another.
//!
//! Calls belong to the part in which they ended, by whole seconds: what is recorded of a second is when its calls ended, not when they were
//! due. So calls in flight at the part's edges may belong to its neighbour: the finding says how many those are at the most, and where they
//! are more than a tenth of the part's calls it is INCONCLUSIVE. At the edges of the steady phase there are none: phases go by due times.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::judge::{Measurements, judge_one};
use super::queried::SteadyScrapes;
use super::{Finding, Indicator, Objective, Terms};
use crate::metrics::{Aggregates, Flow, Second};
use crate::model::{Verdict, format_count};
use crate::plan::Load;

/// Where so many of a hundred calls were in flight at the edges, nobody knows which calls are the part's.
const MOST_AT_EDGES: u64 = 10;

/// A part of the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum During {
    /// The stage with this name.
    Stage(String),
    /// From one moment to another, from the start of the load.
    Span {
        /// The first moment.
        from: Duration,
        /// The last one.
        to: Duration,
    },
}

impl During {
    /// When it is, from the start of the load; `None` where `load` has no such stage.
    pub fn span(&self, load: &Load) -> Option<Range<Duration>> {
        match self {
            Self::Stage(name) => load.stage(name),
            Self::Span { from, to } => Some(*from..*to),
        }
    }
}

impl fmt::Display for During {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(name) => write!(f, "during {name}"),
            Self::Span { from, to } => write!(f, "from {} to {}", seconds(*from), seconds(*to)),
        }
    }
}

fn seconds(at: Duration) -> String {
    format!("{} s", at.as_secs_f64())
}

/// Judges an objective that looks at the calls `during` a part of the load alone.
pub(super) fn judge(objective: &Objective, during: &During, run: &Measurements<'_>) -> Draft {
    let plain = Objective { terms: Terms { during: None, ..objective.terms.clone() }, ..objective.clone() };
    let Some(span) = during.span(&run.plan.load) else {
        let nothing = Measurements { aggregates: &Aggregates::default(), seconds: &[], ..*run };
        let finding = judge_one(&plain, &nothing, &scrapes_of(&nothing)).finding().clone();
        let because = format!("no data: the load has no stage to look at {during}");
        return Draft::found(Finding { verdict: Verdict::Inconclusive, because, ..finding });
    };
    let when = match during {
        During::Stage(_) => format!(", {during} ({} to {})", seconds(span.start), seconds(span.end)),
        During::Span { .. } => format!(", {during}"),
    };
    let part = Part::of(&span, run);
    let inside = part.measurements(run);
    let draft = judge_one(&plain, &inside, &scrapes_of(&inside)).in_scope(&when);
    match &objective.indicator {
        // Rates count what ended, and what is scraped no calls.
        Indicator::Throughput { .. } | Indicator::Metric(_) | Indicator::Promql(_) | Indicator::Events(_) => {
            draft
        }
        Indicator::Latency { .. } | Indicator::Stream { .. } | Indicator::ErrorRatio { .. } => {
            part.with_edges(draft, run)
        }
    }
}

/// What was scraped in the steady phase of `run` alone.
fn scrapes_of<'a>(run: &Measurements<'a>) -> SteadyScrapes<'a> {
    SteadyScrapes::new(run.recorded, run.steady, run.labels)
}

/// The calls that ended in a part of the load.
struct Part {
    seconds: Vec<Second>,
    aggregates: Aggregates,
    flow: Flow,
    /// In the time of the run.
    steady: Range<Duration>,
    /// Calls in flight at its beginning, which may have been due before it, ...
    before: u64,
    /// ... and calls at its end that had been due and are not counted.
    after: u64,
}

impl Part {
    /// Of `span`, from the start of the load.
    fn of(span: &Range<Duration>, run: &Measurements<'_>) -> Self {
        let [warm, stop] = [run.steady.start, run.steady.end].map(|at| at.saturating_sub(run.began));
        let (from, to) = (span.start.max(warm), span.end.min(stop));
        let steady = run.began + from..run.began + to.max(from);
        let mut held = Measurements { steady: &steady, ..*run }.whole_seconds();
        let second = |number: u32| run.seconds.iter().find(|second| second.second == number);
        let (mut before, mut after) = (0, 0);
        if span.start <= warm {
            held.start = 0;
        } else {
            let last = held.start.checked_sub(1).and_then(second);
            before = last.map_or(0, |last| last.in_flight);
        }
        if span.end >= stop {
            held.end = u32::MAX;
        } else {
            let last = held.end.checked_sub(1).and_then(second);
            after = last.map_or(0, |last| last.in_flight + last.waiting);
        }
        if from >= to {
            // What ends later was due before this part.
            held = 0..0;
        }
        let seconds: Vec<Second> =
            run.seconds.iter().filter(|second| held.contains(&second.second)).cloned().collect();
        let flow = Flow::of(&seconds, &(from.as_secs_f64()..to.as_secs_f64()));
        Self { aggregates: Aggregates::of(&seconds), seconds, flow, steady, before, after }
    }

    fn measurements<'a>(&'a self, run: &Measurements<'a>) -> Measurements<'a> {
        let Self { seconds, aggregates, flow, steady, .. } = self;
        Measurements { seconds, aggregates, flow, steady, ..*run }
    }

    /// `draft`, with what the part's edges leave open.
    fn with_edges(&self, draft: Draft, run: &Measurements<'_>) -> Draft {
        let Self { aggregates, before, after, .. } = self;
        let calls = aggregates.steady_load(run.plan).counted();
        let [before_words, after_words] = [before, after].map(|count| format_count(*count));
        if calls == 0 || before + after == 0 {
            return draft;
        }
        if (before + after) * MOST_AT_EDGES <= calls {
            return draft.with_more(&format!(
                "; calls count where they ended: up to {before_words} of these were due before, and up to {after_words} others in it"
            ));
        }
        let because = format!(
            "calls count where they ended: of {} here up to {before_words} were due before, and up to {after_words} others were due \
             here and ended later: too many to tell; make this part of the load longer",
            format_count(calls)
        );
        let finding = draft.finding().clone();
        let samples = calls;
        Draft::found(Finding {
            verdict: Verdict::Inconclusive,
            within_limit: None,
            samples,
            because,
            ..finding
        })
    }
}

#[cfg(test)]
mod tests;
